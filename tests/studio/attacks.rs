//! What a trainer that means harm does to the session around it: its memory, its handles, its answers.

use std::time::{Duration, Instant};

use crate::harness::{Project, text};
use crate::http::Studio;
use crate::program::Dev;

/// What the callback does each time, by what one would call it.
const ATTACKS: [(&str, &str); 15] = [
    ("nothing", ""),
    (
        "lines without end",
        "for (;;) console.log('x'.repeat(1000));",
    ),
    (
        "a million empty lines",
        "console.log('\\n'.repeat(1 << 20));",
    ),
    ("errors of 20 MB", "throw new Error('e'.repeat(20 << 20));"),
    (
        "memory",
        "const all = []; for (;;) all.push(new Uint8Array(1 << 20).fill(1));",
    ),
    ("a loop without end", "for (;;);"),
    ("recursion", "const f = () => f() + 1; f();"),
    (
        "artifacts",
        "for (let i = 0; ; i++) artifacts.write('a' + i, new Uint8Array(8 << 20));",
    ),
    (
        "a prompt of 20 MB",
        "inference.generate('x'.repeat(20 << 20));",
    ),
    (
        "100,000 stop texts",
        "inference.generate('x', { stop: Array.from({ length: 1e5 }, (_, i) => 's' + i) });",
    ),
    (
        "100,000 actions",
        "return Array.from({ length: 1e5 }, (_, i) => action.logMetric('m' + i, i));",
    ),
    (
        "12 MB of state",
        "state.all = 'x'.repeat(12 << 20); return action.save();",
    ),
    (
        "state without bound",
        "state.all = (state.all ?? 'x').repeat(8);",
    ),
    (
        "the dataset, again and again",
        "for (;;) dataset.read('train', 0, 4096);",
    ),
    (
        "a stop of 20 MB",
        "return action.stop('s'.repeat(20 << 20));",
    ),
];

fn project(attack: &str) -> Project {
    let project = Project::empty();
    project.write("arkor.toml", "[limits]\ncallback-timeout = \"20s\"\n");
    project.write("text.txt", &text(""));
    project.write(
        "trainer.js",
        &format!(
            r#"import {{ action, artifacts, dataset, defineTrainer, file, inference, scratch }} from "arkor";
export default defineTrainer({{
  state: {{ seen: 0 }},
  describe: () => ({{
    name: "attack",
    model: scratch({{ hiddenSize: 32, numHiddenLayers: 1, numAttentionHeads: 2 }}),
    dataset: file("text.txt"),
    hyperparameters: {{ maxLength: 16, loggingSteps: 1, perDeviceTrainBatchSize: 2, saveSteps: 50, saveTotalLimit: 2 }},
  }}),
  onLog(event, state) {{
    state.seen += 1;
    {attack}
  }},
}});
"#
        ),
    );
    project
}

struct Usage {
    megabytes: u64,
    handles: usize,
    studio: Duration,
    end: Duration,
}

/// What a session takes while its trainer does this for some seconds.
fn attacked(attack: &str) -> Usage {
    let mut dev = Dev::on(project(attack));
    let studio = Studio::of(&dev.event("studio"));
    dev.event("started");
    let process = format!("/proc/{}", dev.child.id());
    let peak = || {
        let status = std::fs::read_to_string(format!("{process}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kilobytes.unwrap_or(0) >> 10
    };
    let (mut handles, mut slowest) = (0, Duration::ZERO);
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(4) {
        dev.drain();
        let asked = Instant::now();
        assert_eq!(studio.get("/api/dev").status, 200);
        slowest = slowest.max(asked.elapsed());
        let open = std::fs::read_dir(format!("{process}/fd")).map_or(0, Iterator::count);
        handles = handles.max(open);
        std::thread::sleep(Duration::from_millis(50));
    }
    let megabytes = peak();
    // What stops with a checkpoint may wait for the callback; a second Ctrl-C waits for nobody.
    let id = dev.child.id().to_string();
    let interrupt = || {
        let mut kill = std::process::Command::new("kill");
        kill.args(["-INT", &id]).status().unwrap();
    };
    interrupt();
    std::thread::sleep(Duration::from_millis(500));
    let begin = Instant::now();
    let (code, _) = dev.interrupt();
    assert_eq!(code, 130);
    Usage {
        megabytes,
        handles,
        studio: slowest,
        end: begin.elapsed(),
    }
}

#[test]
fn whatever_a_trainer_does_the_session_stays_small_and_answers() {
    let mut harmless = None;
    let mut wrong = Vec::new();
    for (name, attack) in ATTACKS {
        let usage = attacked(attack);
        println!(
            "{name:<30} {:>5} MB  {:>3} handles  Studio {:>4} ms  Ctrl-C {:>4} ms",
            usage.megabytes,
            usage.handles,
            usage.studio.as_millis(),
            usage.end.as_millis()
        );
        let before = *harmless.get_or_insert(usage.megabytes);
        if usage.megabytes > before + 300 {
            wrong.push(format!(
                "{name}: {} MB, {before} without harm",
                usage.megabytes
            ));
        }
        if usage.handles > 200 {
            wrong.push(format!("{name}: {} handles", usage.handles));
        }
        // Far more than it takes, on a machine that does other things too.
        for (what, time) in [("the Studio", usage.studio), ("Ctrl-C", usage.end)] {
            if time > Duration::from_secs(10) {
                wrong.push(format!("{name}: {what} answered after {time:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
