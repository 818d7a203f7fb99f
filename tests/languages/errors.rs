//! What goes wrong in a script is told with the place in the user's own file, and the run goes on.

use serde_json::Value;

use crate::harness::Project;
use crate::script::{ON_LOG, SPEC, project, run, trainer};

/// Runs a trainer whose `onLog` fails at its second event; the fault.
#[track_caller]
fn fault(module: &str, on_log: &str, config: &str) -> Value {
    let source = trainer(module, &format!("if (state.seen === 2) {on_log}"));
    let project = project("trainer.ts", &source);
    project.write("arkor.toml", config);
    let done = project.run(&[]);
    done.expect(0);
    // The run went on to its last step.
    assert_eq!(done.finished()["steps"], 4);
    done.only_fault()
}

#[track_caller]
fn places(fault: &Value) -> Vec<&str> {
    let lines = fault["backtrace"].as_array().unwrap().iter();
    lines.map(|line| line.as_str().unwrap()).collect()
}

fn cause(fault: &Value) -> &str {
    fault["cause"]["value"].as_str().unwrap_or_default()
}

const SHORT: &str = "[limits]\ncallback-timeout = \"700ms\"\nmemory = \"48 MiB\"\n";

#[test]
fn an_exception_has_its_place_and_the_way_to_it() {
    let module = "function deep(x: any): number { return x.a.b; }";
    let fault = fault(module, "deep({});", "");
    assert_eq!(
        cause(&fault),
        "trainer.ts:2:40: TypeError: cannot read property 'b' of undefined"
    );
    let on_log = format!("onLog at trainer.ts:{ON_LOG}:");
    let places = places(&fault);
    assert_eq!(places[0], "deep at trainer.ts:2:40");
    assert!(places[1].starts_with(&on_log), "{places:?}");
}

#[test]
fn what_is_thrown_is_told_in_each_callback() {
    let callbacks = [
        "onStarted",
        "onLog",
        "onEvaluate",
        "onCheckpoint",
        "onCompleted",
        "saveState",
    ];
    for name in callbacks {
        let source = format!(
            "import {{ defineTrainer, file, scratch }} from \"arkor\";\n\
             export default defineTrainer({{\n  describe: () => {SPEC},\n\
             async {name}() {{\n    await 0;\n    throw new Error(\"in {name}\");\n  }},\n}});\n"
        );
        let line = source
            .lines()
            .position(|line| line.contains("throw"))
            .unwrap()
            + 1;
        let done = project("trainer.ts", &source).run(&["--max-steps", "1"]);
        assert!(
            done.out
                .contains(&format!("trainer.ts:{line}:15: Error: in {name}")),
            "{name}: {}",
            done.out
        );
    }
    // What is no error at all.
    assert_eq!(
        cause(&fault("", "throw \"text\";", "")),
        "\"text\" was thrown"
    );
}

#[test]
fn endless_recursion_is_an_exception() {
    let module = "const f = (n: number): number => f(n + 1) + 1;";
    let fault = fault(module, "f(0);", "");
    assert!(
        cause(&fault).starts_with("trainer.ts:2:40: RangeError: Maximum call stack"),
        "{fault}"
    );
    assert!(places(&fault)[0].starts_with("f at trainer.ts:2:40 ("));
}

#[test]
fn an_endless_loop_is_cut_off_and_its_place_told() {
    let module = "function spin() { try { for (;;) {} } catch { } finally { for (;;) {} } }";
    let fault = fault(module, "spin();", SHORT);
    assert_eq!(fault["cause"]["kind"], "deadline");
    assert!(
        places(&fault)[0].starts_with("spin at trainer.ts:2:"),
        "{fault}"
    );
}

