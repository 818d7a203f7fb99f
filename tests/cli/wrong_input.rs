//! What users get wrong: one clear error each, an exit code, and nothing lost.

use crate::harness::{Done, Project};

const USAGE: i32 = 2;
const FAILED: i32 = 1;

/// With `--json` too the last line is there, and says the same.
#[track_caller]
fn refused(done: &Done, code: i32, parts: &[&str]) {
    done.expect(code);
    done.one_error(parts);
    let finished = done.finished();
    assert_eq!(finished["run"], serde_json::Value::Null);
    assert!(finished["error"].is_string());
}

#[test]
fn missing_path() {
    let done = Project::empty().run(&["no/such/place"]);
    refused(&done, USAGE, &["no/such/place"]);
}

#[test]
fn no_project() {
    refused(&Project::empty().run(&[]), USAGE, &["arkor.toml"]);
}

#[test]
fn not_wasm() {
    let project = Project::new("counts");
    project.write("trainer.wasm", "#!/bin/sh\necho no\n");
    refused(&project.run(&[]), USAGE, &["trainer.wasm", "not"]);
}

#[test]
fn truncated_wasm() {
    let project = Project::new("counts");
    let whole = std::fs::read(project.path("trainer.wasm")).unwrap();
    std::fs::write(project.path("trainer.wasm"), &whole[..whole.len() / 2]).unwrap();
    let done = project.run(&[]);
    refused(&done, USAGE, &["trainer"]);
    // A component and a core module, which one it is depends on the toolchain, end in different words.
    let words = ["out of bounds", "unexpected end"];
    assert!(
        words.iter().any(|words| done.err.contains(words)),
        "{}",
        done.err
    );
}

#[test]
fn wrong_world() {
    let project = Project::new("counts");
    project.component("(component)");
    refused(
        &project.run(&[]),
        USAGE,
        &["definition and callbacks", "arkor:trainer/managed-trainer"],
    );
}

#[test]
fn wrong_version_of_the_contract() {
    let project = Project::new("counts");
    project.component(
        r#"(component
            (instance $empty)
            (export "arkor:trainer/definition@7.0.0" (instance $empty))
            (export "arkor:trainer/callbacks@7.0.0" (instance $empty)))"#,
    );
    refused(&project.run(&[]), USAGE, &["7.0.0", "arkor:trainer@0.1"]);
}

#[test]
fn an_import_that_nobody_has() {
    let project = Project::new("counts");
    project.component(
        r#"(component
            (import "vendor:secret/api@1.0.0" (instance (export "f" (func))))
            (instance $empty)
            (export "arkor:trainer/definition@0.1.0" (instance $empty))
            (export "arkor:trainer/callbacks@0.1.0" (instance $empty)))"#,
    );
    refused(&project.run(&[]), USAGE, &["vendor:secret/api@1.0.0"]);
}

#[test]
fn invalid_toml() {
    let project = Project::new("counts");
    project.write("arkor.toml", "[trainer\ncomponent = 1\n");
    refused(&project.run(&[]), USAGE, &["arkor.toml", "1"]);
}

#[test]
fn unknown_key() {
    let project = Project::with_config("counts", "[limits]\nmemmory = \"1 MiB\"\n");
    refused(&project.run(&[]), USAGE, &["memmory", "`memory`"]);
}

#[test]
fn a_value_out_of_range() {
    let project = Project::with_config("counts", "[limits]\nmemory = \"1 TiB\"\n");
    refused(&project.run(&[]), USAGE, &["limits.memory", "1 TiB", "GiB"]);
}

#[test]
fn missing_dataset() {
    let project = Project::new("counts");
    std::fs::remove_file(project.path("text.txt")).unwrap();
    refused(&project.run(&[]), FAILED, &["dataset", "text.txt"]);
    assert_no_run(&project);
}

#[test]
fn empty_dataset() {
    let project = Project::new("counts");
    project.write("text.txt", "");
    refused(&project.run(&[]), FAILED, &["text.txt", "empty"]);
    assert_no_run(&project);
}

