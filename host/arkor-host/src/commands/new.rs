//! `arkor-host new`

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::arguments::{NewArguments, Template};
use crate::exit::Exit;
use crate::output::Printer;

const MANAGED: &str = include_str!("../../../../examples/typescript-quickstart/trainer.ts");
const LOOP: &str = include_str!("../../../../examples/typescript-loop/trainer.ts");
/// The gospels of the King James Bible: something to train on until the user has put data there.
const DATA: &str = include_str!("../../../../examples/typescript-loop/data/gospels.txt");
const DATA_README: &str = include_str!("../../../../examples/typescript-loop/data/README.md");
const MODULE_TYPES: &str = include_str!("../../../../guest-sdk/js/index.d.ts");
const GLOBAL_TYPES: &str = include_str!("../../../../guest-sdk/js/globals.d.ts");

const CONFIG: &str = "\
# What the trainer may reach and use; all of it is optional. `arkor-host` says which line to add when it
# refuses something.

[capabilities]
# files = [{ path = \"data\", mode = \"read\" }]

[limits]
# memory = \"256 MiB\"
# callback-timeout = \"30s\"
";

const IGNORED: &str = ".arkor/\nnode_modules/\n";

pub(crate) fn new(arguments: &NewArguments, printer: &Printer) -> Result<Exit> {
    let folder = &arguments.path;
    let name = folder
        .file_name()
        .and_then(|name| name.to_str())
        .context("the path must end with a name for the trainer")?;
    let is_fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    ensure!(
        name.len() <= 100
            && name.chars().all(is_fine)
            && name.starts_with(|c: char| c.is_ascii_alphanumeric()),
        "`{name}` cannot be the name of a trainer: 1 to 100 letters, digits, `-`, `_` or `.`, the first \
         a letter or digit"
    );
    let is_free = match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => bail!("cannot look into `{}`: {error}", folder.display()),
    };
    ensure!(
        is_free,
        "`{}` is there already, and not empty",
        folder.display()
    );
    let files = files(arguments.template, arguments.own_loop, name);
    for (path, content) in &files {
        write(&folder.join(path), content)?;
    }
    if printer.json() {
        printer.object(&serde_json::json!({
            "type": "created",
            "path": folder,
            "files": files.iter().map(|(path, _)| path).collect::<Vec<_>>(),
        }));
        return Ok(Exit::Completed);
    }
    printer.line(&format!("created {}", folder.display()));
    for (path, _) in &files {
        printer.line(&format!("  {path}"));
    }
    printer.line(&format!(
        "next: arkor-host dev {}, and change the trainer while it trains",
        folder.display()
    ));
    Ok(Exit::Completed)
}

fn files(template: Template, own_loop: bool, name: &str) -> Vec<(&'static str, String)> {
    let (example, source) = if own_loop {
        ("typescript-loop", LOOP)
    } else {
        ("typescript-quickstart", MANAGED)
    };
    let source = source.replace(&format!("\"{example}\""), &format!("\"{name}\""));
    let (entry, source, options) = match template {
        Template::Typescript => ("trainer.ts", source, ""),
        Template::Javascript => (
            "trainer.js",
            format!("// @ts-check\n{}", without_types(&source)),
            "\n    \"allowJs\": true,\n    \"checkJs\": true,",
        ),
    };
    vec![
        ("arkor.toml", CONFIG.into()),
        (entry, source),
        ("arkor.d.ts", types()),
        ("tsconfig.json", tsconfig(options)),
        ("data/gospels.txt", DATA.into()),
        ("data/README.md", DATA_README.into()),
        ("README.md", readme(name, entry)),
        (".gitignore", IGNORED.into()),
    ]
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

/// One file that editors find by themselves, with nothing installed.
fn types() -> String {
    let mut text = String::from(
        "// Types of the module \"arkor\" and of the globals, by `arkor-host new`.\n\n\
         declare module \"arkor\" {\n",
    );
    for line in MODULE_TYPES.lines() {
        if !line.is_empty() {
            text += "  ";
        }
        text += line;
        text.push('\n');
    }
    text + "}\n\n" + GLOBAL_TYPES
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

fn readme(name: &str, entry: &str) -> String {
    format!(
        "# {name}

A trainer for arkor-host: `{entry}` says what to train, and what to do while it trains.

    arkor-host dev                # train; every saved change comes into the run
    arkor-host run                # train without watching
    arkor-host replay latest      # show the last run to the callbacks as they are now, without training
    arkor-host build              # one .wasm that runs on any arkor-host

`arkor.d.ts` has the types for your editor. `data/gospels.txt` is there so that there is something to train on.
"
    )
}

fn write(path: &Path, content: &str) -> Result<()> {
    let failed = || format!("cannot write `{}`", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(failed)?;
    }
    std::fs::write(path, content).with_context(failed)
}
