//! Which crate may depend on which.
//!
//! ```text
//! host -> studio, project, runtime -> engine, store -> types, files
//! ```
//!
//! A crate exists where the compiler should forbid something; this check makes it forbid it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::command;

/// What a crate of this workspace may and may not depend on.
struct Rule {
    name: &'static str,
    /// Crates of this workspace it may name.
    may: &'static [&'static str],
    /// Other packages that it must not reach, not even through others.
    never: &'static [&'static str],
}

const RULES: [Rule; 10] = [
    Rule {
        name: "arkor-files",
        may: &[],
        never: &["tokio", "wasmtime", "axum", "rusqlite", "clap", "serde"],
    },
    Rule {
        name: "arkor-types",
        may: &[],
        never: &["tokio", "wasmtime", "axum", "rusqlite", "clap"],
    },
    Rule {
        name: "arkor-engine",
        may: &["arkor-types", "arkor-files"],
        never: &["tokio", "wasmtime", "axum", "rusqlite", "clap"],
    },
    Rule {
        name: "arkor-store",
        may: &["arkor-types", "arkor-files"],
        never: &["tokio", "wasmtime", "axum", "hyper", "http", "clap"],
    },
    Rule {
        name: "arkor-project",
        may: &["arkor-types", "arkor-files"],
        never: &["tokio", "wasmtime", "axum", "rusqlite", "clap"],
    },
    Rule {
        name: "arkor-runtime",
        may: &["arkor-types", "arkor-files", "arkor-engine", "arkor-store"],
        never: &["axum", "clap"],
    },
    Rule {
        name: "arkor-studio",
        may: &[
            "arkor-types",
            "arkor-files",
            "arkor-engine",
            "arkor-store",
            "arkor-runtime",
        ],
        never: &["clap"],
    },
    Rule {
        name: "arkor-host",
        may: &[
            "arkor-types",
            "arkor-files",
            "arkor-engine",
            "arkor-store",
            "arkor-runtime",
            "arkor-project",
            "arkor-studio",
            "workspace-hack",
        ],
        never: &[],
    },
    // Names crates that others need anyway, to settle their features.
    Rule {
        name: "workspace-hack",
        may: &[],
        never: &["tokio", "wasmtime"],
    },
    Rule {
        name: "xtask",
        may: &["workspace-hack"],
        never: &["tokio", "wasmtime", "oxc_parser", "rusqlite"],
    },
];

/// Each package's name and those of the packages it depends on directly, tests left out.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// Fails if a crate of this workspace depends on one that it should not know.
pub(crate) fn check() -> Result<()> {
    let (members, graph) = workspace()?;
    let violations = violations(&members, &graph);
    ensure!(
        violations.is_empty(),
        "crates depend on what they should not know:\n  {}",
        violations.join("\n  ")
    );
    Ok(())
}

fn workspace() -> Result<(Vec<String>, Graph)> {
    let metadata = MetadataCommand::new()
        .manifest_path(command::root().join("Cargo.toml"))
        .exec()
        .context("could not read the dependencies")?;
    let names: BTreeMap<_, _> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, package.name.to_string()))
        .collect();
    let members = metadata
        .workspace_members
        .iter()
        .filter_map(|id| names.get(id).cloned())
        .collect();
    let resolve = metadata.resolve.as_ref().context("no dependency graph")?;
    // Two versions of a package are one entry: a rule means all of them.
    let mut graph = Graph::new();
    for node in &resolve.nodes {
        let Some(name) = names.get(&node.id) else {
            continue;
        };
        let used = node.deps.iter().filter(|dep| {
            dep.dep_kinds
                .iter()
                .any(|kind| kind.kind != DependencyKind::Development)
        });
        graph
            .entry(name.clone())
            .or_default()
            .extend(used.filter_map(|dep| names.get(&dep.pkg).cloned()));
    }
    Ok((members, graph))
}

fn violations(members: &[String], graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    for member in members {
        let Some(rule) = RULES.iter().find(|rule| rule.name == member) else {
            found.push(format!("{member} has no rule in xtask/src/arrows.rs"));
            continue;
        };
        let direct = graph.get(member).into_iter().flatten();
        found.extend(
            direct
                .filter(|name| members.contains(name) && !rule.may.contains(&name.as_str()))
                .map(|name| format!("{member} -> {name}")),
        );
        found.extend(
            rule.never
                .iter()
                .filter_map(|target| path(graph, member, target)),
        );
    }
    found
}

/// How `from` reaches `to`, if it does.
fn path(graph: &Graph, from: &str, to: &str) -> Option<String> {
    let mut seen = BTreeSet::from([from.to_owned()]);
    let mut waiting = vec![vec![from.to_owned()]];
    while let Some(way) = waiting.pop() {
        let last = way.last()?;
        if last == to {
            return Some(way.join(" -> "));
        }
        for next in graph.get(last).into_iter().flatten() {
            if seen.insert(next.clone()) {
                waiting.push(way.iter().chain([next]).cloned().collect());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &str)]) -> Graph {
        let mut graph = Graph::new();
        for (from, to) in edges {
            graph
                .entry((*from).into())
                .or_default()
                .insert((*to).into());
        }
        graph
    }

    #[test]
    fn the_workspace_keeps_its_arrows() {
        check().unwrap();
    }

    #[test]
    fn a_wrong_arrow_is_found() {
        let members = ["arkor-types", "arkor-engine", "arkor-store", "arkor-new"]
            .map(String::from)
            .to_vec();
        let graph = graph(&[
            ("arkor-engine", "arkor-types"),
            ("arkor-store", "arkor-engine"),
            ("arkor-engine", "helper"),
            ("helper", "tokio"),
        ]);
        assert_eq!(
            violations(&members, &graph),
            [
                "arkor-engine -> helper -> tokio",
                "arkor-store -> arkor-engine",
                "arkor-store -> arkor-engine -> helper -> tokio",
                "arkor-new has no rule in xtask/src/arrows.rs",
            ]
        );
    }
}
