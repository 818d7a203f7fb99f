//! `arkor-host inspect`

use anyhow::Result;
use arkor_project::Artifact;
use arkor_runtime::Capability;

use crate::arguments::InspectArguments;
use crate::exit::Exit;
use crate::format;
use crate::output::Printer;
use crate::{commands, settings, time_limit, trust};

pub(crate) fn inspect(arguments: &InspectArguments, printer: &Printer) -> Result<Exit> {
    let _time_limit = time_limit::start(&arguments.trust, false, printer)?;
    let mut is_script = false;
    let path = &arguments.component;
    let found = if path.is_dir() || arkor_project::is_script(path) {
        let project = trust::open(path, &arguments.trust, printer)?;
        let runtime = settings::runtime(false)?;
        match commands::build_trainer(&project, printer)?.artifact {
            Artifact::Wasm(path) => runtime.inspect(&path)?,
            artifact @ Artifact::Program(_) => {
                is_script = true;
                let name = match path.is_dir() {
                    true => project.root().file_name(),
                    false => path.file_stem(),
                };
                let name = name.unwrap_or_default();
                let bytes = commands::component_bytes(&artifact)?;
                runtime.inspect_bytes(&name.to_string_lossy(), &bytes)?
            }
        }
    } else {
        let file = trust::component(&arguments.component, &arguments.trust)?;
        settings::runtime(false)?.inspect(&file)?
    };
    let exit = if found.world.is_some() {
        Exit::Completed
    } else {
        Exit::Usage
    };
    if printer.json() {
        printer.object(&found);
        return Ok(exit);
    }
    let line = |key: &str, value: &str| printer.line(&format!("{key:<13} {value}"));
    line("name", &found.name);
    line(
        "kind",
        &format!("{}, {}", found.kind, format::bytes(found.size)),
    );
    line("digest", &found.digest);
    match (&found.world, &found.problem) {
        (Some(world), _) if is_script => line(
            "world",
            &format!("{world}, that of the language runtime, which every script has"),
        ),
        (Some(world), _) => line("world", world),
        (None, problem) => line(
            "world",
            &format!("none: {}", problem.as_deref().unwrap_or("-")),
        ),
    }
    list(printer, "imports", &found.imports);
    list(printer, "exports", &found.exports);
    let asks: Vec<String> = found
        .capabilities
        .iter()
        .map(|one| capability(*one))
        .collect();
    list(printer, "may ask for", &asks);
    Ok(exit)
}

fn list(printer: &Printer, key: &str, values: &[String]) {
    if values.is_empty() {
        printer.line(&format!("{key:<13} nothing"));
    }
    for (index, value) in values.iter().enumerate() {
        let key = if index == 0 { key } else { "" };
        printer.line(&format!("{key:<13} {value}"));
    }
}

/// What a capability means for someone who is about to run the trainer.
fn capability(capability: Capability) -> String {
    match capability {
        Capability::Files => "files: none unless capabilities.files grants a folder",
        Capability::Network => "network: none unless capabilities.network grants an address",
        Capability::Environment => "environment: empty unless capabilities.env grants a name",
        Capability::Clock => "clock: to 10 ms unless capabilities.clock is \"precise\"",
        Capability::Random => "random: repeatable unless capabilities.random is \"system\"",
        Capability::Output => "output: lines in the run's log",
    }
    .into()
}
