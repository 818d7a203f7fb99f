//! Is it a trainer, and one for this version of the contract?

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::error::RuntimeError;

/// `arkor:trainer` as this host speaks it. Within 0.1 a host offers all that an older one did.
pub(super) const PACKAGE: &str = "arkor:trainer/";
const VERSION: (u64, u64) = (0, 1);

/// WASI interfaces are offered in any 0.2 version up to the one wasmtime implements.
const WASI: [&str; 6] = [
    "wasi:io/",
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:random/",
    "wasi:sockets/",
];

const IMPORTS: [&str; 10] = [
    "types",
    "definition",
    "hooks",
    "session",
    "dataset",
    "inference",
    "artifacts",
    "run",
    "source",
    "diagnostics",
];

/// Something outside of its own memory that a trainer's imports let it ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Files and folders.
    Files,
    /// Sockets and name lookup.
    Network,
    /// Environment variables.
    Environment,
    /// The time of day, or a stopwatch.
    Clock,
    /// Random numbers.
    Random,
    /// Lines in the run's log.
    Output,
}

impl Capability {
    pub(super) fn of(import: &str) -> Option<Self> {
        let interface = import.strip_prefix("wasi:")?.split('@').next()?;
        Some(match interface.split_once('/')? {
            ("filesystem", _) => Self::Files,
            ("sockets", _) => Self::Network,
            ("clocks", _) => Self::Clock,
            ("random", _) => Self::Random,
            ("cli", "environment") => Self::Environment,
            ("cli", "stdout" | "stderr") => Self::Output,
            _ => return None,
        })
    }
}

pub(super) struct Contract {
    pub(super) owns_loop: bool,
    /// It runs the files that it is handed, and without any it is no trainer.
    pub(super) is_language_runtime: bool,
    /// It tells where in the user's files something went wrong.
    pub(super) tells_places: bool,
}

/// Splits `arkor:trainer/hooks@0.1.0` into `hooks` and its version.
fn interface(name: &str) -> Option<(&str, Option<&str>)> {
    let rest = name.strip_prefix(PACKAGE)?;
    Some(match rest.split_once('@') {
        Some((interface, version)) => (interface, Some(version)),
        None => (rest, None),
    })
}

fn speaks(version: Option<&str>) -> bool {
    let mut numbers = version
        .unwrap_or_default()
        .split('.')
        .map(|n| n.parse::<u64>().ok());
    let pair = (numbers.next().flatten(), numbers.next().flatten());
    // A prerelease matches nothing but itself, and no host offers one.
    pair == (Some(VERSION.0), Some(VERSION.1)) && !version.unwrap_or_default().contains('-')
}

pub(super) fn names(engine: &Engine, component: &Component) -> (Vec<String>, Vec<String>) {
    let ty = component.component_type();
    let imports = ty
        .imports(engine)
        .map(|(name, _)| name.to_owned())
        .collect();
    let exports = ty
        .exports(engine)
        .map(|(name, _)| name.to_owned())
        .collect();
    (imports, exports)
}

pub(super) fn check(
    name: &str,
    engine: &Engine,
    component: &Component,
) -> Result<Contract, RuntimeError> {
    let (imports, exports) = names(engine, component);
    let problem = |problem: String, hint: Option<&str>| RuntimeError::Contract {
        name: name.into(),
        problem,
        hint: hint.map(Into::into),
    };
    let foreign: Vec<&str> = imports
        .iter()
        .chain(&exports)
        .filter(|name| interface(name).is_some_and(|(_, version)| !speaks(version)))
        .map(String::as_str)
        .collect();
    if !foreign.is_empty() {
        return Err(problem(
            format!(
                "it was built against another version of the contract ({}), and this host speaks \
                 {PACKAGE_NAME}@{}.{}",
                foreign.join(", "),
                VERSION.0,
                VERSION.1
            ),
            Some("build it against the WIT of this host, or install a host of its version"),
        ));
    }
    let exported = |wanted: &str| {
        exports
            .iter()
            .any(|name| interface(name).is_some_and(|(found, _)| found == wanted))
    };
    let missing: Vec<&str> = ["definition", "callbacks"]
        .into_iter()
        .filter(|wanted| !exported(wanted))
        .collect();
    if !missing.is_empty() {
        let has = if exports.is_empty() {
            "nothing".into()
        } else {
            exports.join(", ")
        };
        let hint = if exports.is_empty() {
            "a core module says in a custom section that its world is arkor:trainer/managed-trainer \
             or loop-trainer; wit-bindgen puts it there, and docs/languages.md has one to append"
        } else {
            "a trainer's world is arkor:trainer/managed-trainer or loop-trainer"
        };
        return Err(problem(
            format!(
                "it does not export {}; it exports {has}",
                missing.join(" and ")
            ),
            Some(hint),
        ));
    }
    let unknown: Vec<&str> = imports
        .iter()
        .map(String::as_str)
        .filter(|name| !offered(name))
        .collect();
    if !unknown.is_empty() {
        return Err(problem(
            format!(
                "it imports {}, which this host does not offer",
                unknown.join(", ")
            ),
            None,
        ));
    }
    let imported = |wanted: &str| {
        imports
            .iter()
            .any(|name| interface(name).is_some_and(|(found, _)| found == wanted))
    };
    Ok(Contract {
        owns_loop: exported("training-loop"),
        is_language_runtime: imported("source"),
        tells_places: imported("diagnostics"),
    })
}

const PACKAGE_NAME: &str = "arkor:trainer";

fn offered(import: &str) -> bool {
    match interface(import) {
        Some((interface, _)) => IMPORTS.contains(&interface),
        None => {
            WASI.iter().any(|prefix| import.starts_with(prefix))
                && import
                    .split_once('@')
                    .is_some_and(|(_, version)| version.starts_with("0.2."))
        }
    }
}