#[test]
fn a_hang_in_a_promise_is_a_deadline_with_its_place() {
    let module = "const spin = () => { for (;;) {} };";
    for on_log in [
        "return (async () => { await 0; spin(); })() as any;",
        "return Promise.resolve().then(() => spin()) as any;",
        "return Promise.resolve().then(() => spin()).catch(() => {}) as any;",
        "return new Promise(() => spin()) as any;",
        "return new Promise(() => spin()).catch(() => {}) as any;",
        "new Promise(() => spin()).catch(() => {});",
        "void Promise.resolve().then(() => spin());",
        "return (async () => { for await (const _ of (async function* () { yield 1; spin(); })()); })() as any;",
        "return new Promise(r => setTimeout(() => { spin(); r(0); }, 1)) as any;",
    ] {
        let fault = fault(module, on_log, SHORT);
        assert_eq!(fault["cause"]["kind"], "deadline", "{on_log}: {fault}");
        let first = places(&fault)[0];
        assert!(
            first.starts_with("spin at trainer.ts:2:"),
            "{on_log}: {fault}"
        );
    }
}

#[test]
fn a_loop_at_the_beginning_of_a_function_has_its_place() {
    for (body, lines) in [
        ("onLog() { for(;;); },", 10..=10),
        ("onLog() {\n    for (;;) {}\n  },", 10..=11),
        (
            "onLog() {\n    while (true) { Math.random(); }\n  },",
            10..=11,
        ),
        (
            "onLog(e: any, s: any) {\n    do { s.seen += 1; } while (s.seen > 0);\n    s.a();\n\n    s.b();\n  },",
            10..=11,
        ),
    ] {
        let source = format!(
            "import {{ defineTrainer, file, scratch }} from \"arkor\";\nexport default defineTrainer({{\n  \
             describe: () => {SPEC},\n  state: {{ seen: 0 }},\n{body}\n}});\n"
        );
        let on_log = source
            .lines()
            .position(|line| line.contains("onLog("))
            .unwrap()
            + 1;
        assert_eq!(on_log, 10);
        let project = project("trainer.ts", &source);
        project.write("arkor.toml", SHORT);
        let done = project.run(&["--max-steps", "1"]);
        done.expect(0);
        let fault = done.only_fault();
        assert_eq!(fault["cause"]["kind"], "deadline");
        let place = places(&fault)[0];
        let line = place.strip_prefix("onLog at trainer.ts:").unwrap();
        let line: usize = line.split(':').next().unwrap().parse().unwrap();
        assert!(lines.contains(&line), "{body}: {fault}");
    }
}

#[test]
fn a_wait_that_is_too_long_is_cut_off_and_one_without_end_is_told() {
    let long = fault(
        "",
        "return new Promise(r => setTimeout(r, 60000)) as any;",
        SHORT,
    );
    assert_eq!(long["cause"]["kind"], "deadline");
    let never = fault("", "return new Promise(() => {}) as any;", "");
    assert!(cause(&never).contains("a promise never settles"), "{never}");
}

#[test]
fn memory_that_runs_out_is_an_exception() {
    let module = "const kept: any[] = [];";
    let fault = fault(
        module,
        "for (;;) kept.push(new Uint8Array(1 << 20));",
        SHORT,
    );
    let place = format!("trainer.ts:{ON_LOG}:");
    assert!(cause(&fault).starts_with(&place), "{fault}");
    assert!(cause(&fault).contains("out of memory"), "{fault}");
}

#[test]
fn a_wrong_answer_is_told_with_the_place_of_its_function() {
    for (answer, problem) in [
        ("5", "expected an array, and got 5"),
        ("\"stop\"", "expected an array, and got \"stop\""),
        (
            "{ tag: \"stop\" }",
            "stop: expected a string, and got nothing",
        ),
        ("[{ tag: \"halt\" }]", "[0]: expected one of \"stop\""),
        (
            "[action.save(), action.setLearningRate(\"1\")]",
            "[1].set-learning-rate: expected a number, and got \"1\"",
        ),
        (
            "{ tag: \"log-metric\", val: { name: \"a\", valu: 1 } }",
            "log-metric: there is no property valu; is value meant?",
        ),
    ] {
        let fault = fault("", &format!("return {answer} as any;"), "");
        let expected = format!("trainer.ts:11:3: what onLog returned is wrong: {problem}");
        assert!(cause(&fault).starts_with(&expected), "{fault}");
        assert_eq!(places(&fault), ["onLog at trainer.ts:11:3"]);
    }
}

