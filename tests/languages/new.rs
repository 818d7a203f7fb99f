//! `arkor-host new`: what it makes runs, and editors understand it.

use std::process::Command;

use crate::harness::{Project, repository};

#[test]
fn every_template_runs_replays_and_has_its_types() {
    for template in ["typescript", "javascript"] {
        for own_loop in [false, true] {
            let place = Project::empty();
            let mut words = vec!["new", "my-trainer", "--template", template, "--json"];
            if own_loop {
                words.push("--loop");
            }
            let made = place.arkor(words);
            made.expect(0);
            let files = made.json()[0]["files"].as_array().unwrap().len();
            assert!(files >= 6, "{}", made.out);
            let run = ["run", "my-trainer", "--json", "--max-steps", "5"];
            let done = place.arkor(run);
            done.expect(0);
            assert_eq!(done.finished()["steps"], 5);
            let replay = place.arkor(["replay", "latest", "-C", "my-trainer", "--json"]);
            assert!(replay.out.contains("\"replayed\""), "{}", replay.err);
            let shown = place.arkor(["runs", "show", "--json", "-C", "my-trainer"]);
            assert!(
                shown.out.contains("my-trainer"),
                "{}{}",
                shown.out,
                shown.err
            );
            let tsc = repository().join("guest-sdk/js/node_modules/typescript/bin/tsc");
            let mut node = Command::new("node");
            node.arg(tsc).args(["--project", "my-trainer"]);
            let checked = node.current_dir(place.path("")).output().unwrap();
            let said = String::from_utf8_lossy(&checked.stdout);
            assert!(checked.status.success(), "{template} {own_loop}: {said}");
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
    let done = place.arkor(["new", "not a name"]);
    done.one_error(&["cannot be the name of a trainer"]);
    place.arkor(["new", "fine"]).expect(0);
}
