//! `arkor-host dev` with a script: an edit is live in the next event, with the state carried over. The
//! number in a test's name is that of the case in docs/reload.md.

use crate::program::Dev;
use crate::script::{project, trainer};

/// Counts, and says which version it is.
fn version(name: &str) -> String {
    trainer(
        "",
        &format!("return action.logMetric(\"{name}\", state.seen);"),
    )
    .replace("maxSteps: 4", "maxSteps: 1000000")
}

fn metric(dev: &mut Dev, name: &str) -> f64 {
    let line = dev.wait(name, |line| {
        line["type"] == "action" && line["action"]["value"]["name"] == name
    });
    line["action"]["value"]["value"].as_f64().unwrap()
}

#[test]
fn case_14_15_21_an_edit_is_live_with_the_state_of_before() {
    let mut dev = Dev::on(project("trainer.ts", &version("one")));
    dev.event("started");
    metric(&mut dev, "one");
    for (index, name) in ["two", "three", "four"].iter().enumerate() {
        dev.project.write("trainer.ts", &version(name));
        let swapped = dev.event("swapped");
        assert_eq!(swapped["generation"], index as u64 + 2);
        metric(&mut dev, name);
    }
    // Every log event was counted once, by whichever code.
    let counted: Vec<f64> = dev
        .seen
        .iter()
        .filter(|line| line["type"] == "action")
        .map(|line| line["action"]["value"]["value"].as_f64().unwrap())
        .collect();
    let expected: Vec<f64> = (1..=counted.len()).map(|n| n as f64).collect();
    assert_eq!(counted, expected);
    assert_eq!(dev.interrupt().0, 130);
}

#[test]
fn case_17_18_32_broken_edits_change_nothing_and_are_told_with_their_place() {
    let mut dev = Dev::on(project("trainer.ts", &version("one")));
    dev.event("started");
    metric(&mut dev, "one");
    let right = version("two");
    dev.project.write(
        "trainer.ts",
        &right.replace("state.seen += 1", "state.seen += ;"),
    );
    dev.error("trainer.ts:12:");
    // An import that is used: one that is not is no import in TypeScript.
    let used = right.replace("import {", "import { nothing,") + "nothing();";
    dev.project.write("trainer.ts", &used);
    dev.error("nothing");
    dev.project.write(
        "trainer.ts",
        &format!("{right}\nthrow new Error(\"at the end\");"),
    );
    dev.error("at the end");
    metric(&mut dev, "one");
    // A module that is imported, too.
    dev.project
        .write("other.ts", "export const name = \"two\";");
    dev.project.write(
        "trainer.ts",
        &right
            .replace("import {", "import { name } from \"./other\";\nimport {")
            .replace("\"two\"", "name"),
    );
    dev.event("swapped");
    metric(&mut dev, "two");
    dev.project
        .write("other.ts", "export const name = \"three\";");
    dev.event("swapped");
    metric(&mut dev, "three");
    assert_eq!(dev.interrupt().0, 130);
}

#[test]
fn case_09_11_another_configuration_restarts_and_another_comment_does_not() {
    let mut dev = Dev::on(project("trainer.ts", &version("one")));
    let first = dev.event("started");
    metric(&mut dev, "one");
    dev.project.write(
        "trainer.ts",
        &version("one").replace("maxLength: 16", "maxLength: 32"),
    );
    let stopped = dev.event("stopped");
    assert_eq!(stopped["reason"]["kind"], "replaced");
    let second = dev.event("started");
    assert_eq!(second["parent"], first["run"]);
    metric(&mut dev, "one");
    assert_eq!(dev.interrupt().0, 130);
}

#[test]
fn a_loop_in_a_script_is_handed_over_at_its_next_checkpoint() {
    let project = crate::harness::example("typescript-loop");
    let file = project.path("trainer.ts");
    let original = std::fs::read_to_string(&file).unwrap();
    let long = original.replace("maxSteps: 90", "maxSteps: 100000");
    assert_ne!(long, original);
    std::fs::write(&file, &long).unwrap();
    let mut dev = Dev::on(project);
    dev.event("started");
    dev.event("log");
    let told = |name: &str| format!("console.log(`{name} ends at");
    let edited = long.replace(&told("a cycle"), &told("another cycle"));
    assert_ne!(edited, long);
    std::fs::write(&file, edited).unwrap();
    dev.event("swapped");
    dev.wait("the new loop", |line| {
        let text = line["text"].as_str().unwrap_or_default();
        text.starts_with("another cycle ends at")
    });
    assert_eq!(dev.interrupt().0, 130);
}
