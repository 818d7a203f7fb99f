//! `arkor-host dev`, the real program: a component is saved, and the run goes on with it.

use crate::harness::{Project, example, guest};
use crate::program::Dev;

#[test]
fn a_saved_component_takes_over_and_what_is_broken_does_not() {
    let mut dev = Dev::start("counts");
    dev.event("started");
    dev.event("log");
    dev.save(guest("swap-next"));
    let swapped = dev.event("swapped");
    assert_eq!(
        (&swapped["previous"], &swapped["generation"]),
        (&1.into(), &2.into())
    );
    assert_eq!(swapped["state_size"], 16);
    dev.wait("word of the new code", |line| {
        line["type"] == "action" && line["action"]["value"]["name"] == "next"
    });
    // case 3: the same bytes again are no change.
    dev.save(guest("swap-next"));
    // case 32 and 8: what is no trainer, or cannot say what it wants, is told and changes nothing.
    std::fs::write(dev.project.path("trainer.wasm"), "not wasm").unwrap();
    dev.error("is not WebAssembly: it is a text");
    let builds = dev.seen.iter().filter(|line| line["state"] == "building");
    assert_eq!(builds.count(), 3, "{:#?}", dev.seen);
    dev.save(guest("panics-in-describe"));
    dev.error("describe");
    dev.event("log");
    // case 4: back to what was there at first is a swap, not a restart.
    dev.save(guest("counts"));
    assert_eq!(dev.event("swapped")["generation"], 3);
    let (code, seen) = dev.interrupt();
    assert_eq!(code, 130);
    let finished = seen.last().unwrap();
    assert_eq!(finished["type"], "finished");
    assert!(finished["checkpoint"].is_string());
    let started = seen.iter().filter(|line| line["type"] == "started");
    assert_eq!(started.count(), 1, "one run all along");
    // Each event once, in order.
    let seqs: Vec<u64> = seen
        .iter()
        .filter_map(|line| line["seq"].as_u64())
        .collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
}

#[test]
fn case_09_13_another_configuration_stops_the_run_and_begins_one_with_a_parent() {
    let mut dev = Dev::start("counts");
    let first = dev.event("started");
    dev.event("log");
    dev.save(guest("swap-config"));
    dev.state("restarting");
    let stopped = dev.event("stopped");
    assert_eq!(stopped["reason"]["kind"], "replaced");
    assert!(stopped["checkpoint"].is_string());
    let second = dev.event("started");
    assert_eq!(second["parent"], first["run"]);
    assert_ne!(second["config"], first["config"]);
    // The last checkpoint of the first run was its own code's affair.
    assert!(!dev.seen.iter().any(|line| line["type"] == "swapped"));
    dev.event("log");
    let (code, seen) = dev.interrupt();
    assert_eq!(code, 130);
    let runs = seen.iter().filter(|line| line["type"] == "finished");
    assert_eq!(runs.count(), 2);
}

#[test]
fn case_31_a_trainer_that_is_missing_at_first_runs_when_it_appears() {
    let project = Project::new("counts");
    std::fs::write(project.path("trainer.wasm"), "").unwrap();
    let mut dev = Dev::on(project);
    dev.state("error");
    dev.save(guest("counts"));
    dev.event("started");
    dev.event("log");
    assert_eq!(dev.interrupt().0, 130);
}

