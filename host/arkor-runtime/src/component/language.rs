//! Trainers in script languages: a language runtime, compiled once, and the files it runs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arkor_types::Program;

use super::{CodeSource, Runtime, TrainerComponent, contract};
use crate::error::RuntimeError;

/// The runtime of JavaScript and TypeScript; `cargo xtask runtime` makes it of runtimes/js.
const JAVASCRIPT: &[u8] = include_bytes!("../../../../runtimes/js/arkor-js.wasm");

/// A component that runs trainers in one language.
#[derive(Debug, Clone)]
pub struct LanguageRuntime {
    name: &'static str,
    bytes: &'static [u8],
    digest: String,
}

impl LanguageRuntime {
    /// The runtime of JavaScript, which is part of this program.
    pub fn javascript() -> Self {
        Self {
            name: "JavaScript runtime",
            digest: super::digest(JAVASCRIPT),
            bytes: JAVASCRIPT,
        }
    }

    /// blake3 of the component, in hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The component.
    pub fn bytes(&self) -> &'static [u8] {
        self.bytes
    }
}

/// Language runtimes that are compiled and linked, by digest.
#[derive(Default)]
pub(super) struct Loaded(Mutex<HashMap<String, TrainerComponent>>);

impl Loaded {
    fn get(&self, digest: &str) -> Option<TrainerComponent> {
        let loaded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.get(digest).cloned()
    }

    fn keep(&self, digest: &str, component: &TrainerComponent) {
        let mut loaded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.insert(digest.into(), component.clone());
    }
}

impl Runtime {
    /// Loads a script trainer. Nothing is compiled but, once, its language's runtime.
    ///
    /// # Errors
    ///
    /// If the language runtime does not compile, or is none of this contract.
    pub fn load_program(
        &self,
        language: &LanguageRuntime,
        program: &Arc<Program>,
    ) -> Result<TrainerComponent, RuntimeError> {
        let begin = Instant::now();
        let digest = super::digest(format!("{} {}", language.digest, program.digest()).as_bytes());
        let hash_time = begin.elapsed();
        let mut component = match self.languages.get(&language.digest) {
            Some(component) => TrainerComponent {
                code: CodeSource::Cache,
                ..component
            },
            None => self.load_language(language)?,
        };
        component.name = program.name().into();
        component.digest = digest;
        component.size = program.size();
        component.program = Some(Arc::clone(program));
        component.hash_time = hash_time;
        component.load_time = begin.elapsed();
        Ok(component)
    }

    fn load_language(&self, language: &LanguageRuntime) -> Result<TrainerComponent, RuntimeError> {
        let (component, code) = self.compiled(language.name, &language.digest, language.bytes)?;
        let contract = contract::check(language.name, &self.engine, &component)?;
        let digest = language.digest.clone();
        let mut component = self.link(language.name, digest, &component, &contract)?;
        component.code = code;
        self.languages.keep(&language.digest, &component);
        Ok(component)
    }
}
