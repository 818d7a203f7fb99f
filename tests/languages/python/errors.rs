//! What goes wrong in Python is told with the place in the user's own file, and the run goes on.

use serde_json::Value;

use crate::harness::Project;
use crate::script::{PYTHON_ON_LOG, PYTHON_SPEC, messages, project, python, run_python};

const SHORT: &str = "[limits]\ncallback-timeout = \"700ms\"\n";

/// Runs a trainer whose `on_log` fails at its second event; the fault.
#[track_caller]
fn fault(module: &str, on_log: &str, config: &str) -> Value {
    let source = python(module, &format!("if self.state[\"seen\"] == 2: {on_log}"));
    let project = project("trainer.py", &source);
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

#[test]
fn an_exception_has_its_place_and_the_way_to_it() {
    let fault = fault("def deep(x): return [\"ü\", x.a.b]", "deep(1)", "");
    assert_eq!(
        cause(&fault),
        "trainer.py:2:27: AttributeError: 'int' object has no attribute 'a'"
    );
    let places = places(&fault);
    assert_eq!(places[0], "deep at trainer.py:2:27");
    let on_log = format!("Script.on_log at trainer.py:{PYTHON_ON_LOG}:");
    assert!(places[1].starts_with(&on_log), "{places:?}");
}

#[test]
fn what_is_raised_is_told_in_each_callback() {
    let callbacks = [
        ("on_started", "event"),
        ("on_log", "event"),
        ("on_evaluate", "event"),
        ("on_checkpoint", "event"),
        ("on_completed", "event"),
        ("save_state", ""),
    ];
    for (name, argument) in callbacks {
        let source = format!(
            "import asyncio\nfrom arkor import *\n\nclass Script(Trainer):\n    def describe(self):\n        \
             return {PYTHON_SPEC}\n\n    async def {name}(self, {argument}):\n        await \
             asyncio.sleep(0)\n        raise ValueError(\"in {name}\")\n\ntrainer = Script()\n"
        );
        let line = source
            .lines()
            .position(|line| line.contains("raise"))
            .unwrap()
            + 1;
        let done = project("trainer.py", &source).run(&["--max-steps", "1"]);
        let expected = format!("trainer.py:{line}:9: ValueError: in {name}");
        assert!(done.out.contains(&expected), "{name}: {}", done.out);
    }
    // What is no Exception, and what has a cause.
    let at = PYTHON_ON_LOG;
    let left = fault("import sys", "sys.exit(3)", "");
    assert!(cause(&left).contains("SystemExit: 3"), "{left}");
    let caused = fault("", "raise KeyError(\"a\") from ValueError(\"b\")", "");
    assert_eq!(
        cause(&caused),
        format!("trainer.py:{at}:37: KeyError: 'a' (caused by ValueError: b)")
    );
}

#[test]
fn endless_recursion_is_an_exception() {
    let fault_of = fault("def f(n): return f(n + 1) + 1", "f(0)", "");
    assert!(
        cause(&fault_of).starts_with("trainer.py:2:18: RecursionError: maximum recursion depth"),
        "{fault_of}"
    );
    assert!(places(&fault_of)[0].starts_with("f at trainer.py:2:18 ("));
    // Where it is none of the interpreter's own limit, the instance traps, and its place is told too.
    let module = "import json; deep = \"[\" * 100000 + \"]\" * 100000";
    let trap = fault(module, "json.loads(deep)", "");
    assert_eq!(trap["cause"]["kind"], "stack", "{trap}");
    let place = format!("Script.on_log at trainer.py:{PYTHON_ON_LOG}:37");
    assert_eq!(places(&trap), [place]);
}

#[test]
fn what_hangs_is_cut_off_and_its_place_told() {
    let spin = "def spin():\n    while True:\n        try:\n            x = [\"ü\" for _ in range(9)]\n        \
                except BaseException: pass";
    let endless = fault(spin, "spin()", SHORT);
    assert_eq!(endless["cause"]["kind"], "deadline");
    assert!(
        places(&endless)[0].starts_with("spin at trainer.py:"),
        "{endless}"
    );
    for (module, on_log) in [
        // In C, and in a generator that C calls.
        ("", "sum(iter(int, 1))"),
        ("import itertools", "list(zip(itertools.count()))"),
        ("import time", "time.sleep(60)"),
        ("import asyncio", "await asyncio.sleep(60)"),
    ] {
        let config = format!("{SHORT}memory = \"1 GiB\"\n");
        let fault = fault(module, on_log, &config);
        assert_eq!(fault["cause"]["kind"], "deadline", "{fault}");
        let place = format!("Script.on_log at trainer.py:{PYTHON_ON_LOG}:");
        assert!(places(&fault)[0].starts_with(&place), "{on_log}: {fault}");
    }
    let deep = "import asyncio\nasync def inner(): await asyncio.sleep(60)";
    let waits = fault(deep, "await inner()", SHORT);
    assert!(
        places(&waits).contains(&"inner at trainer.py:3:20"),
        "{waits}"
    );
    let never = fault(
        "import asyncio",
        "await asyncio.get_running_loop().create_future()",
        "",
    );
    assert!(cause(&never).contains("waits for ever"), "{never}");
    assert!(cause(&never).starts_with("trainer.py:13:"), "{never}");
}

#[test]
fn memory_that_runs_out_is_an_exception() {
    let fault = fault(
        "kept = []",
        "\n    while True: kept.append(bytearray(1 << 20))",
        "[limits]\nmemory = \"64 MiB\"\n",
    );
    let place = format!("trainer.py:{}:37: MemoryError", PYTHON_ON_LOG + 1);
    assert_eq!(cause(&fault), place);
}

#[test]
fn what_ends_the_interpreter_is_told_with_its_place() {
    for on_log in ["os._exit(3)", "os.abort()"] {
        let fault = fault("import os", on_log, "");
        let place = format!("Script.on_log at trainer.py:{PYTHON_ON_LOG}:37");
        assert_eq!(places(&fault), [place], "{fault}");
    }
}

#[test]
fn a_wrong_answer_is_told_with_the_place_of_its_function() {
    for (answer, problem) in [
        (
            "5",
            "expected an action, a list of actions or None, and got 5",
        ),
        (
            "\"stop\"",
            "expected an action, a list of actions or None, and got 'stop'",
        ),
        (
            "[\"halt\"]",
            "[0]: expected an action, such as action.save(), and got 'halt'",
        ),
        ("[Case(\"halt\", None)]", "[0]: expected one of \"stop\""),
        ("Case(\"stop\", 5)", "stop: expected a string, and got 5"),
        (
            "[action.save(), Case(\"set-learning-rate\", \"1\")]",
            "[1].set-learning-rate: expected a number, and got '1'",
        ),
    ] {
        let fault = fault("", &format!("return {answer}"), "");
        let expected = format!("trainer.py:11:5: what on_log returned is wrong: {problem}");
        assert!(cause(&fault).starts_with(&expected), "{fault}");
        assert_eq!(places(&fault), ["Script.on_log at trainer.py:11:5"]);
    }
    let at_once = fault("", "return action.set_learning_rate(\"1\")", "");
    let expected = "TypeError: set_learning_rate: expected a number, and got '1'";
    assert_eq!(cause(&at_once), format!("trainer.py:13:44: {expected}"));
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
        |module: &str, on_log: &str| refused(&project("trainer.py", &python(module, on_log)));
    for (module, on_log, expected) in [
        ("", "x = ", "trainer.py:13:13: SyntaxError: invalid syntax"),
        (
            "if True:",
            "x",
            "trainer.py:5:1: IndentationError: expected an indented block",
        ),
        (
            "import nowhere",
            "",
            "trainer.py:2:1: ModuleNotFoundError: No module named 'nowhere'",
        ),
        ("from . import x", "", "trainer.py:2:1: ImportError"),
        (
            "from arkor import nothing",
            "",
            "ImportError: cannot import name 'nothing' from 'arkor'",
        ),
        (
            "raise ValueError(\"top\")",
            "",
            "trainer.py:2:1: ValueError: top",
        ),
    ] {
        let on_log = if on_log.is_empty() { "pass" } else { on_log };
        let error = with(module, on_log);
        assert!(error.contains(expected), "{expected}\n{error}");
    }
    let spec = |arguments: &str| {
        format!(
            "from arkor import *\nclass T(Trainer):\n    def describe(self):\n        return Spec({arguments})\n\
             trainer = T()\n"
        )
    };
    for (source, expected) in [
        ("x = 1".into(), "trainer.py: there is no trainer: end the file with"),
        ("trainer = 5".into(), "trainer.py: `trainer` must be an instance"),
        (
            "from arkor import Trainer\nclass T(Trainer): pass\ntrainer = T".into(),
            "a class; make one",
        ),
        (
            "from arkor import Trainer\nclass T(Trainer): pass\ntrainer = T()".into(),
            "trainer.py: the trainer has no describe()",
        ),
        (
            "from arkor import Trainer\nclass T(Trainer):\n    def describe(self): pass\n    def on_logs(self, \
             event): pass\ntrainer = T()"
                .into(),
            "trainer.py:4:5: trainer.py: the trainer has a callback on_logs, and there is none of this name",
        ),
        (
            "from arkor import Trainer\nclass T(Trainer):\n    def describe(self): pass\ntrainer = T()".into(),
            "trainer.py:3:5: what describe returned is wrong: expected arkor.Spec(...), and got nothing",
        ),
        (
            spec("name=\"a\", model=file(\"m\"), hyperparameters=Hyperparameters(max_steps=1.5)"),
            "hyperparameters.max_steps: expected a whole number from 0 to 4294967295, and got 1.5",
        ),
        (
            spec("name=\"a\", model=file(\"m\"), hyperparameters=Hyperparameters(lr_scheduler_type=\"cos\")"),
            "hyperparameters.lr_scheduler_type: expected one of \"linear\", \"cosine\", \"constant\", and got 'cos'",
        ),
        (
            spec("name=\"a\", model=\"m\""),
            "model: expected scratch(...), file(...) or hub(...), and got 'm'",
        ),
        (
            spec("name=\"a\", modl=1"),
            "trainer.py:4:16: TypeError: Spec.__init__() got an unexpected keyword argument 'modl'",
        ),
    ] {
        let source: String = source;
        let error = refused(&project("trainer.py", &source));
        assert!(error.contains(expected), "{expected}\n{error}");
    }
}

#[test]
fn a_host_error_says_what_it_was() {
    let done = run_python(
        "",
        "if self.state[\"seen\"] == 1:\n    try: inference.generate(\"a\", max_tokens=0)\n    except HostError as \
         error: print(error.code, \"|\", error)\n    try: inference.generate(5)\n    except TypeError as error: \
         print(error)",
    );
    done.expect(0);
    let told = messages(&done);
    assert!(
        told[0].starts_with("invalid | inference.generate: invalid: "),
        "{told:?}"
    );
    assert_eq!(
        told[1],
        "inference.generate: prompt: expected a string, and got 5"
    );
}
