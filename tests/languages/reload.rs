//! `arkor-host dev` with a script: an edit is live in the next event, with the state carried over. The
//! number in a test's name is that of the case in docs/reload.md.

use serde_json::Value;

use crate::program::Dev;
use crate::script::{Language, in_each_language};

in_each_language!(
    case_03_04_what_is_the_same_changes_nothing,
    case_09_11_another_configuration_restarts,
    case_14_15_21_an_edit_is_live_with_the_state_of_before,
    case_16_state_that_is_refused_or_rejected_keeps_the_old_code,
    case_17_18_32_broken_edits_change_nothing_and_are_told_with_their_place,
    case_17_19_code_that_hangs_at_its_first_event_is_rolled_back,
    case_20_many_edits_leave_nothing_behind,
);

const IMPATIENT: &str = "[limits]\ncallback-timeout = \"700ms\"\n";

fn metric(dev: &mut Dev, name: &str) -> f64 {
    let line = dev.wait(name, |line| {
        line["type"] == "action" && line["action"]["value"]["name"] == name
    });
    line["action"]["value"]["value"].as_f64().unwrap()
}

/// Numbers that were logged, in order.
fn metrics(seen: &[Value]) -> Vec<f64> {
    let actions = seen.iter().filter(|line| line["type"] == "action");
    actions
        .filter_map(|line| line["action"]["value"]["value"].as_f64())
        .collect()
}

/// Every log event was counted once, by whichever code.
fn assert_counted(seen: &[Value]) {
    let counted = metrics(seen);
    let expected: Vec<f64> = (1..=counted.len()).map(|n| n as f64).collect();
    assert_eq!(counted, expected);
}

fn begin(language: &Language) -> Dev {
    let mut dev = Dev::on(language.project(&language.counting("", "one")));
    dev.event("started");
    metric(&mut dev, "one");
    dev
}

fn save(dev: &Dev, language: &Language, source: &str) {
    dev.project.write(language.entry, source);
}

fn case_14_15_21_an_edit_is_live_with_the_state_of_before(language: &Language) {
    let mut dev = begin(language);
    for (index, name) in ["two", "three", "four"].iter().enumerate() {
        save(&dev, language, &language.counting("", name));
        let swapped = dev.event("swapped");
        assert_eq!(swapped["generation"], index as u64 + 2);
        metric(&mut dev, name);
    }
    assert_counted(&dev.seen);
    assert_eq!(dev.interrupt().0, 130);
}

fn case_03_04_what_is_the_same_changes_nothing(language: &Language) {
    let mut dev = begin(language);
    let one = language.counting("", "one");
    save(&dev, language, &one);
    dev.project.write("notes.txt", "no module");
    save(&dev, language, &language.counting("", "two"));
    dev.event("swapped");
    metric(&mut dev, "two");
    save(&dev, language, &one);
    let back = dev.event("swapped");
    assert_eq!(back["generation"], 3, "what was the same was no swap");
    metric(&mut dev, "one");
    assert_counted(&dev.seen);
    assert_eq!(dev.interrupt().0, 130);
}

fn case_16_state_that_is_refused_or_rejected_keeps_the_old_code(language: &Language) {
    let mut dev = begin(language);
    save(
        &dev,
        language,
        &language.with_method("two", language.rejects),
    );
    let rejected = dev.event("swap-rejected");
    let fault = rejected.to_string();
    assert!(
        fault.contains("not mine") && fault.contains("load-state"),
        "{fault}"
    );
    metric(&mut dev, "one");
    save(
        &dev,
        language,
        &language.with_method("two", language.refuses),
    );
    dev.event("swapped");
    metric(&mut dev, "two");
    save(&dev, language, &language.counting("", "three"));
    let fault = dev.event("swap-rejected").to_string();
    assert!(
        fault.contains("not now") && fault.contains("save-state"),
        "{fault}"
    );
    metric(&mut dev, "two");
    assert_counted(&dev.seen);
    // What comes next may be the mend: it takes over without memory.
    save(&dev, language, &language.counting("", "four"));
    let swapped = dev.event("swapped");
    assert!(swapped["state_size"].is_null(), "{swapped}");
    assert_eq!(metric(&mut dev, "four"), 1.0);
    assert_eq!(dev.interrupt().0, 130);
}