#[test]
fn case_31_a_project_without_any_trainer_waits_for_one() {
    let project = Project::new("counts");
    project.write("arkor.toml", "");
    let mut dev = Dev::on(project);
    dev.error("does not say where the trainer comes from");
    dev.project.write("text.txt", &crate::harness::text(""));
    let source = "import { defineTrainer, file, scratch } from \"arkor\";
export default defineTrainer({
  describe: () => ({
    name: \"late\",
    model: scratch({ hiddenSize: 32, numHiddenLayers: 1, numAttentionHeads: 2 }),
    dataset: file(\"text.txt\"),
  }),
});
";
    dev.project.write("trainer.ts", source);
    dev.event("started");
    // What only the next run reads is told as that.
    dev.project.write("arkor.toml", "[engine]\nthreads = 1\n");
    let told = dev.state("unchanged");
    let text = told["text"].as_str().unwrap();
    assert!(text.contains("with the next run"), "{text}");
    dev.project.write(
        "arkor.toml",
        "[engine]\nthreads = 1\n[store]\nmax-size = \"9 GiB\"\n",
    );
    let told = dev.state("unchanged");
    let text = told["text"].as_str().unwrap();
    assert!(text.contains("started again"), "{text}");
    assert_eq!(dev.interrupt().0, 130);
}

#[test]
fn a_run_that_could_not_begin_begins_when_its_data_is_there() {
    let project = Project::new("counts");
    let text = std::fs::read_to_string(project.path("text.txt")).unwrap();
    std::fs::remove_file(project.path("text.txt")).unwrap();
    let mut dev = Dev::on(project);
    dev.error("text.txt");
    dev.project.write("text.txt", &text);
    dev.event("started");
    assert_eq!(dev.interrupt().0, 130);
}

#[test]
fn a_dataset_that_changes_is_another_configuration() {
    let mut dev = Dev::start("counts");
    let first = dev.event("started");
    dev.event("log");
    let text = std::fs::read_to_string(dev.project.path("text.txt")).unwrap();
    // The same again is none.
    dev.project.write("text.txt", &text);
    dev.event("log");
    dev.project.write("text.txt", &format!("more {text}"));
    let why = dev.state("restarting");
    let why = why["text"].as_str().unwrap();
    assert!(
        why.contains("a file that the configuration names changed"),
        "{why}"
    );
    let stopped = dev.event("stopped");
    assert_eq!(stopped["reason"]["kind"], "replaced");
    let second = dev.event("started");
    assert_eq!(second["parent"], first["run"]);
    assert_eq!(second["config"], first["config"]);
    dev.event("log");
    assert_eq!(dev.interrupt().0, 130);
}

#[test]
fn a_component_outside_of_the_project_is_watched() {
    let project = Project::new("counts");
    let beside = tempfile::tempdir().unwrap();
    let place = beside.path().join("t.wasm");
    std::fs::copy(guest("counts"), &place).unwrap();
    let config = format!("[trainer]\ncomponent = \"{}\"\n", place.display());
    project.write("arkor.toml", &config);
    let mut dev = Dev::on(project);
    dev.event("log");
    std::fs::copy(guest("swap-next"), beside.path().join("new")).unwrap();
    std::fs::rename(beside.path().join("new"), &place).unwrap();
    dev.event("swapped");
    assert_eq!(dev.interrupt().0, 130);
}

#[test]
fn a_granted_folder_that_is_missing_is_named_and_waited_for() {
    for mode in ["read", "write"] {
        let config =
            format!("[capabilities]\nfiles = [{{ path = \"data\", mode = \"{mode}\" }}]\n");
        let mut dev = Dev::on(Project::with_config("counts", &config));
        dev.error("grants `data`, and there is no such folder");
        std::fs::create_dir(dev.project.path("data")).unwrap();
        dev.event("log");
        assert_eq!(dev.interrupt().0, 130);
    }
}

#[test]
fn a_build_command_beside_its_outputs_does_not_build_for_ever() {
    let project = Project::new("counts");
    std::fs::rename(project.path("trainer.wasm"), project.path("source.wasm")).unwrap();
    let build = "cp source.wasm t.wasm; date +%N >> build.log; sleep 600 &";
    let config = format!("[trainer]\ncomponent = \"t.wasm\"\nbuild = \"{build}\"\n");
    project.write("arkor.toml", &config);
    let mut dev = Dev::on(project);
    dev.event("started");
    let count = |dev: &Dev| {
        let builds = dev.seen.iter().filter(|line| line["state"] == "building");
        builds.count()
    };
    // Each save is built, and the next one when that is over.
    for component in ["swap-next", "counts", "swap-next"] {
        let before = count(&dev);
        let beside = dev.project.path(".arkor/source");
        std::fs::copy(guest(component), &beside).unwrap();
        std::fs::rename(&beside, dev.project.path("source.wasm")).unwrap();
        dev.event("swapped");
        for _ in 0..50 {
            dev.event("log");
        }
        assert!(count(&dev) - before <= 7, "{:#?}", dev.seen);
    }
    assert_eq!(dev.interrupt().0, 130);
}

#[test]
fn case_38_a_second_dev_on_a_project_is_refused_and_a_killed_one_leaves_no_lock() {
    let mut dev = Dev::start("counts");
    dev.event("log");
    let second = dev.project.arkor(["dev"]);
    assert_ne!(second.code, Some(0));
    second.one_error(&["another `arkor-host dev`"]);
    dev.child.kill().unwrap();
    dev.child.wait().unwrap();
    let project = std::mem::replace(&mut dev.project, Project::empty());
    // case 39: the run of the one that was killed is interrupted, and can be resumed.
    let mut again = Dev::on(project);
    again.event("log");
    let runs = again.project.arkor(["runs", "list", "--json"]);
    assert!(runs.out.contains("\"interrupted\""), "{}", runs.out);
    assert_eq!(again.interrupt().0, 130);
}

#[test]
fn case_32_33_an_edit_of_the_source_is_live_and_a_broken_one_is_told_with_its_place() {
    let project = example("rust-quickstart");
    let source = project.path("src/lib.rs");
    let original = std::fs::read_to_string(&source).unwrap();
    let mut dev = Dev::on(project);
    dev.event("started");
    dev.event("log");
    let broken = original.replacen("fn describe(", "fn describes(", 1);
    std::fs::write(&source, broken).unwrap();
    let error = dev.error("src/lib.rs:");
    assert!(error.contains("describes"), "{error}");
    let edited = original.replacen(" tokens to train on", " tokens, and edited", 1);
    assert_ne!(edited, original);
    std::fs::write(&source, edited).unwrap();
    assert_eq!(dev.event("swapped")["generation"], 2);
    // An edit of the configuration, in the source.
    let hotter = original.replacen("learning_rate: Some(2e-3)", "learning_rate: Some(1e-3)", 1);
    assert_ne!(hotter, original);
    std::fs::write(&source, hotter).unwrap();
    let stopped = dev.event("stopped");
    assert_eq!(stopped["reason"]["kind"], "replaced");
    let second = dev.event("started");
    assert_eq!(second["parent"], stopped["run"]);
    assert_eq!(dev.interrupt().0, 130);
}

#[test]
fn grants_and_limits_are_part_of_the_code() {
    let mut dev = Dev::start("counts");
    let started = dev.event("started");
    dev.event("log");
    let config = "[trainer]\ncomponent = \"trainer.wasm\"\n";
    let more = format!("{config}[limits]\ncallback-timeout = \"7s\"\n");
    dev.project.write("arkor.toml", &more);
    let swapped = dev.event("swapped");
    assert_eq!(swapped["component"], started["component"]);
    assert_eq!(swapped["generation"], 2);
    // What is granted counts, not how it is written down.
    dev.project
        .write("arkor.toml", &format!("{more}# more time\n"));
    dev.state("unchanged");
    dev.project.write("arkor.toml", config);
    assert_eq!(dev.event("swapped")["generation"], 3);
    assert_eq!(dev.interrupt().0, 130);
}

#[test]
fn a_changed_configuration_is_told_with_both_values() {
    let mut dev = Dev::start("counts");
    dev.event("log");
    dev.save(guest("swap-config"));
    let told = dev.state("restarting");
    let text = told["text"].as_str().unwrap();
    assert!(
        text.contains(" was ") && text.contains(" and is "),
        "{text}"
    );
    dev.event("stopped");
    assert_eq!(dev.interrupt().0, 130);
}

/// Files that a new configuration names are looked for before the run is asked to stop for it.
#[test]
fn a_configuration_that_cannot_begin_leaves_the_run_as_it_is() {
    let mut dev = Dev::start("counts");
    dev.event("log");
    let text = std::fs::read_to_string(dev.project.path("text.txt")).unwrap();
    std::fs::remove_file(dev.project.path("text.txt")).unwrap();
    dev.save(guest("swap-config"));
    dev.error("text.txt");
    dev.event("log");
    // One after the other: each alone is a change, and the new configuration with its text could begin.
    dev.save(guest("counts"));
    dev.error("text.txt");
    dev.project.write("text.txt", &text);
    dev.state("unchanged");
    dev.event("log");
    let (code, seen) = dev.interrupt();
    assert_eq!(code, 130);
    let started = seen.iter().filter(|line| line["type"] == "started");
    assert_eq!(started.count(), 1);
}

#[test]
fn who_waits_for_the_hook_of_a_loop_is_told() {
    let mut dev = Dev::start("loop-deaf");
    dev.event("log");
    dev.save(guest("loop-forever"));
    dev.wait("what is waited for", |line| {
        line["text"].as_str().is_some_and(|text| {
            text.contains("waits for the training loop to call its checkpoint hook")
        })
    });
}

#[test]
fn a_callback_that_fails_is_what_is_shown() {
    let mut dev = Dev::start("counts");
    dev.event("log");
    dev.save(guest("swap-errs"));
    dev.event("swapped");
    dev.error("not ready for event");
    dev.error("failed at its first events, 1 is back");
    assert_eq!(dev.interrupt().0, 130);
}
