//! Times trainers in each language, with the callback of tests/languages/conformance. Prints a JSON object
//! for each figure; `cargo xtask bench languages` makes a table of them.
#![expect(clippy::print_stdout, reason = "what it measures is its output")]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use arkor_project::{Artifact, Project};
use arkor_runtime::{
    CallbackEvent, Capabilities, Instance, LanguageRuntime, Limits, Runtime, RuntimeOptions,
    TrainerComponent,
};
use arkor_types::{LogRecord, Metric, ScriptLanguage};

/// Instances that are alive at once while memory is measured.
const INSTANCES: usize = 20;

fn main() -> Result<()> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .context("the repository is two folders up")?;
    let executor = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    // (language, most microseconds of on-log, most MB of an instance)
    for (language, on_log, memory) in [
        ("rust", 2.0, None),
        ("typescript", 20.0, Some(3.0)),
        ("javascript", 20.0, Some(3.0)),
        ("python", 10.0, Some(25.0)),
        ("c", 2.0, None),
        ("go", 6.0, None),
    ] {
        let wanted = std::env::args().nth(1);
        if wanted.is_some_and(|wanted| wanted != language) {
            continue;
        }
        let folder = repository
            .join("tests/languages/conformance")
            .join(language);
        let artifact = Project::discover(&folder)?.build(&mut |_| {})?.artifact;
        let cache = tempfile::tempdir()?;
        let load = || load(&artifact, cache.path());
        let begin = Instant::now();
        let cold = load()?;
        executor.block_on(started(&cold))?;
        tell(language, "first start ever", begin.elapsed(), "ms", None);
        let begin = Instant::now();
        let component = load()?;
        executor.block_on(started(&component))?;
        tell(
            language,
            "start in a new process",
            begin.elapsed(),
            "ms",
            None,
        );
        executor.block_on(calls(language, &component, on_log, memory))?;
    }
    Ok(())
}

fn load(artifact: &Artifact, cache: &Path) -> Result<TrainerComponent> {
    let runtime = Runtime::new(RuntimeOptions {
        cache: Some(cache.into()),
        ..RuntimeOptions::default()
    })?;
    Ok(match artifact {
        Artifact::Wasm(path) => runtime.load(path)?,
        Artifact::Program(program) => {
            let language = match program.language {
                ScriptLanguage::JavaScript => LanguageRuntime::javascript(),
                ScriptLanguage::Python => LanguageRuntime::python(),
            };
            runtime.load_program(&language, program)?
        }
    })
}

/// An instance that has said what to train, and handled an event.
async fn started(component: &TrainerComponent) -> Result<Instance> {
    let capabilities = Arc::new(Capabilities::default());
    let limits = Arc::new(Limits::default());
    let mut instance = component.instantiate(&capabilities, &limits).await?;
    instance.describe().await?;
    instance.handle(&event()).await?;
    Ok(instance)
}

fn event() -> CallbackEvent {
    CallbackEvent::Log {
        seq: 17,
        event: LogRecord {
            step: 170,
            epoch: Some(1.5),
            loss: Some(2.25),
            learning_rate: Some(1e-3),
            grad_norm: Some(0.75),
            tokens: 348_160,
            tokens_per_second: Some(20_000.0),
            metrics: vec![Metric {
                name: "reward".into(),
                value: 0.5,
            }],
        },
    }
}

async fn calls(
    language: &str,
    component: &TrainerComponent,
    on_log: f64,
    memory: Option<f64>,
) -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..100 {
        let begin = Instant::now();
        black_box(started(component).await?);
        times.push(begin.elapsed());
    }
    tell(language, "start of an instance", median(times), "ms", None);

    let mut instance = started(component).await?;
    // A single call is too short for the clock.
    const CALLS: u32 = 200;
    let mut times = Vec::new();
    for _ in 0..100 {
        let begin = Instant::now();
        for _ in 0..CALLS {
            black_box(instance.handle(&event()).await?);
        }
        times.push(begin.elapsed() / CALLS);
    }
    tell(language, "on-log", median(times), "us", Some(on_log));

    let before = resident()?;
    let mut alive = Vec::new();
    for _ in 0..INSTANCES {
        alive.push(started(component).await?);
    }
    let each = (resident()? - before) / INSTANCES as f64;
    line(language, "memory of another instance", each, "MB", memory);
    drop(alive);
    Ok(())
}

/// Megabytes of memory that this process has.
fn resident() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status").context("needs Linux")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(number.context("no VmRSS")?.parse::<f64>()? * 1024.0 / 1e6)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn tell(language: &str, what: &str, time: Duration, unit: &str, target: Option<f64>) {
    let scale = if unit == "ms" { 1e3 } else { 1e6 };
    line(language, what, time.as_secs_f64() * scale, unit, target);
}

fn line(language: &str, what: &str, value: f64, unit: &str, target: Option<f64>) {
    println!(
        "{}",
        serde_json::json!({
            "name": format!("{language}: {what}"),
            "value": value,
            "unit": unit,
            "target": target,
        })
    );
}
