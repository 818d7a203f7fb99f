//! `cargo xtask bench languages`: start, calls, memory and reload of trainers in each language.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::reload;
use super::table::{Row, Target};
use crate::{command, host, setup};

/// Sources that each differ from the one before.
const VARIANTS: usize = 20;

/// Saves that are measured.
const SAVES: usize = 200;

#[derive(Deserialize)]
struct Figure {
    name: String,
    value: f64,
    unit: String,
    target: Option<f64>,
}

pub(super) fn rows() -> Result<Vec<Row>> {
    host::install_rust()?;
    let path = setup::compilers()?;
    host::build_benchmarks()?;
    let printed = command::output(Command::new(host::example("languages")).env("PATH", path))?;
    let mut rows = Vec::new();
    for line in printed.lines() {
        let figure: Figure = serde_json::from_str(line).context("not a figure")?;
        rows.push(Row {
            name: figure.name,
            unit: figure.unit,
            measured: figure.value,
            baseline: None,
            baseline_name: String::new(),
            target: figure.target.map(Target::Value),
        });
    }
    let folder = command::root().join("target/bench-languages");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    // (language, ending, its source, most milliseconds of half and of 99 in 100 saves)
    type Source = fn(usize) -> String;
    let languages: [(&str, &str, Source, [f64; 2]); 2] = [
        ("typescript", "ts", typescript, [10.0, 40.0]),
        ("python", "py", python, [20.0, 60.0]),
    ];
    for (language, ending, source, targets) in languages {
        eprintln!("{SAVES} saves of a trainer in {language}");
        let folder = folder.join(language);
        std::fs::create_dir_all(&folder)?;
        let sources = (0..VARIANTS)
            .map(|number| {
                let path = folder.join(format!("variant-{number}.{ending}"));
                std::fs::write(&path, source(number))?;
                Ok(path)
            })
            .collect::<Result<Vec<PathBuf>>>()?;
        let swaps = reload::swaps(&folder, &sources, SAVES, &folder.join("cache"))?;
        for ((share, label), target) in [(0.5, "p50"), (0.99, "p99")].into_iter().zip(targets) {
            rows.push(Row {
                name: format!("{language}: file saved to first event in the new code, {label}"),
                unit: "ms".into(),
                measured: reload::whole(&swaps, share),
                baseline: (label == "p50").then_some(reload::YARDSTICK),
                baseline_name: "bundler and signal, to its decision".into(),
                target: Some(Target::Value(target)),
            });
        }
    }
    Ok(rows)
}

/// The trainer of `bench reload`, in TypeScript, in variants.
fn typescript(number: usize) -> String {
    format!(
        r#"import {{ action, bytes, defineTrainer, file, scratch, type LogRecord }} from "arkor";

interface Memory {{
  seen: number;
}}

export default defineTrainer<Memory>({{
  state: {{ seen: 0 }},
  describe: () => ({{
    name: "bench",
    model: scratch({{ hiddenSize: 16, numHiddenLayers: 1, numAttentionHeads: 2 }}),
    tokenizer: bytes(),
    dataset: file("data/gospels.txt"),
    hyperparameters: {{
      perDeviceTrainBatchSize: 2,
      maxLength: 32,
      loggingSteps: 1,
      evalSteps: 0,
      saveSteps: 0,
    }},
  }}),
  onLog(event: LogRecord, state: Memory) {{
    state.seen += 1;
    return [action.logMetric("variant", {number}), action.logMetric("seen", state.seen)];
  }},
}});
"#
    )
}

/// The same in Python.
fn python(number: usize) -> String {
    format!(
        r#"from arkor import Actions, Hyperparameters, LogRecord, Spec, Trainer, action, byte_tokens, file, scratch


class Bench(Trainer):
    state = {{"seen": 0}}

    def describe(self) -> Spec:
        return Spec(
            name="bench",
            model=scratch(hidden_size=16, num_hidden_layers=1, num_attention_heads=2),
            tokenizer=byte_tokens(),
            dataset=file("data/gospels.txt"),
            hyperparameters=Hyperparameters(
                per_device_train_batch_size=2, max_length=32, logging_steps=1, eval_steps=0, save_steps=0
            ),
        )

    def on_log(self, event: LogRecord) -> Actions:
        self.state["seen"] += 1
        return [action.log_metric("variant", {number}), action.log_metric("seen", self.state["seen"])]


trainer = Bench()
"#
    )
}
