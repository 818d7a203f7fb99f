//! What a project needs of the guest libraries, which are on no registry.

const MODULE_TYPES: &str = include_str!("../../../../../guest-sdk/js/index.d.ts");
const GLOBAL_TYPES: &str = include_str!("../../../../../guest-sdk/js/globals.d.ts");

/// One file that editors find by themselves, with nothing installed.
pub(super) fn typescript() -> String {
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

pub(super) fn python(put: &mut impl FnMut(&str, String)) {
    const FILES: &[(&str, &str)] = &[
        (
            "arkor/__init__.py",
            include_str!("../../../../../guest-sdk/python/src/arkor/__init__.py"),
        ),
        (
            "arkor/_host.py",
            include_str!("../../../../../guest-sdk/python/src/arkor/_host.py"),
        ),
        (
            "arkor/action.py",
            include_str!("../../../../../guest-sdk/python/src/arkor/action.py"),
        ),
        (
            "arkor/artifacts.py",
            include_str!("../../../../../guest-sdk/python/src/arkor/artifacts.py"),
        ),
        (
            "arkor/dataset.py",
            include_str!("../../../../../guest-sdk/python/src/arkor/dataset.py"),
        ),
        (
            "arkor/format.py",
            include_str!("../../../../../guest-sdk/python/src/arkor/format.py"),
        ),
        (
            "arkor/hooks.py",
            include_str!("../../../../../guest-sdk/python/src/arkor/hooks.py"),
        ),
        (
            "arkor/inference.py",
            include_str!("../../../../../guest-sdk/python/src/arkor/inference.py"),
        ),
        (
            "arkor/loss.py",
            include_str!("../../../../../guest-sdk/python/src/arkor/loss.py"),
        ),
        (
            "arkor/run.py",
            include_str!("../../../../../guest-sdk/python/src/arkor/run.py"),
        ),
        (
            "arkor/session.py",
            include_str!("../../../../../guest-sdk/python/src/arkor/session.py"),
        ),
        (
            "arkor/sources.py",
            include_str!("../../../../../guest-sdk/python/src/arkor/sources.py"),
        ),
        (
            "arkor/trainer.py",
            include_str!("../../../../../guest-sdk/python/src/arkor/trainer.py"),
        ),
        (
            "arkor/types.py",
            include_str!("../../../../../guest-sdk/python/src/arkor/types.py"),
        ),
        (
            "arkor/py.typed",
            include_str!("../../../../../guest-sdk/python/src/arkor/py.typed"),
        ),
    ];
    put_all(FILES, put);
}

pub(super) fn rust(put: &mut impl FnMut(&str, String)) {
    const FILES: &[(&str, &str)] = &[
        (
            "arkor-guest/Cargo.toml",
            include_str!("../../../../../guest-sdk/rust/Cargo.toml"),
        ),
        (
            "arkor-guest/src/bindings.rs",
            include_str!("../../../../../guest-sdk/rust/src/bindings.rs"),
        ),
        (
            "arkor-guest/src/defaults.rs",
            include_str!("../../../../../guest-sdk/rust/src/defaults.rs"),
        ),
        (
            "arkor-guest/src/error.rs",
            include_str!("../../../../../guest-sdk/rust/src/error.rs"),
        ),
        (
            "arkor-guest/src/export.rs",
            include_str!("../../../../../guest-sdk/rust/src/export.rs"),
        ),
        (
            "arkor-guest/src/lib.rs",
            include_str!("../../../../../guest-sdk/rust/src/lib.rs"),
        ),
        (
            "arkor-guest/src/state.rs",
            include_str!("../../../../../guest-sdk/rust/src/state.rs"),
        ),
        (
            "arkor-guest/src/trainer.rs",
            include_str!("../../../../../guest-sdk/rust/src/trainer.rs"),
        ),
    ];
    for (path, content) in FILES {
        // It is a part of the project's workspace, without the tools that made it.
        let content = match content.split_once("\n[dev-dependencies]") {
            Some((before, _)) if path.ends_with("Cargo.toml") => format!("{before}\n"),
            _ => (*content).into(),
        };
        put(path, content);
    }
}

pub(super) fn c(put: &mut impl FnMut(&str, String)) {
    const FILES: &[(&str, &str)] = &[
        (
            "arkor/arkor.h",
            include_str!("../../../../../guest-sdk/c/arkor.h"),
        ),
        (
            "arkor/arkor.c",
            include_str!("../../../../../guest-sdk/c/arkor.c"),
        ),
        (
            "arkor/host.c",
            include_str!("../../../../../guest-sdk/c/host.c"),
        ),
        (
            "arkor/spec.c",
            include_str!("../../../../../guest-sdk/c/spec.c"),
        ),
        (
            "arkor/loop.h",
            include_str!("../../../../../guest-sdk/c/loop.h"),
        ),
        (
            "arkor/loop.c",
            include_str!("../../../../../guest-sdk/c/loop.c"),
        ),
        (
            "arkor/build.sh",
            include_str!("../../../../../guest-sdk/c/build.sh"),
        ),
        (
            "arkor/generated/managed-trainer.h",
            include_str!("../../../../../guest-sdk/c/generated/managed-trainer.h"),
        ),
        (
            "arkor/generated/managed-trainer.c",
            include_str!("../../../../../guest-sdk/c/generated/managed-trainer.c"),
        ),
        (
            "arkor/generated/loop-trainer.h",
            include_str!("../../../../../guest-sdk/c/generated/loop-trainer.h"),
        ),
        (
            "arkor/generated/loop-trainer.c",
            include_str!("../../../../../guest-sdk/c/generated/loop-trainer.c"),
        ),
    ];
    put_all(FILES, put);
}

/// Some of them are no text.
pub(super) fn go(put: &mut impl FnMut(&str, Vec<u8>)) {
    const FILES: &[(&str, &[u8])] = &[
        (
            "arkor/arena_other.go",
            include_bytes!("../../../../../guest-sdk/go/arena_other.go"),
        ),
        (
            "arkor/arena_wasm.go",
            include_bytes!("../../../../../guest-sdk/go/arena_wasm.go"),
        ),
        (
            "arkor/arena_wasm.s",
            include_bytes!("../../../../../guest-sdk/go/arena_wasm.s"),
        ),
        (
            "arkor/build/loop-trainer.section",
            include_bytes!("../../../../../guest-sdk/go/build/loop-trainer.section"),
        ),
        (
            "arkor/build/main.go",
            include_bytes!("../../../../../guest-sdk/go/build/main.go"),
        ),
        (
            "arkor/build/managed-trainer.section",
            include_bytes!("../../../../../guest-sdk/go/build/managed-trainer.section"),
        ),
        (
            "arkor/enter.go",
            include_bytes!("../../../../../guest-sdk/go/enter.go"),
        ),
        (
            "arkor/errors.go",
            include_bytes!("../../../../../guest-sdk/go/errors.go"),
        ),
        (
            "arkor/exports_wasm.go",
            include_bytes!("../../../../../guest-sdk/go/exports_wasm.go"),
        ),
        (
            "arkor/go.mod",
            include_bytes!("../../../../../guest-sdk/go/go.mod"),
        ),
        (
            "arkor/host.go",
            include_bytes!("../../../../../guest-sdk/go/host.go"),
        ),
        (
            "arkor/imports_other.go",
            include_bytes!("../../../../../guest-sdk/go/imports_other.go"),
        ),
        (
            "arkor/imports_wasm.go",
            include_bytes!("../../../../../guest-sdk/go/imports_wasm.go"),
        ),
        (
            "arkor/internal/entry/entry.go",
            include_bytes!("../../../../../guest-sdk/go/internal/entry/entry.go"),
        ),
        (
            "arkor/loop/exports_wasm.go",
            include_bytes!("../../../../../guest-sdk/go/loop/exports_wasm.go"),
        ),
        (
            "arkor/loop/loop.go",
            include_bytes!("../../../../../guest-sdk/go/loop/loop.go"),
        ),
        (
            "arkor/memory.go",
            include_bytes!("../../../../../guest-sdk/go/memory.go"),
        ),
        (
            "arkor/memory_types.go",
            include_bytes!("../../../../../guest-sdk/go/memory_types.go"),
        ),
        (
            "arkor/trainer.go",
            include_bytes!("../../../../../guest-sdk/go/trainer.go"),
        ),
        (
            "arkor/types.go",
            include_bytes!("../../../../../guest-sdk/go/types.go"),
        ),
        (
            "arkor/values.go",
            include_bytes!("../../../../../guest-sdk/go/values.go"),
        ),
    ];
    for (path, content) in FILES {
        put(path, content.to_vec());
    }
}

fn put_all(files: &[(&str, &str)], put: &mut impl FnMut(&str, String)) {
    for (path, content) in files {
        put(path, (*content).into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_of_the_library_for_go_is_left_out() {
        let mut given = Vec::new();
        go(&mut |path, _| given.push(path.to_owned()));
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-sdk/go");
        let mut folders = vec![std::path::PathBuf::from(root)];
        let mut expected = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_none_or(|ending| ending != "md") {
                    let inside = path.strip_prefix(root).unwrap();
                    expected.push(format!("arkor/{}", inside.to_str().unwrap()));
                }
            }
        }
        given.sort();
        expected.sort();
        assert_eq!(given, expected);
    }

    #[test]
    fn no_module_of_the_python_library_is_left_out() {
        let mut given = Vec::new();
        python(&mut |path, _| given.push(path.to_owned()));
        let folder = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../guest-sdk/python/src/arkor"
        );
        let mut expected: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".py") || name == "py.typed")
            .map(|name| format!("arkor/{name}"))
            .collect();
        given.sort();
        expected.sort();
        assert_eq!(given, expected);
    }
}
