//! A `.arkor` that came with a project, or that somebody changed.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::outside::Outside;
use crate::program::{Place, text, trainer};

fn place() -> (Place, Outside) {
    let place = Place::new();
    let outside = Outside::new(place.root().join("outside"));
    place.write("arkor.toml", "");
    place.write("text.txt", text());
    place.write("trainer.js", trainer("artifacts.write(\"a.txt\", \"x\");"));
    (place, outside)
}

/// Every command that looks at runs, builds or trains.
const COMMANDS: &[&[&str]] = &[
    &["runs", "list"],
    &["runs", "show"],
    &["runs", "events"],
    &["runs", "rm", "latest"],
    &["run", "--json"],
    &["run", "--json", "--resume", "latest"],
    &["replay", "latest"],
    &["inspect", "."],
    &["build"],
];

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn a_store_that_came_with_a_project_is_refused_by_every_command_until_it_is_adopted() {
    let (theirs, _) = place();
    theirs.arkor(&["run", "--json"]).expect(0);
    let (mine, outside) = place();
    let copied = Command::new("cp")
        .arg("-a")
        .arg(theirs.project().join(".arkor"))
        .arg(mine.project().join(".arkor"))
        .status();
    assert!(copied.unwrap().success());
    let store = Outside::seen(mine.project().join(".arkor"));
    for command in COMMANDS {
        let done = mine.arkor(command);
        done.expect(2);
        let text = format!("{}{}", done.out, done.err);
        assert!(text.contains("was not made by you"), "{command:?} {text}");
        assert!(text.contains("arkor-host runs adopt"), "{command:?} {text}");
        store.is_untouched(&format!("{command:?}"));
    }
    mine.dev(&[]).expect(2);
    store.is_untouched("dev");
    // What it was trained by is somebody else's, and where runs are kept then is not.
    mine.arkor(&["run", "--json", "--untrusted", "."]).expect(0);
    store.is_untouched("run --untrusted");

    let done = mine.arkor(&["runs", "adopt", "--json"]);
    let line: serde_json::Value = serde_json::from_str(&done.expect(0).out).unwrap();
    assert_eq!(line["type"], "adopted");
    assert_eq!(
        (&line["runs"], &line["was_yours"]),
        (&1.into(), &false.into())
    );
    mine.arkor(&["runs", "list"]).expect(0);
    mine.arkor(&["run", "--json"]).expect(0);
    let project = mine.project();
    let done = mine.arkor(&["runs", "adopt", project.to_str().unwrap()]);
    assert!(done.expect(0).out.contains("yours already"), "{}", done.out);
    outside.is_untouched("all of it");
}

#[test]
fn one_s_own_store_stays_one_s_own_when_its_project_moves() {
    let (place, _) = place();
    place.arkor(&["run", "--json"]).expect(0);
    let copied = Command::new("cp")
        .arg("-r")
        .args([place.project(), place.root().join("copy")])
        .status();
    assert!(copied.unwrap().success());
    std::fs::rename(place.project(), place.root().join("moved")).unwrap();
    std::fs::create_dir(place.project()).unwrap();
    for project in ["../copy", "../moved"] {
        let done = place.arkor(&["runs", "list", "-C", project]);
        assert!(done.expect(0).out.contains("completed"), "{}", done.out);
        place.arkor(&["run", "--json", project]).expect(0);
    }
}

#[test]
fn a_folder_with_nothing_but_builds_or_links_is_no_new_store() {
    for planted in ["hostile.wasm", "target/release/build", "python", "blobs"] {
        let (place, outside) = place();
        let path = place.project().join(".arkor").join(planted);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(&outside.path, &path).unwrap();
        for command in [&["run", "--json"][..], &["build"], &["inspect", "."]] {
            place.arkor(command).expect(2);
            outside.is_untouched(planted);
        }
        place.dev(&[]).expect(2);
        outside.is_untouched(planted);
    }
}

