//! Trainers with a loop of their own.

use crate::events::checked;
use crate::harness::Project;

const IMPATIENT: &str = "[limits]\nloop-timeout = \"2s\"\n";

#[test]
fn a_loop_that_never_calls_its_host_is_cut_off() {
    let done = Project::with_config("loop-forever", IMPATIENT).run(&[]);
    done.expect(1);
    checked(&done);
    let fault = done.only_fault();
    assert_eq!(fault["function"], "run");
    assert_eq!(fault["cause"]["deadline"], 2000);
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
    assert!(answer("step").contains('9') && answer("step").contains('1'));
    assert!(answer("state").contains("nothing"));
    assert!(!answer("chat").is_empty());
    assert!(answer("name").contains("../up"));
}
