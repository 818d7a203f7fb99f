//! Installs what a fresh machine lacks.

use anyhow::{Result, anyhow};
use arkor_project::{BuildLine, Installed, install_wasm_toolchain};

/// Makes sure that the trainers in this repository, which are Rust, can be compiled to wasm.
pub(crate) fn wasm_toolchain() -> Result<()> {
    let mut announced = false;
    let installed = install_wasm_toolchain(&mut |line| match line {
        BuildLine::Command(command) => {
            if !announced {
                eprintln!("Rust cannot compile to WebAssembly here yet; trainers need that.");
                announced = true;
            }
            eprintln!("$ {command}");
        }
        BuildLine::Output(text) => eprintln!("  {text}"),
    });
    match installed {
        Ok(Installed::AlreadyThere(_)) => Ok(()),
        Ok(Installed::Now(toolchain)) => {
            eprintln!("installed: Rust for {}", toolchain.target());
            Ok(())
        }
        Err(error) => {
            let hint = error.hint().unwrap_or_default();
            Err(anyhow!("{error}\nhint: {hint}"))
        }
    }
}