#[test]
fn a_dataset_of_a_few_words() {
    let project = Project::new("counts");
    project.write("text.txt", "In the beginning");
    refused(&project.run(&[]), FAILED, &["text.txt"]);
    assert_no_run(&project);
}

#[test]
fn a_dataset_that_is_not_text() {
    let project = Project::new("counts");
    std::fs::write(project.path("text.txt"), [0xff_u8; 4096]).unwrap();
    refused(&project.run(&[]), FAILED, &["text.txt", "UTF-8"]);
}

#[cfg(unix)]
#[test]
fn a_dataset_outside_of_the_project() {
    let project = Project::new("counts");
    std::fs::remove_file(project.path("text.txt")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", project.path("text.txt")).unwrap();
    refused(&project.run(&[]), FAILED, &["text.txt", "/etc/passwd"]);
}

#[test]
fn no_such_run() {
    let project = Project::new("counts");
    refused(
        &project.run(&["--resume", "latest"]),
        USAGE,
        &["there is no run yet", "start one"],
    );
    project.run(&["--max-steps", "2"]).expect(0);
    refused(
        &project.run(&["--resume", "nonsense"]),
        USAGE,
        &["nonsense"],
    );
}

#[test]
fn another_configuration_is_not_resumed() {
    let project = Project::new("counts");
    project.run(&["--max-steps", "4"]).expect(0);
    std::fs::copy(crate::harness::guest("stops"), project.path("trainer.wasm")).unwrap();
    let done = project.run(&["--resume", "latest"]);
    refused(&done, FAILED, &["name"]);
}

#[test]
fn a_run_goes_on_with_the_data_that_it_began_with() {
    let project = Project::new("counts");
    project.run(&["--max-steps", "4"]).expect(0);
    let text = std::fs::read_to_string(project.path("text.txt")).unwrap();
    project.write("text.txt", &text.replacen("word", "WORD", 1));
    let more = ["--resume", "latest", "--max-steps", "8"];
    refused(
        &project.run(&more),
        1,
        &["`text.txt` has another content", "start a new run"],
    );
    project.write("text.txt", &text);
    project.run(&more).expect(0);
}

#[test]
fn a_dry_run_fails_with_its_first_callback_and_is_no_run_to_go_on_with() {
    let project = Project::empty();
    project.write("arkor.toml", "");
    project.write("text.txt", &crate::harness::text(""));
    let source = |on_started: &str| {
        format!(
            r#"import {{ defineTrainer, file, scratch }} from "arkor";
export default defineTrainer({{
  describe: () => ({{
    name: "dry", dataset: file("text.txt"),
    model: scratch({{ hiddenSize: 16, numHiddenLayers: 1, numAttentionHeads: 2 }}),
    hyperparameters: {{ maxSteps: 2, maxLength: 16, perDeviceTrainBatchSize: 2 }},
  }}),
  onStarted() {{ {on_started} }},
}});
"#
        )
    };
    project.write("trainer.js", &source("throw new Error(\"not like this\")"));
    let failed = project.run(&["--dry-run"]);
    failed.expect(1);
    let message = failed.finished()["error"].as_str().unwrap().to_owned();
    assert!(message.contains("not like this"), "{message}");
    project.write("trainer.js", &source(""));
    project.run(&[]).expect(0);
    let done = project.arkor(["run", "--dry-run"]);
    done.expect(0);
    assert!(done.out.contains("nothing was trained"), "{}", done.out);
    let list = project.arkor(["runs", "list", "-n", "2"]);
    assert!(list.out.contains(" dry run "), "{}", list.out);
    // The newest run is the one that trained.
    assert_eq!(project.show()["run"]["step"], 2);
    let runs = project.arkor(["runs", "list", "--json"]).json();
    let dry = runs[0]["id"].as_str().unwrap();
    refused(&project.run(&["--resume", dry]), 1, &["was a dry run"]);
    let both = project.arkor(["run", "--resume", "latest", "--dry-run"]);
    both.expect(2);
    // The end of an id is enough.
    let end = &dry[dry.len() - 4..];
    let shown = project.arkor(["runs", "show", "--json", end]).json();
    assert_eq!(shown[0]["run"]["id"], dry);
}

#[test]
fn arguments() {
    let project = Project::new("counts");
    for (arguments, word) in [
        (vec!["run", "--max-steps", "0"], "--max-steps"),
        (vec!["run", "--max-steps", "many"], "many"),
        (vec!["run", "--nonsense"], "--nonsense"),
        (vec!["rum"], "rum"),
        (vec![], "Usage"),
    ] {
        let done = project.arkor(&arguments);
        done.expect(USAGE);
        assert!(done.err.contains(word), "{}", done.err);
    }
}

#[test]
fn a_store_that_is_not_one() {
    let project = Project::new("counts");
    project.run(&["--max-steps", "2"]).expect(0);
    for file in ["arkor.db-wal", "arkor.db-shm"] {
        let _ = std::fs::remove_file(project.path(".arkor").join(file));
    }
    project.write(".arkor/arkor.db", &"not a database ".repeat(500));
    refused(&project.run(&[]), FAILED, &["arkor.db"]);
    let done = project.arkor(["runs", "list"]);
    done.expect(FAILED);
    done.one_error(&["arkor.db"]);
}

#[test]
fn a_damaged_checkpoint_is_not_resumed() {
    let project = Project::new("counts");
    project.run(&["--max-steps", "4"]).expect(0);
    let shown = project.show();
    let state = shown["checkpoints"][0]["state"]
        .as_str()
        .unwrap()
        .to_owned();
    let blob = find(&project.path(".arkor/blobs"), &state).expect("the blob is a file");
    let mut content = std::fs::read(&blob).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    let mut permissions = std::fs::metadata(&blob).unwrap().permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "a temporary file")]
    permissions.set_readonly(false);
    std::fs::set_permissions(&blob, permissions).unwrap();
    std::fs::write(&blob, content).unwrap();
    let done = project.run(&["--resume", "latest", "--max-steps", "8"]);
    refused(&done, FAILED, &[&state[..16]]);
}

