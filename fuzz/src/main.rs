//! Hostile bytes for everything that parses them. `ARKOR_FUZZ_TARGET` names the parser.
#![no_main]

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

/// What modules that are taken in by path expect at the root of their crate.
mod error;
mod protocol;

mod targets {
    pub(crate) mod cargo_messages;
    pub(crate) mod checkpoint;
    pub(crate) mod component;
    pub(crate) mod event_row;
    pub(crate) mod javascript;
    pub(crate) mod line_table;
    pub(crate) mod package_json;
    pub(crate) mod parser_frames;
    pub(crate) mod project_file;
    pub(crate) mod python_imports;
    pub(crate) mod requirements;
    pub(crate) mod tape;
    pub(crate) mod text;
    pub(crate) mod tokenizer;
    pub(crate) mod world;
}

type Target = fn(&[u8]);

const TARGETS: &[(&str, Target)] = &[
    ("cargo_messages", targets::cargo_messages::run),
    ("checkpoint", targets::checkpoint::run),
    ("component", targets::component::run),
    ("event_row", targets::event_row::run),
    ("javascript", targets::javascript::run),
    ("line_table", targets::line_table::run),
    ("package_json", targets::package_json::run),
    ("parser_frames", targets::parser_frames::run),
    ("project_file", targets::project_file::run),
    ("python_imports", targets::python_imports::run),
    ("requirements", targets::requirements::run),
    ("tape", targets::tape::run),
    ("text", targets::text::run),
    ("tokenizer", targets::tokenizer::run),
    ("world", targets::world::run),
];

/// This program, too, makes components in a process of its own.
const WRAPPER: &str = "__component";

static CHOSEN: OnceLock<Target> = OnceLock::new();

fuzz_target!(
    init: {
        if std::env::args_os().nth(1).is_some_and(|first| first == WRAPPER) {
            let served = targets::component::wrapper::serve();
            std::process::exit(i32::from(served.is_err()));
        }
        if let Ok(itself) = std::env::current_exe() {
            targets::component::process::use_component_process(itself, WRAPPER);
        }
        let name = std::env::var("ARKOR_FUZZ_TARGET").unwrap_or_default();
        let found = TARGETS.iter().find(|(known, _)| *known == name);
        let (_, target) = found.unwrap_or_else(|| panic!("ARKOR_FUZZ_TARGET names no target: {name:?}"));
        CHOSEN.set(*target).unwrap();
        quiet_caught_panics();
    },
    |data: &[u8]| CHOSEN.get().unwrap()(data)
);

thread_local! {
    static CATCHES: Cell<bool> = const { Cell::new(false) };
}

/// libFuzzer's hook ends the process at any panic; those that the host catches too are none of its business.
fn quiet_caught_panics() {
    let usual = std::panic::take_hook();
    let main = std::thread::current().id();
    std::panic::set_hook(Box::new(move |panic| {
        // What is parsed on a thread of its own is parsed there so that its panics are caught.
        if !CATCHES.get() && !arkor_types::handles_panic() && std::thread::current().id() == main {
            usual(panic);
        }
    }));
}

/// Does what the host does with panics caught.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    CATCHES.set(true);
    let done = catch_unwind(AssertUnwindSafe(work)).ok();
    CATCHES.set(false);
    done
}

/// The text in the bytes, as far as it is UTF-8.
pub(crate) fn text(data: &[u8]) -> &str {
    data.utf8_chunks().next().map_or("", |chunk| chunk.valid())
}
