//! What `arkor-host dev` sees of a project's files while they are written in all the ways that there are.

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use crate::program::Dev;
use crate::script::{Language, TYPESCRIPT, in_each_language, trainer};

in_each_language!(
    saves_in_place_show_no_error,
    lines_of_errors_are_those_of_the_file_now,
);

fn errors(dev: &Dev) -> usize {
    let errors = dev.seen.iter().filter(|line| line["state"] == "error");
    errors.count()
}

/// Waits until a metric of this name is logged.
fn logs(dev: &mut Dev, name: &str) {
    dev.wait(name, |line| line["action"]["value"]["name"] == name);
}

fn saves_in_place_show_no_error(language: &Language) {
    let mut dev = Dev::on(language.project(&language.counting("", "first")));
    logs(&mut dev, "first");
    for number in 0..20 {
        let name = format!("n{number}");
        let source = language.counting("", &name);
        // As editors do that keep the file: it is empty for a moment, and half there for another.
        let mut file = std::fs::File::create(dev.project.path(language.entry)).unwrap();
        let (begin, end) = source.split_at(source.len() / 2);
        for part in [begin, end] {
            std::thread::sleep(Duration::from_millis(4));
            file.write_all(part.as_bytes()).unwrap();
        }
        drop(file);
        logs(&mut dev, &name);
    }
    assert_eq!(errors(&dev), 0, "{:#?}", dev.seen);
    assert_eq!(dev.interrupt().0, 130);
}

/// A trainer that fails at each tenth event, with blank lines before.
fn failing(language: &Language, lines: usize) -> String {
    let (test, fails) = if language.entry.ends_with(".ts") {
        (
            "if (state.seen % 10 === 0) fail()",
            "const fail = () => { throw new Error(\"tenth\"); };",
        )
    } else {
        (
            "if self.state[\"seen\"] % 10 == 0: fail()",
            "def fail(): raise ValueError(\"tenth\")",
        )
    };
    let source = language.first("counted", test);
    let source = source.replace(language.module, &format!("{fails}\n{}", language.module));
    assert!(source.contains(fails));
    source.replace(fails, &format!("{}{fails}", "\n".repeat(lines)))
}

fn lines_of_errors_are_those_of_the_file_now(language: &Language) {
    let place = |source: &str| {
        let at = source.lines().position(|line| line.contains("tenth"));
        format!("{}:{}", language.entry, at.unwrap() + 1)
    };
    let mut dev = Dev::on(language.project(&failing(language, 0)));
    for lines in [0, 7, 3] {
        let source = failing(language, lines);
        dev.project.write(language.entry, &source);
        if lines > 0 {
            dev.event("swapped");
        }
        let failed = dev.event("callback-failed").to_string();
        assert!(
            failed.contains(&place(&source)),
            "{}: {failed}",
            place(&source)
        );
    }
    assert_eq!(dev.interrupt().0, 130);
}

fn git(dev: &Dev, words: &[&str]) {
    let done = Command::new("git")
        .args(["-c", "user.name=x", "-c", "user.email=x@localhost"])
        .args(words)
        .current_dir(dev.project.path(""))
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

#[test]
fn a_switch_of_branches_shows_at_most_one_error() {
    const FILES: usize = 200;
    let write = |project: &crate::harness::Project, name: &str| {
        for folder in [name, "src"] {
            std::fs::create_dir_all(project.path(folder)).unwrap();
        }
        for number in 0..FILES {
            // Each needs what the next exports, under a name of the branch.
            let next = if number + 1 < FILES {
                format!("import {{ {name} as next }} from \"./m{}\";\n", number + 1)
            } else {
                "const next = 0;\n".into()
            };
            let text = format!("{next}export const {name} = next + 1;\n");
            project.write(&format!("{name}/m{number}.ts"), &text);
            project.write(&format!("src/m{number}.ts"), &text);
        }
        let imports =
            format!("import {{ {name} }} from \"./src/m0\";\nconst total: number = {name};");
        let on_log = format!("return action.logMetric(\"{name}\", total + state.seen);");
        let source = trainer(&imports, &on_log).replace("maxSteps: 4", "maxSteps: 1000000");
        project.write("trainer.ts", &source);
    };
    let project = TYPESCRIPT.project("");
    project.write(".gitignore", ".arkor\n");
    write(&project, "one");
    let mut dev = Dev::on(project);
    logs(&mut dev, "one");
    git(&dev, &["init", "--quiet", "--initial-branch", "one"]);
    git(&dev, &["add", "."]);
    git(&dev, &["commit", "--quiet", "--message", "one"]);
    git(&dev, &["checkout", "--quiet", "-b", "two"]);
    std::fs::remove_dir_all(dev.project.path("one")).unwrap();
    write(&dev.project, "two");
    logs(&mut dev, "two");
    git(&dev, &["add", "--all"]);
    git(&dev, &["commit", "--quiet", "--message", "two"]);
    let before = errors(&dev);
    for branch in ["one", "two", "one", "two", "one", "two"] {
        git(&dev, &["checkout", "--quiet", branch]);
    }
    git(&dev, &["checkout", "--quiet", "one"]);
    logs(&mut dev, "one");
    let shown = errors(&dev) - before;
    assert!(shown <= 7, "{shown} errors: {:#?}", dev.seen);
    assert_eq!(dev.interrupt().0, 130);
}
