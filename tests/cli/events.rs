//! What a run prints for scripts.

use serde_json::Value;

use crate::harness::{Done, Project};

const TERMINAL: [&str; 4] = ["completed", "stopped", "failed", "interrupted"];

/// The events without the last line, after a look at what must be true of all runs.
#[track_caller]
pub(crate) fn checked(done: &Done) -> Vec<Value> {
    let mut lines = done.json();
    let finished = lines.pop().expect("there is output");
    assert_eq!(finished["type"], "finished");
    let first = lines[0]["seq"].as_u64().unwrap();
    for (place, event) in lines.iter().enumerate() {
        assert_eq!(event["seq"], first + place as u64, "{event}");
        assert_eq!(event["run"], finished["run"]);
        assert!(event["time"].is_string(), "{event}");
    }
    let terminal: Vec<&str> = lines
        .iter()
        .filter_map(|event| event["type"].as_str())
        .filter(|kind| TERMINAL.contains(kind))
        .collect();
    assert_eq!(terminal.len(), 1, "{terminal:?}");
    let last = lines.last().unwrap();
    assert_eq!(last["type"], terminal[0], "the terminal event is the last");
    assert_eq!(last["type"], finished["status"]);
    lines
}

#[test]
fn a_run_in_json() {
    let project = Project::new("counts");
    let done = project.run(&[]);
    done.expect(0);
    let events = checked(&done);
    assert_eq!(events[0]["seq"], 1);
    assert_eq!(events[0]["type"], "started");

    let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
    assert_eq!(of("log"), 6, "every second of 12 steps");
    // The guest counts what it is handed.
    let said = events.iter().filter_map(|event| event["text"].as_str());
    let counted = said
        .into_iter()
        .find(|text| text.starts_with("on-log"))
        .unwrap();
    assert_eq!(counted, format!("on-log was called {} times", of("log")));

    // Steps 4, 8 and 12, and step 10, which on-log asked for.
    assert_eq!(of("evaluation"), 4);
    assert_eq!(of("checkpoint"), 4);

    let finished = done.finished();
    assert_eq!(finished["status"], "completed");
    assert_eq!(finished["steps"], 12);
    let logs = done.events("log");
    assert_eq!(finished["final_loss"], logs.last().unwrap()["loss"]);
    let checkpoints = done.events("checkpoint");
    assert_eq!(finished["checkpoint"], checkpoints.last().unwrap()["id"]);

    // `runs events` tells the same again.
    let again = project.arkor(["runs", "events", "--json"]);
    assert_eq!(again.json(), events);
    let later = project.arkor(["runs", "events", "--json", "--after", "3"]);
    assert_eq!(later.json(), events[3..]);
}

#[test]
fn what_callbacks_ask_for_is_done_and_told() {
    let done = Project::new("counts").run(&[]);
    let actions = done.events("action");
    let rate = |event: &Value| {
        let action = &event["action"];
        let wanted = action["kind"] == "set-learning-rate";
        action["value"].as_f64().filter(|_| wanted)
    };
    let rates: Vec<f64> = actions.iter().filter_map(rate).collect();
    assert_eq!(rates, [1e-3 / 3.0, 1e-3 / 6.0]);
    assert!(actions.iter().all(|event| event["callback"] == "on-log"));
    let logs = done.events("log");
    assert_eq!(logs[3]["learning_rate"], 1e-3 / 3.0, "{}", logs[3]);
    // Asked for by the log event before.
    assert_eq!(logs[1]["metrics"][0]["name"], "logs-seen");
    assert_eq!(logs[1]["metrics"][0]["value"], 1.0);
}

#[test]
fn two_runs_are_equal() {
    let states: Vec<Value> = (0..2)
        .map(|_| {
            let project = Project::new("counts");
            project.run(&[]).expect(0);
            project.show()["checkpoints"]
                .as_array()
                .unwrap()
                .last()
                .unwrap()["state"]
                .clone()
        })
        .collect();
    assert!(states[0].is_string());
    assert_eq!(states[0], states[1]);
}

#[test]
fn a_trainer_that_stops_early_exits_with_3() {
    let done = Project::new("stops").run(&[]);
    done.expect(3);
    checked(&done);
    let finished = done.finished();
    assert_eq!(finished["status"], "stopped");
    assert_eq!(finished["steps"], 4);
    assert_eq!(finished["reason"]["value"], "seen enough");
    // A stop leaves a checkpoint of its step.
    assert_eq!(done.events("checkpoint").last().unwrap()["step"], 4);
}

#[test]
fn a_dry_run_trains_nothing() {
    let done = Project::new("counts").run(&["--dry-run"]);
    done.expect(0);
    let events = checked(&done);
    assert_eq!(done.finished()["steps"], 0);
    assert!(events.iter().all(|event| event["type"] != "log"));
}

#[test]
fn every_type_of_event_is_documented() {
    let documented =
        std::fs::read_to_string(crate::harness::repository().join("docs/events.md")).unwrap();
    for guest in ["counts", "stops", "fails"] {
        for event in Project::new(guest).run(&[]).json() {
            let kind = event["type"].as_str().unwrap();
            assert!(documented.contains(&format!("`{kind}`")), "{kind}");
            for key in event.as_object().unwrap().keys() {
                assert!(documented.contains(&format!("`{key}`")), "{kind}: {key}");
            }
        }
    }
}
