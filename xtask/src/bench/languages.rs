//! `cargo xtask bench languages`: start, calls, memory and reload of trainers in each language.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::reload;
use super::table::{Row, Target};
use crate::{command, setup};

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
    setup::wasm_toolchain()?;
    let mut cargo = command::cargo(&["run", "--release", "--package", "arkor-host"]);
    let printed = command::output(cargo.args(["--example", "languages"]))?;
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
    command::must(&mut command::cargo(&[
        "build",
        "--release",
        "--package",
        "arkor-host",
    ]))?;
    eprintln!("{SAVES} saves of a TypeScript trainer");
    let folder = command::root().join("target/bench-languages");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let sources = typescript(&folder)?;
    let cache = folder.join("cache");
    let swaps = reload::swaps(&folder, &sources, SAVES, &cache)?;
    for (share, label, target) in [(0.5, "p50", 10.0), (0.99, "p99", 40.0)] {
        rows.push(Row {
            name: format!("typescript: file saved to first event in the new code, {label}"),
            unit: "ms".into(),
            measured: reload::whole(&swaps, share),
            baseline: (label == "p50").then_some(reload::YARDSTICK),
            baseline_name: "bundler and signal, to its decision".into(),
            target: Some(Target::Value(target)),
        });
    }
    Ok(rows)
}

/// The trainer of `bench reload`, in TypeScript, in variants.
fn typescript(folder: &std::path::Path) -> Result<Vec<PathBuf>> {
    (0..VARIANTS)
        .map(|number| {
            let path = folder.join(format!("variant-{number}.ts"));
            let source = format!(
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
            );
            std::fs::write(&path, source)?;
            Ok(path)
        })
        .collect()
}