/// A run with checkpoints of the steps 2, 4 and 6, and the blobs of each.
fn with_checkpoints() -> (Project, Vec<serde_json::Value>) {
    let project = Project::new("counts");
    for steps in ["2", "4", "6"] {
        let more = ["--max-steps", steps];
        let done = match steps {
            "2" => project.run(&more),
            _ => project.run(&[&["--resume", "latest"], &more[..]].concat()),
        };
        done.expect(0);
    }
    let checkpoints = project.show()["checkpoints"].as_array().unwrap().clone();
    assert_eq!(checkpoints.len(), 3);
    (project, checkpoints)
}

fn damage(project: &Project, digest: &serde_json::Value, how: &str) {
    let blob = find(&project.path(".arkor/blobs"), digest.as_str().unwrap()).unwrap();
    let content = std::fs::read(&blob).unwrap();
    std::fs::remove_file(&blob).unwrap();
    match how {
        "missing" => {}
        "cut" => std::fs::write(&blob, &content[..content.len() / 2]).unwrap(),
        "empty" => std::fs::write(&blob, "").unwrap(),
        "changed" => {
            let mut content = content;
            let middle = content.len() / 2;
            content[middle] ^= 1;
            std::fs::write(&blob, content).unwrap();
        }
        "folder" => std::fs::create_dir(&blob).unwrap(),
        _ => std::os::unix::fs::symlink("/dev/zero", &blob).unwrap(),
    }
}

