//! `--untrusted`: what a project asks for beside the sandbox is not done.

use crate::program::{Place, text, trainer};

fn place(config: &str, on_log: &str) -> Place {
    let place = Place::new();
    place.write("arkor.toml", config);
    place.write("text.txt", text());
    place.write("trainer.js", trainer(on_log));
    place
}

#[test]
fn a_trainer_trains_and_its_runs_are_kept_outside() {
    let place = place("", "console.log('step', event.step)");
    place
        .arkor(&["run", "--untrusted", "--json", "."])
        .expect(0);
    assert!(!place.project().join(".arkor").exists());
    let list = place.arkor(&["runs", "list", "--untrusted"]);
    assert!(list.expect(0).out.contains("completed"), "{}", list.out);
    let own = place.arkor(&["runs", "list"]);
    assert!(own.expect(0).out.contains("no runs yet"), "{}", own.out);
    place.arkor(&["replay", "--untrusted", "latest"]).expect(0);
    assert!(!place.project().join(".arkor").exists());
}

#[test]
fn what_it_asks_for_is_ignored_and_told() {
    let place = place(
        "[capabilities]\nenv = [\"HOST_SECRET\"]\nfiles = [{ path = \".\", mode = \"write\" }]\n\
         network = [\"169.254.169.254:80\"]\n[limits]\nmemory = \"4 GiB\"\n",
        "",
    );
    let done = place.arkor(&["run", "--untrusted", "."]);
    done.expect(0);
    for part in [
        "[capabilities] files",
        "[capabilities] env",
        "[capabilities] network",
        "[limits] memory",
        "--config FILE",
    ] {
        assert!(done.err.contains(part), "no {part} in {}", done.err);
    }
}

#[test]
fn a_build_command_is_not_run() {
    let place = place(
        "[trainer]\nbuild = \"touch built\"\ncomponent = \"t.wasm\"\n",
        "",
    );
    for command in ["run", "build", "inspect"] {
        let done = place.arkor(&[command, "--untrusted", "."]);
        done.expect(2);
        assert!(done.err.contains("build command"), "{}", done.err);
    }
    assert!(!place.project().join("built").exists());
}

#[test]
fn cargo_is_not_run() {
    let place = Place::new();
    place.write("arkor.toml", "");
    place.write(
        "Cargo.toml",
        "[package]\nname = \"x\"\nversion = \"1.0.0\"\nbuild = \"build.rs\"\n",
    );
    place.write(
        "build.rs",
        "fn main() { std::fs::write(\"/tmp/never\", \"\").unwrap(); }",
    );
    let done = place.arkor(&["run", "--untrusted", "."]);
    done.expect(2);
    assert!(done.err.contains("cargo"), "{}", done.err);
    assert!(!place.project().join(".arkor").exists());
}

#[test]
fn packages_are_not_installed() {
    let place = Place::new();
    place.write("arkor.toml", "");
    place.write("text.txt", text());
    place.write("requirements.txt", "tabulate==0.9.0\n");
    place.write("trainer.py", "from arkor import *\n");
    let done = place.arkor(&["run", "--untrusted", "."]);
    done.expect(2);
    assert!(done.err.contains("requirements.txt"), "{}", done.err);
}

#[test]
fn packages_above_the_project_are_not_its_own() {
    let place = place("", "");
    let above = place.root().join("node_modules/above");
    std::fs::create_dir_all(&above).unwrap();
    std::fs::write(
        above.join("index.js"),
        "module.exports = 'SECRET-OF-THE-USER';",
    )
    .unwrap();
    place.write(
        "trainer.js",
        format!("import x from \"above\";\n{}", trainer("console.log(x)")),
    );
    place.arkor(&["run", "--json", "."]).expect(0);
    let done = place.arkor(&["run", "--untrusted", "--json", "."]);
    done.expect(2);
    assert!(!done.out.contains("SECRET-OF"), "{}", done.out);
}