/// The one error of a trainer that does not get to run.
#[track_caller]
fn refused(project: &Project) -> String {
    let done = project.run(&[]);
    assert!(matches!(done.code, Some(1 | 2)), "{}", done.err);
    assert!(!done.err.contains("panicked"), "{}", done.err);
    done.finished()["error"].as_str().unwrap().to_owned()
}

#[test]
fn what_cannot_run_is_refused_with_its_place() {
    let with =
        |module: &str, on_log: &str| refused(&project("trainer.ts", &trainer(module, on_log)));
    for (module, on_log, expected) in [
        (
            "",
            "let x = ;",
            "trainer.ts:13:13: Unexpected token\n  13 |     let x = ;",
        ),
        (
            "let a; let a;",
            "",
            "trainer.ts:2:5: Identifier `a` has already been declared",
        ),
        (
            "import x from \"./nowhere\";",
            "x();",
            "trainer.ts:2:15: there is no file \"./nowhere\"",
        ),
        (
            "import x from \"left-pad\";",
            "x();",
            "trainer.ts:2:15: there is no package \"left-pad\"",
        ),
        (
            "import x from \"node:fs\";",
            "x;",
            "trainer.ts:2:15: node:fs is a part of Node",
        ),
        ("import { nothing } from \"arkor\";", "nothing;", "nothing"),
        (
            "throw new Error(\"top\");",
            "",
            "trainer.ts:2:11: Error: top",
        ),
        (
            "await new Promise(() => {});",
            "",
            "a promise never settles",
        ),
    ] {
        let error = with(module, on_log);
        assert!(error.contains(expected), "{expected}\n{error}");
    }
    for (source, expected) in [
        (
            "export const a = 1;",
            "trainer.ts: there is no default export",
        ),
        (
            "export default 5;",
            "trainer.ts: the default export is no trainer",
        ),
        (
            "export default {};",
            "trainer.ts: the trainer has no describe()",
        ),
        (
            "export default { describe() {}, onLogs() {} };",
            "the trainer has a callback onLogs, and there is none of this name",
        ),
        (
            "export default { describe: () => ({ name: 'a', mode: 1 }) };",
            "trainer.ts:1:18: what describe returned is wrong: there is no property mode; is model",
        ),
        (
            "export default { describe: () => ({ name: 'a', model: { tag: 'file', val: 'a' }, \
             hyperparameters: { maxSteps: 1.5 } }) };",
            "hyperparameters.maxSteps: expected a whole number from 0 to 4294967295, and got 1.5",
        ),
    ] {
        let error = refused(&project("trainer.ts", source));
        assert!(error.contains(expected), "{expected}\n{error}");
    }
}

#[test]
fn an_error_at_load_is_told_whatever_was_imported_before() {
    let common = "import data from \"./data.json\"; import common from \"./common.cjs\"; void [data, common];";
    for (module, files, expected) in [
        ("throw new Error(\"top\");", vec![], "trainer.ts:2:"),
        (
            "await Promise.reject(new Error(\"awaited\"));",
            vec![],
            "Error: awaited",
        ),
        (
            "setTimeout(() => {}, 1000); await new Promise((_, no) => no(new Error(\"executor\")));",
            vec![],
            "Error: executor",
        ),
        (
            "import { nothing } from \"./other\"; nothing;",
            vec![("other.ts", "export const some = 1;")],
            "trainer.ts:2:",
        ),
        (
            "import { nothing } from \"./common.cjs\"; nothing;",
            vec![],
            "trainer.ts:2:",
        ),
        (
            "import \"./fails.cjs\";",
            vec![("fails.cjs", "throw new Error(\"common\");")],
            "fails.cjs:1:",
        ),
        (
            "import \"./asks.cjs\";",
            vec![(
                "asks.cjs",
                "const name = \"./no\" + \"where\";\nrequire(name);",
            )],
            "asks.cjs:2:",
        ),
        (
            "import \"./late.js\";",
            vec![("late.js", "null.a;")],
            "late.js:1:",
        ),
    ] {
        let project = project("trainer.ts", &trainer(&format!("{common} {module}"), ""));
        project.write("data.json", "{\"a\": 1}");
        project.write("common.cjs", "exports.a = 1;");
        for (path, content) in files {
            project.write(path, content);
        }
        let error = refused(&project);
        assert!(error.contains(expected), "{module}: {error}");
        assert!(!error.contains("unreachable"), "{module}: {error}");
    }
}

