//! A script trainer as one component: its language runtime and its files.
//!
//! The files become a component of their own, whose only function returns them from its memory, as the
//! canonical ABI lays them out. It is composed with the language runtime, which imports that function.

use std::path::Path;

use arkor_types::{ModuleFormat, Program};
use wasm_compose::graph::{Component, CompositionGraph, EncodeOptions};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ExportKind, ExportSection, Function, FunctionSection,
    MemorySection, MemoryType, Module, TypeSection, ValType,
};
use wasmparser::{Validator, WasmFeatures};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::LanguageRuntime;
use super::guard::guarded;
use crate::error::RuntimeError;

const INTERFACE: &str = "arkor:trainer/source@0.1.0";

/// The world of the component that has the files.
const WORLD: &str = "package arkor:program; world files { export arkor:trainer/source@0.1.0; }";

/// Where data begins in its memory; nothing is at address 0.
const BASE: u32 = 16;

const PAGE: usize = 64 << 10;

/// One component that needs nothing but what any trainer imports.
///
/// # Errors
///
/// If the program is too large, or the language runtime cannot be composed.
pub fn standalone(language: &LanguageRuntime, program: &Program) -> Result<Vec<u8>, RuntimeError> {
    guarded(program.name(), || {
        compose(language, program).map_err(|error| RuntimeError::Componentize {
            name: program.name().into(),
            reason: format!("{error:#}"),
        })
    })
}

fn message(error: impl std::fmt::Display) -> wasmtime::Error {
    wasmtime::Error::msg(format!("{error:#}"))
}

fn compose(language: &LanguageRuntime, program: &Program) -> wasmtime::Result<Vec<u8>> {
    let files = files(program)?;
    let mut graph = CompositionGraph::new();
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    let bytes = language.bytes().map_err(message)?;
    let runtime = Component::from_bytes(&mut validator, "runtime", bytes).map_err(message)?;
    let source = Component::from_bytes(&mut validator, "files", files).map_err(message)?;
    let (export, ..) = source
        .export_by_name(INTERFACE)
        .ok_or_else(|| wasmtime::Error::msg("the files have no interface"))?;
    let (import, _) = runtime
        .import_by_name(INTERFACE)
        .ok_or_else(|| wasmtime::Error::msg("the runtime does not import its files"))?;
    let runtime = graph.add_component(runtime).map_err(message)?;
    let source = graph.add_component(source).map_err(message)?;
    let runtime = graph.instantiate(runtime).map_err(message)?;
    let source = graph.instantiate(source).map_err(message)?;
    graph
        .connect(source, Some(export), runtime, import)
        .map_err(message)?;
    let options = EncodeOptions {
        define_components: true,
        export: Some(runtime),
        validate: true,
    };
    graph.encode(options).map_err(message)
}

/// A component that exports `source`.
fn files(program: &Program) -> wasmtime::Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    let mut contract = String::from(include_str!("../../../../wit/types.wit"));
    contract += include_str!("../../../../wit/source.wit");
    resolve
        .push_str(Path::new("contract.wit"), &contract)
        .map_err(message)?;
    let package = resolve
        .push_str(Path::new("program.wit"), WORLD)
        .map_err(message)?;
    let world = resolve.select_world(&[package], None).map_err(message)?;
    let mut module = core_module(program)?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .map_err(message)?;
    ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(message)
}

fn core_module(program: &Program) -> wasmtime::Result<Vec<u8>> {
    let mut data = Layout::default();
    let answer = data.program(program)?;
    let pages = (BASE as usize + data.bytes.len()).div_ceil(PAGE) as u64;
    let mut types = TypeSection::new();
    types.ty().function([], [ValType::I32]);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: pages,
        maximum: Some(pages),
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    exports.export(&format!("{INTERFACE}#read"), ExportKind::Func, 0);
    let mut code = CodeSection::new();
    let mut body = Function::new([]);
    body.instructions().i32_const(answer.cast_signed()).end();
    code.function(&body);
    let mut segments = DataSection::new();
    segments.active(
        0,
        &ConstExpr::i32_const(BASE.cast_signed()),
        data.bytes.iter().copied(),
    );
    let mut module = Module::new();
    module
        .section(&types)
        .section(&functions)
        .section(&memories)
        .section(&exports)
        .section(&code)
        .section(&segments);
    Ok(module.finish())
}

/// Values of `source.wit` in linear memory, as the canonical ABI stores them: strings and lists are
/// (address, length), an option is a tag before its value, records keep the order of their fields.
#[derive(Default)]
struct Layout {
    bytes: Vec<u8>,
}

impl Layout {
    /// Puts bytes behind those that are there; their address.
    fn put(&mut self, bytes: &[u8], align: usize) -> wasmtime::Result<u32> {
        self.bytes
            .resize(self.bytes.len().next_multiple_of(align), 0);
        let address = u32::try_from(self.bytes.len())
            .ok()
            .and_then(|at| at.checked_add(BASE))
            .ok_or_else(|| wasmtime::Error::msg("the files are larger than a memory of 4 GiB"))?;
        self.bytes.extend(bytes);
        Ok(address)
    }

    fn list(&mut self, bytes: &[u8]) -> wasmtime::Result<[u8; 8]> {
        let address = self.put(bytes, 1)?;
        Ok(pair(address, bytes.len()))
    }

    fn program(&mut self, program: &Program) -> wasmtime::Result<u32> {
        let mut modules = Vec::new();
        for module in &program.modules {
            let mut links = Vec::new();
            for (specifier, name) in &module.links {
                links.extend(self.list(specifier.as_bytes())?);
                links.extend(self.list(name.as_bytes())?);
            }
            modules.extend(self.list(module.name.as_bytes())?);
            let format = match module.format {
                ModuleFormat::EcmaScript => 0_u32,
                ModuleFormat::CommonJs => 1,
                ModuleFormat::Json => 2,
                ModuleFormat::Python => 3,
                ModuleFormat::Data => 4,
            };
            // One byte and three to align what follows.
            modules.extend(format.to_le_bytes());
            modules.extend(self.list(&module.content)?);
            let address = self.put(&links, 4)?;
            modules.extend(pair(address, module.links.len()));
            match &module.source_map {
                None => modules.extend([0; 12]),
                Some(map) => {
                    modules.extend(1_u32.to_le_bytes());
                    modules.extend(self.list(map.as_bytes())?);
                }
            }
        }
        let entry = self.list(program.entry.as_bytes())?;
        let address = self.put(&modules, 4)?;
        let mut answer = Vec::from(entry);
        answer.extend(pair(address, program.modules.len()));
        self.put(&answer, 4)
    }
}

fn pair(address: u32, length: usize) -> [u8; 8] {
    let mut bytes = [0; 8];
    let (first, second) = bytes.split_at_mut(4);
    first.copy_from_slice(&address.to_le_bytes());
    // No longer than the memory, whose size is checked with the address.
    second.copy_from_slice(&(length as u32).to_le_bytes());
    bytes
}
