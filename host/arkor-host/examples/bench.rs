//! Times what the host promises about itself, with the trainer of examples/rust-quickstart. Prints a
//! line of JSON for each; `cargo xtask bench` makes a table of them.
#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a measuring program, whose results go to standard output"
)]

use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use arkor_engine::{
    EmbeddedEngine, Engine, EngineError, ModelSummary, Priority, SessionRequest, TrainingSession,
};
use arkor_project::Project;
use arkor_runtime::{
    CallbackEvent, Capabilities, Limits, OnCallbackError, RunSettings, Runtime, RuntimeOptions,
    Trainer,
};
use arkor_store::{Store, StoreOptions};
use arkor_types::{
    AdamParameters, Datum, ForwardOutput, LogProbs, LogRecord, LossFunction, Metric, OptimOutput,
    SampledSequence, SamplingParameters, TokenId,
};

fn main() -> Result<()> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .context("the repository is two folders up")?;
    let quickstart = repository.join("examples/rust-quickstart");
    let built = Project::discover(&quickstart)?.build(&mut |_| {})?;
    let component = built.artifact.wasm().context("the example is no wasm")?;
    let folder = tempfile::tempdir()?;
    let executor = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    compile(component, folder.path())?;
    executor.block_on(instances(component))?;
    start(&quickstart)?;
    executor.block_on(share(component, &quickstart, folder.path()))
}

/// Milliseconds of the middle one.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}

/// What is made is dropped after the clock was read.
fn time<T>(work: impl FnOnce() -> Result<T>) -> Result<Duration> {
    let begin = Instant::now();
    let made = work();
    let time = begin.elapsed();
    black_box(made?);
    Ok(time)
}

fn tell(name: &str, value: f64, unit: &str, target: f64, baseline: Option<(f64, &str)>) {
    let row = serde_json::json!({
        "name": name,
        "value": value,
        "unit": unit,
        "target": target,
        "baseline": baseline.map(|(value, _)| value),
        "baseline_name": baseline.map_or("", |(_, name)| name),
    });
    println!("{row}");
}

fn compile(component: &Path, folder: &Path) -> Result<()> {
    let cached = Runtime::new(RuntimeOptions {
        cache: Some(folder.join("cache")),
        ..RuntimeOptions::default()
    })?;
    cached.load(component)?;
    let load = |runtime: &Runtime| time(|| Ok(runtime.load(component)?));
    // A runtime remembers the functions that it compiled.
    let cold: Result<Vec<_>> = (0..11)
        .map(|_| load(&Runtime::new(RuntimeOptions::default())?))
        .collect();
    let knows = Runtime::new(RuntimeOptions::default())?;
    knows.load(component)?;
    let again: Result<Vec<_>> = (0..11).map(|_| load(&knows)).collect();
    let from_cache: Result<Vec<_>> = (0..11).map(|_| load(&cached)).collect();
    let (compiled, loaded) = (median(cold?), median(from_cache?));
    tell("compile the component, cold", compiled, "ms", 150.0, None);
    tell(
        "compile it when its functions are known",
        median(again?),
        "ms",
        40.0,
        Some((compiled, "cold")),
    );
    tell(
        "load it from the cache",
        loaded,
        "ms",
        5.0,
        Some((compiled, "compile")),
    );
    Ok(())
}

async fn instances(component: &Path) -> Result<()> {
    let component = Runtime::new(RuntimeOptions::default())?.load(component)?;
    let capabilities = Arc::new(Capabilities::default());
    let limits = Arc::new(Limits::default());
    let mut times = Vec::new();
    for _ in 0..500 {
        let begin = Instant::now();
        let instance = component.instantiate(&capabilities, &limits).await?;
        times.push(begin.elapsed());
        drop(instance);
    }
    let process = median(
        (0..30)
            .map(|_| time(|| Ok(Command::new("true").status()?)))
            .collect::<Result<_>>()?,
    );
    tell(
        "instantiate a trainer",
        median(times) * 1e3,
        "us",
        100.0,
        Some((process * 1e3, "a process")),
    );

    let mut instance = component.instantiate(&capabilities, &limits).await?;
    instance.describe().await?;
    let event = CallbackEvent::Log {
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
    };
    // A single call is too short for the clock.
    const CALLS: u32 = 200;
    let mut times = Vec::new();
    for _ in 0..100 {
        let begin = Instant::now();
        for _ in 0..CALLS {
            black_box(instance.handle(&event).await?);
        }
        times.push(begin.elapsed() / CALLS);
    }
    tell(
        "call on-log with its record",
        median(times) * 1e3,
        "us",
        2.0,
        Some((pipe()? * 1e3, "a pipe")),
    );
    Ok(())
}

/// Milliseconds for a line of JSON of the same content to a process and back.
fn pipe() -> Result<f64> {
    let mut child = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut to = child.stdin.take().context("a pipe")?;
    let mut from = BufReader::new(child.stdout.take().context("a pipe")?);
    let line = "{\"type\":\"log\",\"seq\":17,\"step\":170,\"epoch\":1.5,\"loss\":2.25}\n";
    let mut times = Vec::new();
    let mut answer = String::new();
    for _ in 0..1000 {
        let begin = Instant::now();
        to.write_all(line.as_bytes())?;
        answer.clear();
        from.read_line(&mut answer)?;
        times.push(begin.elapsed());
    }
    drop(to);
    child.wait()?;
    Ok(median(times))
}

