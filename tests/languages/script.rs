//! Projects around a script trainer.

use crate::harness::{Done, Project, text};

/// What `describe` returns in these tests, as text of the script.
pub(crate) const SPEC: &str = r#"({
    name: "script",
    model: scratch({ hiddenSize: 32, numHiddenLayers: 1, numAttentionHeads: 2 }),
    dataset: file("text.txt"),
    hyperparameters: { maxSteps: 4, maxLength: 16, loggingSteps: 1, perDeviceTrainBatchSize: 2 },
  })"#;

/// A trainer whose `onLog` has this body, after these lines of its module.
pub(crate) fn trainer(module: &str, on_log: &str) -> String {
    format!(
        r#"import {{ action, defineTrainer, file, scratch }} from "arkor";
{module}
export default defineTrainer({{
  state: {{ seen: 0 }},
  describe: () => {SPEC},
  onLog(event, state) {{
    state.seen += 1;
    {on_log}
  }},
}});
"#
    )
}

/// The line of a trainer at which `on_log` is, if `module` is one line.
pub(crate) const ON_LOG: usize = 13;

pub(crate) fn project(entry: &str, source: &str) -> Project {
    let project = Project::empty();
    project.write("arkor.toml", "");
    project.write("text.txt", &text(""));
    project.write(entry, source);
    project
}

/// Runs a trainer to its end.
pub(crate) fn run(module: &str, on_log: &str) -> Done {
    project("trainer.ts", &trainer(module, on_log)).run(&[])
}

/// What `describe` returns in these tests, in Python.
pub(crate) const PYTHON_SPEC: &str = "Spec(name=\"script\", model=scratch(hidden_size=32, num_hidden_layers=1, \
     num_attention_heads=2), dataset=file(\"text.txt\"), hyperparameters=Hyperparameters(max_steps=4, \
     max_length=16, logging_steps=1, per_device_train_batch_size=2))";

/// The line of a trainer in Python at which `on_log` is, if `module` is one line.
pub(crate) const PYTHON_ON_LOG: usize = 13;

/// A trainer in Python whose `on_log` has these lines, after those of its module.
pub(crate) fn python(module: &str, on_log: &str) -> String {
    let kind = if on_log.contains("await ") {
        "async "
    } else {
        ""
    };
    let on_log = on_log.replace('\n', "\n        ");
    format!(
        r#"from arkor import *
{module}


class Script(Trainer):
    state = {{"seen": 0}}

    def describe(self):
        return {PYTHON_SPEC}

    {kind}def on_log(self, event):
        self.state["seen"] += 1
        {on_log}


trainer = Script()
"#
    )
}

/// Runs a trainer in Python to its end.
pub(crate) fn run_python(module: &str, on_log: &str) -> Done {
    project("trainer.py", &python(module, on_log)).run(&[])
}

/// A script language, and what the tests of all of them write in it.
pub(crate) struct Language {
    pub(crate) entry: &'static str,
    /// The file that `other` is imported from, with what it exports.
    pub(crate) other: (&'static str, &'static str),
    /// A trainer whose `onLog` logs how many it has seen under a name, with lines of its module before.
    counting: fn(&str, &str) -> String,
    /// Lines that define `spin`, `fail` and `exhaust`, and how they are called.
    pub(crate) module: &'static str,
    pub(crate) statement_end: &'static str,
    /// A line that throws, in a module.
    pub(crate) throws: &'static str,
    /// A line that is no syntax.
    pub(crate) wrong: &'static str,
    /// Imports `name` of the other file.
    pub(crate) import: &'static str,
    /// Methods that replace how state is carried: one refuses to save, one rejects what was saved.
    pub(crate) refuses: &'static str,
    pub(crate) rejects: &'static str,
}

impl Language {
    pub(crate) fn counting(&self, module: &str, name: &str) -> String {
        (self.counting)(module, name)
    }

    /// The same with a method more.
    pub(crate) fn with_method(&self, name: &str, method: &str) -> String {
        let source = self.counting("", name);
        let mark = if self.entry.ends_with(".ts") {
            "  onLog("
        } else {
            "    def on_log("
        };
        assert!(source.contains(mark));
        source.replacen(mark, &format!("{method}\n{mark}"), 1)
    }

    /// The same with a statement before everything else in `onLog`.
    pub(crate) fn first(&self, name: &str, statement: &str) -> String {
        let source = self.counting(self.module, name);
        let (mark, indent) = if self.entry.ends_with(".ts") {
            ("    state.seen += 1;", "    ")
        } else {
            ("        self.state[\"seen\"] += 1", "        ")
        };
        assert!(source.contains(mark));
        let end = self.statement_end;
        source.replacen(mark, &format!("{indent}{statement}{end}\n{mark}"), 1)
    }

    pub(crate) fn project(&self, source: &str) -> Project {
        project(self.entry, source)
    }
}

pub(crate) const TYPESCRIPT: Language = Language {
    entry: "trainer.ts",
    other: ("other.ts", "export const name = \"NAME\";"),
    counting: |module, name| {
        trainer(
            module,
            &format!("return action.logMetric(\"{name}\", state.seen);"),
        )
        .replace("maxSteps: 4", "maxSteps: 1000000")
    },
    module: "const spin = () => { for (;;) {} };",
    statement_end: ";",
    throws: "throw new Error(\"at the end\");",
    wrong: "let = ;",
    import: "import { name } from \"./other\";",
    refuses: "  saveState() { throw new Error(\"not now\"); },",
    rejects: "  loadState() { throw new Error(\"not mine\"); },",
};

pub(crate) const PYTHON: Language = Language {
    entry: "trainer.py",
    other: ("other.py", "name = \"NAME\""),
    counting: |module, name| {
        python(
            module,
            &format!("return action.log_metric(\"{name}\", self.state[\"seen\"])"),
        )
        .replace("max_steps=4", "max_steps=1000000")
    },
    module: "def spin():\n    while True: pass",
    statement_end: "",
    throws: "raise ValueError(\"at the end\")",
    wrong: "let = =",
    import: "from other import name",
    refuses: "    def save_state(self): raise ValueError(\"not now\")",
    rejects: "    def load_state(self, saved): raise ValueError(\"not mine\")",
};

/// Makes a test of each function for each language.
macro_rules! in_each_language {
    ($($test:ident),* $(,)?) => {
        mod typescript {
            $(#[test] fn $test() { super::$test(&crate::script::TYPESCRIPT); })*
        }
        mod python {
            $(#[test] fn $test() { super::$test(&crate::script::PYTHON); })*
        }
    };
}
pub(crate) use in_each_language;

/// The messages of a run.
pub(crate) fn messages(done: &Done) -> Vec<String> {
    let lines = done.json();
    let messages = lines.iter().filter(|line| line["type"] == "message");
    messages
        .map(|line| line["text"].as_str().unwrap().to_owned())
        .collect()
}
