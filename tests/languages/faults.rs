//! What goes wrong in compiled languages has its line in the user's file, as far as their compilers tell it.

use crate::harness::{example, text};

#[test]
fn an_error_in_c_has_its_line() {
    let faults = [
        "FAIL", "HOST", "ASSERT", "ABORT", "NOTHING", "INDEX", "DIVIDE", "WILD", "DEEP", "MEMORY",
        "ENDLESS", "EXIT",
    ];
    let project = example("../tests/languages/faults/c");
    project.write("text.txt", &text(""));
    let config = std::fs::read_to_string(project.path("arkor.toml")).unwrap();
    let source = std::fs::read_to_string(project.path("trainer.c")).unwrap();
    for fault in faults {
        let wanted = config.replace("-DFAULT=FAIL", &format!("-DFAULT={fault}"));
        project.write("arkor.toml", &wanted);
        let mark = format!("/* {fault} */");
        let line = source
            .lines()
            .position(|line| line.contains(&mark))
            .unwrap()
            + 1;
        let done = project.arkor(["run"]);
        done.expect(0);
        let said = format!("{}{}", done.out, done.err);
        let place = format!("trainer.c:{line}");
        assert!(said.contains(&place), "{fault}: {said}");
    }
}

/// The preview 1 adapter looks at the folders the first time that anything is printed.
#[test]
fn a_trainer_in_c_that_prints_has_not_asked_for_files() {
    let project = example("../tests/languages/faults/c");
    project.write("text.txt", &text(""));
    let source = std::fs::read_to_string(project.path("trainer.c")).unwrap();
    let place = source.find("on_log(").unwrap();
    let body = place + source[place..].find("{\n").unwrap() + 2;
    let run = |first: &str| {
        let (before, after) = source.split_at(body);
        project.write(
            "trainer.c",
            &format!("#include <stdio.h>\n{before}{first}\n{after}"),
        );
        let done = project.arkor(["run"]);
        format!("{}{}", done.out, done.err)
    };
    let said = run("printf(\"printed\\n\"); fflush(stdout);");
    assert!(said.contains("  | printed"), "{said}");
    assert!(!said.contains("for files"), "{said}");
    let said = run("if (fopen(\"x\", \"r\") == NULL) perror(\"open\"); printf(\"printed\\n\");");
    assert!(said.contains("  | open: "), "{said}");
    assert!(said.contains("[capabilities] files = "), "{said}");
}

#[test]
fn a_panic_in_go_has_its_line_and_the_instance_lives_on() {
    let project = example("../tests/languages/faults/go");
    project.write("text.txt", &text(""));
    let source = std::fs::read_to_string(project.path("trainer.go")).unwrap();
    let done = project.arkor(["run"]);
    done.expect(0);
    let said = format!("{}{}", done.out, done.err);
    for fault in ["PANIC", "INDEX", "NIL", "MAP", "DIVIDE"] {
        let mark = format!("// {fault}");
        let line = source
            .lines()
            .position(|line| line.contains(&mark))
            .unwrap()
            + 1;
        assert!(
            said.contains(&format!("trainer.go:{line}: panic")),
            "{fault}: {said}"
        );
    }
    assert!(said.contains("overflowed its stack"), "{said}");
}
