//! Ctrl-C.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::harness::Project;

/// So long that nobody waits for its end.
const LONG: &str = "1000000";

pub(crate) fn start(project: &Project) -> Child {
    project
        .command(["run", "--json", "--max-steps", LONG])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

pub(crate) fn interrupt(child: &Child) {
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// What it prints, as it comes.
pub(crate) fn events(child: &mut Child) -> impl Iterator<Item = Value> + use<> {
    BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
}

/// Reads events up to the first of this type.
pub(crate) fn wait_for(events: &mut impl Iterator<Item = Value>, kind: &str) -> Value {
    for event in events {
        if event["type"] == kind {
            return event;
        }
    }
    panic!("the run ended without {kind}")
}

#[test]
fn once_stops_with_a_checkpoint() {
    let project = Project::new("counts");
    let mut child = start(&project);
    let mut lines = events(&mut child);
    wait_for(&mut lines, "log");
    interrupt(&child);
    let finished = wait_for(&mut lines, "finished");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(finished["status"], "stopped");
    assert_eq!(finished["reason"]["kind"], "signal");
    let step = finished["steps"].as_u64().unwrap();
    let shown = project.show();
    let checkpoint = shown["checkpoints"].as_array().unwrap().last().unwrap();
    assert_eq!(checkpoint["step"], step);
    assert_eq!(checkpoint["id"], finished["checkpoint"]);

    // It goes on from there, and only on from there.
    let more = (step + 4).to_string();
    let done = project.run(&["--resume", "latest", "--max-steps", &more]);
    done.expect(0);
    assert_eq!(done.events("started")[0]["resumed_from"], step);
    assert_eq!(done.finished()["steps"], step + 4);
}

#[test]
fn case_29_a_polite_request_to_end_stops_with_a_checkpoint_too() {
    let project = Project::new("counts");
    let mut child = start(&project);
    let mut events = events(&mut child);
    wait_for(&mut events, "log");
    let sent = Command::new("kill").arg(child.id().to_string()).status();
    assert!(sent.unwrap().success());
    let stopped = wait_for(&mut events, "stopped");
    assert!(stopped["checkpoint"].is_string());
    events.for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn twice_stops_at_once() {
    // This trainer does not come back from its callback for half a minute.
    let project = Project::new("loops-forever");
    let mut child = start(&project);
    let mut lines = events(&mut child);
    wait_for(&mut lines, "log");
    interrupt(&child);
    // The host says that it has understood before it is asked once more.
    let mut notes = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(notes.any(|line| line.unwrap().contains("Ctrl-C again")));
    // Those that come together are one.
    std::thread::sleep(std::time::Duration::from_millis(350));
    interrupt(&child);
    let finished = wait_for(&mut lines, "finished");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(finished["status"], "interrupted");
    assert_eq!(project.show()["run"]["status"], "interrupted");
}
