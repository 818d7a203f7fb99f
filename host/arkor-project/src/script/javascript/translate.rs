//! One file of JavaScript or TypeScript: types are taken away, imports found.
//!
//! Parser, transformer and printer go down a file's nesting by recursion, and so does whatever drops its
//! tree: a file that nests deeply enough ends the process that translates it. Callers decide which one that is.

use std::path::Path;

use arkor_types::ModuleFormat;
use oxc_allocator::Allocator;
use oxc_ast::ast::{
    Argument, CallExpression, ExportAllDeclaration, ExportFromDeclaration, Expression,
    ImportDeclaration, ImportExpression, StringLiteral,
};
use oxc_ast_visit::{Visit, walk};
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_diagnostics::OxcDiagnostic;
use oxc_parser::Parser;
use oxc_semantic::SemanticBuilder;
use oxc_span::SourceType;
use oxc_transformer::{TransformOptions, Transformer};

use super::{PROBLEMS, Wanted, place};

/// Most imports of one file.
const IMPORTS: usize = 10_000;

/// An import as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) specifier: String,
    pub(super) wanted: Wanted,
    /// In bytes of the file.
    pub(super) offset: usize,
    pub(super) length: usize,
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Translated {
    pub(super) format: ModuleFormat,
    /// None: as it was.
    pub(super) content: Option<Vec<u8>>,
    pub(super) source_map: Option<String>,
    pub(super) imports: Vec<Import>,
}

impl Translated {
    /// Bytes of it, about.
    pub(super) fn size(&self) -> usize {
        let imports = self.imports.iter();
        self.content.as_ref().map_or(0, Vec::len)
            + self.source_map.as_ref().map_or(0, String::len)
            + imports
                .map(|import| import.specifier.len() + 64)
                .sum::<usize>()
    }
}

/// How a file is read, by its name.
fn source_type(name: &str, is_module: bool) -> Option<SourceType> {
    let ending = Path::new(name)
        .extension()
        .and_then(|ending| ending.to_str());
    Some(match ending? {
        "ts" | "mts" => SourceType::ts(),
        "mjs" => SourceType::mjs(),
        "cjs" => SourceType::cjs(),
        "js" if is_module && in_package(name) => SourceType::mjs(),
        "js" => SourceType::unambiguous(),
        _ => return None,
    })
}

/// The file, or its problems with their places. `name` is its path in the program.
pub(super) fn translate(
    name: &str,
    text: &str,
    is_module: bool,
) -> Result<Translated, Vec<String>> {
    let Some(source_type) = source_type(name, is_module) else {
        return Err(vec![format!(
            "{name}: files of this kind cannot be imported; .ts, .mts, .js, .mjs, .cjs and .json can"
        )]);
    };
    let show = |diagnostics: Vec<&OxcDiagnostic>| -> Vec<String> {
        // One more than is shown: each takes a look through the whole text.
        let shown = diagnostics.into_iter().take(PROBLEMS + 1);
        shown.map(|one| problem(name, text, one)).collect()
    };
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, text, source_type).parse();
    if parsed.diagnostics.has_errors() || parsed.panicked {
        return Err(show(parsed.diagnostics.errors().collect()));
    }
    let has_module_syntax = parsed.module_record.has_module_syntax;
    let mut program = parsed.program;
    let is_typescript = source_type.is_typescript();
    // What the parser leaves to later: a name declared twice, a `break` outside of a loop.
    let semantic = SemanticBuilder::new()
        .with_check_syntax_error(true)
        .with_excess_capacity(if is_typescript { 1.0 } else { 0.0 })
        .with_enum_eval(true)
        .build(&program);
    if semantic.diagnostics.has_errors() {
        return Err(show(semantic.diagnostics.errors().collect()));
    }
    let mut code = None;
    if is_typescript {
        let scoping = semantic.semantic.into_scoping();
        let transformed =
            Transformer::new(&allocator, Path::new(name), &TransformOptions::default())
                .build_with_scoping(scoping, &mut program);
        if transformed.diagnostics.has_errors() {
            return Err(show(transformed.diagnostics.errors().collect()));
        }
        let options = CodegenOptions {
            source_map_path: Some(name.into()),
            ..CodegenOptions::default()
        };
        code = Some(Codegen::new().with_options(options).build(&program));
    }
    let mut imports = Imports {
        found: Vec::new(),
        require: !has_module_syntax && !is_typescript,
    };
    imports.visit_program(&program);
    if imports.found.len() > IMPORTS {
        let all = imports.found.len();
        return Err(vec![format!(
            "{name}: it has {all} imports, and at most {IMPORTS} are followed"
        )]);
    }
    let is_ecmascript = is_typescript
        || has_module_syntax
        || source_type.is_module()
        || !imports
            .found
            .iter()
            .any(|import| import.wanted == Wanted::Require)
            && !text.contains("exports");
    let format = if is_ecmascript && !name.ends_with(".cjs") {
        ModuleFormat::EcmaScript
    } else {
        ModuleFormat::CommonJs
    };
    let (content, source_map) = match code {
        Some(code) => (
            Some(code.code.into_bytes()),
            code.map.map(|map| map.to_json_string()),
        ),
        None => (None, None),
    };
    Ok(Translated {
        format,
        content,
        source_map,
        imports: imports.found,
    })
}

