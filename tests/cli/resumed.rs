//! Runs that were cut off and gone on with: what they say of it, and what a replay makes of it.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Project, guest, text};
use crate::signals::{events, interrupt, start, wait_for};

/// A project with a script trainer of one file.
fn script(source: &str) -> Project {
    let project = Project::empty();
    project.write("arkor.toml", "");
    project.write("text.txt", &text(""));
    project.write("trainer.ts", source);
    project
}

/// A trainer with these methods, in a spec with these hyperparameters more.
fn trainer(more: &str, methods: &str) -> String {
    format!(
        r#"import {{ action, defineTrainer, file, hooks, scratch, session }} from "arkor";
export default defineTrainer({{
  state: {{ seen: 0 }},
  describe: () => ({{
    name: "resumed",
    model: scratch({{ hiddenSize: 32, numHiddenLayers: 1, numAttentionHeads: 2 }}),
    dataset: file("text.txt"),
    hyperparameters: {{ maxSteps: 8, maxLength: 16, loggingSteps: 1, perDeviceTrainBatchSize: 2{more} }},
  }}),
{methods}
}});
"#
    )
}

fn warnings(events: &[Value]) -> Vec<String> {
    let warns = |event: &&Value| event["type"] == "message" && event["level"] == "warn";
    let text = |event: &Value| event["text"].as_str().unwrap().to_owned();
    events.iter().filter(warns).map(text).collect()
}

#[test]
fn warns_of_checkpoint_without_callback_state() {
    let saves =
        "  onLog(event, state) { state.seen += 1; if (event.at.step > LAST) state.big = 1n; },";
    let source = |last: &str| trainer(", saveSteps: 4", &saves.replace("LAST", last));
    for (last, part, shown) in [
        ("0", "without saved state", ", without callback state"),
        (
            "5",
            "saved state of step 4",
            ", with the callback state of step 4",
        ),
    ] {
        let project = script(&source(last));
        project.run(&[]).expect(0);
        let people = project.arkor(["runs", "show"]).out;
        let of_checkpoint = |line: &&str| line.starts_with("checkpoint ") && line.ends_with(shown);
        assert!(people.lines().any(|line| of_checkpoint(&line)), "{people}");
        let done = project.run(&["--resume", "latest", "--max-steps", "10"]);
        done.expect(0);
        let warned = warnings(&done.json());
        assert!(warned.iter().any(|text| text.contains(part)), "{warned:#?}");
    }
    // One that has all says nothing.
    let project = script(&source("99"));
    project.run(&[]).expect(0);
    let people = project.arkor(["runs", "show"]).out;
    assert!(!people.contains("callback state"), "{people}");
    let done = project.run(&["--resume", "latest", "--max-steps", "10"]);
    let warned = warnings(&done.json());
    assert!(
        !warned.iter().any(|text| text.contains("saved state")),
        "{warned:#?}"
    );
}

#[test]
fn replay_of_killed_and_resumed_run_differs_in_nothing() {
    let project = Project::new("counts");
    let mut child = start(&project);
    let mut lines = events(&mut child);
    // Somewhere between two checkpoints.
    for _ in 0..2 {
        wait_for(&mut lines, "checkpoint");
    }
    for _ in 0..3 {
        wait_for(&mut lines, "log");
    }
    child.kill().unwrap();
    lines.for_each(drop);
    child.wait().unwrap();
    let step = project.show()["run"]["step"].as_u64().unwrap();
    let more = (step + 6).to_string();
    project
        .run(&["--resume", "latest", "--max-steps", &more])
        .expect(0);
    let check = |arguments: &[&str]| {
        let mut all = vec!["replay", "latest", "--check", "--json"];
        all.extend(arguments);
        let done = project.arkor(all);
        done.expect(0);
        done.json().pop().unwrap()
    };
    let all = check(&[]);
    assert_eq!((&all["differing"], &all["failed"]), (&json!(0), &json!(0)));
    // Also if what is of interest begins after the resumption's checkpoint.
    for last in ["3", "12", "30"] {
        check(&["--last", last]);
    }
    // Another trainer still differs.
    let mut other = project.command(["replay", "latest", "--check", "--trainer"]);
    assert_eq!(
        other.arg(guest("swap-next")).status().unwrap().code(),
        Some(1)
    );
}

