//! `cargo xtask bench languages`: start, calls, memory and reload of trainers in each language.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::table::{Row, Target};
use super::{reload, yardstick};
use crate::{command, host, setup};

/// Sources that each differ from the one before.
const VARIANTS: usize = 20;

/// Saves that are measured.
const SAVES: usize = 200;

/// Most times that `on-log` may take of what an empty call takes.
const ON_LOG: [(&str, f64); 4] = [
    ("rust", 5.0),
    ("javascript", 25.0),
    ("typescript", 25.0),
    ("python", 50.0),
];

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
    let empty = yardstick::empty_call()?;
    let printed = command::output(Command::new(host::example("languages")).env("PATH", path))?;
    let mut rows = Vec::new();
    for line in printed.lines() {
        let figure: Figure = serde_json::from_str(line).context("not a figure")?;
        let (language, what) = figure.name.split_once(": ").unwrap_or_default();
        let is_call = what == "on-log";
        let ratio = ON_LOG.iter().find(|(name, _)| is_call && *name == language);
        rows.push(Row {
            baseline: is_call.then_some(empty),
            baseline_name: "an empty call".into(),
            target: ratio
                .map(|(_, ratio)| Target::Ratio(*ratio))
                .or(figure.target.map(Target::Value)),
            name: figure.name,
            unit: figure.unit,
            measured: figure.value,
        });
    }
    rows.extend(saves()?);
    Ok(rows)
}

/// From a save to the first event in the new code.
pub(super) fn saves() -> Result<Vec<Row>> {
    host::build_benchmarks()?;
    let folder = command::root().join("target/bench-languages");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let yardstick = yardstick::saves()?;
    let mut rows = Vec::new();
    // (language, its sources, the most that half and 99 in 100 saves may take of the yardstick)
    for (language, sources, targets) in [
        ("TypeScript", typescripts(&folder)?, [Some(0.6), Some(1.0)]),
        ("Python", pythons(&folder)?, [Some(1.5), None]),
    ] {
        eprintln!("{SAVES} saves of a trainer in {language}");
        let folder = folder.join(language);
        let swaps = reload::swaps(&folder, &sources, SAVES, &folder.join("cache"))?;
        reload::table(&mut rows, language, &swaps, yardstick.as_ref(), targets);
    }
    Ok(rows)
}

/// Variants of the trainer in TypeScript, below a folder.
pub(super) fn typescripts(folder: &Path) -> Result<Vec<PathBuf>> {
    variants(&folder.join("TypeScript"), "ts", typescript)
}

fn pythons(folder: &Path) -> Result<Vec<PathBuf>> {
    variants(&folder.join("Python"), "py", python)
}

fn variants(folder: &Path, ending: &str, source: fn(usize) -> String) -> Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder)?;
    let write = |number| {
        let path = folder.join(format!("variant-{number}.{ending}"));
        std::fs::write(&path, source(number))?;
        Ok(path)
    };
    (0..VARIANTS).map(write).collect()
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
