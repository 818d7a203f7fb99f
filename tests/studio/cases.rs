//! Cases that people bring about through the Studio.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Project, guest};
use crate::http::Studio;
use crate::program::Dev;
use crate::{training, with_config};

fn count(dev: &Dev, kind: &str) -> usize {
    dev.seen.iter().filter(|line| line["type"] == kind).count()
}

#[test]
fn case_01_02_any_number_of_pages_watch_one_decision() {
    let (mut dev, studio, run) = training("counts");
    dev.event("log");
    let mut tabs: Vec<_> = (0..5)
        .map(|_| studio.stream("/api/dev/stream", &[]))
        .collect();
    dev.save(guest("swap-next"));
    dev.event("swapped");
    let states: Vec<u64> = tabs
        .iter_mut()
        .map(|tab| {
            tab.wait(|state| state["state"] == "swapped")["revision"]
                .as_u64()
                .unwrap()
        })
        .collect();
    assert!(
        states.iter().all(|revision| *revision == states[0]),
        "{states:?}"
    );
    // One that is opened late, and one that comes back and is told the last again.
    for more in [
        vec![],
        vec!["Last-Event-ID: 1".to_owned()],
        vec![format!("Last-Event-ID: {}", states[0])],
    ] {
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        let (revision, now) = studio.stream("/api/dev/stream", &more).next();
        assert_eq!((revision, &now["state"]), (states[0], &json!("swapped")));
        assert_eq!(now["run"], json!(run));
    }
    // All of that decided nothing more.
    studio.ask("/api/dev/actions", json!({ "kind": "reload" }));
    dev.state("unchanged");
    assert_eq!(count(&dev, "swapped"), 1);
    drop(dev);
}

/// A project whose build takes as long as a file named `hold` is there.
fn held(component: &str) -> Project {
    let project = Project::new(component);
    std::fs::rename(project.path("trainer.wasm"), project.path("source.wasm")).unwrap();
    project.write(
        "arkor.toml",
        "[trainer]\ncomponent = \"out.wasm\"\nbuild = \"while test -e .git/hold; do sleep 0.02; \
         done; cp source.wasm out.wasm.new && mv out.wasm.new out.wasm\"\n",
    );
    project.write(".gitignore", "out.wasm*\n");
    // Not watched.
    std::fs::create_dir(project.path(".git")).unwrap();
    project.write(".git/hold", "");
    project
}

fn save_source(dev: &Dev, component: &str) {
    let beside = dev.project.path("out.wasm.copy");
    std::fs::copy(guest(component), &beside).unwrap();
    std::fs::rename(beside, dev.project.path("source.wasm")).unwrap();
}

fn release(dev: &Dev) {
    std::fs::remove_file(dev.project.path(".git/hold")).unwrap();
}

#[test]
fn case_07_a_run_asked_for_before_the_first_build_waits_for_it() {
    let mut dev = Dev::on(held("counts"));
    let studio = Studio::of(&dev.event("studio"));
    dev.state("building");
    for _ in 0..2 {
        let answer = studio.ask("/api/dev/actions", json!({ "kind": "start" }));
        assert!(
            answer["text"]
                .as_str()
                .unwrap()
                .contains("when the code is built")
        );
    }
    assert!(studio.runs().is_empty());
    release(&dev);
    dev.event("log");
    assert_eq!(count(&dev, "started"), 1);
    assert_eq!(studio.runs().len(), 1);
    drop(dev);
}

#[test]
fn case_06_a_run_begun_during_a_build_is_compared_with_what_it_began_with() {
    let project = held("counts");
    std::fs::remove_file(project.path(".git/hold")).unwrap();
    let mut dev = Dev::on(project);
    let studio = Studio::of(&dev.event("studio"));
    let run = dev.event("started")["run"].as_str().unwrap().to_owned();
    let is_ready = |line: &&Value| line["state"] == "ready";
    let first = dev.seen.iter().find(is_ready).unwrap().clone();
    studio.act(&run, json!({ "kind": "stop" }));
    dev.state("waiting");
    dev.project.write(".git/hold", "");
    save_source(&dev, "swap-next");
    dev.state("building");
    studio.ask("/api/dev/actions", json!({ "kind": "start" }));
    let second = dev.event("started");
    assert_eq!(second["component"], first["code"]["component"]);
    release(&dev);
    let swapped = dev.event("swapped");
    assert_eq!(swapped["run"], second["run"]);
    assert_ne!(swapped["component"], second["component"]);
    drop(dev);
}