fn case_17_18_32_broken_edits_change_nothing_and_are_told_with_their_place(language: &Language) {
    let mut dev = begin(language);
    let entry = language.entry;
    save(&dev, language, &language.counting(language.wrong, "two"));
    dev.error(&format!("{entry}:2:"));
    // A name that is not there. One that is not used is no import in TypeScript.
    let missing = format!("{}\n", language.import).replace("other", "nowhere");
    let source = language.counting(&missing, "NAME");
    save(&dev, language, &source.replace("\"NAME\"", "name"));
    dev.error("nowhere");
    save(&dev, language, &language.counting(language.throws, "two"));
    dev.error("at the end");
    metric(&mut dev, "one");
    // A module that is imported is part of the code.
    let (other, exports) = language.other;
    dev.project.write(other, &exports.replace("NAME", "two"));
    let source = language.counting(language.import, "NAME");
    save(&dev, language, &source.replace("\"NAME\"", "name"));
    dev.event("swapped");
    metric(&mut dev, "two");
    dev.project.write(other, &exports.replace("NAME", "three"));
    dev.event("swapped");
    metric(&mut dev, "three");
    assert_counted(&dev.seen);
    assert_eq!(dev.interrupt().0, 130);
}

fn case_17_19_code_that_hangs_at_its_first_event_is_rolled_back(language: &Language) {
    let project = language.project(&language.counting("", "one"));
    project.write("arkor.toml", IMPATIENT);
    let mut dev = Dev::on(project);
    dev.event("started");
    metric(&mut dev, "one");
    save(&dev, language, &language.first("two", "spin()"));
    let back = dev.event("rolled-back");
    let fault = back.to_string();
    assert!(fault.contains("deadline"), "{fault}");
    assert!(
        fault.contains(&format!("spin at {}:", language.entry)),
        "{fault}"
    );
    metric(&mut dev, "one");
    save(&dev, language, &language.counting("", "three"));
    dev.event("swapped");
    metric(&mut dev, "three");
    assert_counted(&dev.seen);
    assert_eq!(dev.interrupt().0, 130);
}

#[test]
fn case_17_19_code_that_hangs_after_an_await_is_rolled_back() {
    let language = &crate::script::TYPESCRIPT;
    let project = language.project(&language.counting("", "one"));
    project.write("arkor.toml", IMPATIENT);
    let mut dev = Dev::on(project);
    dev.event("started");
    metric(&mut dev, "one");
    let hangs = language
        .first("two", "await 0; spin()")
        .replace("  onLog(", "  async onLog(");
    save(&dev, language, &hangs);
    let fault = dev.event("rolled-back").to_string();
    assert!(fault.contains("deadline"), "{fault}");
    assert!(fault.contains("spin at trainer.ts:"), "{fault}");
    metric(&mut dev, "one");
    assert_counted(&dev.seen);
    assert_eq!(dev.interrupt().0, 130);
}

/// The last callback has its time, though newer code waits, and that begins the next run.
#[test]
fn a_save_during_the_last_callback_is_what_the_next_run_begins_with() {
    let language = &crate::script::TYPESCRIPT;
    let stops = language
        .first("one", "if (state.seen == 3) return action.stop(\"enough\")")
        .replacen(
            "  onLog(",
            "  onCompleted() { const end = Date.now() + 4000; while (Date.now() < end); },\n  onLog(",
            1,
        );
    let project = language.project(&stops);
    // Whoever is in a hurry has none for less than two seconds.
    project.write("arkor.toml", "[limits]\ncallback-timeout = \"12s\"\n");
    let mut dev = Dev::on(project);
    let first = dev.event("started")["run"].clone();
    dev.event("ending");
    save(&dev, language, &language.counting("", "two"));
    let stopped = dev.event("stopped");
    assert_eq!(stopped["run"], first);
    let second = dev.event("started");
    assert_ne!(second["run"], first);
    metric(&mut dev, "two");
    let failed = dev
        .seen
        .iter()
        .find(|line| line["type"] == "callback-failed");
    assert_eq!(failed, None);
    assert_eq!(dev.interrupt().0, 130);
}

