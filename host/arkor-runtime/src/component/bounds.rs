//! How much a trainer may ask of the compiler.
//!
//! Compiling takes time and memory for each function, local variable and byte of code, and nobody can end
//! it. So all that is counted first, which takes a pass over the code.

use wasmparser::{ElementItems, Encoding, Parser, Payload};

use super::debug::{Debug, Sections};
use super::work::{Signatures, Work};
use crate::error::RuntimeError;

/// Most bytes of a file.
pub(super) const FILE_SIZE: u64 = 128 << 20;

/// A count, and how large it may be.
pub(super) struct Bound {
    what: &'static str,
    limit: u64,
    found: u64,
}

impl Bound {
    pub(super) const fn new(what: &'static str, limit: u64) -> Self {
        Self {
            what,
            limit,
            found: 0,
        }
    }

    fn check(&self) -> Result<(), String> {
        if self.found <= self.limit {
            return Ok(());
        }
        Err(format!(
            "it has {} {}, and at most {} are compiled",
            self.found, self.what, self.limit
        ))
    }

    pub(super) fn add(&mut self, more: u64) -> Result<(), String> {
        self.found = self.found.saturating_add(more);
        self.check()
    }

    pub(super) fn largest(&mut self, value: u64) -> Result<(), String> {
        self.found = self.found.max(value);
        self.check()
    }
}

/// The limits.
struct Bounds<'a> {
    functions: Bound,
    code: Bound,
    body: Bound,
    locals: Bound,
    all_locals: Bound,
    segments: Bound,
    elements: Bound,
    tables: Bound,
    nesting: Bound,
    parts: Bound,
    items: Bound,
    debug: Debug,
    work: Work,
    /// Of the module that is being read.
    signatures: Signatures,
    sections: Sections<'a>,
}

impl Default for Bounds<'_> {
    fn default() -> Self {
        Self {
            functions: Bound::new("functions", 100_000),
            code: Bound::new("bytes of code", 32 << 20),
            body: Bound::new("bytes of code in one function", 1 << 20),
            locals: Bound::new("local variables in one function", 20_000),
            all_locals: Bound::new("local variables", 4_000_000),
            segments: Bound::new("segments of data and elements", 100_000),
            // 2 kB each.
            elements: Bound::new("elements in segments", 300_000),
            // What is in a table from the beginning is written out, 4 bytes each.
            tables: Bound::new("elements that tables begin with", 10_000_000),
            // Each level of types takes 2.5 kB of the stack of what reads them, and has such a byte.
            nesting: Bound::new(
                "bytes that may begin a level of types in one section",
                20_000,
            ),
            parts: Bound::new("modules, components and instances", 1_000),
            items: Bound::new("types, imports, exports and canonical functions", 200_000),
            debug: Debug::default(),
            work: Work::default(),
            signatures: Signatures::default(),
            sections: Sections::default(),
        }
    }
}

/// Whether a file is well-formed WebAssembly of a size that is compiled.
pub(super) fn check(name: &str, bytes: &[u8]) -> Result<(), RuntimeError> {
    let mut bounds = Bounds::default();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|error| invalid(name, &error))?;
        match bounds.count(bytes, &payload) {
            Ok(Ok(())) => {}
            Ok(Err(problem)) => {
                return Err(RuntimeError::TooLarge {
                    name: name.into(),
                    problem,
                });
            }
            Err(error) => return Err(invalid(name, &error)),
        }
    }
    Ok(())
}

/// What a parser or validator found.
pub(super) fn invalid(name: &str, error: &wasmparser::BinaryReaderError) -> RuntimeError {
    RuntimeError::Invalid {
        name: name.into(),
        problem: error.to_string(),
    }
}

