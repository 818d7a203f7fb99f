//! From a file to a trainer that can be instantiated: read, identify, check, compile or fetch from
//! the cache, link.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::{Component, InstancePre, Linker};

use arkor_types::Program;

use crate::contract::v0_1::{Exported, linker};
use crate::error::RuntimeError;
use crate::guest::GuestState;

mod bounds;
mod cache;
mod compiler;
mod componentize;
mod contract;
mod debug;
mod engine;
mod exported;
mod functions;
mod guard;
mod inspect;
mod language;
mod process;
mod standalone;
mod work;
mod wrapper;

use cache::CompiledCache;
pub use contract::Capability;
pub use guard::GUARDED_THREAD;
use guard::{guarded, one_compilation};
pub use inspect::Inspection;
pub use language::LanguageRuntime;
pub use process::use_component_process;
pub use standalone::standalone;

/// In the process that [`use_component_process`] makes the host start: does what its second argument says.
///
/// # Errors
///
/// If standard input or output cannot be used, or the argument is none of this version.
pub fn serve_component_process(kind: &std::ffi::OsStr) -> std::io::Result<()> {
    match kind.to_str() {
        Some("wrap") => wrapper::serve(),
        Some("compile") => compiler::serve(),
        _ => Err(std::io::ErrorKind::InvalidInput.into()),
    }
}

/// Compiles and links trainers. One per process.
#[derive(Clone)]
pub struct Runtime {
    engine: wasmtime::Engine,
    linker: Arc<Linker<GuestState>>,
    cache: Option<Arc<CompiledCache>>,
    languages: Arc<language::Loaded>,
    /// Bytes of wasm stack.
    stack: usize,
    /// Whether components are compiled in a process of their own.
    is_contained: bool,
    /// Kept for as long as anything can be instantiated.
    ticker: Arc<engine::Ticker>,
}

/// How a [`Runtime`] is set up.
#[derive(Debug, Clone)]
pub struct RuntimeOptions {
    /// Where compiled code is kept; none keeps nothing.
    pub cache: Option<PathBuf>,
    /// Bytes of wasm stack.
    pub stack: usize,
    /// Components are compiled in a process of its own memory and time, if [`use_component_process`] was called. It
    /// takes longer, and functions are not remembered, see [`Runtime::learn_functions`].
    pub is_contained: bool,
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        Self {
            cache: None,
            stack: 8 << 20,
            is_contained: false,
        }
    }
}

/// Where a trainer's machine code came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeSource {
    /// Compiled just now.
    Compiled,
    /// Found in the cache.
    Cache,
}

/// A trainer, compiled and checked, ready to be instantiated any number of times.
#[derive(Clone)]
pub struct TrainerComponent {
    /// Name of its file, without the ending.
    pub name: String,
    /// blake3 of the file, in hex; of a script trainer, of its language runtime and its files.
    pub digest: String,
    /// Bytes of the file, or of all files of a script trainer.
    pub size: u64,
    /// Whether it exports `training-loop`. A language runtime always does.
    pub owns_loop: bool,
    /// Where the machine code came from.
    pub code: CodeSource,
    /// How long reading, hashing, compiling and linking took.
    pub load_time: Duration,
    /// How long reading and hashing took, of that.
    pub hash_time: Duration,
    /// The files of a script trainer.
    pub program: Option<Arc<Program>>,
    /// Whether it has an interpreter inside that can say where its trainer hangs.
    pub(crate) tells_places: bool,
    /// Whether the preview 1 adapter stands between it and the host.
    pub(crate) is_adapted: bool,
    pub(crate) pre: InstancePre<GuestState>,
    pub(crate) exported: Exported,
    /// Interrupts its instances, also when the runtime it came from is gone.
    _ticker: Arc<engine::Ticker>,
}

impl std::fmt::Debug for TrainerComponent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrainerComponent")
            .field("name", &self.name)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

impl TrainerComponent {
    /// Bytes of memory that it takes for itself: a script's files, or machine code and what describes it. That of
    /// a language runtime is there once.
    pub fn memory(&self) -> u64 {
        if self.program.is_some() {
            return self.size;
        }
        let image = self.pre.component().image_range();
        let length = (image.end as usize).saturating_sub(image.start as usize);
        self.size.max(length as u64)
    }
}