fn case_09_11_another_configuration_restarts(language: &Language) {
    let mut dev = Dev::on(language.project(&language.counting("", "one")));
    let first = dev.event("started");
    metric(&mut dev, "one");
    let source = language.counting("", "one");
    let changed = source
        .replace("maxLength: 16", "maxLength: 32")
        .replace("max_length=16", "max_length=32");
    assert_ne!(source, changed);
    save(&dev, language, &changed);
    let stopped = dev.event("stopped");
    assert_eq!(stopped["reason"]["kind"], "replaced");
    let second = dev.event("started");
    assert_eq!(second["parent"], first["run"]);
    metric(&mut dev, "one");
    assert_eq!(dev.interrupt().0, 130);
}

#[cfg(target_os = "linux")]
fn case_20_many_edits_leave_nothing_behind(language: &Language) {
    const EDITS: usize = 60;
    let mut dev = begin(language);
    let files = |dev: &Dev| {
        let folder = format!("/proc/{}/fd", dev.child.id());
        std::fs::read_dir(folder).unwrap().count()
    };
    let memory = |dev: &Dev| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", dev.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS"))
            .unwrap();
        let number = line.split_whitespace().nth(1).unwrap();
        number.parse::<u64>().unwrap() / 1024
    };
    let edit = |dev: &mut Dev, number: usize| {
        let name = format!("n{number}");
        save(dev, language, &language.counting("", &name));
        dev.event("swapped");
        metric(dev, &name);
    };
    // The first ones fill pools and caches.
    (0..10).for_each(|number| edit(&mut dev, number));
    let before = (files(&dev), memory(&dev));
    (10..EDITS).for_each(|number| edit(&mut dev, number));
    let after = (files(&dev), memory(&dev));
    assert_counted(&dev.seen);
    assert!(
        after.0 <= before.0 + 8,
        "file handles: {before:?} {after:?}"
    );
    // An instance that stayed would be 3 MB in JavaScript and 16 in Python, each time: 150 and 800. Memories of up to
    // 40 MB that wait for the next instance may come to be two only after the first edits.
    assert!(after.1 <= before.1 + 120, "MB: {before:?} {after:?}");
    assert_eq!(dev.interrupt().0, 130);
}

#[cfg(not(target_os = "linux"))]
fn case_20_many_edits_leave_nothing_behind(_: &Language) {}

/// An edit of a loop takes over at the next checkpoint.
fn loop_is_handed_over(example: &str, entry: &str, steps: [&str; 2], told: [&str; 2]) {
    let project = crate::harness::example(example);
    let file = project.path(entry);
    let original = std::fs::read_to_string(&file).unwrap();
    let long = original.replace(steps[0], steps[1]);
    assert_ne!(long, original);
    std::fs::write(&file, &long).unwrap();
    let mut dev = Dev::on(project);
    dev.event("started");
    dev.event("log");
    let edited = long.replace(told[0], told[1]);
    assert_ne!(edited, long);
    std::fs::write(&file, edited).unwrap();
    dev.event("swapped");
    dev.wait("the new loop", |line| {
        let text = line["text"].as_str().unwrap_or_default();
        text.starts_with("another cycle ends at")
    });
    assert_eq!(dev.interrupt().0, 130);
}

#[test]
fn a_loop_in_typescript_is_handed_over_at_its_next_checkpoint() {
    loop_is_handed_over(
        "typescript-loop",
        "trainer.ts",
        ["maxSteps: 90", "maxSteps: 100000"],
        ["`a cycle ends at", "`another cycle ends at"],
    );
}

#[test]
fn a_loop_in_python_is_handed_over_at_its_next_checkpoint() {
    loop_is_handed_over(
        "python-loop",
        "trainer.py",
        ["max_steps=90", "max_steps=100000"],
        ["f\"a cycle ends at", "f\"another cycle ends at"],
    );
}
