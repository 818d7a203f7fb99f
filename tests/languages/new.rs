//! `arkor-host new`: what it makes runs, and editors understand it.

use std::process::Command;

use crate::harness::{Done, Project, repository};

/// Makes a project, looks at what it does, and returns it.
fn made(template: &str, own_loop: bool) -> Project {
    let place = Project::empty();
    let mut words = vec!["new", "my-trainer", "--template", template, "--json"];
    if own_loop {
        words.push("--loop");
    }
    let made = place.arkor(words);
    made.expect(0);
    for file in ["README.md", ".gitignore", "arkor.toml", "tests/tape.jsonl"] {
        assert!(made.out.contains(file), "{template}: {file}");
    }
    let done = place.arkor(["run", "my-trainer", "--json", "--max-steps", "5"]);
    done.expect(0);
    assert_eq!(done.finished()["steps"], 5);
    let shown = place.arkor(["runs", "show", "--json", "-C", "my-trainer"]);
    assert!(
        shown.out.contains("my-trainer"),
        "{}{}",
        shown.out,
        shown.err
    );
    let replayed = replay(&place);
    replayed.expect(0);
    let summary = replayed.json().pop().unwrap();
    assert!(summary["events"].as_u64().unwrap() >= 18, "{summary}");
    place
}

fn replay(place: &Project) -> Done {
    let tape = place.path("my-trainer/tests/tape.jsonl");
    let tape = tape.to_str().unwrap();
    place.arkor(["replay", tape, "--check", "--json", "-C", "my-trainer"])
}

/// After this change of the trainer its callbacks answer differently, and its test says so.
fn fails_when_changed(place: &Project, entry: &str, from: &str, to: &str) {
    let file = format!("my-trainer/{entry}");
    let source = std::fs::read_to_string(place.path(&file)).unwrap();
    let changed = source.replace(from, to);
    assert_ne!(changed, source);
    place.write(&file, &changed);
    replay(place).expect(1);
}

#[test]
fn typescript_and_javascript() {
    for (template, entry) in [("typescript", "trainer.ts"), ("javascript", "trainer.js")] {
        for own_loop in [false, true] {
            let place = made(template, own_loop);
            let tsc = repository().join("guest-sdk/js/node_modules/typescript/bin/tsc");
            let mut node = Command::new("node");
            node.arg(tsc).args(["--project", "my-trainer"]);
            let checked = node.current_dir(place.path("")).output().unwrap();
            let said = String::from_utf8_lossy(&checked.stdout);
            assert!(checked.status.success(), "{template} {own_loop}: {said}");
            if own_loop {
                fails_when_changed(&place, entry, "state.logs += 1", "state.logs += 2");
            } else {
                fails_when_changed(&place, entry, "PATIENCE = 3", "PATIENCE = 2");
            }
        }
    }
}

#[test]
fn python() {
    for own_loop in [false, true] {
        let place = made("python", own_loop);
        let pyright = repository().join("guest-sdk/js/node_modules/pyright/index.js");
        let mut node = Command::new("node");
        node.arg(pyright).current_dir(place.path("my-trainer"));
        let checked = node.output().unwrap();
        let said = String::from_utf8_lossy(&checked.stdout);
        assert!(checked.status.success(), "{own_loop}: {said}");
        if own_loop {
            fails_when_changed(&place, "trainer.py", "[\"logs\"] += 1", "[\"logs\"] += 2");
        } else {
            fails_when_changed(&place, "trainer.py", "PATIENCE = 3", "PATIENCE = 2");
        }
    }
}

#[test]
fn rust() {
    let place = made("rust", true);
    fails_when_changed(&place, "src/lib.rs", "self.logs += 1", "self.logs += 2");
    let place = made("rust", false);
    fails_when_changed(
        &place,
        "src/lib.rs",
        "PATIENCE: u32 = 3",
        "PATIENCE: u32 = 2",
    );
}

#[test]
fn c() {
    for own_loop in [false, true] {
        let place = made("c", own_loop);
        // As clangd reads it.
        let flags = std::fs::read_to_string(place.path("my-trainer/compile_flags.txt")).unwrap();
        let mut clang = Command::new("clang-22");
        clang.args(flags.lines()).args([
            "-fsyntax-only",
            "-Wall",
            "-Werror",
            "-Wno-deprecated",
            "trainer.c",
        ]);
        let checked = clang
            .current_dir(place.path("my-trainer"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success(), "{own_loop}: {said}");
        if own_loop {
            fails_when_changed(&place, "trainer.c", "memory.logs += 1", "memory.logs += 2");
        } else {
            fails_when_changed(&place, "trainer.c", "PATIENCE = 3", "PATIENCE = 2");
        }
    }
}

#[test]
fn go() {
    for own_loop in [false, true] {
        let place = made("go", own_loop);
        if own_loop {
            fails_when_changed(&place, "trainer.go", "Logs++", "Logs += 2");
        } else {
            fails_when_changed(&place, "trainer.go", "patience = 3", "patience = 2");
        }
    }
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let place = Project::empty();
    place.write("mine.txt", "");
    std::fs::create_dir(place.path("full")).unwrap();
    place.write("full/mine.txt", "kept");
    let done = place.arkor(["new", "full"]);
    done.one_error(&["`full` is there already, and not empty"]);
    assert_eq!(
        std::fs::read_to_string(place.path("full/mine.txt")).unwrap(),
        "kept"
    );
    place.arkor(["new", "fine"]).expect(0);
}

#[test]
fn a_folder_of_any_name_and_the_one_that_one_is_in_get_a_trainer() {
    for (folder, name) in [("My trainer", "My-trainer"), ("訓練", "trainer")] {
        let place = Project::empty();
        place
            .arkor(["new", folder, "--template", "typescript"])
            .expect(0);
        let source = std::fs::read_to_string(place.path(folder).join("trainer.ts")).unwrap();
        assert!(source.contains(&format!("\"{name}\"")), "{source}");
        let done = place.arkor(["run", folder, "--max-steps", "1", "--json"]);
        done.expect(0);
    }
    let place = Project::empty();
    std::fs::create_dir(place.path(".git")).unwrap();
    place
        .arkor(["new", ".", "--template", "typescript"])
        .expect(0);
    place.arkor(["run", "--max-steps", "1", "--json"]).expect(0);
}
