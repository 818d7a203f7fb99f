//! Evaluations that a trainer makes itself, and what it learns of its run and its samples.

use crate::events::checked;
use crate::harness::{Done, Project};

/// The lines that the trainer printed, in order.
fn printed(done: &Done) -> Vec<String> {
    let messages = done.events("message").into_iter();
    let own = messages.filter(|event| event["source"] == "stdout");
    own.map(|event| event["text"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn measures() {
    // To generate at step 10 takes longer than this: the engine's time is not the callback's.
    let config = "[limits]\ncallback-timeout = \"300ms\"\n";
    let project = Project::with_config("measures", config);
    let done = project.run(&[]);
    done.expect(0);
    checked(&done);
    let faults = done.events("callback-failed");
    let causes: Vec<&str> = faults
        .iter()
        .map(|event| event["fault"]["cause"]["value"].as_str().unwrap())
        .collect();
    assert_eq!(causes.len(), 2, "{causes:?}");
    assert!(causes[0].contains("nothing is held out"), "{causes:?}");
    assert!(causes[1].contains("on-evaluate"), "{causes:?}");
    let actions = done.events("action");
    let metric = |name: &str| {
        let of_name = |event: &&serde_json::Value| event["action"]["value"]["name"] == name;
        actions.iter().filter(of_name).count()
    };
    assert_eq!((metric("left-out"), metric("written")), (0, 1));

    let evaluations = done.events("evaluation");
    let told: Vec<_> = evaluations
        .iter()
        .map(|event| {
            assert!(
                event["loss"].is_null() && event["perplexity"].is_null(),
                "{event}"
            );
            assert_eq!(event["metrics"][0]["name"], "accuracy");
            (
                event["step"].as_u64().unwrap(),
                event["score"]["value"].as_f64().unwrap(),
                event["is_best"].as_bool().unwrap(),
                event["evaluations_without_improvement"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [(4, 0.75, true, 0), (8, 0.5, false, 1), (12, 0.5, false, 2)]
    );

    // The best stays though two are newer, and is the one that the end names.
    let finished = done.finished();
    assert_eq!(finished["best_score"], 0.75);
    let best = finished["best_checkpoint"].as_str().unwrap();
    let shown = project.show();
    let kept: Vec<_> = shown["checkpoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["id"].as_str().unwrap(), one["score"].as_f64().unwrap()))
        .collect();
    assert_eq!(kept.len(), 2, "{shown}");
    assert_eq!(kept[0], (best, 0.75));
    let lines = printed(&done);
    assert!(
        lines.contains(&"measures 1 1 2 Some(12)".to_owned()),
        "{lines:?}"
    );
    assert!(lines.contains(&"best Some(0.75)".to_owned()), "{lines:?}");
}

#[test]
fn loop_measures() {
    let done = Project::new("loop-measures").run(&["--max-steps", "4"]);
    done.expect(0);
    checked(&done);
    let lines = printed(&done);
    let line = |start: &str| {
        let found = lines.iter().find(|line| line.starts_with(start));
        found.unwrap_or_else(|| panic!("nothing about {start:?} in {lines:?}"))
    };
    for feature in [
        "cross-entropy",
        "ppo",
        "deterministic",
        "sampling-log-probs",
    ] {
        assert!(line("features").contains(feature), "{lines:?}");
    }
    assert_eq!(line("run"), "run loop-measures 0 None");
    for kind in ["alike", "likelier", "certain", "kept false", "kept true"] {
        assert_eq!(*line(kind), format!("{kind} true"));
    }
    assert!(line("refused").contains("at most 64"), "{lines:?}");
    assert!(line("adam").contains("\"amsgrad\""), "{lines:?}");
    assert!(
        line("empty").contains("neither a loss nor a metric"),
        "{lines:?}"
    );
    // Asked for once, answered once, and the callbacks heard of it.
    assert_eq!(line("still wanted"), "still wanted false");
    assert_eq!(line("told"), "told Some((2.0, true))");
    let evaluations = done.events("evaluation");
    assert_eq!(evaluations.len(), 1, "{evaluations:?}");
    assert_eq!(evaluations[0]["step"], 2);
}