/// The same; a panic is a problem of the file.
pub(super) fn caught(name: &str, text: &str, is_module: bool) -> Result<Translated, Vec<String>> {
    std::panic::catch_unwind(|| translate(name, text, is_module)).unwrap_or_else(|_| {
        Err(vec![format!(
            "{name}: cannot be parsed: the parser failed over it"
        )])
    })
}

/// Bytes of stack for a file in this process, for each of its bytes: none of the ways to nest takes more.
/// The most are the types of TypeScript, in its transformer.
const STACK_PER_BYTE: usize = 8 << 10;

/// Most bytes of a file that is translated in this process.
pub(super) const IN_PROCESS: usize = 256 << 10;

/// The same in this process, on a thread with a stack that the file cannot fill. For programs that have not
/// named one that parses for them; large files are refused.
pub(super) fn in_process(
    name: &str,
    text: &str,
    is_module: bool,
) -> Result<Translated, Vec<String>> {
    if text.len() > IN_PROCESS {
        return Err(vec![format!(
            "{name}: it has {} bytes, and without a parser process at most {IN_PROCESS} are parsed",
            text.len()
        )]);
    }
    std::thread::scope(|scope| {
        let stack = (4 << 20) + text.len() * STACK_PER_BYTE;
        let thread = std::thread::Builder::new().stack_size(stack);
        let work = || caught(name, text, is_module);
        match thread.spawn_scoped(scope, work).map(|thread| thread.join()) {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(vec![format!("{name}: cannot be parsed")]),
            Err(error) => Err(vec![format!(
                "{name}: cannot be parsed: the system gives no thread for it: {error}"
            )]),
        }
    })
}

/// Whether a file is of an installed package, and not one of the user's.
fn in_package(name: &str) -> bool {
    name.split('/').any(|part| part == "node_modules")
}

fn problem(name: &str, text: &str, diagnostic: &OxcDiagnostic) -> String {
    let mut message = diagnostic.message.to_string();
    if let Some(help) = &diagnostic.help {
        message += &format!(" ({help})");
    }
    match diagnostic.labels.first() {
        Some(label) => place::show(
            name,
            text,
            label.offset() as usize,
            label.len() as usize,
            &message,
        ),
        None => format!("{name}: {message}"),
    }
}

/// Collects what a file imports, once types are gone.
struct Imports {
    found: Vec<Import>,
    /// Whether calls of `require` count.
    require: bool,
}

impl Imports {
    fn add(&mut self, source: &StringLiteral<'_>, wanted: Wanted) {
        self.found.push(Import {
            specifier: source.value.to_string(),
            wanted,
            offset: source.span.start as usize,
            length: (source.span.end - source.span.start) as usize,
        });
    }
}

impl<'a> Visit<'a> for Imports {
    fn visit_import_declaration(&mut self, it: &ImportDeclaration<'a>) {
        self.add(&it.source, Wanted::Import);
    }

    fn visit_export_all_declaration(&mut self, it: &ExportAllDeclaration<'a>) {
        self.add(&it.source, Wanted::Import);
    }

    fn visit_export_from_declaration(&mut self, it: &ExportFromDeclaration<'a>) {
        self.add(&it.source, Wanted::Import);
    }

    fn visit_import_expression(&mut self, it: &ImportExpression<'a>) {
        if let Expression::StringLiteral(source) = &it.source {
            self.add(source, Wanted::Import);
        }
        walk::walk_import_expression(self, it);
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        let is_require =
            matches!(&it.callee, Expression::Identifier(name) if name.name == "require");
        if self.require
            && is_require
            && let [Argument::StringLiteral(source)] = it.arguments.as_slice()
        {
            self.add(source, Wanted::Require);
        }
        walk::walk_call_expression(self, it);
    }
}
