//! Trainers that misbehave, one way each. The host says so in one message, and goes on.

use crate::events::checked;
use crate::harness::{Done, Project, guest, repository, text};

/// Short enough to wait for, long enough for a callback on a busy machine.
const IMPATIENT: &str = "[limits]\ncallback-timeout = \"2s\"\nloop-timeout = \"2s\"\n";

/// The run went on to its end, whatever became of its callbacks.
#[track_caller]
fn went_on(done: &Done, trainer: &str, function: &str) -> String {
    done.expect(0);
    checked(done);
    assert_eq!(done.finished()["steps"], 12);
    let fault = done.only_fault();
    assert_eq!(fault["trainer"], trainer);
    assert_eq!(fault["function"], function);
    fault["cause"].to_string()
}

/// Nothing that was not granted came out.
#[track_caller]
fn nothing_escaped(done: &Done) {
    done.expect(0);
    checked(done);
    assert!(!done.out.contains("ESCAPED"), "{}", done.out);
}

/// The warnings of the host, which name the line of arkor.toml.
fn warnings(done: &Done) -> String {
    let mut text = String::new();
    for event in done.events("message") {
        if event["level"] == "warn" {
            text += event["text"].as_str().unwrap();
            text.push('\n');
        }
    }
    text
}

#[test]
fn loops_forever() {
    let done = Project::with_config("loops-forever", IMPATIENT).run(&[]);
    let cause = went_on(&done, "loops-forever", "on-log");
    assert_eq!(cause, r#"{"kind":"deadline","value":2000}"#);
    // Where it was: the trap carries the guest's own stack.
    assert!(
        done.only_fault()["backtrace"]
            .to_string()
            .contains("on_log")
    );
}

#[test]
fn allocates() {
    let done = Project::with_config("allocates", "[limits]\nmemory = \"32 MiB\"\n").run(&[]);
    let cause = went_on(&done, "allocates", "on-log");
    assert!(cause.contains(r#""limit":33554432"#), "{cause}");
}

#[test]
fn recurses() {
    let done = Project::new("recurses").run(&[]);
    assert_eq!(went_on(&done, "recurses", "on-log"), r#"{"kind":"stack"}"#);
    let backtrace = done.only_fault()["backtrace"].to_string();
    assert!(
        backtrace.contains("down") && backtrace.contains(" times)"),
        "{backtrace}"
    );
}

#[test]
fn panics() {
    for function in [
        "on-started",
        "on-log",
        "on-evaluate",
        "on-checkpoint",
        "on-completed",
        "save-state",
    ] {
        let project = Project::new("panics");
        project.write("text.txt", &text(function));
        let done = project.run(&[]);
        let cause = went_on(&done, "panics", function);
        let expected = format!("as the test wants, in {function} (at panics/src/lib.rs:");
        assert!(cause.contains(&expected), "{cause}");
        let backtrace = done.only_fault()["backtrace"].to_string();
        assert!(backtrace.contains("panics::here"), "{backtrace}");
        // The panic is told once, as the fault, and not in pieces as lines of output.
        assert!(
            !done
                .events("message")
                .iter()
                .any(|m| m["text"].to_string().contains("panick"))
        );
    }
}

#[test]
fn panics_in_load_state() {
    let project = Project::new("panics");
    project.run(&["--max-steps", "4"]).expect(0);
    let done = project.run(&["--max-steps", "8", "--resume", "latest"]);
    done.expect(1);
    done.one_error(&[
        "trainer `panics`",
        "load-state",
        "panicked: as the test wants, in load-state",
    ]);
    // The run is as it was.
    assert_eq!(project.show()["run"]["status"], "completed");
    assert_eq!(project.show()["run"]["step"], 4);
}

#[test]
fn a_panic_fails_the_run_if_the_project_says_so() {
    let config = "[run]\non-callback-error = \"fail\"\n";
    let project = Project::with_config("panics", config);
    project.write("text.txt", &text("on-evaluate"));
    let done = project.run(&[]);
    done.expect(1);
    checked(&done);
    let finished = done.finished();
    assert_eq!(finished["status"], "failed");
    assert_eq!(finished["steps"], 4);
    done.one_error(&["trainer `panics`", "on-evaluate", "panicked"]);
}

#[test]
fn panics_in_describe() {
    let done = Project::new("panics-in-describe").run(&[]);
    done.expect(1);
    done.one_error(&[
        "the trainer (generation 1)",
        "describe",
        "panicked",
        "panics_in_describe",
    ]);
    assert_eq!(done.finished()["run"], serde_json::Value::Null);
}

#[test]
fn fails() {
    let done = Project::new("fails").run(&[]);
    done.expect(0);
    checked(&done);
    // It only returned an error: the instance lives, and is called for every event.
    let faults = done.events("callback-failed");
    assert_eq!(faults.len(), done.events("log").len());
    assert!(
        faults[0]["fault"]["cause"]["kind"] == "error",
        "{}",
        faults[0]
    );
}

#[test]
fn garbage() {
    let done = Project::new("garbage").run(&[]);
    done.expect(0);
    checked(&done);
    let fault = &done.events("callback-failed")[0]["fault"];
    let cause = fault["cause"]["value"].as_str().unwrap();
    assert!(
        cause.contains("set-learning-rate") && cause.contains("NaN"),
        "{cause}"
    );
    // None of the answer's actions counts, so the save before the bad rate does not either.
    assert!(done.events("action").is_empty());
}

#[test]
fn garbage_abi() {
    for what in ["not-utf8", "wild-pointer", "endless-list"] {
        let project = Project::new("garbage-abi");
        project.write("text.txt", &text(what));
        let done = project.run(&[]);
        let cause = went_on(&done, "garbage-abi", "on-log");
        assert!(cause.contains("trap"), "{what}: {cause}");
    }
}

#[test]
fn garbage_spec() {
    let done = Project::new("garbage-spec").run(&[]);
    done.expect(1);
    // All problems at once, each with field, value and what is allowed.
    done.one_error(&[
        "name",
        "not a name",
        "dataset.held-out",
        "1.5",
        "learning-rate",
        "NaN",
        "per-device-train-batch-size",
        "0",
        "additional",
        "hyperparameters.telepathy",
        "extras",
    ]);
}

#[test]
fn floods() {
    let config = format!("{IMPATIENT}messages-per-second = 200\n");
    let done = Project::with_config("floods", &config).run(&[]);
    let cause = went_on(&done, "floods", "on-log");
    assert_eq!(cause, r#"{"kind":"deadline","value":2000}"#);
    // It was slowed down: a second's worth to begin with, and 2 s at the limit's rate, each of the three times it began.
    let lines = done.events("message").len();
    assert!((100..=3000).contains(&lines), "{lines}");
}

/// Whether guests are built by Debian's toolchain, for the first preview of WASI.
fn is_preview_1() -> bool {
    let toolchain = arkor_project::RustToolchain::detect(crate::harness::repository()).unwrap();
    toolchain.target() == "wasm32-wasip1"
}

#[test]
fn asks_file() {
    let done = Project::new("asks-file").run(&[]);
    nothing_escaped(&done);
    let warnings = warnings(&done);
    assert!(warnings.contains("[capabilities] files = "), "{warnings}");
    // The C library of Debian's toolchain looks for folders at the first call already.
    if !is_preview_1() {
        assert!(warnings.contains("trainer `asks-file`"), "{warnings}");
        assert!(warnings.contains("on-started"), "{warnings}");
    }
}

#[test]
fn asks_env() {
    let done = Project::new("asks-env").run(&[]);
    nothing_escaped(&done);
    let warnings = warnings(&done);
    assert!(warnings.contains("trainer `asks-env`"), "{warnings}");
    assert!(warnings.contains("[capabilities] env = "), "{warnings}");
}

#[test]
fn asks_socket() {
    let done = Project::new("asks-socket").run(&[]);
    nothing_escaped(&done);
    // With Debian's toolchain Rust has no sockets that it could ask for.
    if is_preview_1() {
        return;
    }
    let warnings = warnings(&done);
    // There is no socket that could be asked for an address.
    assert!(
        warnings.contains("[capabilities] network = [\"HOST:PORT\"]"),
        "{warnings}"
    );
    assert!(warnings.contains("localhost"), "{warnings}");
}

#[test]
fn asks_subprocess() {
    let done = Project::new("asks-subprocess").run(&[]);
    nothing_escaped(&done);
    let fault = done.only_fault();
    assert_eq!(fault["function"], "on-started");
    assert!(
        fault["cause"]["value"]
            .to_string()
            .contains("not supported"),
        "{fault}"
    );
}

#[test]
fn granted_files_are_seen_and_no_others() {
    let config = "[capabilities]\nfiles = [{ path = \"shown\", mode = \"read\" }]\n";
    let project = Project::with_config("asks-file", config);
    std::fs::create_dir(project.path("shown")).unwrap();
    // A link out of the granted folder is not followed.
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc/passwd", project.path("shown/link")).unwrap();
    nothing_escaped(&project.run(&[]));
}

#[test]
fn exits() {
    let done = Project::new("exits").run(&[]);
    done.expect(0);
    let fault = done.only_fault();
    assert!(fault["cause"]["kind"] == "exit", "{fault}");
}

#[test]
fn remembers_too_much() {
    let done = Project::new("remembers-too-much").run(&[]);
    done.expect(0);
    checked(&done);
    let fault = &done.events("callback-failed")[0]["fault"];
    assert_eq!(fault["function"], "save-state");
    let cause = fault["cause"]["value"].as_str().unwrap();
    assert!(
        cause.contains("20971520") && cause.contains("limits.state-size"),
        "{cause}"
    );
    // The checkpoints are written all the same.
    assert_eq!(done.events("checkpoint").len(), 3);
}

#[test]
fn every_guest_has_a_test() {
    let tests: Vec<String> = ["tests/cli", "tests/reload", "tests/studio"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(repository().join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    for entry in std::fs::read_dir(repository().join("tests/guests")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if !entry.path().join("Cargo.toml").exists() || name == "guest-common" {
            continue;
        }
        assert!(guest(&name).exists());
        let quoted = format!("\"{name}\"");
        assert!(tests.iter().any(|text| text.contains(&quoted)), "{name}");
    }
}
