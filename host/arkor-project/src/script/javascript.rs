//! JavaScript and TypeScript: types are taken away, imports followed.
//!
//! Files are parsed in a process of its own, as one of them may end it; what they became is kept here, so
//! that a reload parses only what has changed.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Instant;

use arkor_types::{ModuleFormat, Program, ProgramModule, ScriptLanguage};

use super::place;
use super::resolve::{Modules, Wanted};
use crate::process::BuildLimits;
use crate::{InputRecorder, ProjectError};

mod serve;
mod translate;
mod wire;
mod worker;

pub use serve::serve_parser;
use translate::Translated;
use worker::Outcome;
pub use worker::use_parser_process;

/// Part of the runtime; no file.
const API: &str = "arkor";

/// Most problems that are told at once.
const PROBLEMS: usize = 10;

/// Most bytes of a file.
const FILE_SIZE: u64 = 16 << 20;

/// Most bytes of all files.
const TOTAL_SIZE: usize = 256 << 20;

/// Most files.
const FILES: usize = 20_000;

/// Files that were translated before: most of them are what they were.
#[derive(Default)]
struct Known {
    files: HashMap<(PathBuf, u64), Arc<Translated>>,
    size: usize,
}

static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

/// Above this the oldest session has long been over.
const KNOWN_LIMIT: usize = 2 * TOTAL_SIZE;

pub(super) fn program(
    root: &Path,
    entry: &Path,
    is_untrusted: bool,
    limits: &BuildLimits,
    inputs: &InputRecorder,
) -> Result<Program, ProjectError> {
    worker::prepare();
    let begin = Instant::now();
    let end = begin
        .checked_add(limits.timeout)
        .unwrap_or_else(|| begin + std::time::Duration::from_secs(24 * 3600));
    let modules = Modules::new(root, !is_untrusted, inputs);
    let mut found: BTreeMap<String, ProgramModule> = BTreeMap::new();
    let mut queue = VecDeque::from([(entry.to_path_buf(), true)]);
    let mut known = HashSet::from([entry.to_path_buf()]);
    let mut problems = Problems::default();
    let mut size = 0_usize;
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
        if limits.stop.load(Ordering::Acquire) || Instant::now() >= end {
            return Err(super::stopped(&name, limits));
        }
        let text = text(&path, &name, inputs)?;
        size += text.len();
        // What it names counts as well: a short text can name much.
        if size > TOTAL_SIZE || found.len() >= FILES {
            return Err(too_much(&name));
        }
        let translated = match translated(&path, &name, &text, is_module, limits, end)? {
            Ok(translated) => translated,
            Err(more) => {
                problems.extend(more);
                continue;
            }
        };
        let mut links = Vec::new();
        let mut asked = HashSet::new();
        for import in &translated.imports {
            if import.specifier == API
                || !asked.insert((import.specifier.as_str(), import.wanted == Wanted::Require))
            {
                continue;
            }
            match modules.resolve(import.wanted, &path, &import.specifier) {
                Ok(target) => {
                    let name = name_of(&target.path)?;
                    size += import.specifier.len() + name.len();
                    links.push((import.specifier.clone(), name));
                    if known.insert(target.path.clone()) {
                        queue.push_back((target.path, target.is_module));
                    }
                }
                // Packages ask for what may be missing, and live without it.
                Err(_) if import.wanted == Wanted::Require => {}
                // To show a place takes a look through the whole text.
                Err(_) if problems.is_full() => problems.more += 1,
                Err(problem) => problems.extend([place::show(
                    &name,
                    &text,
                    import.offset,
                    import.length,
                    &problem,
                )]),
            }
        }
        links.sort();
        links.dedup();
        let content = match &translated.content {
            Some(content) => content.clone(),
            None => text.into_bytes(),
        };
        let module = ProgramModule {
            name: name.clone(),
            format: translated.format,
            content,
            links,
            source_map: translated.source_map.clone(),
        };
        found.insert(name, module);
    }
    if !problems.shown.is_empty() {
        return Err(problems.error());
    }
    Ok(Program {
        language: ScriptLanguage::JavaScript,
        entry: name_of(entry)?,
        modules: found.into_values().collect(),
    })
}

/// What is wrong with the files; many are only counted.
#[derive(Default)]
struct Problems {
    shown: Vec<String>,
    more: usize,
}