#[test]
fn rate_of_loop_does_not_depend_on_how_often_it_logs() {
    let run = r#"  run(spec) {
    const data = [{ tokens: [1, 2], targets: [2, 3] }];
    for (let step = 1; step <= 40; step++) {
      session.forwardBackward(data, { tag: "cross-entropy" }, "omit");
      session.optimStep({ learningRate: 1e-3 });
      if (step % 20 === 0) hooks.log(step, {}, []);
      if (hooks.checkpoint(step, new Uint8Array()) !== "proceed") return;
    }
  },"#;
    let done = script(&trainer("", run)).run(&[]);
    done.expect(0);
    let logs = done.events("log");
    let time = |event: &Value| {
        event["time"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap()
    };
    let [first, second] = &logs[..] else {
        panic!("{logs:#?}")
    };
    let seconds = (time(second).as_duration() - time(first).as_duration()).as_secs_f64();
    let tokens = |event: &Value| event["tokens"].as_f64().unwrap();
    let rate = (tokens(second) - tokens(first)) / seconds;
    let told = second["tokens_per_second"].as_f64().unwrap();
    assert!(
        (0.5..2.0).contains(&(told / rate)),
        "{told} told, {rate} measured"
    );
}

#[test]
fn missing_state_is_told_with_the_names_there_are() {
    let run = r#"  run(spec) {
    session.saveState("best");
    try { session.loadState("nope"); } catch (error) { console.log(error.message); }
  },"#;
    let done = script(&trainer("", run)).run(&[]);
    done.expect(0);
    let text = "no state is saved under the name `nope`: saved are `best`";
    assert!(done.out.contains(text), "{}", done.out);
}

#[test]
fn end_that_waits_for_hanging_last_callback_is_told() {
    let methods = "  onCompleted() { while (true) {} },";
    let project = script(&trainer("", methods));
    project.write("arkor.toml", "[limits]\ncallback-timeout = \"6s\"\n");
    let mut child = start(&project);
    let mut lines = events(&mut child);
    wait_for(&mut lines, "log");
    interrupt(&child);
    wait_for(&mut lines, "ending");
    let told = wait_for(&mut lines, "message");
    let text = told["text"].as_str().unwrap();
    assert!(
        text.starts_with("the run's end waits for a callback"),
        "{text}"
    );
    // It has all of its time.
    let failed = wait_for(&mut lines, "callback-failed");
    assert_eq!(failed["fault"]["cause"]["kind"], "deadline");
    wait_for(&mut lines, "finished");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn signal_during_build_ends_its_processes_and_says_finished() {
    let project = Project::empty();
    let config = "[trainer]\nbuild = \"echo $$ > pid; sleep 600 & wait\"\ncomponent = \"t.wasm\"\n";
    project.write("arkor.toml", config);
    let mut child = project
        .command(["run", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut notes = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(notes.any(|line| line.unwrap().contains("building:")));
    let pid = loop {
        let text = std::fs::read_to_string(project.path("pid")).unwrap_or_default();
        if text.ends_with('\n') {
            break text.trim().to_owned();
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let sent = Command::new("kill").arg(child.id().to_string()).status();
    assert!(sent.unwrap().success());
    let mut lines = events(&mut child);
    let finished = wait_for(&mut lines, "finished");
    assert_eq!(finished["status"], "interrupted");
    assert_eq!(finished["run"], Value::Null);
    assert!(lines.next().is_none());
    assert_eq!(child.wait().unwrap().code(), Some(143));
    let group = Command::new("kill")
        .args(["-0", "--", &format!("-{pid}")])
        .output();
    // A process of it may be dead and not reaped yet.
    for _ in 0..100 {
        let again = Command::new("kill")
            .args(["-0", "--", &format!("-{pid}")])
            .output();
        if !again.unwrap().status.success() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{group:?}");
}

#[test]
fn paused_run_is_listed_as_such_and_stopped_one_with_its_reason() {
    let methods =
        r#"  onLog(event) { if (event.at.step === 3) return [action.stop("enough of it")]; },"#;
    let project = script(&trainer("", methods));
    project.run(&[]).expect(3);
    for command in [&["runs", "list"][..], &["runs", "show"]] {
        let people = project.arkor(command).out;
        assert!(
            people.contains("the trainer asked to stop: enough of it"),
            "{people}"
        );
    }
    let empty = project.arkor(["runs", "list", "-n", "0"]);
    assert!(!empty.out.contains("no runs yet"), "{}", empty.out);
}

#[test]
fn bare_script_is_inspected_and_replayed_without_a_project() {
    let project = script(&trainer("", "  onLog(event, state) { state.seen += 1; },"));
    std::fs::remove_file(project.path("arkor.toml")).unwrap();
    let told = project.arkor(["inspect", "trainer.ts", "--json"]);
    told.expect(0);
    assert_eq!(told.json()[0]["name"], "trainer");
    project.run(&["trainer.ts"]).expect(0);
    let replay = ["replay", "latest", "--check", "--trainer", "trainer.ts"];
    project.arkor(replay).expect(0);
}
