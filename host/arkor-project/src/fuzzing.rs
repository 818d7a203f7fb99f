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

/// Reads a `requirements.txt`. What is accepted is accepted again, and is no order to pip.
///
/// # Panics
///
/// If it is not.
pub fn requirements(bytes: &[u8]) {
    crate::script::fuzzing::requirements(bytes);
}

/// Reads an `arkor.toml`; what is wrong with it can be shown.
pub fn project_file(text: &str) {
    if let Err(error) = crate::Config::parse(Path::new("arkor.toml"), text, &Path::is_file) {
        let _ = (error.to_string(), error.hint());
    }
}

/// Looks for the artifacts in what `cargo build` printed.
pub fn cargo_messages(text: &str) {
    let _ = crate::toolchain::wasm_files(text);
}

/// Resolves imports of a package with this `package.json`.
pub fn package_json(text: &[u8]) {
    crate::script::fuzzing::package_json(text);
}

/// Reads what host and parser process say to each other.
pub fn parser_frames(bytes: &[u8]) {
    crate::script::fuzzing::parser_frames(bytes);
}