#[test]
fn a_project_above_is_not_taken() {
    let place = place("", "");
    std::fs::create_dir(place.project().join("below")).unwrap();
    let done = place.arkor(&["run", "--untrusted", "below"]);
    done.expect(2);
}

#[test]
fn grants_come_from_outside_only() {
    let place = place("", "");
    place.write("grants.toml", "[capabilities]\nenv = [\"HOST_SECRET\"]\n");
    let done = place.arkor(&["run", "--untrusted", "--config", "grants.toml", "."]);
    done.expect(2);
    assert!(done.err.contains("lies in the project"), "{}", done.err);
    let done = place.arkor(&["run", "--untrusted", "--store", "here", "."]);
    done.expect(2);
    let done = place.arkor(&["run", "--config", "grants.toml", "."]);
    assert!(done.expect(2).err.contains("--untrusted"), "{}", done.err);
}

#[test]
fn it_ends_when_its_time_is_over() {
    let place = place("", "");
    let done = place.arkor(&[
        "run",
        "--untrusted",
        "--json",
        "--max-steps",
        "1000000000",
        "--time-limit",
        "2s",
        ".",
    ]);
    done.expect(3);
    assert!(done.out.contains("\"kind\":\"time-limit\""), "{}", done.out);
}

#[test]
fn it_ends_in_time_though_it_never_gets_to_train() {
    let place = place("", "");
    // Each instance may take its time to start; all of it together may not.
    place.write("trainer.js", "for (;;) {}\n");
    let begin = std::time::Instant::now();
    let done = place.arkor(&["inspect", "--untrusted", "--time-limit", "1s", "."]);
    done.ended_in_order("inspect");
    let done = place.arkor(&["run", "--untrusted", "--time-limit", "1s", "."]);
    done.ended_in_order("run");
    assert_ne!(done.status.code(), Some(0));
    assert!(begin.elapsed().as_secs() < 60);
}

#[test]
fn folders_whose_content_is_trusted_lie_outside_of_the_project() {
    let place = place("", "");
    let inside = place.project().join("cache");
    std::os::unix::fs::symlink(place.project(), place.root().join("link")).unwrap();
    let through_a_link = place.root().join("link/new");
    for variable in ["ARKOR_CACHE_DIR", "ARKOR_DATA_DIR"] {
        for (value, word) in [
            ("".as_ref(), "absolute"),
            ("cache".as_ref(), "absolute"),
            ("../cache".as_ref(), "absolute"),
            (inside.as_os_str(), "lies in the project"),
            (through_a_link.as_os_str(), "lies in the project"),
        ] {
            for arguments in [&["run", "."][..], &["run", "--untrusted", "."], &["build"]] {
                let mut command = place.command(arguments);
                let done = command.env(variable, value).output().unwrap();
                let err = String::from_utf8(done.stderr).unwrap();
                assert_ne!(done.status.code(), Some(0), "{variable}={value:?}");
                assert!(err.contains(word), "{err}");
                assert!(err.contains(variable) || err.contains("the store"), "{err}");
            }
        }
    }
    assert!(!inside.exists() && !place.project().join("new").exists());
}

#[test]
fn a_package_json_elsewhere_says_nothing_and_is_not_told() {
    let mark = "SECRET-OF-ANOTHER";
    let package = format!(
        r##"{{"name":"above","exports":{{".":"../{mark}.js"}},"imports":{{"#x":"../{mark}.js"}}}}"##
    );
    for (case, import, arguments) in [
        ("folder", "pk", &["run", "--untrusted", "."][..]),
        ("folder", "pk", &["run", "."]),
        ("file", "pk", &["run", "--untrusted", "."]),
        ("file", "pk", &["build"]),
        ("above", "#x", &["run", "--untrusted", "."]),
        ("above", "above", &["run", "--untrusted", "."]),
        ("broken", "pk", &["run", "--untrusted", "."]),
    ] {
        let place = place("", "");
        let outside = place.root().join("outside/pk");
        std::fs::create_dir_all(&outside).unwrap();
        let content = if case == "broken" { mark } else { &package };
        std::fs::write(outside.join("package.json"), content).unwrap();
        let packages = place.project().join("node_modules");
        match case {
            "above" => std::fs::write(place.root().join("package.json"), &package).unwrap(),
            "folder" => {
                std::fs::create_dir_all(&packages).unwrap();
                std::os::unix::fs::symlink(&outside, packages.join("pk")).unwrap();
            }
            _ => {
                place.write("node_modules/pk/index.js", "");
                let link = packages.join("pk/package.json");
                std::os::unix::fs::symlink(outside.join("package.json"), link).unwrap();
            }
        }
        place.write(
            "trainer.js",
            format!("import x from \"{import}\";\n{}", trainer("")),
        );
        let done = place.arkor(arguments);
        done.ended_in_order(case);
        assert!(!done.err.contains(mark), "{case}: {}", done.err);
        assert!(!done.out.contains(mark), "{case}: {}", done.out);
    }
}

