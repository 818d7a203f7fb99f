//! `source`: the files of a script trainer, for the language runtime that runs them.

use arkor_types::{ModuleFormat, Program};

use crate::contract::v0_1::bindings::arkor::trainer::source as wit;
use crate::guest::GuestState;

impl wit::Host for GuestState {
    async fn read(&mut self) -> wasmtime::Result<wit::Program> {
        match &self.program {
            Some(program) => Ok(convert(program)),
            // The contract check lets no component get here without one.
            None => Err(wasmtime::Error::msg("there is no program")),
        }
    }
}

fn convert(program: &Program) -> wit::Program {
    let modules = program.modules.iter().map(|module| wit::Module {
        name: module.name.clone(),
        format: match module.format {
            ModuleFormat::EcmaScript => wit::Format::Ecmascript,
            ModuleFormat::CommonJs => wit::Format::Commonjs,
            ModuleFormat::Json => wit::Format::Json,
            ModuleFormat::Python => wit::Format::Python,
            ModuleFormat::Data => wit::Format::Data,
        },
        content: module.content.clone(),
        links: module
            .links
            .iter()
            .map(|(specifier, module)| wit::Link {
                specifier: specifier.clone(),
                module: module.clone(),
            })
            .collect(),
        source_map: module.source_map.clone(),
    });
    wit::Program {
        entry: program.entry.clone(),
        modules: modules.collect(),
    }
}
