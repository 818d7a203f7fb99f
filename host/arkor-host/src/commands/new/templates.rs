//! What a new project has in each language.

use super::libraries;
use crate::arguments::Template;

/// A file of a new project: its path, and what is in it.
pub(super) type File = (String, Vec<u8>);

/// An example, as the trainer of a new project.
struct Example {
    /// The name that it has in its spec.
    name: &'static str,
    entry: &'static str,
    source: &'static str,
}

macro_rules! example {
    ($name:literal, $entry:literal) => {
        Example {
            name: $name,
            entry: $entry,
            source: include_str!(concat!("../../../../../examples/", $name, "/", $entry)),
        }
    };
}

const TYPESCRIPT: [Example; 2] = [
    example!("typescript-quickstart", "trainer.ts"),
    example!("typescript-loop", "trainer.ts"),
];
const PYTHON: [Example; 2] = [
    example!("python-quickstart", "trainer.py"),
    example!("python-loop", "trainer.py"),
];
const RUST: [Example; 2] = [
    example!("rust-quickstart", "src/lib.rs"),
    example!("rust-loop", "src/lib.rs"),
];
const C: [Example; 2] = [
    example!("c-quickstart", "trainer.c"),
    example!("c-loop", "trainer.c"),
];
const GO: [Example; 2] = [
    example!("go-quickstart", "trainer.go"),
    example!("go-loop", "trainer.go"),
];

/// Recorded runs of the examples: every language answers to them alike.
const TAPES: [&str; 2] = [
    include_str!("tapes/managed.jsonl"),
    include_str!("tapes/loop.jsonl"),
];

/// The gospels of the King James Bible: something to train on until the user has put data there.
const DATA: &str = include_str!("../../../../../examples/typescript-loop/data/gospels.txt");
const DATA_README: &str = include_str!("../../../../../examples/typescript-loop/data/README.md");

const CONFIG: &str = "\
# What the trainer may reach and use; all of it is optional. `arkor-host` says which line to add when it
# refuses something.

[capabilities]
# files = [{ path = \"data\", mode = \"read\" }]

[limits]
# memory = \"256 MiB\"
# callback-timeout = \"30s\"
";

/// What must be installed to build a trainer in this language, if anything must.
pub(super) fn needs(template: Template) -> Option<&'static str> {
    match template {
        Template::Typescript | Template::Javascript | Template::Python => None,
        Template::Rust => {
            Some("Rust with its target for WebAssembly: arkor-host toolchain install rust")
        }
        Template::C => Some(
            "clang and lld with wasi-libc (Debian: clang-22 lld-22 libclang-rt-22-dev-wasm32 wasi-libc), or a wasi-sdk \
             at WASI_SDK_PATH",
        ),
        Template::Go => Some("Go 1.24 or newer"),
    }
}