impl<'a> Bounds<'a> {
    fn count(
        &mut self,
        whole: &'a [u8],
        payload: &Payload<'a>,
    ) -> wasmparser::Result<Result<(), String>> {
        let items = |count: u32| u64::from(count);
        Ok(match payload {
            Payload::Version {
                encoding: Encoding::Module,
                ..
            } => {
                self.signatures = Signatures::default();
                self.sections = Sections::default();
                Ok(())
            }
            Payload::FunctionSection(section) => {
                let counted = self.functions.add(items(section.count()));
                if counted.is_ok() {
                    self.signatures.functions(section)?;
                }
                counted
            }
            Payload::CodeSectionEntry(body) => {
                let size = body.range().len() as u64;
                let mut locals = 0_u64;
                for group in body.get_locals_reader()? {
                    locals = locals.saturating_add(u64::from(group?.0));
                }
                let counted = self
                    .body
                    .largest(size)
                    .and_then(|()| self.code.add(size))
                    .and_then(|()| self.locals.largest(locals))
                    .and_then(|()| self.all_locals.add(locals));
                match counted {
                    Ok(()) => self.work.add(body, locals, &mut self.signatures)?,
                    Err(problem) => Err(problem),
                }
            }
            Payload::DataSection(section) => self.segments.add(items(section.count())),
            Payload::ElementSection(section) => {
                let mut counted = self.segments.add(items(section.count()));
                if counted.is_ok() {
                    for segment in section.clone() {
                        let count = match segment?.items {
                            ElementItems::Functions(functions) => functions.count(),
                            ElementItems::Expressions(_, expressions) => expressions.count(),
                        };
                        counted = counted.and_then(|()| self.elements.add(items(count)));
                    }
                }
                counted
            }
            Payload::TableSection(section) => {
                let mut counted = self.items.add(items(section.count()));
                if counted.is_ok() {
                    for table in section.clone() {
                        let count = table?.ty.initial;
                        counted = counted.and_then(|()| self.tables.add(count));
                    }
                }
                counted
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => self.parts.add(1),
            Payload::InstanceSection(section) => self.parts.add(items(section.count())),
            Payload::ComponentInstanceSection(section) => self.parts.add(items(section.count())),
            Payload::TypeSection(section) => {
                let counted = self.items.add(items(section.count()));
                if counted.is_ok() {
                    self.signatures.types(section)?;
                }
                counted
            }
            Payload::ImportSection(section) => {
                let counted = self.items.add(items(section.count()));
                if counted.is_ok() {
                    self.signatures.imports(section)?;
                }
                counted
            }
            Payload::ExportSection(section) => self.items.add(items(section.count())),
            Payload::CoreTypeSection(section) => self.items.add(items(section.count())),
            Payload::ComponentTypeSection(section) => {
                let bytes = whole.get(section.range()).unwrap_or_default();
                let levels = bytes.iter().filter(|byte| matches!(byte, 0x41 | 0x42));
                self.nesting
                    .largest(levels.count() as u64)
                    .and_then(|()| self.items.add(items(section.count())))
            }
            Payload::ComponentImportSection(section) => self.items.add(items(section.count())),
            Payload::ComponentExportSection(section) => self.items.add(items(section.count())),
            Payload::ComponentCanonicalSection(section) => self.items.add(items(section.count())),
            Payload::ComponentAliasSection(section) => self.items.add(items(section.count())),
            Payload::GlobalSection(section) => self.items.add(items(section.count())),
            Payload::CustomSection(section) => {
                self.sections.add(section.name(), section.data());
                Ok(())
            }
            Payload::End(_) => self.debug.add(&std::mem::take(&mut self.sections)),
            _ => Ok(()),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use wasm_encoder::{CodeSection, Function, FunctionSection, Module, TypeSection, ValType};

    use super::*;

    /// A module of functions that do nothing.
    fn module(functions: u32, locals: u32, padding: usize) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut section = FunctionSection::new();
        let mut code = CodeSection::new();
        for _ in 0..functions {
            section.function(0);
            let mut body = Function::new((locals > 0).then_some((locals, ValType::I32)));
            for _ in 0..padding {
                body.instructions().nop();
            }
            body.instructions().end();
            code.function(&body);
        }
        let mut module = Module::new();
        module.section(&types).section(&section).section(&code);
        module.finish()
    }

    pub(in super::super) fn problem(bytes: &[u8]) -> String {
        check("t", bytes).map_or_else(|error| error.to_string(), |()| "fine".into())
    }

    #[test]
    fn what_is_too_much_for_the_compiler_is_named_with_its_limit() {
        for (bytes, expected) in [
            (module(3, 2, 9), "fine"),
            (
                module(100_001, 0, 0),
                "`t` is too large: it has 100001 functions, and at most 100000 are compiled",
            ),
            (
                module(1, 20_001, 0),
                "`t` is too large: it has 20001 local variables in one function, and at most 20000 are compiled",
            ),
            (
                module(1, 0, 1 << 20),
                "`t` is too large: it has 1048578 bytes of code in one function, and at most 1048576 are compiled",
            ),
        ] {
            assert_eq!(problem(&bytes), expected);
        }
        let many = problem(&module(201, 20_000, 0));
        assert!(many.contains("4020000 local variables"), "{many}");
    }

    #[test]
    fn a_file_that_is_cut_anywhere_is_not_valid() {
        let whole = module(20, 3, 5);
        for end in 9..whole.len() {
            let cut = problem(&whole[..end]);
            let ends_a_section = cut == "fine";
            assert!(
                ends_a_section || cut.contains("is no valid component"),
                "{cut}"
            );
        }
        assert!(problem(b"\0asm").contains("is no valid component"));
    }

    #[test]
    fn the_language_runtimes_are_within_the_limits() {
        for language in [
            crate::LanguageRuntime::javascript(),
            crate::LanguageRuntime::python(),
        ] {
            assert_eq!(problem(&language.bytes().unwrap()), "fine");
        }
    }
}
