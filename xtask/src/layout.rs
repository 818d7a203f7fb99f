//! What the compiler does not forbid: modules that need each other, files too long to read in one sitting, and
//! links of documents that lead nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::command;

/// Most lines of a source file, tests and generated code left out.
const LINES: usize = 600;

/// Longer ones that are yet to be divided.
const LONG: [&str; 1] = ["host/arkor-project/src/config.rs"];

/// Modules of a crate that need each other, and are yet to be parted: crate, and their names in order.
const CIRCLES: [(&str, &[&str]); 9] = [
    ("arkor-engine", &["embedded", "memory", "tokenizer"]),
    ("arkor-files", &["regular", "resolved"]),
    ("arkor-host", &["commands", "failure", "time_limit"]),
    ("arkor-host", &["place", "settings"]),
    (
        "arkor-project",
        &["build", "fuzzing", "project", "script", "untrusted"],
    ),
    ("arkor-project", &["config", "error"]),
    ("arkor-store", &["blob", "run", "store"]),
    ("arkor-store", &["mark", "place"]),
    ("arkor-studio", &["routes", "stream"]),
];

pub(crate) fn check() -> Result<()> {
    let root = command::root();
    let files = match tracked(&root) {
        Ok(files) => files,
        Err(error) => {
            println!("not checked: the layout, for {error:#}");
            return Ok(());
        }
    };
    let mut problems = long_files(&root, &files);
    problems.extend(circles(&root, &files));
    problems.extend(dead_links(&root, &files));
    ensure!(problems.is_empty(), "{}", problems.join("\n"));
    println!("no module needs itself, no file is too long, no link is dead");
    Ok(())
}

fn tracked(root: &Path) -> Result<Vec<PathBuf>> {
    let listed = Command::new("git")
        .arg("ls-files")
        .current_dir(root)
        .output()
        .context("git lists the files of the project")?;
    ensure!(listed.status.success(), "git does not list the files");
    let text = String::from_utf8_lossy(&listed.stdout);
    Ok(text.lines().map(PathBuf::from).collect())
}

/// The documents of the project.
pub(crate) fn documents(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = tracked(root)?;
    files.retain(|file| file.extension().is_some_and(|ending| ending == "md"));
    Ok(files)
}

fn read(path: PathBuf) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn is_source(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let is_ours = text.starts_with("host/") || text.starts_with("xtask/");
    is_ours && text.ends_with(".rs") && !text.contains("tests")
}

fn long_files(root: &Path, files: &[PathBuf]) -> Vec<String> {
    let sources = files.iter().filter(|file| is_source(file));
    let known = |file: &Path| LONG.iter().any(|known| Path::new(known) == file);
    let long = sources.filter_map(|file| {
        let lines = read(root.join(file)).lines().count();
        (lines > LINES && !known(file)).then(|| {
            format!(
                "{} has {lines} lines, and {LINES} are the most",
                file.display()
            )
        })
    });
    long.collect()
}

/// Names after `crate::` outside of tests, with those in braces.
fn needed(text: &str) -> BTreeSet<String> {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut names = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        let inner = rest
            .strip_prefix('{')
            .and_then(|rest| rest.split(';').next());
        let parts: Vec<&str> = match inner {
            Some(inner) => inner.split(',').collect(),
            None => vec![rest],
        };
        for part in parts {
            let is_letter = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '_';
            let name: String = part.trim().chars().take_while(is_letter).collect();
            names.insert(name);
        }
    }
    names
}