#[test]
fn libraries_print_nothing_themselves() {
    let place = place("", "");
    let source = trainer("").replace(
        "dataset: file(\"text.txt\"),",
        "dataset: file(\"text.txt\"), tokenizer: file(\"tokenizer.json\"),",
    );
    place.write("trainer.js", source);
    place.write("text.txt", "ab c".repeat(1000));
    for vocab in [
        r#"{"a":0,"b":1,"c":3000," ":7}"#,
        r#"{"a":5,"b":6,"c":7," ":8}"#,
        r#"{"a":0,"b":1,"c":2," ":1000000}"#,
        r#"{"a":0,"b":1,"c":2," ":3}"#,
    ] {
        place.write(
            "tokenizer.json",
            format!(r#"{{"version":"1.0","model":{{"type":"BPE","vocab":{vocab},"merges":[]}}}}"#),
        );
        let done = place.arkor(&["run", "--json"]);
        done.ended_in_order(vocab);
        for line in done.out.lines() {
            assert!(line.starts_with('{'), "{vocab}: {line}");
        }
        assert!(!done.err.contains("OrderedVocab"), "{vocab}: {}", done.err);
    }
}

/// Somebody exchanges a module, and a folder with another, with links to files of the user while the host reads them.
#[cfg(unix)]
#[test]
fn what_is_exchanged_meanwhile_is_not_followed() {
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};

    const TRIES: usize = 60;
    let place = place("", "");
    let secrets = place.root().join("secrets");
    std::fs::create_dir(&secrets).unwrap();
    for name in ["m.js", "n.js"] {
        std::fs::write(secrets.join(name), "export default 'SECRET-OF-THE-USER';").unwrap();
    }
    let harmless = "export default 'harmless';";
    place.write("m.js", harmless);
    place.write("sub/n.js", harmless);
    place.write(
        "trainer.js",
        "import m from './m.js';\nimport n from './sub/n.js';\nthrow new Error('it says ' + m + n);",
    );
    let project = place.project();
    let is_over = AtomicBool::new(false);
    let (mut harmless, mut told) = (0, Vec::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let at = |name: &str| project.join(name);
            symlink(secrets.join("m.js"), at("m.link")).unwrap();
            symlink(&secrets, at("sub.link")).unwrap();
            while !is_over.load(Ordering::Relaxed) {
                for (name, link) in [("m.js", "m.link"), ("sub", "sub.link")] {
                    // There and back.
                    for _ in 0..2 {
                        let aside = at("aside");
                        std::fs::rename(at(name), &aside).unwrap();
                        std::fs::rename(at(link), at(name)).unwrap();
                        std::fs::rename(&aside, at(link)).unwrap();
                    }
                }
            }
        });
        for _ in 0..TRIES {
            let done = place.arkor(&["run", "--untrusted", "--json", "."]);
            harmless += usize::from(done.err.contains("harmlessharmless"));
            if format!("{}{}", done.out, done.err).contains("SECRET-OF") {
                told.push(format!("{}{}", done.out, done.err));
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(told.is_empty(), "{} of {TRIES}: {}", told.len(), told[0]);
    println!("{harmless} of {TRIES} saw no exchange");
}

/// Paths on the command line lead where they say: the project's links change nothing of that.
#[cfg(unix)]
#[test]
fn links_on_the_way_of_a_path_are_told_and_not_followed() {
    use std::os::unix::fs::symlink;
    let place = place("", "");
    let outside = place.root().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(
        outside.join("tape.jsonl"),
        "{\"type\":\"SECRET-OF-THE-USER\"}\n",
    )
    .unwrap();
    std::fs::write(outside.join("t.wasm"), "SECRET-OF-THE-USER").unwrap();
    std::fs::write(
        outside.join("grants.toml"),
        "[limits]\nmemory = \"SECRET-OF\"\n",
    )
    .unwrap();
    symlink(&outside, place.project().join("out")).unwrap();
    symlink(
        outside.join("tape.jsonl"),
        place.project().join("tape.jsonl"),
    )
    .unwrap();
    symlink(outside.join("t.wasm"), place.project().join("t.wasm")).unwrap();
    for arguments in [
        &["replay", "--untrusted", "tape.jsonl"][..],
        &["replay", "--untrusted", "out/tape.jsonl"],
        &["build", "--untrusted", "-o", "out/t.wasm", "."],
        &["build", "--untrusted", "-o", "out/more/t.wasm", "."],
        &["inspect", "--untrusted", "t.wasm"],
        &["run", "--untrusted", "--config", "out/grants.toml", "."],
        &["run", "--untrusted", "--store", "out/store", "."],
    ] {
        let done = place.arkor(arguments);
        assert_ne!(done.status.code(), Some(0), "{arguments:?}");
        assert!(
            done.err.contains("not trusted"),
            "{arguments:?}: {}",
            done.err
        );
        assert!(
            !format!("{}{}", done.out, done.err).contains("SECRET-OF"),
            "{}",
            done.err
        );
    }
    let kept = std::fs::read_to_string(outside.join("t.wasm")).unwrap();
    assert_eq!(kept, "SECRET-OF-THE-USER");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 3);
    // A path that leads out by itself is the user's.
    let done = place.arkor(&["replay", "--untrusted", "../outside/tape.jsonl"]);
    assert!(done.err.contains("has no event"), "{}", done.err);
}

