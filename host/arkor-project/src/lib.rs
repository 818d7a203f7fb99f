//! A trainer's project on disk: what its `arkor.toml` says, where its files are, and how its
//! sources become wasm.
//!
//! ```text
//! project/
//!   arkor.toml        the project file, [`Config`]
//!   Cargo.toml src/   sources of the trainer, in any language
//!   data/             what it trains on
//!   .arkor/           all that the host writes: runs, builds; never watched
//! ```
//!
//! A project is found with [`Project::discover`] or opened with [`Project::load`]; a bare `.wasm`
//! file is a project too, see [`Project::prebuilt`]. [`Project::build`] leaves a component or a core
//! module, which is what the runtime takes. Nothing here runs wasm or knows what is inside.

mod build;
mod config;
mod error;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod grants;
mod inputs;
mod paths;
mod process;
mod project;
mod script;
mod toolchain;
mod untrusted;
mod watch;

pub use build::{Artifact, BuildLine, Built};
pub use config::{
    BuildCommand, Capabilities, ClockPrecision, Config, EngineConfig, EngineKind, FileAccess,
    FileGrant, Language, Limits, NetworkGrant, OnCallbackError, RandomSource, ReloadConfig,
    Restart, RunConfig, StoreConfig, TrainerSource, is_script, parse_duration,
};
pub use error::{Place, ProjectError};
pub use inputs::{InputRecorder, Inputs};
pub use paths::{resolve_inside, resolved_as_far_as_possible};
pub use process::{BuildLimits, end_commands};
pub use project::{CONFIG_FILE, Project, STORE_FOLDER};
pub use script::{serve_parser, use_parser_process};
pub use toolchain::{
    CrateBuild, DebianToolchain, Installed, RustToolchain, install_wasm_toolchain,
};
pub use untrusted::UntrustedOptions;
pub use watch::{ProjectWatcher, WatchWaker};
