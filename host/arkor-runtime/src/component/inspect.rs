//! What one can know of a component without running it.

use std::collections::BTreeSet;

use serde::Serialize;
use wasmparser::Parser;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::contract::{self, Capability};

/// The answer of `arkor-host inspect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// Name of its file, without the ending.
    pub name: String,
    /// blake3 of the file, in hex.
    pub digest: String,
    /// Bytes of the file.
    pub size: u64,
    /// `component` or `core module`.
    pub kind: &'static str,
    /// `managed-trainer` or `loop-trainer`; none if it is no trainer of this contract.
    pub world: Option<&'static str>,
    /// Why it is none.
    pub problem: Option<String>,
    /// Names of its imports.
    pub imports: Vec<String>,
    /// Names of its exports.
    pub exports: Vec<String>,
    /// What its imports let it ask for. All but `output` get nothing unless `arkor.toml` says so:
    /// clocks are coarse and random numbers repeatable by default.
    pub capabilities: BTreeSet<Capability>,
}

impl Inspection {
    pub(super) fn of(
        name: String,
        digest: String,
        bytes: &[u8],
        engine: &Engine,
        component: &Component,
    ) -> Self {
        let (imports, exports) = contract::names(engine, component);
        let (world, problem) = match contract::check(&name, engine, component) {
            Ok(contract) if contract.owns_loop => (Some("loop-trainer"), None),
            Ok(_) => (Some("managed-trainer"), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Self {
            capabilities: imports
                .iter()
                .filter_map(|name| Capability::of(name))
                .collect(),
            kind: if Parser::is_core_wasm(bytes) {
                "core module"
            } else {
                "component"
            },
            size: bytes.len() as u64,
            name,
            digest,
            world,
            problem,
            imports,
            exports,
        }
    }
}