#[cfg(unix)]
#[test]
fn a_grant_leads_nowhere_by_a_link() {
    use std::os::unix::fs::symlink;
    let place = place("", "");
    for target in [".git", ".venv/bin", "sub"] {
        std::fs::create_dir_all(place.project().join(target)).unwrap();
    }
    let grants = place.root().join("grants.toml");
    let grants = grants.to_str().unwrap();
    for (access, target) in [("read", ".git"), ("write", ".venv/bin"), ("write", "sub")] {
        std::fs::write(
            grants,
            format!("[capabilities]\nfiles = [{{ path = \"data\", mode = \"{access}\" }}]\n"),
        )
        .unwrap();
        let link = place.project().join("data");
        let _ = std::fs::remove_file(&link);
        symlink(target, &link).unwrap();
        let done = place.arkor(&["run", "--untrusted", "--config", grants, "."]);
        done.expect(2);
        assert!(done.err.contains("by a link"), "{}", done.err);
    }
    std::fs::remove_file(place.project().join("data")).unwrap();
    place.write("data/m.js", "export default 1;");
    let trains = place.arkor(&["run", "--untrusted", "--config", grants, "."]);
    trains.expect(0);
    // What it is made of is not its to write.
    place.write(
        "trainer.js",
        format!("import './data/m.js';\n{}", trainer("")),
    );
    for untrusted in [true, false] {
        let config = format!("--config={grants}");
        let mut words = vec!["run", "."];
        if untrusted {
            words.extend(["--untrusted", &config]);
        } else {
            place.write(
                "arkor.toml",
                "[capabilities]\nfiles = [{ path = \"data\", mode = \"write\" }]\n",
            );
        }
        let done = place.arkor(&words);
        done.expect(2);
        assert!(done.err.contains("the trainer's own code"), "{}", done.err);
    }
}