#[test]
fn links_put_into_one_s_own_store_are_not_followed() {
    for (planted, command) in [
        ("blobs/tmp", "run"),
        ("blobs", "run"),
        ("locks", "run"),
        ("locks/gate", "run"),
        ("arkor.db", "run"),
        ("arkor.db-journal", "run"),
        ("dev.lock", "dev"),
        ("", "dev"),
        ("", "run"),
    ] {
        for kind in ["folder", "file", "nothing", "hard link", "fifo"] {
            let (place, outside) = place();
            place
                .arkor(&["run", "--json", "--max-steps", "1"])
                .expect(0);
            let mut path = place.project().join(".arkor");
            if !planted.is_empty() {
                path.push(planted);
            }
            if path.is_dir() {
                std::fs::remove_dir_all(&path).unwrap();
            } else {
                let _ = std::fs::remove_file(&path);
            }
            let letter = outside.path.join("letter.txt");
            match kind {
                "folder" => symlink(&outside.path, &path).unwrap(),
                "file" => symlink(&letter, &path).unwrap(),
                "nothing" => symlink(outside.path.join("new"), &path).unwrap(),
                "hard link" => std::fs::hard_link(&letter, &path).unwrap(),
                _ => assert!(
                    Command::new("mkfifo")
                        .arg(&path)
                        .status()
                        .unwrap()
                        .success()
                ),
            }
            let what = format!("{planted}: {kind}");
            let done = match command {
                "dev" => place.dev(&[]),
                _ => place.arkor(&["run", "--json"]),
            };
            done.ended_in_order(&what);
            assert_ne!(done.status.code(), Some(0), "{what}");
            let text = format!("{}{}", done.out, done.err);
            assert!(text.contains(".arkor"), "{what}: {text}");
            // A second name changes when it was last changed, but not what is in it.
            assert_eq!(
                std::fs::read_to_string(&letter).unwrap(),
                "dear reader",
                "{what}"
            );
            outside.is_untouched(&what);
        }
    }
}

#[test]
fn a_link_in_place_of_the_token_is_replaced_and_not_written_through() {
    let (place, outside) = place();
    place
        .arkor(&["run", "--json", "--max-steps", "1"])
        .expect(0);
    let path = place.project().join(".arkor/studio.json");
    symlink(outside.path.join("letter.txt"), &path).unwrap();
    place.dev(&[]).ended_in_order("dev");
    outside.is_untouched("dev");
    assert!(!path.is_symlink());
}

#[test]
fn the_folder_is_for_its_owner_whoever_makes_it_first() {
    for command in ["run", "dev", "build"] {
        let (place, _) = place();
        let shell = format!("umask 000; exec \"$0\" {command} --json");
        let mut inner = place.command([command]);
        let program = inner.get_program().to_owned();
        let environment: Vec<_> = inner
            .get_envs()
            .filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())))
            .collect();
        let store = place.project().join(".arkor");
        if command == "dev" {
            // As the first of all, with nothing there that it could take over.
            place.dev(&[]).ended_in_order("dev");
        } else {
            inner = Command::new("sh");
            inner.args(["-c", &shell]).arg(program).envs(environment);
            inner.current_dir(place.project());
            assert!(inner.output().unwrap().status.success(), "{command}");
        }
        assert_eq!(mode(&store), 0o700, "{command}");
        assert_eq!(mode(&store.join("made-by")), 0o600, "{command}");
    }
}

#[test]
fn without_a_place_for_the_key_the_variable_is_named() {
    let (place, _) = place();
    let mut command = place.command(["run", "--json"]);
    let done = command.env("ARKOR_DATA_DIR", "/dev/null/data").output();
    let done = done.unwrap();
    assert_eq!(done.status.code(), Some(1));
    let text = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(text.contains("ARKOR_DATA_DIR"), "{text}");
    // And with one, it works: nothing half-made is in the way.
    place.arkor(&["run", "--json"]).expect(0);
}