impl Runtime {
    /// Sets up the wasm engine.
    ///
    /// # Errors
    ///
    /// If the engine does not support this machine.
    pub fn new(options: RuntimeOptions) -> Result<Self, RuntimeError> {
        let setup = |error: wasmtime::Error| RuntimeError::Setup(format!("{error:#}"));
        let engine = engine::configure(options.stack, engine::Use::Run).map_err(setup)?;
        let linker = linker(&engine).map_err(setup)?;
        let ticker =
            engine::Ticker::start(&engine).map_err(|e| RuntimeError::Setup(e.to_string()))?;
        Ok(Self {
            cache: options
                .cache
                .map(|dir| Arc::new(CompiledCache::new(&engine, &dir))),
            stack: options.stack,
            is_contained: options.is_contained,
            linker: Arc::new(linker),
            languages: Arc::default(),
            ticker: Arc::new(ticker),
            engine,
        })
    }

    /// Loads the trainer in a file: a component, or a core module that was built against the WIT. Its path is absolute
    /// and has no links, see [`std::fs::canonicalize`], so that what is read is what the caller looked at.
    ///
    /// Blocks for as long as compilation takes, unless the cache has the code.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is no trainer of this contract, or does not compile.
    pub fn load(&self, path: &Path) -> Result<TrainerComponent, RuntimeError> {
        let begin = Instant::now();
        let bytes = read(path)?;
        let name = name_of(path);
        guarded(&name, || self.load_since(begin, &name, &bytes))
    }

    /// The same, for bytes that are already in memory.
    ///
    /// # Errors
    ///
    /// As [`Self::load`].
    pub fn load_bytes(&self, name: &str, bytes: &[u8]) -> Result<TrainerComponent, RuntimeError> {
        guarded(name, || self.load_since(Instant::now(), name, bytes))
    }

    fn load_since(
        &self,
        begin: Instant,
        name: &str,
        bytes: &[u8],
    ) -> Result<TrainerComponent, RuntimeError> {
        let digest = self::digest(bytes);
        let hash_time = begin.elapsed();
        let (component, code) =
            self.compiled(name, &digest, self.is_contained, || Ok(bytes.into()))?;
        let contract = contract::check(name, &self.engine, &component)?;
        if contract.is_language_runtime {
            return Err(RuntimeError::Contract {
                name: name.into(),
                problem: "it is a language runtime, which needs the files of a trainer".into(),
                hint: Some(
                    "run the project, or build it to one component: arkor-host build".into(),
                ),
            });
        }
        let mut linked = self.link(name, digest, &component, &contract)?;
        linked.size = bytes.len() as u64;
        linked.is_adapted = componentize::is_adapted(bytes);
        linked.code = code;
        linked.hash_time = hash_time;
        linked.load_time = begin.elapsed();
        Ok(linked)
    }

    /// What can be instantiated, of a compiled component; figures are for the caller to fill in.
    fn link(
        &self,
        name: &str,
        digest: String,
        component: &Component,
        contract: &contract::Contract,
    ) -> Result<TrainerComponent, RuntimeError> {
        let wrong_type = |error: wasmtime::Error| RuntimeError::Contract {
            name: name.into(),
            problem: format!("{error:#}"),
            hint: Some("build it against the WIT of this host's version".into()),
        };
        let pre = self.linker.instantiate_pre(component).map_err(wrong_type)?;
        Ok(TrainerComponent {
            name: name.into(),
            size: 0,
            owns_loop: contract.owns_loop,
            program: None,
            tells_places: contract.tells_places,
            is_adapted: false,
            exported: Exported::find(&pre, contract.owns_loop).map_err(wrong_type)?,
            _ticker: Arc::clone(&self.ticker),
            pre,
            code: CodeSource::Compiled,
            digest,
            hash_time: Duration::ZERO,
            load_time: Duration::ZERO,
        })
    }

    /// Compiles the functions of a trainer whose code came from the cache, so that the next one that
    /// has most of them is compiled faster. Blocks for as long as that takes.
    ///
    /// # Errors
    ///
    /// As [`Self::load`].
    pub fn learn_functions(&self, path: &Path) -> Result<(), RuntimeError> {
        let bytes = read(path)?;
        let name = name_of(path);
        guarded(&name, || {
            let component = componentize::component_bytes(&name, &bytes)?;
            self.compile(&name, &component).map(|_| ())
        })
    }