#[test]
fn what_goes_on_with_a_run_trusts_no_more() {
    let place = place("", "return action.stop('halfway');");
    let done = place.arkor(&["run", "--untrusted", "../project"]);
    done.expect(3);
    let hint = done
        .out
        .lines()
        .find_map(|line| line.strip_prefix("go on with it: arkor-host "));
    let words: Vec<&str> = hint.unwrap().split(' ').collect();
    assert_eq!(words[..3], ["run", "--untrusted", "--resume"], "{words:?}");
    let done = place.arkor(&words);
    assert!(
        done.out.contains("resumed from step"),
        "{}{}",
        done.out,
        done.err
    );
}

#[test]
fn folders_of_the_user_that_other_variables_put_into_the_project_are_refused() {
    let place = place("", "");
    place.write("t.wasm", "\0asm\x01\0\0\0");
    for (name, commands) in [
        ("XDG_CACHE_HOME", &["run", "inspect", "build"][..]),
        ("XDG_DATA_HOME", &["run", "runs"]),
    ] {
        for command in commands {
            let words: &[&str] = match *command {
                "runs" => &["runs", "list", "--untrusted"],
                "inspect" => &["inspect", "--untrusted", "t.wasm"],
                command => &[command, "--untrusted", "."],
            };
            let mut command = place.command(words);
            command
                .env_remove("ARKOR_CACHE_DIR")
                .env_remove("ARKOR_DATA_DIR");
            command.env("HOME", place.root().join("home"));
            command.env(name, place.project().join(".mine"));
            let done = command.output().unwrap();
            let text = String::from_utf8_lossy(&done.stderr).into_owned();
            assert!(text.contains("lies in the project"), "{words:?}: {text}");
            assert!(!place.project().join(".mine").exists(), "{words:?}");
        }
    }
}

#[test]
fn limits_of_the_user_hold_where_the_project_says_nothing() {
    let place = place("", "new Uint8Array(400 * 1024 * 1024).fill(1);");
    let grants = place.root().join("limits.toml");
    std::fs::write(&grants, "[limits]\nmemory = \"1 GiB\"\n").unwrap();
    let arguments = [
        "run",
        "--untrusted",
        "--json",
        "--config",
        "../limits.toml",
        ".",
    ];
    let failures = || {
        let done = place.arkor(&arguments);
        done.expect(0);
        done.out.matches("\"callback-failed\"").count()
    };
    assert_eq!(failures(), 0);
    // It may ask for less.
    place.write("arkor.toml", "[limits]\nmemory = \"128 MiB\"\n");
    assert_ne!(failures(), 0);
}

#[cfg(unix)]
#[test]
fn what_is_built_takes_the_place_of_components_only() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let place = place("", "");
    let fifo = place.root().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    symlink(&fifo, place.root().join("link")).unwrap();
    std::fs::write(place.root().join("letter.txt"), "dear").unwrap();
    let source = std::fs::read(place.project().join("trainer.ts"))
        .or_else(|_| std::fs::read(place.project().join("trainer.js")))
        .unwrap();
    let script = ["trainer.ts", "trainer.js"]
        .into_iter()
        .find(|name| place.project().join(name).exists())
        .unwrap();
    for trust in [&[][..], &["--untrusted"]] {
        for output in [
            "../fifo",
            "../link",
            "../letter.txt",
            "../outside",
            script,
            "arkor.toml",
        ] {
            let mut arguments = vec!["build", "-o", output];
            arguments.extend(trust);
            arguments.push(".");
            std::fs::create_dir_all(place.root().join("outside")).unwrap();
            let done = place.arkor(&arguments);
            done.expect(1);
            assert!(
                done.err.contains("stays as it is"),
                "{output}: {}",
                done.err
            );
        }
    }
    assert!(fifo.symlink_metadata().unwrap().file_type().is_fifo());
    assert_eq!(
        std::fs::read(place.root().join("letter.txt")).unwrap(),
        b"dear"
    );
    assert_eq!(std::fs::read(place.project().join(script)).unwrap(), source);
    // A component, and what is not there yet.
    for _ in 0..2 {
        place.arkor(&["build", "-o", "t.wasm", "."]).expect(0);
    }
}

