//! The commands around `run`.

use crate::harness::{Project, guest};

#[test]
fn inspect_tells_what_a_component_is() {
    let project = Project::new("asks-file");
    let done = project.arkor(["inspect", "trainer.wasm", "--json"]);
    done.expect(0);
    let told = done.json().remove(0);
    assert_eq!(told["world"], "managed-trainer");
    assert_eq!(told["digest"].as_str().unwrap().len(), 64);
    assert_eq!(
        told["size"],
        std::fs::metadata(guest("asks-file")).unwrap().len()
    );
    let people = project.arkor(["inspect", "trainer.wasm"]);
    people.expect(0);
    for part in ["managed-trainer", "arkor:trainer/callbacks@0.1.0", "files"] {
        assert!(people.out.contains(part), "no {part} in\n{}", people.out);
    }
    assert_eq!(project.arkor(["inspect", "."]).out, people.out);
    let with_loop = project.arkor([
        "inspect".as_ref(),
        guest("loop-panics").as_os_str(),
        "--json".as_ref(),
    ]);
    assert_eq!(with_loop.json()[0]["world"], "loop-trainer");
}

#[test]
fn a_bare_component_is_a_project() {
    let project = Project::new("counts");
    std::fs::remove_file(project.path("arkor.toml")).unwrap();
    project.run(&["trainer.wasm", "--max-steps", "2"]).expect(0);
}

#[test]
fn a_project_is_found_from_inside() {
    let project = Project::new("counts");
    std::fs::create_dir_all(project.path("deep/er")).unwrap();
    let mut command = project.command(["run", "--json", "--max-steps", "2"]);
    command.current_dir(project.path("deep/er"));
    assert!(command.status().unwrap().success());
    assert!(project.path(".arkor/arkor.db").exists());
}

#[test]
fn runs_are_listed_shown_and_removed() {
    let project = Project::new("counts");
    let none = project.arkor(["runs", "list"]);
    none.expect(0);
    assert!(!project.path(".arkor").exists(), "looking makes no store");
    project.run(&["--max-steps", "2"]).expect(0);
    project.run(&["--max-steps", "3"]).expect(0);
    let listed = project.arkor(["runs", "list", "--json"]).json();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0]["step"], 3, "the newest first");
    let first = listed[1]["id"].as_str().unwrap();
    let people = project.arkor(["runs", "list"]).out;
    assert!(
        people.contains(first) && people.contains("completed"),
        "{people}"
    );
    let shown = project.arkor(["runs", "show", first]).out;
    assert!(
        shown.contains("checkpoint") && shown.contains("max_steps"),
        "{shown}"
    );

    project.arkor(["runs", "rm", first]).expect(0);
    let left = project.arkor(["runs", "list", "--json"]).json();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["step"], 3);
    project.arkor(["runs", "rm", first]).expect(2);
    // A wrong id among good ones removes nothing.
    let other = left[0]["id"].as_str().unwrap();
    project.arkor(["runs", "rm", other, "nonsense"]).expect(2);
    assert_eq!(project.arkor(["runs", "list", "--json"]).json().len(), 1);
}

#[test]
fn runs_from_another_folder() {
    let project = Project::new("counts");
    project.run(&["--max-steps", "2"]).expect(0);
    let elsewhere = Project::empty();
    let path = project.path("");
    let path = path.to_str().unwrap();
    let listed = elsewhere.arkor(["runs", "list", "--json", "-C", path]);
    assert_eq!(listed.json().len(), 1);
}

#[test]
fn runs_are_found_beside_what_ran_and_whatever_became_of_its_project() {
    let project = Project::new("counts");
    std::fs::remove_file(project.path("arkor.toml")).unwrap();
    project
        .arkor(["run", "trainer.wasm", "--max-steps", "2"])
        .expect(0);
    assert_eq!(project.arkor(["runs", "list", "--json"]).json().len(), 1);
    std::fs::remove_file(project.path("trainer.wasm")).unwrap();
    project.write("arkor.toml", "[limits");
    assert_eq!(project.arkor(["runs", "list", "--json"]).json().len(), 1);
    assert_eq!(project.show()["run"]["step"], 2);
}

/// What bash would offer after these words.
fn completed(script: &std::path::Path, words: &[&str]) -> String {
    let (last, before) = (words[words.len() - 1], words[words.len() - 2]);
    let text = format!(
        "source '{}'; COMP_WORDS=({}); COMP_CWORD={}; _arkor__host arkor-host '{last}' '{before}'; echo \
         \"${{COMPREPLY[@]}}\"",
        script.display(),
        words
            .iter()
            .map(|word| format!("'{word}' "))
            .collect::<String>(),
        words.len() - 1,
    );
    let done = std::process::Command::new("bash")
        .args(["-c", &text])
        .output()
        .unwrap();
    String::from_utf8(done.stdout).unwrap()
}

#[cfg(unix)]
#[test]
fn bash_completes_more_than_the_first_word() {
    let project = Project::empty();
    let script = project.path("script");
    std::fs::write(&script, project.arkor(["completions", "bash"]).out).unwrap();
    for (words, expected) in [
        (&["arkor-host", "comp"] as &[&str], "completions"),
        (&["arkor-host", "run", "--res"], "--resume"),
        (&["arkor-host", "runs", "sh"], "show"),
        (&["arkor-host", "docs", "ev"], "events"),
    ] {
        assert_eq!(completed(&script, words).trim(), expected, "{words:?}");
    }
}

#[test]
fn pages_of_the_documentation_are_in_the_program() {
    let project = Project::empty();
    let listed = project.arkor(["docs"]);
    listed.expect(0);
    for page in listed
        .out
        .lines()
        .filter_map(|line| line.split_whitespace().next())
    {
        let shown = project.arkor(["docs", page]);
        shown.expect(0);
        assert!(shown.out.starts_with("# "), "{page}");
    }
}

#[test]
fn completions_and_help() {
    let project = Project::empty();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let done = project.arkor(["completions", shell]);
        done.expect(0);
        assert!(done.out.contains("max-steps"), "{shell}");
    }
    for command in [
        "run",
        "build",
        "inspect",
        "runs",
        "toolchain",
        "completions",
    ] {
        let done = project.arkor([command, "--help"]);
        done.expect(0);
        assert!(done.out.contains("Usage: arkor-host"), "{}", done.out);
    }
    insta::assert_snapshot!("help", project.arkor(["--help"]).out);
    insta::assert_snapshot!("help-run", project.arkor(["run", "--help"]).out);
    assert!(
        project
            .arkor(["--version"])
            .out
            .starts_with("arkor-host 0.")
    );
}

#[test]
fn a_closed_pipe_ends_nothing() {
    let project = Project::new("counts");
    let mut child = project
        .command(["run", "--json"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(project.show()["run"]["status"], "completed");
}
