//! JavaScript and TypeScript: types are taken away, imports followed.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use arkor_types::{ModuleFormat, Program, ProgramModule, ScriptLanguage};
use oxc_allocator::Allocator;
use oxc_ast::ast::{
    Argument, CallExpression, ExportAllDeclaration, ExportFromDeclaration, Expression,
    ImportDeclaration, ImportExpression, StringLiteral,
};
use oxc_ast_visit::{Visit, walk};
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_diagnostics::{OxcDiagnostic, Severity};
use oxc_parser::Parser;
use oxc_semantic::SemanticBuilder;
use oxc_span::SourceType;
use oxc_transformer::{TransformOptions, Transformer};

use super::place;
use super::resolve::{Modules, Wanted};
use crate::ProjectError;

/// Part of the runtime; no file.
const API: &str = "arkor";

/// Most problems that are told at once.
const PROBLEMS: usize = 10;

/// An import as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Import {
    specifier: String,
    wanted: Wanted,
    /// In bytes of the file.
    offset: usize,
    length: usize,
}

/// What became of one file.
#[derive(Debug)]
struct Translated {
    format: ModuleFormat,
    content: Vec<u8>,
    source_map: Option<String>,
    imports: Vec<Import>,
}

/// Files that were translated before: most of them are what they were.
type Known = HashMap<(PathBuf, u64), Arc<Translated>>;
static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

/// Above this many files the oldest session has long been over.
const KNOWN_LIMIT: usize = 20_000;

pub(super) fn program(root: &Path, entry: &Path) -> Result<Program, ProjectError> {
    let modules = Modules::new(root);
    let mut found: BTreeMap<String, ProgramModule> = BTreeMap::new();
    let mut queue = VecDeque::from([(entry.to_path_buf(), true)]);
    let mut problems = Vec::new();
    let name_of = |path: &Path| {
        let name = modules.name(path);
        name.ok_or_else(|| ProjectError::Outside {
            root: root.into(),
            path: path.display().to_string(),
        })
    };
    while let Some((path, is_module)) = queue.pop_front() {
        let name = name_of(&path)?;
        if found.contains_key(&name) {
            continue;
        }
        let text = text(&path, &name)?;
        let translated = match translated(&path, &name, &text, is_module) {
            Ok(translated) => translated,
            Err(more) => {
                problems.extend(more);
                continue;
            }
        };
        let mut links = Vec::new();
        for import in &translated.imports {
            if import.specifier == API {
                continue;
            }
            match modules.resolve(import.wanted, &path, &import.specifier) {
                Ok(target) => {
                    links.push((import.specifier.clone(), name_of(&target.path)?));
                    queue.push_back((target.path, target.is_module));
                }
                // Packages ask for what may be missing, and live without it.
                Err(_) if import.wanted == Wanted::Require => {}
                Err(problem) => problems.push(place::show(
                    &name,
                    &text,
                    import.offset,
                    import.length,
                    &problem,
                )),
            }
        }
        links.sort();
        links.dedup();
        let module = ProgramModule {
            name: name.clone(),
            format: translated.format,
            content: translated.content.clone(),
            links,
            source_map: translated.source_map.clone(),
        };
        found.insert(name, module);
    }
    if !problems.is_empty() {
        return Err(wrong(problems));
    }
    Ok(Program {
        language: ScriptLanguage::JavaScript,
        entry: name_of(entry)?,
        modules: found.into_values().collect(),
    })
}

fn wrong(mut problems: Vec<String>) -> ProjectError {
    let more = problems.len().saturating_sub(PROBLEMS);
    problems.truncate(PROBLEMS);
    if more > 0 {
        problems.push(format!("and {more} more"));
    }
    ProjectError::Source {
        problems: problems.join("\n"),
        hint: None,
    }
}

fn text(path: &Path, name: &str) -> Result<String, ProjectError> {
    String::from_utf8(super::read(path)?)
        .map_err(|error| wrong(vec![format!("{name}: not UTF-8: {error}")]))
}

fn translated(
    path: &Path,
    name: &str,
    text: &str,
    is_module: bool,
) -> Result<Arc<Translated>, Vec<String>> {
    let mut hasher = DefaultHasher::new();
    (name, text, is_module).hash(&mut hasher);
    let key = (path.to_path_buf(), hasher.finish());
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known().get(&key) {
        return Ok(Arc::clone(found));
    }
    let translated = Arc::new(translate(path, name, text, is_module)?);
    let mut known = known();
    if known.len() >= KNOWN_LIMIT {
        known.clear();
    }
    known.insert(key, Arc::clone(&translated));
    Ok(translated)
}

fn translate(
    path: &Path,
    name: &str,
    text: &str,
    is_module: bool,
) -> Result<Translated, Vec<String>> {
    let ending = path.extension().and_then(|ending| ending.to_str());
    let plain = |format| Translated {
        format,
        content: text.as_bytes().to_vec(),
        source_map: None,
        imports: Vec::new(),
    };
    let source_type = match ending {
        Some("json") => {
            serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| {
                vec![format!(
                    "{name}:{}:{}: {error}",
                    error.line(),
                    error.column()
                )]
            })?;
            return Ok(plain(ModuleFormat::Json));
        }
        Some("ts" | "mts") => SourceType::ts(),
        Some("mjs") => SourceType::mjs(),
        Some("cjs") => SourceType::cjs(),
        Some("js") if is_module && in_package(name) => SourceType::mjs(),
        Some("js") => SourceType::unambiguous(),
        _ => {
            return Err(vec![format!(
                "{name}: files of this kind cannot be imported; .ts, .mts, .js, .mjs, .cjs and .json \
                 can"
            )]);
        }
    };
    let show = |diagnostics: Vec<&OxcDiagnostic>| -> Vec<String> {
        let shown = diagnostics.into_iter().map(|one| problem(name, text, one));
        shown.collect()
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
        let transformed = Transformer::new(&allocator, path, &TransformOptions::default())
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
    let is_ecmascript = is_typescript
        || has_module_syntax
        || source_type.is_module()
        || !imports
            .found
            .iter()
            .any(|import| import.wanted == Wanted::Require)
            && !text.contains("exports");
    let format = if is_ecmascript && ending != Some("cjs") {
        ModuleFormat::EcmaScript
    } else {
        ModuleFormat::CommonJs
    };
    let (content, source_map) = match code {
        Some(code) => (
            code.code.into_bytes(),
            code.map.map(|map| map.to_json_string()),
        ),
        None => (text.as_bytes().to_vec(), None),
    };
    Ok(Translated {
        format,
        content,
        source_map,
        imports: imports.found,
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
    debug_assert!(diagnostic.severity == Severity::Error);
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
