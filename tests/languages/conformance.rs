//! The same trainer in every language asks for the same, event by event, when it is shown the same
//! recorded run.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{Project, example, point_at_libraries, repository, text};

/// The example of a language, whose callbacks are those of the others.
fn trainers() -> Vec<PathBuf> {
    let folder = repository().join("tests/languages/conformance");
    ["typescript", "javascript", "python", "c", "go"]
        .map(|name| folder.join(name))
        .to_vec()
}

/// A copy of a trainer with text to train on.
fn copy_of(trainer: &Path) -> Project {
    let project = Project::empty();
    for entry in std::fs::read_dir(trainer).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_file() {
            std::fs::copy(
                entry.path(),
                project.path(entry.file_name().to_str().unwrap()),
            )
            .unwrap();
        }
    }
    project.write("text.txt", &text(""));
    point_at_libraries(&project);
    project
}

/// What the callbacks answer to each event of the tape.
fn answers(tape: &Project, trainer: &Project) -> Vec<Value> {
    let trainer = trainer.path("");
    let replay = ["replay", "latest", "--json", "--trainer"];
    let mut command = tape.command(replay);
    command.arg(trainer);
    let done = crate::harness::Done::from(command.output().unwrap());
    done.expect(0);
    let mut lines = done.json();
    let last = lines.pop().unwrap();
    assert_eq!(last["type"], "replayed");
    assert_eq!(last["failed"], 0, "{last}");
    lines
}

#[test]
fn every_language_answers_alike() {
    // The tape: a run of the Rust trainer, with events of all kinds.
    let rust = example("../tests/languages/conformance/rust");
    rust.write("text.txt", &text(""));
    let recorded = rust.run(&[]);
    recorded.expect(3);
    let expected = answers(&rust, &rust);
    let actions = |lines: &[Value]| {
        let counts = lines
            .iter()
            .map(|line| line["actions"].as_array().unwrap().len());
        counts.sum::<usize>()
    };
    assert!(
        expected.len() >= 20 && actions(&expected) >= 20,
        "{expected:?}"
    );
    for trainer in trainers() {
        let copy = copy_of(&trainer);
        let found = answers(&rust, &copy);
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{}", trainer.display());
        }
        assert_eq!(found.len(), expected.len());
        // And it trains the same, to the last bit of the last loss.
        let run = copy.run(&[]);
        run.expect(3);
        for key in ["final_loss", "final_eval_loss", "steps", "reason"] {
            assert_eq!(run.finished()[key], recorded.finished()[key], "{key}");
        }
    }
}

#[test]
fn a_loop_trains_the_same_in_every_language() {
    let languages = ["rust", "typescript", "python", "c", "go"];
    let [rust, others @ ..] = languages.map(|language| {
        let done = example(&format!("{language}-loop")).run(&[]);
        done.expect(0);
        (language, done.finished())
    });
    for (language, finished) in others {
        for key in ["final_loss", "final_eval_loss", "steps"] {
            assert_eq!(finished[key], rust.1[key], "{language}: {key}");
        }
    }
}
