//! Rust toolchains that compile to WebAssembly.
//!
//! The usual one is rustup's with the target `wasm32-wasip2`, whose linker writes components. Where
//! rustup cannot fetch that target, the packages of Debian do: they hold no compiled standard
//! library for WebAssembly, but its source, and the result is a core module for WASI 0.1.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::process::{BuildLimits, Stdout, run};
use crate::{BuildLine, ProjectError};

mod debian;
mod install;

pub use install::{Installed, install_wasm_toolchain};

/// A way to compile Rust to WebAssembly that is ready for use.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RustToolchain {
    /// The user's own, with the standard library for `wasm32-wasip2`.
    WasiP2,
    /// Debian's compiler, linker and C library for `wasm32-wasip1`.
    Debian(DebianToolchain),
}

pub use debian::DebianToolchain;

/// What to compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrateBuild {
    /// Folder of a cargo package or workspace.
    pub folder: PathBuf,
    /// Where cargo writes.
    pub target_dir: PathBuf,
}

impl RustToolchain {
    /// Finds the user's toolchain, whatever folder this is: one can name a compiler of its own, which would
    /// be run to be asked.
    ///
    /// # Errors
    ///
    /// As [`Self::detect`].
    pub fn detect_own() -> Result<Self, ProjectError> {
        Self::detect(&neutral())
    }

    /// Finds the toolchain for a folder, which may have a `rust-toolchain.toml` of its own.
    ///
    /// # Errors
    ///
    /// [`ProjectError::NoToolchain`] if nothing here can compile to WebAssembly.
    pub fn detect(folder: &Path) -> Result<Self, ProjectError> {
        let sysroot = sysroot(folder);
        if sysroot
            .as_ref()
            .is_some_and(|s| has_target(s, "wasm32-wasip2"))
        {
            return Ok(Self::WasiP2);
        }
        let missing = match debian::detect() {
            Ok(debian) => return Ok(Self::Debian(debian)),
            Err(missing) => missing,
        };
        let mut reason = match sysroot {
            Some(sysroot) => format!(
                "{} has no standard library for wasm32-wasip2",
                sysroot.display()
            ),
            None => "there is no `rustc` on the PATH".into(),
        };
        if let Some(missing) = missing {
            reason.push_str(", and ");
            reason.push_str(&missing);
        }
        Err(ProjectError::NoToolchain { reason })
    }

    /// The target it compiles for.
    pub fn target(&self) -> &'static str {
        match self {
            Self::WasiP2 => "wasm32-wasip2",
            Self::Debian(_) => "wasm32-wasip1",
        }
    }

    /// Compiles a package, or all of a workspace, in its release profile. Returns the wasm files of
    /// its `cdylib`s.
    ///
    /// # Errors
    ///
    /// [`ProjectError::BuildFailed`] with all that cargo and the compiler wrote.
    pub fn build(
        &self,
        build: &CrateBuild,
        progress: &mut dyn FnMut(BuildLine),
    ) -> Result<Vec<PathBuf>, ProjectError> {
        self.build_within(build, &BuildLimits::default(), progress)
    }

    /// The same, with an end to it.
    ///
    /// # Errors
    ///
    /// As [`Self::build`], and [`ProjectError::BuildTimeout`].
    pub fn build_within(
        &self,
        build: &CrateBuild,
        limits: &BuildLimits,
        progress: &mut dyn FnMut(BuildLine),
    ) -> Result<Vec<PathBuf>, ProjectError> {
        let files = self.compile(build, limits, progress)?;
        Ok(files.into_iter().map(|file| file.path).collect())
    }

    pub(crate) fn compile(
        &self,
        build: &CrateBuild,
        limits: &BuildLimits,
        progress: &mut dyn FnMut(BuildLine),
    ) -> Result<Vec<WasmFile>, ProjectError> {
        let mut cargo = Command::new(self.cargo());
        cargo
            .current_dir(&build.folder)
            .args(["build", "--release", "--target", self.target()])
            // On standard output come messages about each file, on standard error what a terminal
            // would show.
            .arg("--message-format=json-render-diagnostics")
            .env("CARGO_TARGET_DIR", &build.target_dir);
        if let Self::Debian(debian) = self {
            debian.configure(&mut cargo);
        }
        let messages = run(cargo, limits, progress, Stdout::Data)?;
        Ok(wasm_files(&messages))
    }

    fn cargo(&self) -> PathBuf {
        match self {
            Self::WasiP2 => "cargo".into(),
            Self::Debian(debian) => debian.cargo().to_path_buf(),
        }
    }
}

