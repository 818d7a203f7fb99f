//! The examples, from their sources.

use serde_json::Value;

use crate::events::checked;
use crate::harness::{Project, example};

fn last_state(project: &Project) -> Value {
    project.show()["checkpoints"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()["state"]
        .clone()
}

#[test]
fn rust_quickstart() {
    let project = example("rust-quickstart");
    let done = project.run(&["--max-steps", "20"]);
    done.expect(0);
    let events = checked(&done);
    let logs: Vec<&Value> = events
        .iter()
        .filter(|event| event["type"] == "log")
        .collect();
    let (first, last) = (&logs[0]["loss"], &logs[logs.len() - 1]["loss"]);
    assert!(
        last.as_f64().unwrap() < first.as_f64().unwrap() - 0.3,
        "{first} to {last}"
    );
    assert!(events.iter().any(|event| event["type"] == "artifact"));
}

/// Weights, optimizer and the loop's place are those of a run that was never stopped.
#[cfg(unix)]
#[test]
fn rust_loop_goes_on_where_it_was_stopped() {
    use crate::signals::{events, interrupt, start, wait_for};
    let whole = example("rust-loop");
    whole.run(&["--max-steps", "25"]).expect(0);

    let stopped = example("rust-loop");
    let mut child = start(&stopped);
    let mut lines = events(&mut child);
    wait_for(&mut lines, "log");
    interrupt(&child);
    let finished = wait_for(&mut lines, "finished");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(finished["steps"].as_u64().unwrap() < 25, "{finished}");
    let done = stopped.run(&["--resume", "latest", "--max-steps", "25"]);
    done.expect(0);
    checked(&done);
    assert_eq!(last_state(&stopped), last_state(&whole));
    // The callbacks' memory too: every fifth step was logged, once.
    let log = done.events("log").pop().unwrap();
    assert_eq!(log["metrics"][0]["value"], 4.0, "{log}");
}