#[test]
fn a_missing_export_is_told_where_it_is_imported() {
    let project = project(
        "trainer.ts",
        &trainer(
            "import { some, Shape } from \"./other\"; void [some, Shape];",
            "",
        ),
    );
    project.write(
        "other.ts",
        "export const some = 1; export interface Shape { a: number }",
    );
    let error = refused(&project);
    assert!(
        error.contains(
            "trainer.ts:2:16: SyntaxError: other.ts exports no \"Shape\"; if it is a type"
        ),
        "{error}"
    );
}

#[test]
fn a_file_with_parentheses_in_its_name_has_its_place() {
    let project = project(
        "trainer.ts",
        &trainer(
            "import { fail } from \"./other (copy) (2)\";",
            "if (state.seen === 1) fail();",
        ),
    );
    project.write(
        "other (copy) (2).ts",
        "export const fail = () => { throw new Error(\"there\"); };",
    );
    let fault = project.run(&[]).only_fault();
    assert!(
        cause(&fault).starts_with("other (copy) (2).ts:1:"),
        "{fault}"
    );
}

#[test]
fn a_misspelt_method_is_refused() {
    for (name, meant) in [
        ("onlog", "onLog"),
        ("on_log", "onLog"),
        ("savestate", "saveState"),
    ] {
        let source =
            trainer("", "").replace("  onLog(event, state)", &format!("  {name}(event, state)"));
        let error = refused(&project("trainer.ts", &source));
        let expected = format!("the trainer has {name}, which is never called; is {meant} meant?");
        assert!(error.contains(&expected), "{error}");
    }
    let source = format!(
        "import {{ file, scratch }} from \"arkor\";\nclass Mine {{\n  describe() {{ return {SPEC}; }}\n  \
         onlog() {{}}\n}}\nexport default new Mine();\n"
    );
    let error = refused(&project("trainer.ts", &source));
    assert!(error.contains("is onLog meant?"), "{error}");
}

#[test]
fn console_log_never_throws() {
    let values = [
        "{ get a() { throw 1; }, b: 2 }",
        "new Proxy({}, { ownKeys() { throw 1; } })",
        "new Proxy({}, { getPrototypeOf() { throw 1; } })",
        "\"\\u{1F600}\".slice(0, 1)",
        "\"%d %i %f %j\", Symbol(\"s\"), Symbol(\"s\"), Symbol(\"s\"), (() => { const a: any = {}; a.a = a; return a; })()",
        "\"%cred\", \"color: red\"",
        "Object.create(null)",
    ];
    let calls: String = values
        .iter()
        .map(|value| format!("console.log({value}); "))
        .collect();
    let done = run(
        "",
        &format!(
            "if (state.seen === 1) {{ {calls} console.count(Symbol(\"c\") as any); console.clear(); \
             console.groupCollapsed(\"in\"); console.groupEnd(); console.log(\"last\"); }}"
        ),
    );
    done.expect(0);
    assert!(done.events("callback-failed").is_empty(), "{}", done.out);
    let told = crate::script::messages(&done);
    assert_eq!(told[0], "{ a: [getter that throws], b: 2 }");
    assert_eq!(told[3], "\u{FFFD}");
    assert_eq!(told[5], "red");
    assert_eq!(told.last().unwrap(), "last");
}

#[test]
fn a_promise_that_nobody_handles_is_told() {
    let done = run(
        "",
        "if (state.seen === 1) void Promise.reject(new Error(\"lost\"));",
    );
    done.expect(0);
    let told = crate::script::messages(&done);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("nothing handles it: Error: lost\n    at onLog (trainer.ts:13:"));
}
