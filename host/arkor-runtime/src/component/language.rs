//! Trainers in script languages: a language runtime, compiled once, and the files it runs.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arkor_types::Program;

use super::{CodeSource, Runtime, TrainerComponent, contract};
use crate::error::RuntimeError;

/// The runtime of JavaScript and TypeScript; `cargo xtask runtime javascript` makes it of runtimes/js.
const JAVASCRIPT: &[u8] = include_bytes!("../../../../runtimes/js/arkor-js.wasm");

/// The runtime of Python, in the XZ format; `cargo xtask runtime python` makes it of runtimes/python.
const PYTHON: &[u8] = include_bytes!("../../../../runtimes/python/arkor-python.wasm.xz");

/// blake3 of what is inside, in hex.
const PYTHON_DIGEST: &str = include_str!("../../../../runtimes/python/arkor-python.digest");

/// A component that runs trainers in one language.
#[derive(Debug, Clone)]
pub struct LanguageRuntime {
    name: &'static str,
    form: Form,
    digest: String,
}

/// How the component is kept in this program.
#[derive(Debug, Clone, Copy)]
enum Form {
    Plain(&'static [u8]),
    /// It is needed once on a machine: what it is compiled to is kept.
    Packed(&'static [u8]),
}

impl LanguageRuntime {
    /// The runtime of JavaScript, which is part of this program.
    pub fn javascript() -> Self {
        Self {
            name: "JavaScript runtime",
            digest: super::digest(JAVASCRIPT),
            form: Form::Plain(JAVASCRIPT),
        }
    }

    /// The runtime of Python, which is part of this program.
    pub fn python() -> Self {
        Self {
            name: "Python runtime",
            digest: PYTHON_DIGEST.trim().into(),
            form: Form::Packed(PYTHON),
        }
    }

    /// The component's name, for people.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// blake3 of the component, in hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The component.
    ///
    /// # Errors
    ///
    /// If what this program has of it is damaged.
    pub fn bytes(&self) -> Result<Cow<'static, [u8]>, RuntimeError> {
        let packed = match self.form {
            Form::Plain(bytes) => return Ok(Cow::Borrowed(bytes)),
            Form::Packed(packed) => packed,
        };
        let damaged = |reason: String| RuntimeError::Compile {
            name: self.name.into(),
            reason,
        };
        let mut bytes = Vec::new();
        lzma_rust2::XzReader::new(packed, false)
            .read_to_end(&mut bytes)
            .map_err(|error| damaged(error.to_string()))?;
        let found = super::digest(&bytes);
        if found != self.digest {
            return Err(damaged(format!(
                "its digest is {found}, and should be {}",
                self.digest
            )));
        }
        Ok(Cow::Owned(bytes))
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

    /// Whether a language runtime can be loaded without compiling it.
    pub fn has_compiled(&self, language: &LanguageRuntime) -> bool {
        let cache = self.cache.as_ref();
        self.languages.get(&language.digest).is_some()
            || cache.is_some_and(|cache| cache.has(&language.digest))
    }

    /// Compiles a language runtime, if that has not been done, so that its first trainer need not wait.
    ///
    /// # Errors
    ///
    /// As [`Self::load_program`].
    pub fn prepare(&self, language: &LanguageRuntime) -> Result<(), RuntimeError> {
        self.load_language(language).map(|_| ())
    }

    /// Forgets the machine code of a language runtime: its bytes, if there was any.
    ///
    /// # Errors
    ///
    /// If its file cannot be removed.
    pub fn forget(&self, language: &LanguageRuntime) -> std::io::Result<Option<u64>> {
        match &self.cache {
            Some(cache) => cache.remove(&language.digest),
            None => Ok(None),
        }
    }

    fn load_language(&self, language: &LanguageRuntime) -> Result<TrainerComponent, RuntimeError> {
        let (component, code) =
            self.compiled(language.name, &language.digest, false, || language.bytes())?;
        let contract = contract::check(language.name, &self.engine, &component)?;
        let digest = language.digest.clone();
        let mut component = self.link(language.name, digest, &component, &contract)?;
        component.code = code;
        self.languages.keep(&language.digest, &component);
        Ok(component)
    }
}