#[cfg(unix)]
#[test]
fn a_run_goes_on_from_an_earlier_checkpoint_when_the_last_is_damaged() {
    for how in ["missing", "cut", "empty", "changed", "folder", "link"] {
        for part in ["state", "progress"] {
            let (project, checkpoints) = with_checkpoints();
            damage(&project, &checkpoints[2][part], how);
            let earlier = checkpoints[1]["id"].as_str().unwrap();
            let done = project.run(&["--resume", "latest", "--max-steps", "8"]);
            done.expect(FAILED);
            done.one_error(&["is damaged", "step 4", "--from", earlier]);
            assert!(!done.err.contains("sqlite3"), "{}", done.err);
            let done = project.run(&["--resume", "latest", "--from", earlier, "--max-steps", "8"]);
            done.expect(0);
            assert_eq!(done.finished()["steps"], 8, "{how} {part}");
            assert_eq!(done.events("started")[0]["resumed_from"], 4);
            // What it wrote since is what it goes on from.
            project
                .run(&["--resume", "latest", "--max-steps", "10"])
                .expect(0);
        }
    }
}

#[test]
fn a_checkpoint_is_named_by_its_id_or_its_step() {
    let (project, _) = with_checkpoints();
    for wrong in ["3", "latest", "../x", "", "20261123-101530-k3f9.4-9"] {
        let done = project.run(&["--resume", "latest", "--from", wrong]);
        done.expect(2);
        done.one_error(&["has no checkpoint", "2, 4, 6"]);
    }
    let done = project.run(&["--from", "2"]);
    done.expect(2);
    assert!(done.err.contains("--resume"), "{}", done.err);
    let done = project.run(&["--resume", "latest", "--from", "2", "--max-steps", "7"]);
    done.expect(0);
    assert_eq!(done.events("started")[0]["resumed_from"], 2);
    // From the same place the same bits follow.
    let last = |project: &Project| {
        let shown = project.show();
        let last = shown["checkpoints"].as_array().unwrap().last().unwrap();
        (last["step"].clone(), last["state"].clone())
    };
    let once = last(&project);
    project
        .run(&["--resume", "latest", "--from", "2", "--max-steps", "7"])
        .expect(0);
    assert_eq!(last(&project), once);
}

/// The file whose path ends in this digest, however it is split into folders.
fn find(folder: &std::path::Path, digest: &str) -> Option<std::path::PathBuf> {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if let Some(found) = find(&path, digest) {
                return Some(found);
            }
        } else {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name == digest || (name.len() > 32 && digest.ends_with(&name)) {
                return Some(path);
            }
        }
    }
    None
}

#[test]
fn a_full_store() {
    // Room for the events, not for a checkpoint.
    let project = Project::with_config("counts", "[store]\nmax-size = \"200 KiB\"\n");
    let done = project.run(&[]);
    done.expect(FAILED);
    done.one_error(&["no space left", "204800", "arkor-host runs rm"]);
    // The run says itself why it ended.
    let finished = done.finished();
    assert_eq!(finished["status"], "failed");
    assert_eq!(project.show()["run"]["status"], "failed");
}

#[test]
fn a_run_that_is_over_is_gone_on_with_only_for_more_steps() {
    let project = Project::new("counts");
    project.run(&["--max-steps", "6"]).expect(0);
    let attempts = || project.show()["run"]["attempt"].as_u64().unwrap();
    let done = project.run(&["--resume", "latest"]);
    done.expect(FAILED);
    done.one_error(&["is complete, after 6 steps", "--max-steps"]);
    let done = project.run(&["--resume", "latest", "--max-steps", "6"]);
    done.expect(FAILED);
    done.one_error(&["has done 6 steps", "more than 6"]);
    assert_eq!(attempts(), 1, "nothing was changed");
    // The length that an attempt was told is that of the next one.
    let longer = project.run(&["--resume", "latest", "--max-steps", "8"]);
    longer.expect(0);
    assert_eq!(
        project.show()["run"]["spec"]["hyperparameters"]["max_steps"],
        8
    );
}