#[test]
fn a_folder_of_the_user_is_made_no_store() {
    let place = place("", "");
    let full = place.root().join("full");
    std::fs::create_dir(&full).unwrap();
    std::fs::write(full.join("letter.txt"), "dear").unwrap();
    let done = place.arkor(&["run", "--untrusted", "--store", "../full", "."]);
    done.expect(2);
    assert!(
        done.err.contains("it is not empty, and no store is in it"),
        "{}",
        done.err
    );
    assert!(!done.err.contains("delete"), "{}", done.err);
    assert_eq!(std::fs::read_dir(&full).unwrap().count(), 1);
}

#[test]
fn a_path_that_is_not_there_is_wrong_usage() {
    let place = place("", "");
    for command in ["run", "build", "inspect", "dev"] {
        place.arkor(&[command, "--untrusted", "nowhere"]).expect(2);
    }
    place
        .arkor(&["run", "--untrusted", "nowhere.wasm"])
        .expect(2);
}

#[cfg(unix)]
#[test]
fn a_compiler_that_the_folder_names_is_not_run() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let mark = place.root().join("ran");
    let toolchain = place.project().join("e");
    place.write("e/lib/nothing", "");
    for program in ["rustc", "cargo", "rustup"] {
        let name = format!("e/bin/{program}");
        place.write(&name, format!("#!/bin/sh\ntouch {}\n", mark.display()));
        let path = place.project().join(name);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    for path in [toolchain.to_str().unwrap(), "/proc/self/cwd/e"] {
        let text = format!("[toolchain]\npath = {path:?}\n");
        place.write("rust-toolchain.toml", text);
        place.arkor(&["toolchain", "list"]).expect(0);
        assert!(!mark.exists(), "{path}");
    }
}

#[cfg(unix)]
#[test]
fn folders_that_are_links_bring_no_other_project() {
    use std::os::unix::fs::symlink;
    let mine = place("", "console.log('SECRET-OF-THE-USER')");
    let theirs = Place::new();
    theirs.write("arkor.toml", "");
    symlink(mine.project(), theirs.project().join("sub")).unwrap();
    let empty = theirs.root().join("empty");
    std::fs::create_dir(&empty).unwrap();
    symlink(&empty, theirs.project().join("store")).unwrap();
    for arguments in [
        &["run", "--untrusted", "sub"][..],
        &["run", "--untrusted", "sub/trainer.js"],
        &["inspect", "--untrusted", "sub/trainer.js"],
        &["build", "--untrusted", "./sub"],
        &["dev", "--untrusted", "sub"],
        &["runs", "--untrusted", "--store", "store", "adopt"],
        &["runs", "--untrusted", "--store", "store", "list"],
    ] {
        let done = theirs.arkor(arguments);
        assert_ne!(done.status.code(), Some(0), "{arguments:?}");
        assert!(
            done.err.contains("not trusted"),
            "{arguments:?}: {}",
            done.err
        );
        assert!(!done.out.contains("SECRET-OF"), "{}", done.out);
    }
    assert_eq!(std::fs::read_dir(&empty).unwrap().count(), 0);
}

#[test]
fn a_file_that_is_no_component_is_not_told() {
    let place = Place::new();
    std::fs::write(place.root().join("letter"), "SECRET-OF-THE-USER").unwrap();
    place.write("arkor.toml", "[trainer]\ncomponent = \"../letter\"\n");
    for command in ["run", "inspect", "build"] {
        let done = place.arkor(&[command, "."]);
        done.expect(2);
        assert!(!done.err.contains("SECRET"), "{}", done.err);
        assert!(done.err.contains("it is a text"), "{}", done.err);
    }
}