impl Problems {
    fn is_full(&self) -> bool {
        self.shown.len() >= PROBLEMS
    }

    fn extend(&mut self, problems: impl IntoIterator<Item = String>) {
        for problem in problems {
            if self.is_full() {
                self.more += 1;
            } else {
                self.shown.push(problem);
            }
        }
    }

    fn error(mut self) -> ProjectError {
        if self.more > 0 {
            self.shown.push(format!("and {} more", self.more));
        }
        wrong(self.shown.join("\n"), None)
    }
}

fn wrong(problems: String, hint: Option<&str>) -> ProjectError {
    ProjectError::Source {
        problems,
        hint: hint.map(Into::into),
    }
}

fn too_much(name: &str) -> ProjectError {
    wrong(
        format!(
            "{name}: a trainer's files have at most {} MB together and are at most {FILES}, and with this \
             one they are more",
            TOTAL_SIZE >> 20
        ),
        Some("import less: a package often has smaller entry points"),
    )
}

fn text(path: &Path, name: &str, inputs: &InputRecorder) -> Result<String, ProjectError> {
    String::from_utf8(super::read(path, inputs)?)
        .map_err(|error| wrong(format!("{name}: not UTF-8: {error}"), None))
}

type Attempted = Result<Arc<Translated>, Vec<String>>;

fn translated(
    path: &Path,
    name: &str,
    text: &str,
    is_module: bool,
    limits: &BuildLimits,
    end: Instant,
) -> Result<Attempted, ProjectError> {
    let mut hasher = DefaultHasher::new();
    (name, text, is_module).hash(&mut hasher);
    let key = (path.to_path_buf(), hasher.finish());
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known().files.get(&key) {
        return Ok(Ok(Arc::clone(found)));
    }
    let is_json = path.extension().is_some_and(|ending| ending == "json");
    let answer = if is_json {
        json(name, text)
    } else {
        match worker::translate(name, text, is_module, limits, end)? {
            Outcome::Answer(answer) => answer,
            Outcome::Stopped => return Err(super::stopped(name, limits)),
            Outcome::Died(how) => {
                return Err(wrong(
                    format!(
                        "{name}: cannot be parsed: nested too deeply or too large for the parser ({how})"
                    ),
                    Some(
                        "split the file, or split what is nested into variables and functions of their own",
                    ),
                ));
            }
        }
    };
    let translated = match answer {
        Ok(translated) => Arc::new(translated),
        Err(problems) => return Ok(Err(problems)),
    };
    let mut known = known();
    if known.size > KNOWN_LIMIT || known.files.len() > FILES {
        *known = Known::default();
    }
    known.size += translated.size();
    known.files.insert(key, Arc::clone(&translated));
    Ok(Ok(translated))
}

/// A JSON document runs as it is; its parser passes over nesting without recursion.
fn json(name: &str, text: &str) -> Result<Translated, Vec<String>> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| {
        vec![format!(
            "{name}:{}:{}: {error}",
            error.line(),
            error.column()
        )]
    })?;
    Ok(Translated {
        format: ModuleFormat::Json,
        content: None,
        source_map: None,
        imports: Vec::new(),
    })
}

/// See [`crate::fuzzing`].
#[cfg(fuzzing)]
pub(crate) mod fuzzing {
    use super::{json, translate, wire};

    /// Translates a file as programs without a parser process do.
    pub(crate) fn translate(name: &str, text: &str) {
        if name.ends_with(".json") {
            let _ = json(name, text);
        } else if let Ok(translated) = translate::in_process(name, text, true) {
            let mut answer = Vec::new();
            let expected = translated.clone();
            if wire::write_answer(&mut answer, Ok(translated)).is_ok()
                && let Ok(frame) = wire::read_frame(&mut answer.as_slice())
            {
                let found = wire::read_answer(frame, text.len());
                assert!(found.is_ok_and(|found| found == Ok(expected)));
            }
        }
    }

    /// Reads frames as the host and as the parser process.
    pub(crate) fn parser_frames(mut bytes: &[u8]) {
        while let Ok(frame) = wire::read_frame(&mut bytes) {
            let _ = wire::read_request(frame.clone());
            if let Ok(Ok(translated)) = wire::read_answer(frame, 1000) {
                let places = translated.imports.iter();
                assert!(places.into_iter().all(|import| import.offset <= 1000));
            }
        }
    }
}
