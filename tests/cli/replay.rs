//! `arkor-host replay` as a test of callbacks: a recorded run in a file, and what it says.

use serde_json::{Value, json};

use crate::harness::{Done, Project, guest};

/// A place with nothing but a trainer and a tape of its own run.
fn taped() -> Project {
    let recorded = Project::new("counts");
    let run = recorded.run(&[]);
    run.expect(0);
    let place = Project::new("counts");
    place.write("tape.jsonl", &run.out);
    place
}

/// The last line of a replay in JSON.
#[track_caller]
fn summary(done: &Done) -> Value {
    let last = done.json().pop().unwrap();
    assert_eq!(last["type"], "replayed", "{}\n{}", done.out, done.err);
    last
}

#[test]
fn a_tape_needs_no_store_and_holds_for_its_own_code() {
    let place = taped();
    let done = place.arkor(["replay", "tape.jsonl", "--check", "--json"]);
    done.expect(0);
    let told = summary(&done);
    assert_eq!(told["run"], "tape.jsonl");
    assert_eq!(
        (&told["differing"], &told["failed"]),
        (&json!(0), &json!(0))
    );
    assert!(told["events"].as_u64().unwrap() > 10, "{told}");
    assert!(!place.path(".arkor/arkor.db").exists());
    // What `runs events` prints is the same tape.
    let recorded = Project::new("counts");
    recorded.run(&[]).expect(0);
    let events = recorded.arkor(["runs", "events", "--json"]);
    place.write("other.jsonl", &events.out);
    let again = place.arkor(["replay", "other.jsonl", "--check", "--json"]);
    again.expect(0);
    assert_eq!(summary(&again)["events"], told["events"]);
    let last = place.arkor(["replay", "tape.jsonl", "--last", "4", "--json"]);
    last.expect(0);
    assert!(summary(&last)["events"].as_u64().unwrap() <= 4);
}

#[test]
fn a_callback_that_cannot_answer_without_a_run_is_not_compared() {
    let place = taped();
    let done = place.arkor(["replay", "tape.jsonl", "--check", "--json"]);
    done.expect(0);
    let lines = done.json();
    let skipped: Vec<_> = lines
        .iter()
        .filter(|line| line["skipped"] == true)
        .collect();
    // Each checkpoint's callback wants text of the model.
    assert!(
        skipped
            .iter()
            .all(|line| line["callback"] == "on-checkpoint"
                && line["differs"] == false
                && line["error"].as_str().unwrap().contains("no model yet"))
    );
    assert!(!skipped.is_empty());
    assert_eq!(summary(&done)["skipped"], skipped.len());
    let people = place.arkor(["replay", "tape.jsonl", "--check"]);
    people.expect(0);
    assert!(
        people
            .out
            .contains("on-checkpoint  needs a run: not compared"),
        "{}",
        people.out
    );
    let end = format!("{} need a run", skipped.len());
    assert!(people.out.trim_end().ends_with(&end), "{}", people.out);
    assert_eq!(people.err, "");
}

#[test]
fn an_answer_that_differs_fails_a_check() {
    let place = taped();
    let replay = |words: &[&str]| {
        let mut command = place.command(["replay", "tape.jsonl", "--trainer"]);
        command.arg(guest("swap-next")).args(words);
        Done::from(command.output().unwrap())
    };
    // Without a check, it is only told.
    replay(&[]).expect(0);
    let people = replay(&["--check"]);
    people.expect(1);
    let difference = "on-log  asks to log next 1; the run's code asked to log logs-seen 1";
    let line = people.out.lines().find(|line| line.contains(difference));
    assert!(line.unwrap().starts_with("event "), "{}", people.out);
    let json = replay(&["--check", "--json"]);
    json.expect(1);
    assert!(summary(&json)["differing"].as_u64().unwrap() > 0);
}

#[test]
fn a_stored_run_is_checked_too() {
    let project = Project::new("counts");
    project.run(&[]).expect(0);
    project.arkor(["replay", "latest", "--check"]).expect(0);
    std::fs::copy(guest("swap-next"), project.path("trainer.wasm")).unwrap();
    project.arkor(["replay", "latest"]).expect(0);
    project.arkor(["replay", "latest", "--check"]).expect(1);
    // One that traps fails, check or not.
    std::fs::copy(guest("swap-traps"), project.path("trainer.wasm")).unwrap();
    project.arkor(["replay", "latest", "--check"]).expect(1);
}

#[test]
fn a_tape_that_is_none_is_refused_with_its_line() {
    let place = taped();
    let text = std::fs::read_to_string(place.path("tape.jsonl")).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[2] = "{\"type\":\"log\",\"seq\":3}";
    place.write("broken.jsonl", &lines.join("\n"));
    let refused = |file: &str, part: &str| {
        let done = place.arkor(["replay", file, "--check"]);
        done.expect(2);
        done.one_error(&[file, part, "hint: a tape is what `arkor-host run --json`"]);
    };
    refused("broken.jsonl", "is broken in line 3: missing field");
    place.write("half.jsonl", &text[..text.len() / 2]);
    refused("half.jsonl", "is broken in line");
    place.write("none.jsonl", "{\"type\":\"finished\"}\n");
    refused("none.jsonl", "has no event");
    refused("missing.jsonl", "cannot be read");
}