/// From the start of the program to the end of on-started, after which the first step begins.
fn start(quickstart: &Path) -> Result<()> {
    let program = program()?;
    let mut times = Vec::new();
    for _ in 0..7 {
        let begin = Instant::now();
        let mut child = Command::new(&program)
            .args(["run", "--json", "--max-steps", "1"])
            .arg(quickstart)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let out = child.stdout.take().context("a pipe")?;
        let mut last = begin;
        for line in BufReader::new(out).lines() {
            let event: serde_json::Value = serde_json::from_str(&line?)?;
            if event["step"] == 0 {
                last = Instant::now();
            }
        }
        ensure!(child.wait()?.success(), "the run failed; try it by hand");
        times.push(last - begin);
    }
    // The first may have filled the cache.
    times.remove(0);
    tell(
        "start of `run` to the first step",
        median(times),
        "ms",
        300.0,
        None,
    );
    Ok(())
}

/// The program, beside this one's folder.
fn program() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let folder = here
        .ancestors()
        .nth(2)
        .context("this is target/…/examples")?;
    Ok(folder.join(format!("arkor-host{}", std::env::consts::EXE_SUFFIX)))
}

/// The part of the time between the first and the last step that the engine did not work.
async fn share(component: &Path, quickstart: &Path, folder: &Path) -> Result<()> {
    let component = Runtime::new(RuntimeOptions::default())?.load(component)?;
    let clock = Arc::new(Clock::default());
    let store = Store::open(&folder.join("store"), StoreOptions::default())?;
    let trainer = Trainer::start(&component, Capabilities::default(), Limits::default()).await?;
    let spec = trainer.spec(|draft| {
        draft.hyperparameters.max_steps = Some(60);
        draft.hyperparameters.eval_steps = Some(0);
        draft.hyperparameters.save_steps = Some(0);
    })?;
    let settings = RunSettings {
        engine: Arc::new(TimedEngine {
            engine: EmbeddedEngine::new(None, Priority::Normal)?,
            clock: Arc::clone(&clock),
        }),
        project: quickstart.to_path_buf(),
        on_callback_error: OnCallbackError::Fail,
        parent: None,
        warm: false,
        is_attended: false,
    };
    trainer.run(spec, &store, &settings).await?.finish().await?;
    let (inside, all) = (clock.inside(), clock.all());
    tell(
        "share of a step outside the engine",
        100.0 * (1.0 - inside / all),
        "%",
        1.0,
        None,
    );
    Ok(())
}

/// Nanoseconds since some moment.
#[derive(Default)]
struct Clock {
    begin: std::sync::OnceLock<Instant>,
    last: AtomicU64,
    inside: AtomicU64,
}

impl Clock {
    fn measure<T>(&self, work: impl FnOnce() -> T) -> T {
        let zero = *self.begin.get_or_init(Instant::now);
        let begin = Instant::now();
        let result = work();
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.inside
            .fetch_add(nanoseconds(begin.elapsed()), Ordering::Relaxed);
        self.last
            .store(nanoseconds(zero.elapsed()), Ordering::Relaxed);
        result
    }

    fn inside(&self) -> f64 {
        self.inside.load(Ordering::Relaxed) as f64
    }

    fn all(&self) -> f64 {
        self.last.load(Ordering::Relaxed) as f64
    }
}

struct TimedEngine {
    engine: EmbeddedEngine,
    clock: Arc<Clock>,
}

impl Engine for TimedEngine {
    fn name(&self) -> &str {
        self.engine.name()
    }

    fn open(&self, request: SessionRequest) -> Result<Box<dyn TrainingSession>, EngineError> {
        Ok(Box::new(TimedSession {
            session: self.engine.open(request)?,
            clock: Arc::clone(&self.clock),
        }))
    }
}

/// Times the two calls that a step is made of.
struct TimedSession {
    session: Box<dyn TrainingSession>,
    clock: Arc<Clock>,
}

impl TrainingSession for TimedSession {
    fn model(&self) -> ModelSummary {
        self.session.model()
    }

    fn forward_backward(
        &mut self,
        data: &[Datum],
        loss: LossFunction,
        log_probs: LogProbs,
    ) -> Result<ForwardOutput, EngineError> {
        let session = &mut self.session;
        self.clock
            .measure(|| session.forward_backward(data, loss, log_probs))
    }

    fn forward(
        &mut self,
        data: &[Datum],
        loss: LossFunction,
        log_probs: LogProbs,
    ) -> Result<ForwardOutput, EngineError> {
        self.session.forward(data, loss, log_probs)
    }

    fn optim_step(&mut self, adam: &AdamParameters) -> Result<OptimOutput, EngineError> {
        let session = &mut self.session;
        self.clock.measure(|| session.optim_step(adam))
    }

    fn has_gradients(&self) -> bool {
        self.session.has_gradients()
    }

    fn drop_gradients(&mut self) {
        self.session.drop_gradients();
    }

    fn sample(
        &mut self,
        prompts: &[Vec<TokenId>],
        count: u32,
        parameters: &SamplingParameters,
    ) -> Result<Vec<Vec<SampledSequence>>, EngineError> {
        self.session.sample(prompts, count, parameters)
    }

    fn save_state(&mut self, to: &mut dyn Write) -> Result<(), EngineError> {
        self.session.save_state(to)
    }

    fn load_state(&mut self, from: &mut dyn std::io::Read) -> Result<(), EngineError> {
        self.session.load_state(from)
    }

    fn tokenize(&self, text: &str) -> Result<Vec<TokenId>, EngineError> {
        self.session.tokenize(text)
    }

    fn detokenize(&self, tokens: &[TokenId]) -> Result<String, EngineError> {
        self.session.detokenize(tokens)
    }
}
