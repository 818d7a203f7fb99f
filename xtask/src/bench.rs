//! `cargo xtask bench`: what is promised about speed, measured on this machine.
//!
//! Each row has a measured value and a target, and where there is another program to compare with,
//! that program's value on the same machine and the ratio of the two. `reload` measures what comes
//! after a save instead, `languages` trainers in each language, `saves` the part of that which is saving scripts.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::{command, host};

mod languages;
mod reload;
mod table;
mod yardstick;

use table::{Row, Target};

/// A step of the embedded engine may take this many times as long as PyTorch's.
const ENGINE_RATIO: f64 = 1.25;

pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let rows = if arguments.iter().any(|argument| argument == "saves") {
        languages::saves()?
    } else if arguments.iter().any(|argument| argument == "reload") {
        reload::rows()?
    } else if arguments.iter().any(|argument| argument == "languages") {
        languages::rows()?
    } else {
        let mut rows = vec![engine()?];
        rows.extend(runtime()?);
        rows
    };
    print!("\n{}", table::render(&rows));
    let missed = rows.iter().any(|row| row.ok() == Some(false));
    Ok(if missed && arguments.iter().any(|a| a == "--check") {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// What the step benchmarks print, the host's and PyTorch's.
#[derive(Deserialize)]
struct StepTime {
    median_ms: f64,
}

fn engine() -> Result<Row> {
    host::build_benchmarks()?;
    let ours = command::output(&mut Command::new(host::example("step")))?;
    let ours: StepTime = last_json(&ours).context("the step example printed no result")?;
    Ok(Row {
        name: "training step, 13 M parameters".into(),
        unit: "ms".into(),
        measured: ours.median_ms,
        baseline: torch()?.map(|torch| torch.median_ms),
        baseline_name: "PyTorch".into(),
        target: Some(Target::Ratio(ENGINE_RATIO)),
    })
}

/// The same step in PyTorch, if there is a Python with it: `ARKOR_PYTHON`, or `python3`.
fn torch() -> Result<Option<StepTime>> {
    let python = std::env::var_os("ARKOR_PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
    let has_torch = Command::new(&python)
        .args(["-c", "import torch, transformers"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !has_torch {
        eprintln!(
            "no baseline: {} has no torch and transformers; set ARKOR_PYTHON to a Python with \
             host/arkor-engine/parity/requirements.txt",
            python.display()
        );
        return Ok(None);
    }
    let script = command::root().join("host/arkor-engine/parity/bench_torch.py");
    let output = command::output(Command::new(python).arg(script))?;
    last_json(&output)
        .context("bench_torch.py printed no result")
        .map(Some)
}

/// A line of the runtime's benchmark.
#[derive(Deserialize)]
struct Measurement {
    name: String,
    value: f64,
    unit: String,
    /// Most that it should be.
    target: Option<f64>,
    /// What another way of doing the same takes.
    baseline: Option<f64>,
    #[serde(default)]
    baseline_name: String,
}

fn runtime() -> Result<Vec<Row>> {
    host::install_rust()?;
    // It starts the program too.
    host::build_benchmarks()?;
    let output = command::output(&mut Command::new(host::example("bench")))?;
    let lines = output.lines().filter(|line| line.starts_with('{'));
    lines
        .map(|line| {
            let measurement: Measurement = serde_json::from_str(line)
                .with_context(|| format!("the runtime's benchmark printed {line}"))?;
            Ok(Row {
                name: measurement.name,
                unit: measurement.unit,
                measured: measurement.value,
                baseline: measurement.baseline,
                baseline_name: measurement.baseline_name,
                target: measurement.target.map(Target::Value),
            })
        })
        .collect()
}

/// The last line of a program's output that is JSON of this form.
fn last_json<T: for<'a> Deserialize<'a>>(output: &str) -> Option<T> {
    output
        .lines()
        .rev()
        .find_map(|line| serde_json::from_str(line).ok())
}