pub(super) fn files(template: Template, own_loop: bool, name: &str) -> Vec<File> {
    let [managed, with_loop] = match template {
        Template::Typescript | Template::Javascript => TYPESCRIPT,
        Template::Python => PYTHON,
        Template::Rust => RUST,
        Template::C => C,
        Template::Go => GO,
    };
    let [tape, tape_of_loop] = TAPES;
    let (example, tape) = if own_loop {
        (with_loop, tape_of_loop)
    } else {
        (managed, tape)
    };
    let source = example
        .source
        .replace(&format!("\"{}\"", example.name), &format!("\"{name}\""));
    let mut entry = example.entry;
    let mut files: Vec<File> = Vec::new();
    if template == Template::Go {
        libraries::go(&mut |path, content| files.push((path.into(), content)));
    }
    let mut put = |path: &str, content: String| files.push((path.into(), content.into_bytes()));
    let (trainer, ignored, types) = match template {
        Template::Typescript => {
            put(entry, source);
            put("arkor.d.ts", libraries::typescript());
            put("tsconfig.json", tsconfig(""));
            (
                "",
                "node_modules/\n",
                "`arkor.d.ts` has the types for your editor.",
            )
        }
        Template::Javascript => {
            entry = "trainer.js";
            put(entry, format!("// @ts-check\n{}", without_types(&source)));
            put("arkor.d.ts", libraries::typescript());
            put(
                "tsconfig.json",
                tsconfig("\n    \"allowJs\": true,\n    \"checkJs\": true,"),
            );
            (
                "",
                "node_modules/\n",
                "`arkor.d.ts` has the types for your editor.",
            )
        }
        Template::Python => {
            put(entry, source);
            put("pyproject.toml", pyproject(name));
            libraries::python(&mut put);
            (
                "",
                "__pycache__/\n.venv/\n",
                "`arkor/` is there for your editor and for tests: the host has its own. Packages go into `.venv` or \
                 `requirements.txt`.",
            )
        }
        Template::Rust => {
            put(entry, source);
            put("Cargo.toml", cargo(name, own_loop));
            libraries::rust(&mut put);
            (
                "[trainer]\nlanguage = \"rust\"\n\n",
                "target/\n",
                "`arkor-guest/` is the library it is written with.",
            )
        }
        Template::C => {
            put(entry, source);
            libraries::c(&mut put);
            // The editor must see what the compiler sees.
            let (trainer, flags) = if own_loop {
                (
                    "[trainer]\nbuild = \"sh arkor/build.sh -DARKOR_LOOP trainer.c\"\ncomponent = \
                     \"target/trainer.wasm\"\n\n",
                    "-Iarkor\n--target=wasm32-wasi\n-DARKOR_LOOP\n",
                )
            } else {
                (
                    "[trainer]\nbuild = \"sh arkor/build.sh trainer.c\"\ncomponent = \"target/trainer.wasm\"\n\n",
                    "-Iarkor\n--target=wasm32-wasi\n",
                )
            };
            put("compile_flags.txt", flags.into());
            (
                trainer,
                "target/\n",
                "`arkor/` is the library it is written with, and `compile_flags.txt` is for clangd.",
            )
        }
        Template::Go => {
            put(entry, source);
            put(
                "go.mod",
                "module trainer\n\ngo 1.24\n\nrequire arkor v0.0.0\n\nreplace arkor => ./arkor\n"
                    .into(),
            );
            (
                "[trainer]\nbuild = \"go run arkor/build\"\ncomponent = \"target/trainer.wasm\"\n\n",
                "target/\n",
                "`arkor/` is the library it is written with.",
            )
        }
    };
    put("arkor.toml", format!("{trainer}{CONFIG}"));
    put("tests/tape.jsonl", tape.into());
    put("data/gospels.txt", DATA.into());
    put("data/README.md", DATA_README.into());
    put("README.md", readme(name, entry, template, types));
    put(".gitignore", format!(".arkor/\n{ignored}"));
    files
}

fn cargo(name: &str, own_loop: bool) -> String {
    let dependencies = if own_loop {
        "arkor-guest = { path = \"arkor-guest\", features = [\"serde\"] }\nserde = { version = \"1\", features = \
         [\"derive\"] }"
    } else {
        "arkor-guest = { path = \"arkor-guest\" }"
    };
    // The name of a package has no dot, and begins with a letter.
    let package = name.replace('.', "-");
    format!(
        r#"[package]
name = "trainer-{package}"
version = "0.1.0"
edition = "2024"
publish = false

[lib]
crate-type = ["cdylib"]

[dependencies]
{dependencies}

[profile.release]
incremental = true # a change is live in half the time

[workspace]
"#
    )
}

fn pyproject(name: &str) -> String {
    format!(
        r#"[project]
name = "{name}"
version = "0.1.0"
requires-python = ">=3.10"

[tool.pyright]
exclude = [".arkor", ".venv"]
"#
    )
}

/// The examples have types at parameters and results only, and these are the ones.
fn without_types(source: &str) -> String {
    let mut text = source.to_owned();
    for (from, to) in [
        ("(step: number): number {", "(/** @type {number} */ step) {"),
        (
            "(step: number): boolean =>",
            "(/** @type {number} */ step) =>",
        ),
    ] {
        text = text.replace(from, to);
    }
    text
}

fn tsconfig(options: &str) -> String {
    format!(
        r#"{{
  "compilerOptions": {{
    "target": "esnext",
    "module": "preserve",
    "lib": ["esnext"],
    "types": [],
    "strict": true,
    "isolatedModules": true,{options}
    "noEmit": true
  }},
  "exclude": ["node_modules", ".arkor"]
}}
"#
    )
}

fn readme(name: &str, entry: &str, template: Template, types: &str) -> String {
    let needs = needs(template).map_or_else(String::new, |needs| format!("It needs {needs}.\n\n"));
    format!(
        "# {name}

A trainer for arkor-host: `{entry}` says what to train, and what to do while it trains.

    arkor-host dev                                  # train; every saved change comes into the run
    arkor-host run                                  # train without watching
    arkor-host replay tests/tape.jsonl --check      # a test: do the callbacks answer as they did?
    arkor-host build                                # one .wasm that runs on any arkor-host

{needs}{types} `data/gospels.txt` is there so that there is something to train on.

`tests/tape.jsonl` is a recorded run. After a change of the callbacks that you want, record another one:
`arkor-host run --json > tests/tape.jsonl`
"
    )
}
