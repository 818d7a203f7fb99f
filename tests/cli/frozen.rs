//! What version 0.1 wrote and was compiled against is read and run by this version. See `v0_1/README.md`.

use std::path::{Path, PathBuf};

use crate::harness::{Project, repository};

fn fixtures() -> PathBuf {
    repository().join("tests/cli/v0_1")
}

/// The fixture's project without its store.
fn project() -> Project {
    let project = Project::empty();
    for name in ["trainer.wasm", "text.txt"] {
        std::fs::copy(fixtures().join(name), project.path(name)).unwrap();
    }
    project.write("arkor.toml", "[trainer]\ncomponent = \"trainer.wasm\"\n");
    project
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &place);
        } else {
            std::fs::copy(entry.path(), place).unwrap();
        }
    }
}

/// The contract without what only people read.
fn plain(wit: &Path) -> String {
    let text = std::fs::read_to_string(wit).unwrap();
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_contract_is_the_one_that_was_released() {
    let names = |folder: &Path| {
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| Path::new(name).extension().is_some_and(|it| it == "wit"))
            .collect();
        names.sort();
        names
    };
    let (now, then) = (repository().join("wit"), fixtures().join("wit"));
    assert_eq!(names(&now), names(&then));
    for name in names(&then) {
        assert_eq!(
            plain(&now.join(&name)),
            plain(&then.join(&name)),
            "{name:?}: what trainers were compiled against cannot change; another version of the contract can"
        );
    }
}

#[test]
fn a_trainer_of_that_contract_runs() {
    let project = project();
    let done = project.run(&["--max-steps", "5"]);
    done.expect(0);
    assert_eq!(done.events("checkpoint").len(), 2);
    assert!(done.events("callback-failed").is_empty());
}

#[test]
fn a_tape_of_then_is_answered_as_it_was() {
    let project = project();
    let tape = fixtures().join("tape.jsonl");
    std::fs::copy(tape, project.path("tape.jsonl")).unwrap();
    project.arkor(["replay", "tape.jsonl", "--check"]).expect(0);
}

#[test]
fn a_store_of_then_is_read_and_gone_on_with() {
    let project = project();
    copy(&fixtures().join("store"), &project.path(".arkor"));
    // It is another user's, as far as this one can tell.
    project.arkor(["runs", "adopt"]).expect(0);
    let list = project.arkor(["runs", "list", "--json"]);
    list.expect(0);
    let runs = list.json();
    let ids: Vec<&str> = runs.iter().map(|run| run["id"].as_str().unwrap()).collect();
    assert_eq!(
        ids,
        ["20261127-195158-e50x", "20261127-195158-9x12"],
        "the one that cannot be read hides no other"
    );
    assert!(list.err.contains("j5k4"), "{}", list.err);
    // What that version did not know itself is kept and passed over.
    let events = project.arkor(["runs", "events", ids[0], "--json"]);
    events.expect(0);
    let events = events.json();
    assert_eq!(events.len(), 17);
    assert_eq!(
        (&events[7]["type"], &events[7]["height"]),
        (&"levitated".into(), &3.5.into())
    );
    project.arkor(["replay", ids[0]]).expect(0);
    // The same weights lie at the end of a run that is gone on with and of one that had that length.
    let resumed = project.run(&["--resume", ids[1], "--max-steps", "9"]);
    resumed.expect(0);
    assert_eq!(resumed.events("started")[0]["resumed_from"], 5);
    project.arkor(["replay", ids[1], "--check"]).expect(0);
}
