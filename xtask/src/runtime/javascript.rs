//! The JavaScript runtime, of runtimes/js: compiled, then run until its interpreter is ready, with whose memory it is
//! written anew. It is made the same everywhere: versions are pinned by its Cargo.lock, paths are left out of it, and
//! while it runs there are no clocks and no random numbers.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{command, host};

/// The C compiler it is made with, and what Debian calls the package.
const CLANG: &str = "clang-22";
const PACKAGES: &str = "clang-22 llvm-22 libclang-rt-22-dev-wasm32 lld-22 wasi-libc";

const ARCHIVER: &str = "llvm-ar-22";

/// Headers of wasi-libc where Debian puts them.
const HEADERS: &str = "/usr/include/wasm32-wasi";

/// Where the checked-in component is.
const COMPONENT: &str = "runtimes/js/arkor-js.wasm";

pub(crate) fn make() -> Result<()> {
    let built = built()?;
    let path = command::root().join(COMPONENT);
    std::fs::write(&path, &built).with_context(|| path.display().to_string())?;
    println!("{COMPONENT}: {} bytes", built.len());
    Ok(())
}

/// Whether the checked-in component is what its sources make.
pub(crate) fn check() -> Result<()> {
    let built = built()?;
    ensure!(
        std::fs::read(command::root().join(COMPONENT)).is_ok_and(|current| current == built),
        "{COMPONENT} is not what its sources make: run `cargo xtask runtime javascript`"
    );
    println!("{COMPONENT} is what its sources make, byte for byte");
    Ok(())
}

fn built() -> Result<Vec<u8>> {
    ensure!(
        can_build(),
        "the JavaScript runtime is made with {CLANG} and wasi-libc (sudo apt-get install {PACKAGES}), and Rust's \
         target wasm32-wasip2 (rustup target add wasm32-wasip2)"
    );
    let compiled = build()?;
    host::build_benchmarks()?;
    let prepared = compiled.with_extension("prepared.wasm");
    let mut snapshot = Command::new(host::example("snapshot"));
    command::must(snapshot.arg(&compiled).arg(&prepared))?;
    std::fs::read(&prepared).with_context(|| prepared.display().to_string())
}

/// Whether all that it is made with is here: the C compiler, its archiver, and Rust for the same target.
pub(crate) fn can_build() -> bool {
    has_c_compiler()
        && runs(ARCHIVER)
        && host::rust_target().is_ok_and(|target| target.as_deref() == Some("wasm32-wasip2"))
}

/// Whether the C compiler and the headers are here.
pub(crate) fn has_c_compiler() -> bool {
    runs(CLANG) && Path::new(HEADERS).is_dir()
}

fn runs(program: &str) -> bool {
    let mut command = Command::new(program);
    let output = command.arg("--version").output();
    output.is_ok_and(|output| output.status.success())
}

fn build() -> Result<PathBuf> {
    let root = command::root();
    let folder = root.join("runtimes/js");
    let target = root.join("target/runtimes");
    let cargo_home = std::env::var_os("CARGO_HOME").map_or_else(
        || std::env::home_dir().unwrap_or_default().join(".cargo"),
        PathBuf::from,
    );
    let remapped = [
        (cargo_home.as_path(), "/cargo"),
        (target.as_path(), "/target"),
        (root.as_path(), "/arkor"),
    ];
    let in_rust: Vec<String> = remapped
        .iter()
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
        .collect();
    let mut in_c = format!(
        "-nostdlibinc -isystem{HEADERS} -include{}",
        folder.join("quickjs-limits.h").display()
    );
    for (from, to) in &remapped {
        in_c += &format!(" -ffile-prefix-map={}={to}", from.display());
    }
    let mut cargo = command::cargo(&["build", "--release", "--locked"]);
    cargo
        .args(["--target", "wasm32-wasip2"])
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_ENCODED_RUSTFLAGS", in_rust.join("\u{1f}"))
        // Otherwise its build script downloads a compiler.
        .env("RQUICKJS_SYS_NO_WASI_SDK", "1")
        .env("CC_wasm32_wasip2", CLANG)
        .env("AR_wasm32_wasip2", ARCHIVER)
        .env("CFLAGS_wasm32_wasip2", in_c);
    command::must(&mut cargo)?;
    Ok(target.join("wasm32-wasip2/release/arkor_js.wasm"))
}