#[test]
fn case_23_a_run_that_ends_by_itself_while_it_is_to_stop_is_settled_at_once() {
    let (mut dev, _, run) = training("loop-finishes");
    dev.event("log");
    dev.save(guest("counts"));
    let next = dev.event("started");
    assert_eq!(next["parent"], json!(run));
    dev.event("log");
    assert_eq!(dev.interrupt().0, 130);
}

#[test]
fn case_24_28_a_run_that_offers_no_checkpoint_is_cut_off_and_only_then_replaced() {
    let (mut dev, studio, run) = with_config("loop-deaf", "[run]\nearly-stop-deadline = \"1s\"\n");
    dev.event("log");
    dev.save(guest("counts"));
    dev.state("restarting");
    // case 27: a run asked for meanwhile is the one that is about to begin.
    let answer = studio.ask("/api/dev/actions", json!({ "kind": "start" }));
    assert!(
        answer["text"]
            .as_str()
            .unwrap()
            .contains("when this one has stopped")
    );
    let interrupted = dev.event("interrupted");
    assert_eq!(interrupted["run"], json!(run));
    assert!(interrupted["checkpoint"].is_null());
    let next = dev.event("started");
    assert_eq!(next["parent"], json!(run));
    let told = dev.seen.iter().any(|line| {
        line["state"] == "restarting" && line["text"].as_str().unwrap().contains("cut off")
    });
    assert!(told);
    // Never two at once.
    let place = |kind: &str, run: &Value| {
        let is = |line: &Value| line["type"] == kind && line["run"] == *run;
        dev.seen.iter().position(is).unwrap()
    };
    assert!(place("interrupted", &interrupted["run"]) < place("started", &next["run"]));
    dev.event("log");
    assert_eq!(studio.runs().len(), 2);
    assert_eq!(dev.interrupt().0, 130);
}

#[test]
fn case_25_a_callback_that_fails_at_the_last_checkpoint_does_not_hold_the_stop() {
    let (mut dev, _, run) = training("panics-at-checkpoint");
    dev.event("log");
    dev.save(guest("swap-config"));
    let failed = dev.event("callback-failed");
    assert_eq!(failed["fault"]["function"], "on-checkpoint");
    let stopped = dev.event("stopped");
    assert!(stopped["checkpoint"].is_string());
    assert_eq!(dev.event("started")["parent"], json!(run));
    drop(dev);
}

#[test]
fn case_26_a_person_s_stop_wins_over_a_restart() {
    let (mut dev, studio, run) = training("loop-deaf");
    dev.event("log");
    dev.save(guest("counts"));
    dev.state("restarting");
    studio.act(&run, json!({ "kind": "stop" }));
    studio.act(&run, json!({ "kind": "cancel" }));
    dev.event("interrupted");
    dev.state("waiting");
    // Nothing begins until a person or a save wants it.
    studio.ask("/api/dev/actions", json!({ "kind": "reload" }));
    dev.state("ready");
    assert_eq!(count(&dev, "finished"), 1);
    drop(dev);
}

#[test]
fn warm_restarts_begin_with_the_weights_of_the_run_before() {
    let (mut dev, _, _) = with_config("swap-next", "[reload]\nrestart = \"warm\"\n");
    let early = dev.event("log")["loss"].as_f64().unwrap();
    dev.wait("progress", |line| {
        line["type"] == "log" && line["loss"].as_f64().unwrap() < early - 1.0
    });
    dev.save(guest("swap-config"));
    let stopped = dev.event("stopped");
    let started = dev.event("started");
    assert_eq!(started["weights_from"], stopped["checkpoint"]);
    let late = dev.event("log");
    assert_eq!(late["step"], 2);
    assert!(late["loss"].as_f64().unwrap() < early - 0.5, "{late}");
    // A model of another shape cannot, and says so.
    dev.save(guest("loop-finishes"));
    dev.event("stopped");
    let third = dev.event("started");
    assert_eq!(
        third["weights_from"].is_null(),
        third.get("weights_from").is_none()
    );
    drop(dev);
}

