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

/// The messages of a run.
pub(crate) fn messages(done: &Done) -> Vec<String> {
    let lines = done.json();
    let messages = lines.iter().filter(|line| line["type"] == "message");
    messages
        .map(|line| line["text"].as_str().unwrap().to_owned())
        .collect()
}
