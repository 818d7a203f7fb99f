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
    let name = name_of(folder)?;
    let is_free = match std::fs::read_dir(folder) {
        // A repository may be there before what it is for.
        Ok(entries) => entries.flatten().all(|entry| entry.file_name() == ".git"),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => bail!("cannot look into `{}`: {error}", folder.display()),
    };
    ensure!(
        is_free,
        "`{}` is there already, and not empty",
        folder.display()
    );
    let files = templates::files(arguments.template, arguments.own_loop, &name);
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
        crate::trust::quoted(folder)
    ));
    Ok(Exit::Completed)
}

/// The trainer's name: that of the folder, with `-` for what names of trainers do not have.
fn name_of(folder: &Path) -> Result<String> {
    // `.` and `..` have the names of what they mean.
    let resolved = match folder.file_name() {
        Some(_) => folder.to_path_buf(),
        None => folder
            .canonicalize()
            .with_context(|| format!("cannot look into `{}`", folder.display()))?,
    };
    let named = resolved.file_name().unwrap_or_default().to_string_lossy();
    let fitting = named.chars().map(|letter| match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '.' => letter,
        _ => '-',
    });
    let name: String = fitting.take(100).collect();
    let name = name.trim_matches(['-', '_', '.']);
    Ok(if name.is_empty() { "trainer" } else { name }.into())
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    let failed = || format!("cannot write `{}`", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(failed)?;
    }
    std::fs::write(path, content).with_context(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_folder_has_a_name_for_its_trainer() {
        for (folder, expected) in [
            ("my-trainer", "my-trainer"),
            ("a/b/My trainer (2)", "My-trainer--2"),
            ("訓練", "trainer"),
            ("_x.", "x"),
            ("1.0", "1.0"),
        ] {
            assert_eq!(name_of(Path::new(folder)).unwrap(), expected, "{folder}");
        }
        let here = std::env::current_dir().unwrap();
        let here = here.file_name().unwrap().to_str().unwrap();
        assert_eq!(name_of(Path::new(".")).unwrap(), here);
        assert_eq!(name_of(Path::new(&"x".repeat(300))).unwrap().len(), 100);
    }
}
