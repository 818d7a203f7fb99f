//! Ways in for the targets in `fuzz/`.

use std::path::Path;

/// Translates a file in this process; the name's ending says what it is.
pub fn javascript(name: &str, text: &str) {
    crate::script::fuzzing::javascript(name, text);
}

/// Looks for imports of a Python file.
pub fn python_imports(text: &str) {
    crate::script::fuzzing::python_imports(text);
}

/// Reads an `arkor.toml`; what is wrong with it can be shown.
pub fn project_file(text: &str) {
    if let Err(error) = crate::Config::parse(Path::new("arkor.toml"), text) {
        let _ = (error.to_string(), error.hint());
    }
}
