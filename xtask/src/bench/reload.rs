//! `cargo xtask bench reload`: from the write of a component to the first event that its code handles,
//! with training going on, in the real program.
//!
//! The trainer is examples/rust-quickstart with a small model, so that a step takes about a
//! millisecond and each is logged: what is measured is the reload, not the wait for the next event.
//! Every swap brings code that was compiled from another source. The throughput is measured with the
//! model that the example has.

#![expect(clippy::indexing_slicing, reason = "what a JSON value lacks is null")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::table::{Row, Target};
use super::yardstick::{self, Saves};
use crate::{command, host};

/// Sources that each differ from the one before.
const VARIANTS: usize = 20;

/// Swaps that are measured, cold and from the cache.
const SWAPS: usize = 200;

/// Longer than any swap takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// One part of the measurement of throughput, with or without swaps.
const PART: Duration = Duration::from_secs(8);

/// Between two saves while throughput is measured.
const BETWEEN: Duration = Duration::from_millis(100);

pub(super) fn rows() -> Result<Vec<Row>> {
    host::install_rust()?;
    let folder = command::root().join("target/bench-reload");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    eprintln!("compiling {VARIANTS} variants of the quickstart");
    let small = variants(&folder.join("small"), VARIANTS, true)?;
    let own = variants(&folder.join("own"), 2, false)?;

    let mut rows = Vec::new();
    eprintln!("{SWAPS} swaps, compiled each time");
    let mut cold = Vec::new();
    for round in 0..SWAPS / VARIANTS {
        let cache = folder.join(format!("cache-{round}"));
        cold.extend(swaps(&folder, &small, VARIANTS, &cache)?);
    }
    let yardstick = yardstick::saves()?;
    let how = "Rust, compiled";
    table(&mut rows, how, &cold, yardstick.as_ref(), [Some(2.0), None]);
    eprintln!("{SWAPS} swaps from the cache");
    let cache = folder.join("cache-0");
    let cached = swaps(&folder, &small, SWAPS, &cache)?;
    let how = "Rust, from cache";
    table(
        &mut rows,
        how,
        &cached,
        yardstick.as_ref(),
        [Some(0.3), None],
    );
    eprintln!("throughput");
    rows.push(throughput(&folder, &own, &cache)?);
    Ok(rows)
}

/// Components of the quickstart whose `on-log` differs.
fn variants(folder: &Path, count: usize, small: bool) -> Result<Vec<PathBuf>> {
    let example = command::root().join("examples/rust-quickstart");
    let sources = folder.join("source");
    std::fs::create_dir_all(sources.join("src"))?;
    let manifest = std::fs::read_to_string(example.join("Cargo.toml"))?;
    let sdk = command::root().join("guest-sdk/rust");
    let manifest = manifest.replace("../../guest-sdk/rust", &sdk.to_string_lossy());
    std::fs::write(sources.join("Cargo.toml"), manifest)?;
    std::fs::copy(example.join("Cargo.lock"), sources.join("Cargo.lock"))?;
    // What makes a folder a project.
    std::fs::write(sources.join("arkor.toml"), "")?;
    let mut built = Vec::new();
    for number in 0..count {
        let source = variant(&example, number, small)?;
        std::fs::write(sources.join("src/lib.rs"), source)?;
        let kept = folder.join(format!("variant-{number}.wasm"));
        let mut build = Command::new(host::program());
        build
            .env("CARGO_TARGET_DIR", command::target().join("guests"))
            .arg("build")
            .arg(&sources)
            .arg("--output")
            .arg(&kept);
        command::must(&mut build)?;
        built.push(kept);
    }
    Ok(built)
}