#[test]
fn replay_shows_a_recorded_run_to_other_callbacks() {
    let project = Project::new("swap-next");
    project.run(&[]).expect(0);
    // The code of the run answers as it did.
    let same = project.arkor(["replay", "latest", "--json"]);
    same.expect(0);
    let summary = same.json().pop().unwrap();
    assert_eq!(
        (&summary["type"], &summary["differing"]),
        (&json!("replayed"), &json!(0))
    );
    assert!(summary["events"].as_u64().unwrap() > 10);
    // Of its last events alone, too: it remembers what it remembered then.
    let few = project.arkor(["replay", "latest", "--last", "9", "--json"]);
    few.expect(0);
    let summary = few.json().pop().unwrap();
    assert_eq!(summary["differing"], 0);
    assert!((1..=9).contains(&summary["events"].as_u64().unwrap()));
    let next = guest("stops").to_str().unwrap().to_owned();
    let other = project.arkor(["replay", "latest", "--trainer", &next, "--json"]);
    other.expect(0);
    let lines = other.json();
    let summary = lines.last().unwrap();
    assert!(summary["differing"].as_u64().unwrap() > 0);
    assert!(lines.iter().any(|line| {
        line["actions"][0]["kind"] == "stop" && line["recorded"][0]["kind"] == "log-metric"
    }));
    // One that fails is told with its event, and the exit code says it.
    let traps = guest("swap-traps").to_str().unwrap().to_owned();
    let failed = project.arkor(["replay", "latest", "--trainer", &traps]);
    assert_eq!(failed.code, Some(1));
    assert!(failed.err.contains("on-log"), "{}", failed.err);
    let none = project.arkor(["replay", "nothing"]);
    none.one_error(&["nothing"]);
}

/// Standard output that nobody reads holds up neither decisions nor other readers, and has every event once it
/// is read again.
#[test]
fn a_reader_that_stalls_delays_nothing_and_misses_nothing() {
    let project = Project::with_config("floods", "[limits]\nmessages-per-second = 20000\n");
    let mut child = project
        .command(["dev", "--json", "--port", "0", "--max-steps", "1000000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut next = || {
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        serde_json::from_str::<Value>(&line).ok()
    };
    let studio = Studio::of(&next().unwrap());
    let mut run = Value::Null;
    // More than a pipe and what is kept for it can hold.
    while run["last_seq"].as_u64().unwrap_or(0) < 40_000 {
        std::thread::sleep(Duration::from_millis(100));
        run = studio.runs().into_iter().next().unwrap_or_default();
    }
    // Slowly: what waits finds room for little at a time, and the run goes on.
    let mut seqs = Vec::new();
    for _ in 0..4_000 {
        std::thread::sleep(Duration::from_micros(300));
        seqs.extend(next().unwrap()["seq"].as_u64());
    }
    let id = run["id"].as_str().unwrap().to_owned();
    let begin = Instant::now();
    let answer = studio.act(&id, json!({ "kind": "stop" }));
    assert!(answer["text"].as_str().unwrap().contains("checkpoint"));
    while studio.runs()[0]["status"] == "running" {
        assert!(begin.elapsed() < Duration::from_secs(60), "it stops");
        std::thread::sleep(Duration::from_millis(50));
    }
    while let Some(line) = next() {
        seqs.extend(line["seq"].as_u64());
        if line["type"] == "finished" {
            break;
        }
    }
    assert!(seqs.len() > 40_000);
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    child.kill().unwrap();
    child.wait().unwrap();
}

/// One that was to be cut off for want of a checkpoint has all the time for it that Ctrl-C gives.
#[test]
fn ctrl_c_ends_the_time_that_a_restart_gives_a_run() {
    let (mut dev, _, _) = with_config("loop-computes", "[run]\nearly-stop-deadline = \"1s\"\n");
    dev.event("log");
    dev.save(guest("counts"));
    dev.state("restarting");
    let (code, seen) = dev.interrupt();
    assert_eq!(code, 130);
    assert!(!seen.iter().any(|line| line["type"] == "interrupted"));
    let finished = seen.last().unwrap();
    assert_eq!(finished["type"], "finished");
    assert_eq!(finished["status"], "stopped");
    assert!(finished["checkpoint"].is_string());
}

#[test]
fn case_26_a_stop_of_a_run_that_is_ending_keeps_another_from_its_place() {
    let (mut dev, studio, run) = training("ends-slowly");
    dev.event("log");
    dev.save(guest("counts"));
    dev.event("ending");
    let answer = studio.act(&run, json!({ "kind": "stop" }));
    let text = answer["text"].as_str().unwrap();
    assert!(text.contains("no other takes its place"), "{text}");
    dev.state("waiting");
    assert_eq!(count(&dev, "started"), 1);
    assert_eq!(count(&dev, "finished"), 1);
    drop(dev);
}