    /// Describes the component in a file, trainer or not. Its path is as [`Self::load`] takes it.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is not wasm, or does not compile.
    pub fn inspect(&self, path: &Path) -> Result<Inspection, RuntimeError> {
        self.inspect_bytes(&name_of(path), &read(path)?)
    }

    /// The same, for bytes that are already in memory.
    ///
    /// # Errors
    ///
    /// As [`Self::inspect`].
    pub fn inspect_bytes(&self, name: &str, bytes: &[u8]) -> Result<Inspection, RuntimeError> {
        guarded(name, || {
            let digest = self::digest(bytes);
            let (component, _) =
                self.compiled(name, &digest, self.is_contained, || Ok(bytes.into()))?;
            Ok(Inspection::of(
                name.into(),
                digest,
                bytes,
                &self.engine,
                &component,
            ))
        })
    }

    /// The machine code of a component, whose bytes are asked for only if it has to be compiled.
    fn compiled<'a>(
        &self,
        name: &str,
        digest: &str,
        is_contained: bool,
        bytes: impl FnOnce() -> Result<Cow<'a, [u8]>, RuntimeError>,
    ) -> Result<(Component, CodeSource), RuntimeError> {
        if let Some(found) = self
            .cache
            .as_ref()
            .and_then(|cache| cache.get(&self.engine, digest))
        {
            return Ok((found, CodeSource::Cache));
        }
        let bytes = bytes()?;
        let component_bytes = componentize::component_bytes(name, &bytes)?;
        if is_contained && process::is_used() {
            let alone = one_compilation();
            let code = compiler::compile(name, self.stack, &component_bytes)?;
            drop(alone);
            let taken = compiler::take_in(&self.engine, &code);
            let component = taken.map_err(|error| RuntimeError::Compile {
                name: name.into(),
                reason: format!("{error:#}"),
            })?;
            if let Some(cache) = &self.cache {
                cache.put(digest, || Ok(code));
            }
            return Ok((component, CodeSource::Compiled));
        }
        let component = self.compile(name, &component_bytes)?;
        if let Some(cache) = &self.cache {
            cache.put(digest, || component.serialize());
        }
        Ok((component, CodeSource::Compiled))
    }

    fn compile(&self, name: &str, component: &[u8]) -> Result<Component, RuntimeError> {
        let _alone = one_compilation();
        let component =
            Component::new(&self.engine, component).map_err(|error| RuntimeError::Compile {
                name: name.into(),
                reason: format!("{error:#}"),
            })?;
        exported::check(name, &self.engine, &component)?;
        Ok(component)
    }
}

/// The component in a file: as it is, or made of the core module that is there. Its path is as [`Runtime::load`]
/// takes it.
///
/// # Errors
///
/// If the file cannot be read, is not wasm, or is a core module that was not built against the
/// contract.
pub fn read_component(path: &Path) -> Result<Vec<u8>, RuntimeError> {
    let (bytes, name) = (read(path)?, name_of(path));
    guarded(&name, || {
        Ok(componentize::component_bytes(&name, &bytes)?.into_owned())
    })
}

/// blake3 in hex, by which a component is known.
pub fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

fn read(path: &Path) -> Result<Vec<u8>, RuntimeError> {
    let read = arkor_files::read_resolved(path, bounds::FILE_SIZE);
    let bytes = read.map_err(|source| RuntimeError::Read {
        path: path.into(),
        source,
    })?;
    if bytes.starts_with(b"\0asm") {
        return Ok(bytes);
    }
    // Not what it says: it may be a file that its reader should not see.
    let found = match std::str::from_utf8(bytes.get(..bytes.len().min(1000)).unwrap_or_default()) {
        _ if bytes.is_empty() => "empty",
        Err(error) if error.error_len().is_some() => "another binary file",
        Ok(text) if text.contains('\0') => "another binary file",
        Ok(_) | Err(_) => "a text",
    };
    Err(RuntimeError::NotWasm {
        path: path.into(),
        found,
    })
}

fn name_of(path: &Path) -> String {
    path.file_stem().map_or_else(
        || "trainer".into(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}
