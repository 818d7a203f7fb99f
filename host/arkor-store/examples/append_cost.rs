//! Measures what an append, a batch, a read and a checkpoint cost on this disk:
//! `cargo run --release -p arkor-store --example append_cost [FOLDER]`.
#![expect(clippy::print_stdout, reason = "its figures are for reading")]

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use arkor_store::{NewCheckpoint, NewRun, RunHandle, Store, StoreError, StoreOptions};
use arkor_types::{DatasetSource, Event, HubRepository, LogRecord, ModelSource, Spec, SpecDraft};

const EVENTS: u64 = 20_000;
const BATCH: usize = 100;
const STATE: usize = 64 << 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    let dir = tempfile::tempdir_in(Path::new(&folder))?;
    let store = Store::open(&dir.path().join(".arkor"), StoreOptions::default())?;
    let spec = spec()?;
    let mut run = store.create_run(NewRun {
        name: spec.name.clone().into(),
        config: spec.config_hash()?,
        spec,
        component: "0".repeat(64),
        parent: None,
    })?;

    let mut times = Vec::new();
    for step in 0..EVENTS {
        let begin = Instant::now();
        run.append(log(step))?;
        times.push(begin.elapsed());
    }
    report("append, one event", &mut times);

    for batch in 0..EVENTS / BATCH as u64 {
        let events = vec![log(batch); BATCH];
        let begin = Instant::now();
        run.append_all(events)?;
        times.push(begin.elapsed() / BATCH as u32);
    }
    report("append_all of 100, each", &mut times);

    let begin = Instant::now();
    let read = store.events(run.id(), 0, usize::MAX)?.len() as u32;
    times.push(begin.elapsed() / read);
    report("events, each", &mut times);

    for step in 0..10 {
        let begin = Instant::now();
        checkpoint(&mut run, step)?;
        times.push(begin.elapsed());
    }
    report("checkpoint of 64 MiB", &mut times);
    for _ in 0..10 {
        let begin = Instant::now();
        run.write_artifact(0, "small", &begin.elapsed().as_nanos().to_le_bytes())?;
        times.push(begin.elapsed());
    }
    report("small artifact", &mut times);
    let begin = Instant::now();
    run.prune(2, false)?;
    times.push(begin.elapsed());
    report("prune of 8", &mut times);
    Ok(())
}

fn checkpoint(run: &mut RunHandle, step: u64) -> Result<(), StoreError> {
    let content = vec![u8::try_from(step).unwrap_or(0); STATE];
    let mut state = run.begin_blob()?;
    for piece in content.chunks(1 << 16) {
        state
            .write_all(piece)
            .map_err(|error| state.explain(error))?;
    }
    let state = state.finish()?;
    let progress = run.begin_blob()?.finish()?;
    run.commit_checkpoint(NewCheckpoint {
        step,
        eval_loss: None,
        score: None,
        metrics: Vec::new(),
        state,
        progress,
    })?;
    Ok(())
}

fn report(what: &str, times: &mut Vec<Duration>) {
    times.sort();
    let at = |share: f64| {
        let index = ((times.len() - 1) as f64 * share) as usize;
        times
            .get(index)
            .map_or(0.0, |time| time.as_secs_f64() * 1e6)
    };
    let mean = times.iter().sum::<Duration>().as_secs_f64() * 1e6 / times.len() as f64;
    println!(
        "{what:24} mean {mean:9.1} us  median {:9.1}  99% {:9.1}  most {:9.1}",
        at(0.5),
        at(0.99),
        at(1.0)
    );
    times.clear();
}

fn log(step: u64) -> Event {
    Event::Log(LogRecord {
        step,
        epoch: Some(0.25),
        loss: Some(2.718_459_045_235),
        learning_rate: Some(2e-5),
        grad_norm: Some(0.75),
        tokens: step * 8192,
        tokens_per_second: Some(12_345.678),
        metrics: Vec::new(),
    })
}

fn spec() -> Result<Spec, String> {
    let draft = SpecDraft::new(
        "measure",
        ModelSource::Hub(HubRepository {
            name: "some/model".into(),
            revision: "main".into(),
        }),
        Some(DatasetSource::File("data.txt".into()).into()),
    );
    draft.resolve().map_err(|problems| format!("{problems:?}"))
}