/// Groups of modules that reach each other.
fn groups(needs: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<Vec<String>> {
    let reaches = |from: &str| {
        let mut seen = BTreeSet::new();
        let mut left = vec![from.to_owned()];
        while let Some(next) = left.pop() {
            for one in needs.get(&next).into_iter().flatten() {
                if seen.insert(one.clone()) {
                    left.push(one.clone());
                }
            }
        }
        seen
    };
    let all: BTreeMap<&String, BTreeSet<String>> =
        needs.keys().map(|name| (name, reaches(name))).collect();
    let mut groups = BTreeSet::new();
    for (name, reached) in &all {
        let back = |other: &&String| all.get(other).is_some_and(|their| their.contains(*name));
        let group: Vec<String> = reached.iter().filter(back).cloned().collect();
        if group.len() > 1 {
            groups.insert(group);
        }
    }
    groups
}

fn circles(root: &Path, files: &[PathBuf]) -> Vec<String> {
    let mut crates: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for file in files.iter().filter(|file| is_source(file)) {
        let parts: Vec<String> = file
            .with_extension("")
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        let [folder, name, source, module, ..] = parts.as_slice() else {
            continue;
        };
        if folder != "host" || source != "src" || matches!(module.as_str(), "lib" | "main") {
            continue;
        }
        let modules = crates.entry(name.clone()).or_default();
        let needs = modules.entry(module.clone()).or_default();
        needs.extend(needed(&read(root.join(file))));
        needs.remove(module);
    }
    let mut problems = Vec::new();
    for (name, mut needs) in crates {
        let modules: BTreeSet<String> = needs.keys().cloned().collect();
        for needed in needs.values_mut() {
            needed.retain(|one| modules.contains(one));
        }
        for group in groups(&needs) {
            let is_known = CIRCLES
                .iter()
                .any(|(known, names)| *known == name && group.iter().eq(names.iter()));
            if !is_known {
                problems.push(format!(
                    "modules of {name} need each other: {}",
                    group.join(", ")
                ));
            }
        }
    }
    problems
}

/// Targets of links in a document, what is shown as code left out.
fn links(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    let parts = prose.flat_map(|part| part.split("](").skip(1));
    parts.filter_map(|part| part.split(')').next()).collect()
}

/// A heading as links name it.
fn anchor(heading: &str) -> String {
    let kept = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | ' ');
    let text: String = heading
        .to_lowercase()
        .chars()
        .filter(|c| kept(*c))
        .collect();
    text.trim().replace(' ', "-")
}

fn dead_links(root: &Path, files: &[PathBuf]) -> Vec<String> {
    let mut dead = Vec::new();
    let documents = files
        .iter()
        .filter(|file| file.extension().is_some_and(|ending| ending == "md"));
    for document in documents {
        let text = read(root.join(document));
        for link in links(&text) {
            if link.contains(':') || link.contains(' ') {
                continue;
            }
            let (path, place) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => root.join(document),
                path => root.join(document).with_file_name(path),
            };
            let headings = || {
                let target = read(target.clone());
                let headings: Vec<String> = target
                    .lines()
                    .filter(|line| line.starts_with('#'))
                    .map(|line| anchor(line.trim_start_matches('#')))
                    .collect();
                headings
            };
            if !target.exists() || (!place.is_empty() && !headings().contains(&place.to_owned())) {
                dead.push(format!(
                    "{} links to {link}, which is not there",
                    document.display()
                ));
            }
        }
    }
    dead
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_that_need_each_other_are_found() {
        let text = "use crate::{a::X, b};\nfn f() { crate::c::g() }\n#[cfg(test)]\nuse crate::d;";
        let names: Vec<String> = needed(text).into_iter().collect();
        assert_eq!(names, ["a", "b", "c"]);
        let set = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let needs = BTreeMap::from([
            ("a".into(), set(&["b"])),
            ("b".into(), set(&["c"])),
            ("c".into(), set(&["a", "d"])),
            ("d".into(), set(&[])),
        ]);
        let found: Vec<Vec<String>> = groups(&needs).into_iter().collect();
        assert_eq!(found, [["a", "b", "c"]]);
    }

    #[test]
    fn this_project_keeps_to_it() {
        check().unwrap();
    }

    #[test]
    fn links_and_headings_are_as_documents_have_them() {
        let text = "see [a](b.md#the-end)\n```\n[no](x)\n```\nand [c](d/e.md)";
        assert_eq!(links(text), ["b.md#the-end", "d/e.md"]);
        assert_eq!(anchor(" The `End`, at last"), "the-end-at-last");
    }
}
