//! `arkor-host replay`, and what the Studio's "try on recorded events" does.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use arkor_project::Project;
use arkor_runtime::{Replay, Replayed, TrainerComponent};
use arkor_store::Store;
use arkor_types::RunRecord;
use serde::Serialize;

use crate::arguments::ReplayArguments;
use crate::exit::Exit;
use crate::output::Printer;
use crate::{commands, format, settings};

/// Events that are read from the store at once.
const PAGE: usize = 1024;

/// An answer as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Answer<'a> {
    seq: u64,
    step: u64,
    callback: &'static str,
    actions: &'a [arkor_types::Action],
    recorded: &'a [arkor_types::Action],
    differs: bool,
    error: Option<String>,
}

impl<'a> From<&'a Replayed> for Answer<'a> {
    fn from(replayed: &'a Replayed) -> Self {
        Self {
            seq: replayed.seq,
            step: replayed.step,
            callback: replayed.callback.name(),
            actions: replayed.answer.as_deref().unwrap_or_default(),
            recorded: &replayed.recorded,
            differs: replayed.differs(),
            error: replayed.answer.as_ref().err().map(ToString::to_string),
        }
    }
}

/// What a replay came to.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// Events that a callback handled.
    pub(crate) handled: u64,
    pub(crate) differing: u64,
    pub(crate) failed: u64,
    pub(crate) time: Duration,
}

/// Shows a run's events to a trainer, and its answers to `see`.
pub(crate) async fn replay_run(
    component: &TrainerComponent,
    project: &Project,
    store: &Store,
    run: &RunRecord,
    last: Option<u64>,
    mut see: impl FnMut(&Replayed),
) -> Result<Summary> {
    let begin = Instant::now();
    let capabilities = settings::capabilities(project)?;
    let mut replay = Replay::start(component, capabilities, settings::limits(project)).await?;
    let mut summary = Summary::default();
    let mut saw = |replayed: Replayed| {
        summary.handled += 1;
        summary.differing += u64::from(replayed.differs());
        summary.failed += u64::from(replayed.answer.is_err());
        see(&replayed);
    };
    let mut after = last.map_or(0, |last| run.last_seq.saturating_sub(last));
    while !replay.is_over() {
        let page = store.events(&run.id, after, PAGE)?;
        let Some(newest) = page.last() else {
            break;
        };
        after = newest.seq;
        for record in &page {
            if let Some(replayed) = replay.next(record).await {
                saw(replayed);
            }
        }
    }
    if let Some(replayed) = replay.finish() {
        saw(replayed);
    }
    summary.time = begin.elapsed();
    Ok(summary)
}

pub(crate) fn replay(arguments: &ReplayArguments, printer: &Printer) -> Result<Exit> {
    let project = settings::project(&arguments.project)?;
    let store = Store::open_read_only(&project.store_dir())?;
    let run = store.find_run(&arguments.run)?;
    let trainer = match &arguments.trainer {
        Some(path) => settings::project(path)?,
        None => project,
    };
    let built = commands::build_trainer(&trainer, printer)?;
    let component = commands::load_trainer(&settings::runtime()?, &built.artifact)?;
    let executor = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .enable_io()
        .build()
        .context("the executor cannot be started")?;
    let summary = executor.block_on(replay_run(
        &component,
        &trainer,
        &store,
        &run,
        arguments.last,
        |replayed| show(replayed, printer),
    ))?;
    finished(&run, &component, &summary, printer);
    Ok(if summary.failed == 0 {
        Exit::Completed
    } else {
        Exit::Failed
    })
}

fn show(replayed: &Replayed, printer: &Printer) {
    if printer.json() {
        printer.object(&Answer::from(replayed));
        return;
    }
    let head = format!("step {:>6}  {}", replayed.step, replayed.callback.name());
    for text in &replayed.said {
        printer.line(&format!("{head}  says: {}", text.text));
    }
    let actions = |actions: &[arkor_types::Action]| {
        let words: Vec<String> = actions.iter().map(format::action).collect();
        if words.is_empty() {
            "nothing".into()
        } else {
            words.join(", ")
        }
    };
    match &replayed.answer {
        Err(fault) => printer.note(&format!("{head}  failed: {fault}")),
        Ok(now) if replayed.differs() => printer.line(&format!(
            "{head}  asks {}; the run's code asked {}",
            actions(now),
            actions(&replayed.recorded)
        )),
        Ok(now) if !now.is_empty() => {
            printer.line(&format!("{head}  asks {}, as in the run", actions(now)));
        }
        Ok(_) => {}
    }
}

fn finished(run: &RunRecord, component: &TrainerComponent, summary: &Summary, printer: &Printer) {
    if printer.json() {
        printer.object(&serde_json::json!({
            "type": "replayed",
            "run": run.id,
            "component": component.digest,
            "events": summary.handled,
            "differing": summary.differing,
            "failed": summary.failed,
            "milliseconds": summary.time.as_secs_f64() * 1e3,
        }));
        return;
    }
    printer.line(&format!(
        "{} events of {} in {:.1} ms: {} answered differently, {} failed",
        summary.handled,
        run.id,
        summary.time.as_secs_f64() * 1e3,
        summary.differing,
        summary.failed
    ));
}
