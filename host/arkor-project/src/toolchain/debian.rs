//! The Rust of Debian's packages, made to compile to WebAssembly.
//!
//! `rustc-web` is the compiler, `rust-web-src` the source of its standard library, `lld-22` the
//! linker and `wasi-libc` the C library. Cargo may be any: it compiles the standard library along
//! with the trainer, for which `rustc` must allow unstable flags.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The packages that hold the pieces.
#[cfg(target_os = "linux")]
pub(super) const PACKAGES: [&str; 4] = ["rustc-web", "rust-web-src", "lld-22", "wasi-libc"];

/// Debian's compiler and what it takes to make it compile to WebAssembly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebianToolchain {
    cargo: PathBuf,
    rustc: PathBuf,
    linker: PathBuf,
    wasi_libc: PathBuf,
}

/// Looks for the pieces. The error names what is missing; there is none where Debian's packages are
/// out of the question.
pub(super) fn detect() -> Result<DebianToolchain, Option<String>> {
    #[cfg(target_os = "linux")]
    {
        if !Path::new("/etc/debian_version").exists() {
            return Err(None);
        }
        detect_in(Path::new("/usr")).map_err(Some)
    }
    #[cfg(not(target_os = "linux"))]
    Err(None)
}

#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "only Linux has it")
)]
fn detect_in(usr: &Path) -> Result<DebianToolchain, String> {
    let rustc = usr.join("bin/rustc");
    let library = usr.join("lib/rustlib/src/rust/library/std/Cargo.toml");
    let wasi_libc = usr.join("lib/wasm32-wasi");
    let missing = |what: &str, path: &Path| Err(format!("{what} is not at {}", path.display()));
    if !rustc.exists() {
        return missing("Debian's rustc", &rustc);
    }
    if !library.exists() {
        return missing("the standard library's source", &library);
    }
    if !wasi_libc.join("libc.a").exists() {
        return missing("wasi-libc", &wasi_libc.join("libc.a"));
    }
    let Some(linker) = newest_linker(&usr.join("bin")) else {
        return missing("the linker wasm-ld", &usr.join("bin"));
    };
    let packaged = usr.join("bin/cargo");
    Ok(DebianToolchain {
        // The user's cargo shares its downloads with the user's other projects.
        cargo: if on_path("cargo") || !packaged.exists() {
            "cargo".into()
        } else {
            packaged
        },
        rustc,
        linker,
        wasi_libc,
    })
}

/// `wasm-ld-22` rather than `wasm-ld-19`, and those rather than a `wasm-ld` of unknown age.
fn newest_linker(bin: &Path) -> Option<PathBuf> {
    std::fs::read_dir(bin)
        .ok()?
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            let suffix = name.strip_prefix("wasm-ld")?;
            let version = match suffix.strip_prefix('-') {
                Some(version) => version.parse().ok()?,
                None if suffix.is_empty() => 0_u32,
                None => return None,
            };
            Some((version, bin.join(name)))
        })
        .max()
        .map(|(_, path)| path)
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

impl DebianToolchain {
    pub(super) fn cargo(&self) -> &Path {
        &self.cargo
    }

    /// Sets a `cargo build` up to use this toolchain.
    pub(super) fn configure(&self, cargo: &mut Command) {
        let mut flags = inherited_flags();
        flags.push("-Lnative=".to_owned() + &self.wasi_libc.to_string_lossy());
        cargo
            .arg("-Zbuild-std=std,panic_abort")
            .env("RUSTC", &self.rustc)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_WASIP1_LINKER", &self.linker)
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
            // `strip = "debuginfo"`, which is cargo's default, makes this linker drop the function
            // names too, and with them the guest's backtraces.
            .env("CARGO_PROFILE_RELEASE_STRIP", "none");
    }
}

/// The flags that cargo would have taken from the environment, had ours not replaced them.
fn inherited_flags() -> Vec<String> {
    if let Ok(encoded) = std::env::var("CARGO_ENCODED_RUSTFLAGS") {
        return encoded
            .split('\x1f')
            .filter(|flag| !flag.is_empty())
            .map(Into::into)
            .collect();
    }
    std::env::var("RUSTFLAGS")
        .map(|flags| flags.split_whitespace().map(Into::into).collect())
        .unwrap_or_default()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn names_the_missing_piece() {
        let folder = tempfile::tempdir().unwrap();
        let usr = folder.path();
        let put = |path: &str| {
            let path = usr.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        };
        let missing = || detect_in(usr).unwrap_err();
        assert!(missing().starts_with("Debian's rustc"));
        put("bin/rustc");
        assert!(missing().starts_with("the standard library's source"));
        put("lib/rustlib/src/rust/library/std/Cargo.toml");
        assert!(missing().starts_with("wasi-libc"));
        put("lib/wasm32-wasi/libc.a");
        assert!(missing().starts_with("the linker wasm-ld"));
        for linker in ["wasm-ld", "wasm-ld-9", "wasm-ld-22", "wasm-ldx"] {
            put(&format!("bin/{linker}"));
        }
        let toolchain = detect_in(usr).unwrap();
        assert_eq!(toolchain.linker, usr.join("bin/wasm-ld-22"));
    }
}