#[test]
fn a_store_that_is_removed_under_a_run_is_told_at_its_next_event() {
    let project = Project::with_config("counts", "");
    let mut child = project
        .command(["run", "--json", "--max-steps", "1000000"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("\"log\"") {
        line.clear();
        std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    }
    std::fs::remove_dir_all(project.path(".arkor")).unwrap();
    let reader = std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
    let mut told = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(FAILED));
    assert!(told.contains("is gone"), "{told}");
    reader.join().unwrap().unwrap();
}

#[test]
fn a_store_that_is_full_of_events_ends_the_run_in_order() {
    let config = "[store]\nmax-size = \"1 MiB\"\n[limits]\nmessages-per-second = 20000\n";
    let project = Project::with_config("floods", config);
    let done = project.run(&[]);
    done.expect(FAILED);
    let finished = done.finished();
    assert_eq!(
        (&finished["status"], &finished["code"]),
        (&"failed".into(), &"store-full".into())
    );
    let last = &done.events("failed")[0];
    assert_eq!(last["code"], "store-full");
    assert_eq!(project.show()["run"]["status"], "failed");
}

/// The real thing, as far as it can be had without a file system of our own: writes beyond a size
/// fail half-way.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk() {
    // The signal that such a write brings ends nobody, whether or not it is ignored already.
    for script in ["trap '' XFSZ; ", ""] {
        full_disk(&format!("{script}ulimit -f 150; exec \"$0\" \"$@\""));
    }
}

#[cfg(target_os = "linux")]
fn full_disk(script: &str) {
    let project = Project::new("counts");
    project.run(&["--max-steps", "4"]).expect(0);
    let command = project.command(["run", "--json"]);
    let mut limited = std::process::Command::new("sh");
    limited
        .args(["-c", script])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(project.path(""))
        .envs(
            command
                .get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        );
    let done = Done::from(limited.output().unwrap());
    done.expect(FAILED);
    done.one_error(&[".arkor"]);
    // What was there before is there still, and with room again the next run works.
    let shown = project.arkor(["runs", "list", "--json"]);
    shown.expect(0);
    assert!(
        shown.json().iter().any(|run| run["status"] == "completed"),
        "{}",
        shown.out
    );
    project.run(&["--max-steps", "4"]).expect(0);
}

#[cfg(unix)]
#[test]
fn a_project_that_cannot_be_written() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let project = Project::new("counts");
    let mut command = project.command(["run", "--json"]);
    let set = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    if std::fs::metadata(project.path("")).unwrap().uid() == 0 {
        // Root may write anywhere, so someone else tries, with a program that they can reach.
        let place = tempfile::tempdir().unwrap();
        set(place.path(), 0o755);
        let program = place.path().join("arkor-host");
        std::fs::copy(crate::harness::binary(), &program).unwrap();
        let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        command = std::process::Command::new(&program);
        command
            .args(arguments)
            .current_dir(project.path(""))
            .env("ARKOR_CACHE_DIR", place.path().join("cache"))
            .env("ARKOR_DATA_DIR", place.path().join("data"))
            .uid(65534)
            .gid(65534);
        set(&project.path(""), 0o555);
        // A process that another test starts just now has the copy open for writing until it is another program.
        let output = loop {
            match command.output() {
                Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                    std::thread::yield_now();
                }
                output => break output.unwrap(),
            }
        };
        check_read_only(&Done::from(output));
    } else {
        set(&project.path(""), 0o555);
        check_read_only(&Done::from(command.output().unwrap()));
    }
    set(&project.path(""), 0o755);
    assert!(!project.path(".arkor").exists());
}

#[cfg(unix)]
#[track_caller]
fn check_read_only(done: &Done) {
    refused(done, FAILED, &[".arkor", "ermission denied"]);
}

#[test]
fn a_file_where_the_store_belongs() {
    let project = Project::new("counts");
    project.write(".arkor", "");
    refused(&project.run(&[]), FAILED, &[".arkor"]);
}

#[track_caller]
fn assert_no_run(project: &Project) {
    let done = project.arkor(["runs", "list", "--json"]);
    done.expect(0);
    assert!(done.json().is_empty(), "{}", done.out);
}
