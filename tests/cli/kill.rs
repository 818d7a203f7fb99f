//! A run that is killed loses nothing it has printed, and its next attempt ends where an
//! undisturbed run ends.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Project, text};

/// `ARKOR_KILLS` asks for more.
fn kills() -> usize {
    std::env::var("ARKOR_KILLS").map_or(50, |kills| kills.parse().unwrap())
}

/// Long enough for the kills to hit all parts of a run.
const STEPS: &str = "60";

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The end of an undisturbed run: digest of its last checkpoint's state, what the callbacks
/// counted, and how long it took.
struct Undisturbed {
    state: Value,
    counted: String,
    took: Duration,
}

fn undisturbed() -> Undisturbed {
    let project = Project::new("counts");
    let begin = Instant::now();
    let done = project.run(&["--max-steps", STEPS]);
    let took = begin.elapsed();
    done.expect(0);
    Undisturbed {
        state: last_state(&project),
        counted: counted(&done.json()),
        took,
    }
}

fn last_state(project: &Project) -> Value {
    let show = project.show();
    assert_eq!(show["run"]["status"], "completed");
    show["checkpoints"].as_array().unwrap().last().unwrap()["state"].clone()
}

/// The guest says how often `on-log` was called in all its lives that count.
fn counted(events: &[Value]) -> String {
    let mut texts = events.iter().filter_map(|event| event["text"].as_str());
    texts
        .rfind(|text| text.starts_with("on-log was called"))
        .unwrap()
        .to_owned()
}

/// Starts an attempt and kills it after `delay`. Returns the whole lines it printed.
fn attempt(project: &Project, arguments: &[&str], delay: Duration) -> Vec<Value> {
    let mut command = project.command(["run", "--json"].iter().chain(arguments));
    let mut child: Child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(delay);
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn killed_at_any_moment() {
    let undisturbed = undisturbed();
    let most = u64::try_from(undisturbed.took.as_micros()).unwrap();
    let mut project = Project::new("counts");
    let mut arguments = vec!["--max-steps", STEPS];
    let (mut completed, mut seen, mut before_first_checkpoint) = (0, 0, 0);
    for kill in 0..kills() {
        let delay = Duration::from_micros(random() % most);
        let printed = attempt(&project, &arguments, delay);
        let Some(last) = printed.last() else {
            continue;
        };
        seen += 1;
        // All that was printed is in the store, word for word.
        let events = project.arkor(["runs", "events", "--json"]);
        events.expect(0);
        let kept = events.json();
        for event in &printed {
            if event["type"] == "finished" {
                continue;
            }
            let seq = usize::try_from(event["seq"].as_u64().unwrap()).unwrap();
            assert_eq!(&kept[seq - 1], event, "after kill {kill}");
        }
        for (place, event) in kept.iter().enumerate() {
            assert_eq!(event["seq"], place as u64 + 1);
        }
        if !kept.iter().any(|event| event["type"] == "checkpoint") {
            before_first_checkpoint += 1;
        }
        if kept.iter().any(|event| event["type"] == "completed") {
            assert_eq!(
                last_state(&project),
                undisturbed.state,
                "after {completed} runs"
            );
            assert_eq!(counted(&kept), undisturbed.counted);
            completed += 1;
            project = Project::new("counts");
            arguments = vec!["--max-steps", STEPS];
        } else {
            assert_ne!(last["type"], "finished");
            arguments = vec!["--resume", "latest"];
        }
    }
    // The last one may live.
    let done = project.run(&arguments);
    done.expect(0);
    assert_eq!(last_state(&project), undisturbed.state);
    assert_eq!(counted(&done.json()), undisturbed.counted);
    println!(
        "{} kills: {seen} after the first event, {before_first_checkpoint} before the first \
         checkpoint; {completed} runs completed meanwhile",
        kills()
    );
    assert!(
        seen > kills() / 4,
        "most kills came before a run began: {seen}"
    );
}

/// A trainer whose schedule does not depend on the length, so that lengths may change on the way.
const CONSTANT: &str = r#"import { action, bytes, defineTrainer, file, scratch } from "arkor";
export default defineTrainer({
  state: { seen: 0 },
  describe: () => ({
    name: "constant",
    model: scratch({ hiddenSize: 32, numHiddenLayers: 1, numAttentionHeads: 2 }),
    tokenizer: bytes(),
    dataset: file("text.txt"),
    hyperparameters: {
      maxSteps: 90, maxLength: 32, perDeviceTrainBatchSize: 2, loggingSteps: 1, evalSteps: 7, saveSteps: 5,
      saveTotalLimit: 3, lrSchedulerType: "constant",
    },
  }),
  onLog(event, state) {
    state.seen += 1;
    return action.logMetric("seen", state.seen);
  },
});
"#;

#[test]
fn killed_at_any_moment_and_gone_on_with_to_other_lengths() {
    const LENGTHS: [&str; 5] = ["20", "35", "50", "70", "90"];
    let new = || {
        let project = Project::empty();
        project.write("arkor.toml", "");
        project.write("text.txt", &text(""));
        project.write("trainer.js", CONSTANT);
        project
    };
    let last_metric = |project: &Project| {
        let events = project.arkor(["runs", "events", "--json"]).json();
        let mut metrics = events.iter().filter(|event| event["type"] == "action");
        metrics.next_back().unwrap()["action"]["value"].clone()
    };
    let undisturbed = new();
    let begin = Instant::now();
    undisturbed.run(&[]).expect(0);
    let most = u64::try_from(begin.elapsed().as_micros()).unwrap();
    let (state, seen) = (last_state(&undisturbed), last_metric(&undisturbed));
    assert_eq!(seen["value"], 90.0);
    let (mut project, mut has_run, mut completed) = (new(), false, 0);
    for _ in 0..kills() {
        let length = LENGTHS[usize::try_from(random() % 5).unwrap()];
        let mut arguments = vec!["--max-steps", length];
        if has_run {
            arguments.extend(["--resume", "latest"]);
        }
        attempt(&project, &arguments, Duration::from_micros(random() % most));
        let list = project.arkor(["runs", "list", "--json"]).json();
        has_run = !list.is_empty();
        let is_whole = |run: &Value| run["status"] == "completed" && run["step"] == 90;
        if list.first().is_some_and(is_whole) {
            assert_eq!(list.len(), 1);
            assert_eq!(last_state(&project), state);
            assert_eq!(last_metric(&project), seen);
            completed += 1;
            (project, has_run) = (new(), false);
        }
    }
    let mut arguments = vec!["--max-steps", "90"];
    if has_run {
        arguments.extend(["--resume", "latest"]);
    }
    project.run(&arguments).expect(0);
    assert_eq!(last_state(&project), state);
    assert_eq!(last_metric(&project), seen);
    println!("{} kills, {completed} runs completed meanwhile", kills());
}

#[test]
fn a_list_of_runs_tells_those_that_were_killed() {
    let project = Project::new("counts");
    let lines = attempt(&project, &["--max-steps", "100000"], Duration::from_secs(2));
    assert!(!lines.is_empty(), "it was killed before it began");
    let list = project.arkor(["runs", "list", "--json"]);
    list.expect(0);
    assert_eq!(list.json()[0]["status"], "interrupted");
}
