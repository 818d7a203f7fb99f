//! `arkor-host new`

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::arguments::NewArguments;
use crate::exit::Exit;
use crate::output::Printer;

mod libraries;
mod templates;

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
    let files = templates::files(arguments.template, arguments.own_loop, name);
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
    if let Some(needs) = templates::needs(arguments.template) {
        printer.line(&format!("needs {needs}"));
    }
    printer.line(&format!(
        "next: arkor-host dev {}, and change the trainer while it trains",
        folder.display()
    ));
    Ok(Exit::Completed)
}

fn write(path: &Path, content: &str) -> Result<()> {
    let failed = || format!("cannot write `{}`", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(failed)?;
    }
    std::fs::write(path, content).with_context(failed)
}
