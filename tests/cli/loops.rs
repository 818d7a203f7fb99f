//! Trainers with a loop of their own.

use crate::events::checked;
use crate::harness::{Done, Project};
use serde_json::Value;

const IMPATIENT: &str = "[limits]\nloop-timeout = \"2s\"\n";

#[test]
fn a_loop_that_never_calls_its_host_is_cut_off() {
    let done = Project::with_config("loop-forever", IMPATIENT).run(&[]);
    done.expect(1);
    checked(&done);
    let fault = done.only_fault();
    assert_eq!(fault["function"], "run");
    assert_eq!(fault["cause"]["value"], 2000);
    done.one_error(&["trainer `loop-forever`", "run", "2000 ms"]);
}

#[test]
fn a_loop_that_panics_fails_its_run() {
    let done = Project::new("loop-panics").run(&[]);
    done.expect(1);
    checked(&done);
    assert_eq!(done.finished()["status"], "failed");
    done.one_error(&["trainer `loop-panics`", "run", "panicked"]);
}

#[test]
fn wrong_calls_are_answered_with_what_is_wrong() {
    let done = Project::new("loop-misuses").run(&[]);
    done.expect(0);
    checked(&done);
    let said: Vec<String> = done
        .events("message")
        .iter()
        .map(|event| event["text"].as_str().unwrap().to_owned())
        .collect();
    let answer = |to: &str| {
        let found = said
            .iter()
            .find(|text| text.starts_with(&format!("{to}: ")));
        found.unwrap_or_else(|| panic!("no {to} in {said:#?}"))
    };
    assert!(answer("no gradients").contains("forward-backward"));
    assert!(answer("lengths").contains('2') && answer("lengths").contains('1'));
    assert!(answer("id").contains("99999"));
    assert!(answer("unapplied").contains("optim-step"));
    assert!(answer("saved").contains("optim-step"));
    assert!(answer("loss").contains("cispo"));
    assert!(answer("prompts").contains("0 prompts"));
    assert!(answer("finite").contains("NaN"));
    assert!(answer("step").contains('9') && answer("step").contains('1'));
    assert!(answer("state").contains("nothing"));
    assert!(!answer("chat").is_empty());
    assert!(answer("name").contains("../up"));
}

#[test]
fn a_loop_may_make_its_own_data() {
    let project = Project::new("loop-own-data");
    let done = project.run(&[]);
    done.expect(0);
    checked(&done);
    let said = |done: &Done| -> Vec<String> {
        let messages = done.events("message");
        let text = |event: &Value| event["text"].as_str().unwrap().to_owned();
        messages.iter().map(text).collect()
    };
    let all = said(&done);
    let has = |part: &str| all.iter().any(|text| text.contains(part));
    assert!(
        has("dataset: the run has no data") && has("preferred: true"),
        "{all:#?}"
    );
    assert!(has("on-log asked for `levitate`"), "{all:#?}");
    let rates: Vec<f64> = done
        .events("log")
        .iter()
        .map(|event| event["learning_rate"].as_f64().unwrap())
        .collect();
    let expected: Vec<f64> = (1..=12)
        .map(|step| if (3..=4).contains(&step) { 5e-4 } else { 1e-3 })
        .collect();
    assert_eq!(rates, expected);
    // Checkpoints are written where they are due, though the loop asks for none of its own.
    let steps: Vec<u64> = done
        .events("checkpoint")
        .iter()
        .map(|event| event["step"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, [4, 8, 12, 13]);
}

#[test]
fn a_loop_that_sleeps_is_cut_off() {
    let done = Project::with_config("loop-sleeps", IMPATIENT).run(&[]);
    done.expect(1);
    checked(&done);
    done.one_error(&["trainer `loop-sleeps`", "run", "2000 ms"]);
}

#[test]
fn a_loop_that_does_not_return_when_told_is_cut_off() {
    let done = Project::with_config("loop-ignores-stop", IMPATIENT).run(&[]);
    // The stop's checkpoint was written before: the run stopped, whatever the loop does then.
    done.expect(3);
    checked(&done);
    assert_eq!(done.finished()["reason"]["value"], "enough");
    assert_eq!(done.only_fault()["cause"]["value"], 2000);
    assert_eq!(done.events("checkpoint").len(), 1);
}

#[test]
fn the_last_checkpoint_holds_what_the_loop_left() {
    let project = Project::new("loop-unapplied");
    let done = project.run(&[]);
    done.expect(0);
    checked(&done);
    let said = |start: &str| {
        let message = done.events("message").into_iter().find_map(|event| {
            event["text"]
                .as_str()?
                .strip_prefix(start)
                .map(str::to_owned)
        });
        message.unwrap_or_else(|| panic!("nothing about {start:?} in {}", done.out))
    };
    let untrained: f64 = said("untrained: ").parse().unwrap();
    let trained: f64 = said("trained: ").parse().unwrap();
    assert!(trained < untrained, "{trained} {untrained}");
    assert!(said("the loop returned with gradients").contains("dropped"));
    // The old weights were taken back at the step of a checkpoint; they are scored and saved again.
    assert_eq!(done.finished()["final_eval_loss"], untrained);
    let checkpoints = done.events("checkpoint");
    assert_eq!(checkpoints.len(), 2);
    assert_eq!(checkpoints[1]["eval_loss"], untrained);
    // It offered a checkpoint before it went on, so there is a place to go on from.
    project.run(&["--resume", "latest"]).expect(0);
}
