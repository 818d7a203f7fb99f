//! Which import asks for what a module does not export. The interpreter names the module only.

use crate::bindings::arkor::trainer::diagnostics::Frame;
use crate::modules;

/// The message of an error of linking, with what helps its author, and the place of the import.
pub(crate) fn explain(message: &str) -> Option<(String, Frame)> {
    let rest = message.strip_prefix("Could not find export '")?;
    let (name, module) = rest.split_once("' in module '")?;
    let module = module.strip_suffix('\'')?;
    let at = modules::find_import(module, |content, quoted| place_in(content, quoted, name))?;
    let mut text = format!("{module} exports no \"{name}\"");
    if name != "default" && is_typescript(module) {
        text += "; if it is a type, import it with `import type`";
    }
    Some((text, at))
}

fn is_typescript(module: &str) -> bool {
    [".ts", ".mts", ".cts", ".tsx"]
        .iter()
        .any(|ending| module.ends_with(ending))
}

/// Line and column, from 1, of a name in an import or a re-export from this text in quotes.
fn place_in(content: &str, quoted: &str, name: &str) -> Option<(u32, u32)> {
    content.match_indices(quoted).find_map(|(end, _)| {
        let before = content.get(..end)?;
        let start = before.rfind("import").max(before.rfind("export"))?;
        let clause = before.get(start..)?;
        // A default import has another name where it is imported.
        let within = match name {
            "default" => 0,
            name => word(clause, name)?,
        };
        position(content, start + within)
    })
}

/// Where a text is as a word of its own.
fn word(text: &str, name: &str) -> Option<usize> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
    text.match_indices(name).map(|(at, _)| at).find(|at| {
        let before = text.get(..*at).and_then(|text| text.chars().next_back());
        let after = text
            .get(at + name.len()..)
            .and_then(|text| text.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

fn position(content: &str, at: usize) -> Option<(u32, u32)> {
    let before = content.get(..at)?;
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    Some((u32::try_from(line).ok()?, u32::try_from(column).ok()?))
}
