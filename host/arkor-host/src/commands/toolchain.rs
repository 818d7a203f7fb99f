//! `arkor-host toolchain`: what runs or builds trainers in each language.

use anyhow::{Result, bail};
use arkor_project::{BuildLine, Installed, RustToolchain, install_wasm_toolchain};
use arkor_runtime::{LanguageRuntime, Runtime};

use crate::arguments::{ToolchainArguments, ToolchainCommand, ToolchainName};
use crate::exit::Exit;
use crate::output::Printer;
use crate::{format, settings};

pub(crate) fn toolchain(arguments: &ToolchainArguments, printer: &Printer) -> Result<Exit> {
    match arguments.command {
        ToolchainCommand::List => list(printer)?,
        ToolchainCommand::Install { name } => install(name, printer)?,
        ToolchainCommand::Remove { name } => remove(name, printer)?,
    }
    Ok(Exit::Completed)
}

/// The runtime of a script language.
fn runtime_of(name: ToolchainName) -> Option<LanguageRuntime> {
    match name {
        ToolchainName::Javascript => Some(LanguageRuntime::javascript()),
        ToolchainName::Python => Some(LanguageRuntime::python()),
        ToolchainName::Rust => None,
    }
}

fn list(printer: &Printer) -> Result<()> {
    let runtime = settings::runtime(false)?;
    for name in [ToolchainName::Javascript, ToolchainName::Python] {
        let Some(language) = runtime_of(name) else {
            continue;
        };
        let is_ready = runtime.has_compiled(&language);
        let said = if is_ready {
            "ready"
        } else {
            "part of this program; compiled by its first trainer, or by install"
        };
        told(printer, name, is_ready, said, Some(language.digest()));
    }
    let (is_ready, said) = match RustToolchain::detect_own() {
        Ok(found) => (true, format!("ready, for {}", found.target())),
        Err(error) => (false, error.to_string()),
    };
    told(printer, ToolchainName::Rust, is_ready, &said, None);
    Ok(())
}

fn told(printer: &Printer, name: ToolchainName, is_ready: bool, said: &str, digest: Option<&str>) {
    if printer.json() {
        printer.object(&serde_json::json!({
            "type": "toolchain",
            "name": name.name(),
            "ready": is_ready,
            "digest": digest,
            "text": said,
        }));
    } else {
        printer.line(&format!("{:<11} {said}", name.name()));
    }
}

fn install(name: ToolchainName, printer: &Printer) -> Result<()> {
    let Some(language) = runtime_of(name) else {
        let installed = install_wasm_toolchain(&mut |line| match line {
            BuildLine::Command(command) => printer.note(&format!("$ {command}")),
            BuildLine::Output(text) => printer.status(&text),
        })?;
        let (Installed::AlreadyThere(found) | Installed::Now(found)) = installed;
        told(
            printer,
            name,
            true,
            &format!("ready, for {}", found.target()),
            None,
        );
        return Ok(());
    };
    let runtime = settings::runtime(false)?;
    announce(&runtime, &language, printer);
    runtime.prepare(&language)?;
    told(printer, name, true, "ready", Some(language.digest()));
    Ok(())
}

/// Says that a language runtime is compiled, which takes seconds, the first time on a machine.
pub(crate) fn announce(runtime: &Runtime, language: &LanguageRuntime, printer: &Printer) {
    if !runtime.has_compiled(language) {
        printer.note(&format!(
            "compiling the {}, once on this machine: some seconds",
            language.name()
        ));
    }
}

fn remove(name: ToolchainName, printer: &Printer) -> Result<()> {
    let Some(language) = runtime_of(name) else {
        bail!("Rust's own tools remove it: rustup target remove wasm32-wasip2");
    };
    let freed = settings::runtime(false)?.forget(&language)?;
    let said = match freed {
        Some(bytes) => format!("removed {} of machine code", format::bytes(bytes)),
        None => "there was nothing to remove".into(),
    };
    told(printer, name, false, &said, Some(language.digest()));
    Ok(())
}