fn variant(example: &Path, number: usize, small: bool) -> Result<String> {
    let mut source = std::fs::read_to_string(example.join("src/lib.rs"))?;
    let mut replace = |from: &str, to: &str| -> Result<()> {
        ensure!(
            source.contains(from),
            "the quickstart has no `{from}` any more"
        );
        source = source.replacen(from, to, 1);
        Ok(())
    };
    replace("logging_steps: Some(10)", "logging_steps: Some(1)")?;
    replace("eval_steps: Some(25)", "eval_steps: Some(0)")?;
    replace("save_steps: Some(100)", "save_steps: Some(0)")?;
    if small {
        replace("ModelShape::new(192, 4, 6)", "ModelShape::new(16, 1, 2)")?;
        replace("TokenizerSource::Bpe(1024)", "TokenizerSource::Bytes")?;
        replace("max_length: Some(128)", "max_length: Some(32)")?;
        replace("batch_size: Some(16)", "batch_size: Some(2)")?;
    }
    let on_log = format!(
        "    fn on_log(&mut self, event: &LogRecord) -> Result<Actions> {{
        let steps = u64::from(event.at.step).wrapping_mul({number} + 3);
        if steps == u64::MAX {{ println!(\"variant {number}\"); }}
        Ok(vec![Action::metric(\"variant\", {number}.0)])
    }}

    fn on_evaluate("
    );
    replace("    fn on_evaluate(", &on_log)?;
    Ok(source)
}

/// `dev` at work on a component.
struct Dev {
    child: Child,
    lines: Receiver<Value>,
    component: PathBuf,
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Dev {
    fn start(folder: &Path, component: &Path, cache: &Path) -> Result<Self> {
        let project = folder.join("project");
        if project.exists() {
            std::fs::remove_dir_all(&project)?;
        }
        std::fs::create_dir_all(project.join("data"))?;
        let data = command::root().join("examples/rust-quickstart/data/gospels.txt");
        std::fs::copy(data, project.join("data/gospels.txt"))?;
        let ending = component.extension().unwrap_or_default();
        let place = project.join("trainer").with_extension(ending);
        std::fs::copy(component, &place)?;
        let config = if ending == "wasm" {
            "[trainer]\ncomponent = \"trainer.wasm\"\n"
        } else {
            ""
        };
        std::fs::write(project.join("arkor.toml"), config)?;
        let binary = command::root()
            .join("target/release")
            .join(format!("arkor-host{}", std::env::consts::EXE_SUFFIX));
        let mut child = Command::new(binary)
            .args(["dev", "--json", "--port", "0", "--max-steps", "1000000"])
            .current_dir(&project)
            .env("ARKOR_CACHE_DIR", cache)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("could not start arkor-host")?;
        let out = child.stdout.take().context("there is no output")?;
        let (line, lines) = channel();
        std::thread::spawn(move || {
            for text in BufReader::new(out).lines().map_while(Result::ok) {
                let Ok(value) = serde_json::from_str(&text) else {
                    return;
                };
                if line.send(value).is_err() {
                    return;
                }
            }
        });
        let dev = Self {
            child,
            lines,
            component: place,
        };
        dev.wait("a log event", |line| line["type"] == "log")?;
        Ok(dev)
    }

    fn wait(&self, what: &str, is: impl Fn(&Value) -> bool) -> Result<Value> {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if is(&line) => return Ok(line),
                Ok(_) => {}
                Err(error) => bail!("{what} did not come: {error}"),
            }
        }
    }

    /// Puts a component in the place of the one that is there, as a compiler does it. Returns when.
    fn save(&self, component: &Path) -> Result<f64> {
        let beside = self.component.with_extension("new");
        std::fs::copy(component, &beside)?;
        let now = now();
        std::fs::rename(beside, &self.component)?;
        Ok(now)
    }
}

/// Seconds since midnight, UTC.
fn now() -> f64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    since.as_secs_f64() % 86_400.0
}

/// The same of an event: `2026-11-24T08:01:24.985687235Z`.
fn time(line: &Value) -> Option<f64> {
    let clock = line["time"]
        .as_str()?
        .split_once('T')?
        .1
        .trim_end_matches('Z');
    let mut parts = clock.split(':').map(|part| part.parse::<f64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    Some(hours * 3600.0 + minutes * 60.0 + seconds)
}

/// The parts of one swap, in milliseconds; the last is the whole.
pub(super) type Parts = [f64; 8];

const NAMES: [&str; 8] = [
    "notice",
    "hash",
    "load",
    "describe",
    "start",
    "state",
    "swap and next event",
    "write to first event",
];

/// Saves components, or scripts, one after the other into the project that `dev` trains.
pub(super) fn swaps(
    folder: &Path,
    components: &[PathBuf],
    count: usize,
    cache: &Path,
) -> Result<Vec<Parts>> {
    let first = components.last().context("there are no components")?;
    let dev = Dev::start(folder, first, cache)?;
    let mut measured = Vec::new();
    for number in 0..count {
        let index = number % components.len();
        let component = components.get(index).context("no such component")?;
        let saved = dev.save(component)?;
        let building = dev.wait("the build", |line| line["state"] == "building")?;
        let mut swapped = Value::Null;
        let mut timings = Value::Null;
        let mut first = None;
        while swapped.is_null() || timings.is_null() || first.is_none() {
            let line = dev.wait("the swap", |_| true)?;
            if line["type"] == "swapped" {
                swapped = line;
            } else if line["type"] == "dev" && line["state"] == "swapped" {
                timings = line["timings"].clone();
            } else if !swapped.is_null()
                && first.is_none()
                && line["action"]["value"]["value"].as_f64() == Some(index as f64)
            {
                first = time(&line);
            }
        }
        let whole = (first.context("an event has no time")? - saved) * 1e3;
        let part = |line: &Value, name: &str| line[name].as_f64().unwrap_or(0.0);
        let notice = (time(&building).context("a state has no time")? - saved) * 1e3;
        let parts = [
            notice,
            part(&timings, "hash_ms"),
            part(&timings, "load_ms"),
            part(&timings, "describe_ms"),
            part(&swapped, "start_ms"),
            part(&swapped, "state_ms"),
        ];
        let rest = whole - parts.iter().sum::<f64>();
        let [a, b, c, d, e, f] = parts;
        measured.push([a, b, c, d, e, f, rest, whole]);
        // Somewhere else in a step each time.
        std::thread::sleep(Duration::from_micros(3_000 + 137 * number as u64));
    }
    Ok(measured)
}

pub(super) fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1) as f64;
    values
        .get((last * share).round() as usize)
        .copied()
        .unwrap_or(0.0)
}

/// The parts of a swap, and the whole, with what half and 99 in 100 of them may take as a multiple of the yardstick.
pub(super) fn table(
    rows: &mut Vec<Row>,
    how: &str,
    swaps: &[Parts],
    yardstick: Option<&Saves>,
    targets: [Option<f64>; 2],
) {
    for (part, name) in NAMES.iter().enumerate() {
        let is_whole = part + 1 == NAMES.len();
        let mut values: Vec<f64> = swaps
            .iter()
            .filter_map(|parts| parts.get(part).copied())
            .collect();
        for (share, label, target) in [
            (0.5, "p50", targets[0]),
            (0.95, "p95", None),
            (0.99, "p99", targets[1]),
        ] {
            let yardstick = yardstick.filter(|_| is_whole);
            rows.push(Row {
                name: format!("{how}: {name}, {label}"),
                unit: "ms".into(),
                measured: percentile(&mut values, share),
                baseline: yardstick.map(|saves| saves.at(share)),
                baseline_name: "rolldown".into(),
                target: target.filter(|_| is_whole).map(Target::Ratio),
            });
        }
    }
}

/// Time of a step while code is swapped all the time, and undisturbed, by turns in one run.
fn throughput(folder: &Path, components: &[PathBuf], cache: &Path) -> Result<Row> {
    let first = components.first().context("there are no components")?;
    // Both compiled before.
    for component in components {
        drop(Dev::start(folder, component, cache)?);
    }
    let dev = Dev::start(folder, first, cache)?;
    let (mut calm, mut busy) = ((0.0, 0.0), (0.0, 0.0));
    let mut saves = 0;
    for part in 0..6 {
        let swapping = part % 2 == 1;
        let (mut steps, begin, mut seconds) = (0.0, Instant::now(), 0.0);
        let mut next = Instant::now();
        while begin.elapsed() < PART {
            if swapping && Instant::now() >= next {
                next += BETWEEN;
                saves += 1;
                let component = components.get(saves % components.len());
                dev.save(component.context("no such component")?)?;
            }
            match dev.lines.recv_timeout(Duration::from_millis(10)) {
                Ok(line) if line["type"] == "log" => {
                    steps += 1.0;
                    seconds = begin.elapsed().as_secs_f64();
                }
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(error) => bail!("the run ended: {error}"),
            }
        }
        let sum = if swapping { &mut busy } else { &mut calm };
        sum.0 += steps;
        sum.1 += seconds;
    }
    let step = |(steps, seconds): (f64, f64)| seconds / steps * 1e3;
    Ok(Row {
        name: format!(
            "training step while code is swapped {} times a second",
            1000 / BETWEEN.as_millis()
        ),
        unit: "ms".into(),
        measured: step(busy),
        baseline: Some(step(calm)),
        baseline_name: "undisturbed".into(),
        // At least 97 % of the throughput.
        target: Some(Target::Ratio(1.0 / 0.97)),
    })
}