/// A folder that nobody but the system's administrator can put a `rust-toolchain.toml` into, nor above.
pub(crate) fn neutral() -> PathBuf {
    let windows = std::env::var_os("SystemRoot").filter(|_| cfg!(windows));
    windows.map_or_else(|| "/".into(), PathBuf::from)
}

/// Where the compiler of a folder has its libraries; none if there is no compiler.
fn sysroot(folder: &Path) -> Option<PathBuf> {
    let output = Command::new("rustc")
        .args(["--print", "sysroot"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    let path = path.trim();
    (output.status.success() && !path.is_empty()).then(|| path.into())
}

fn has_target(sysroot: &Path, target: &str) -> bool {
    let libraries = sysroot.join("lib/rustlib").join(target).join("lib");
    std::fs::read_dir(libraries).is_ok_and(|mut entries| {
        entries.any(|entry| {
            entry.is_ok_and(|e| e.file_name().to_string_lossy().starts_with("libstd-"))
        })
    })
}

/// A message of `cargo build --message-format=json`.
#[derive(Deserialize)]
struct CargoMessage {
    reason: String,
    #[serde(default)]
    filenames: Vec<PathBuf>,
    #[serde(default)]
    manifest_path: PathBuf,
}

/// A file that cargo left, and the manifest of its package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WasmFile {
    pub(crate) path: PathBuf,
    pub(crate) manifest: PathBuf,
}

pub(crate) fn wasm_files(messages: &str) -> Vec<WasmFile> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<CargoMessage>(line).ok())
        .filter(|message| message.reason == "compiler-artifact")
        .flat_map(|message| {
            let manifest = message.manifest_path;
            let files = message.filenames.into_iter();
            files.map(move |path| WasmFile {
                path,
                manifest: manifest.clone(),
            })
        })
        .filter(|file| file.path.extension().is_some_and(|e| e == "wasm"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_wasm_files_among_the_messages() {
        let messages = r#"
{"reason":"compiler-artifact","filenames":["/t/libx.rlib","/t/libx.rmeta"]}
{"reason":"build-script-executed","package_id":"x"}
not json
{"reason":"compiler-artifact","manifest_path":"/p/Cargo.toml","filenames":["/t/a.wasm"],"fresh":true}
{"reason":"build-finished","success":true}
"#;
        let file = WasmFile {
            path: "/t/a.wasm".into(),
            manifest: "/p/Cargo.toml".into(),
        };
        assert_eq!(wasm_files(messages), [file]);
    }

    #[test]
    fn a_target_is_there_when_its_std_is() {
        let folder = tempfile::tempdir().unwrap();
        let lib = folder.path().join("lib/rustlib/wasm32-wasip2/lib");
        assert!(!has_target(folder.path(), "wasm32-wasip2"));
        std::fs::create_dir_all(&lib).unwrap();
        assert!(!has_target(folder.path(), "wasm32-wasip2"));
        std::fs::write(lib.join("libstd-1234.rlib"), "").unwrap();
        assert!(has_target(folder.path(), "wasm32-wasip2"));
    }

    /// Compiles a crate without dependencies with the toolchain that this machine has.
    #[test]
    fn compiles_a_crate() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir(root.join("src")).unwrap();
        std::fs::write(
            root.join("Cargo.toml"),
            "[package]\nname = \"tiny-guest\"\nedition = \"2024\"\n[lib]\ncrate-type = \
             [\"cdylib\"]\n[workspace]\n",
        )
        .unwrap();
        std::fs::write(
            root.join("src/lib.rs"),
            "#[unsafe(no_mangle)]\npub extern \"C\" fn answer() -> i32 { 42 }\n",
        )
        .unwrap();
        std::fs::write(root.join("arkor.toml"), "").unwrap();
        // Without a toolchain the answer must say how to get one.
        let project = crate::Project::load(root).unwrap();
        match project.build(&mut |_| {}) {
            Ok(built) => {
                let artifact = built.artifact.wasm().unwrap();
                assert!(artifact.ends_with("release/tiny_guest.wasm"));
                assert!(std::fs::read(artifact).unwrap().starts_with(b"\0asm"));
            }
            Err(error) => assert!(
                matches!(error, ProjectError::NoToolchain { .. }),
                "{error}\n{:?}",
                error.hint()
            ),
        }

        std::fs::write(root.join("src/lib.rs"), "pub fn answer() -> i32 { \"\" }\n").unwrap();
        match project.build(&mut |_| {}).unwrap_err() {
            ProjectError::BuildFailed { output, .. } => {
                assert!(
                    output.contains("error[E0308]: mismatched types"),
                    "{output}"
                );
            }
            error => assert!(matches!(error, ProjectError::NoToolchain { .. }), "{error}"),
        }
    }
}
