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
        told(
            printer,
            name,
            is_ready,
            said,
            Detail::Digest(language.digest()),
        );
    }
    match RustToolchain::detect_own() {
        Ok(found) => told_of_rust(printer, &found),
        Err(error) => {
            let said = error.to_string();
            told(printer, ToolchainName::Rust, false, &said, Detail::None);
        }
    }
    Ok(())
}

/// What more a script may want to know of a toolchain.
#[derive(Clone, Copy)]
enum Detail<'a> {
    None,
    /// Of the language runtime.
    Digest(&'a str),
    /// What trainers are compiled for.
    Target(&'a str),
}

fn told_of_rust(printer: &Printer, found: &RustToolchain) {
    let said = format!("ready, for {}", found.target());
    let target = Detail::Target(found.target());
    told(printer, ToolchainName::Rust, true, &said, target);
}

fn told(printer: &Printer, name: ToolchainName, is_ready: bool, said: &str, detail: Detail<'_>) {
    let (digest, target) = match detail {
        Detail::None => (None, None),
        Detail::Digest(digest) => (Some(digest), None),
        Detail::Target(target) => (None, Some(target)),
    };
    if printer.json() {
        printer.object(&serde_json::json!({
            "type": "toolchain",
            "name": name.name(),
            "ready": is_ready,
            "digest": digest,
            "target": target,
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
        told_of_rust(printer, &found);
        return Ok(());
    };
    let runtime = settings::runtime(false)?;
    announce(&runtime, &language, printer);
    runtime.prepare(&language)?;
    told(
        printer,
        name,
        true,
        "ready",
        Detail::Digest(language.digest()),
    );
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
    told(
        printer,
        name,
        false,
        &said,
        Detail::Digest(language.digest()),
    );
    Ok(())
}
