//! `arkor-host replay`, and what the Studio's "try on recorded events" does.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use arkor_project::Project;
use arkor_runtime::{Replay, Replayed, TrainerComponent, callback_memory};
use arkor_store::Store;
use arkor_types::{Event, EventRecord, GUEST_MARK, RunRecord, Started};
use serde::Serialize;

use crate::arguments::{ReplayArguments, TrustArguments};
use crate::exit::Exit;
use crate::output::Printer;
use crate::{commands, format, place, settings, time_limit, trust};

mod tape;

pub(crate) use tape::TapeError;

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
    /// It could not answer without a run.
    skipped: bool,
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
            skipped: replayed.needs_run,
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
    /// Events whose callback could not answer without a run.
    pub(crate) skipped: u64,
    pub(crate) time: Duration,
}

/// Recorded events, and where callbacks begin with them.
pub(crate) struct Recorded<P> {
    /// Some at a time from the one after this, and none at the end.
    page: P,
    /// What callbacks remembered there, and from which event on they are told again then.
    memory: Option<(u64, Vec<u8>)>,
    /// Answers from this event on are of interest.
    from: u64,
    /// Steps of the checkpoints that attempts of the run went on from.
    resumed: BTreeSet<u64>,
}

/// The events of a stored run; with `last`, callbacks begin with the memory that they had before these.
pub(crate) fn stored(
    store: &Store,
    run: &RunRecord,
    last: Option<u64>,
) -> Result<Recorded<impl FnMut(u64) -> Result<Vec<EventRecord>>>> {
    let from = last.map_or(0, |last| run.last_seq.saturating_sub(last) + 1);
    let attempts = store.events_of(&run.id, &["started"], 0, usize::MAX)?;
    let memory = match last {
        Some(_) => beginning(store, run, &attempts, from)?,
        None => None,
    };
    let page = move |after| Ok(store.events(&run.id, after, PAGE)?);
    Ok(Recorded {
        page,
        memory,
        from,
        resumed: resumed(&attempts),
    })
}

/// The checkpoint to begin with, if answers from this event on are of interest. An attempt among what is shown may
/// go on from an earlier checkpoint, and what callbacks remember there is known only to those who were shown it.
fn beginning(
    store: &Store,
    run: &RunRecord,
    attempts: &[EventRecord],
    from: u64,
) -> Result<Option<(u64, Vec<u8>)>> {
    let mut up_to = from;
    loop {
        let memory = callback_memory(store, &run.id, up_to)?;
        let Some((begin, _)) = memory else {
            return Ok(None);
        };
        let written = store.events_of(&run.id, &["checkpoint"], 0, usize::MAX)?;
        let earliest = attempts
            .iter()
            .filter(|attempt| attempt.seq > begin)
            .filter_map(|attempt| {
                let step = resumed_from(attempt)?;
                let is_meant = |one: &&EventRecord| {
                    one.seq < attempt.seq
                        && matches!(&one.event, Event::Checkpoint(written) if written.step == step)
                };
                Some(written.iter().rev().find(is_meant)?.seq)
            })
            .min();
        match earliest {
            Some(earliest) if earliest < begin => up_to = earliest,
            _ => return Ok(memory),
        }
    }
}

fn resumed_from(record: &EventRecord) -> Option<u64> {
    match &record.event {
        Event::Started(Started { resumed_from, .. }) => *resumed_from,
        _ => None,
    }
}

fn resumed(events: &[EventRecord]) -> BTreeSet<u64> {
    events.iter().filter_map(resumed_from).collect()
}

/// The events of a tape.
fn of_tape(
    tape: Vec<EventRecord>,
    last: Option<u64>,
) -> Recorded<impl FnMut(u64) -> Result<Vec<EventRecord>>> {
    let skipped = last.map_or(0, |last| {
        let last = usize::try_from(last).unwrap_or(usize::MAX);
        tape.len().saturating_sub(last)
    });
    let from = tape.get(skipped).map_or(0, |first| first.seq);
    let resumed = resumed(&tape);
    let mut tape = Some(tape);
    let page = move |_| Ok(tape.take().unwrap_or_default());
    Recorded {
        page,
        memory: None,
        from,
        resumed,
    }
}

/// Shows a run's events to a trainer, and its answers to `see`.
pub(crate) async fn replay_events(
    component: &TrainerComponent,
    project: &Project,
    recorded: Recorded<impl FnMut(u64) -> Result<Vec<EventRecord>>>,
    mut see: impl FnMut(&Replayed),
) -> Result<Summary> {
    let begin = Instant::now();
    let Recorded {
        mut page,
        memory,
        from,
        resumed,
    } = recorded;
    let start = async || {
        let capabilities = settings::capabilities_aside(project).await?;
        let limits = settings::limits(project);
        anyhow::Ok(Replay::start(component, capabilities, limits, resumed.clone()).await?)
    };
    let mut replay = start().await?;
    let mut after = 0;
    if let Some((seq, state)) = memory.filter(|(_, state)| !state.is_empty()) {
        if replay.remember(&state).await.is_ok() {
            after = seq - 1;
        } else {
            // Memory of another form: then they are told all.
            replay = start().await?;
        }
    }
    let mut summary = Summary::default();
    let mut saw = |replayed: Replayed| {
        if replayed.seq < from {
            return;
        }
        summary.handled += 1;
        summary.differing += u64::from(replayed.differs());
        summary.failed += u64::from(replayed.failed());
        summary.skipped += u64::from(replayed.needs_run);
        see(&replayed);
    };
    loop {
        let some = page(after)?;
        let Some(newest) = some.last() else { break };
        after = newest.seq;
        for record in &some {
            for replayed in replay.next(record).await? {
                saw(replayed);
            }
        }
    }
    for replayed in replay.finish() {
        saw(replayed);
    }
    summary.time = begin.elapsed();
    Ok(summary)
}

pub(crate) fn replay(arguments: &ReplayArguments, printer: &Printer) -> Result<Exit> {
    // Runs are found where `runs` finds them: also beside a bare script, which is no project.
    let path = arguments.trainer.as_ref().unwrap_or(&arguments.project);
    let trainer = trust::open(path, &arguments.trust, printer)?;
    let _time_limit = time_limit::start(&arguments.trust, false, printer)?;
    let replayed = if let Some(path) = tape::file(&arguments.run) {
        let tape = tape::read(&trust::resolved(&trainer, path)?)?;
        let events = of_tape(tape, arguments.last);
        show_all(&trainer, &path.display().to_string(), events, printer)
    } else {
        let TrustArguments {
            untrusted, store, ..
        } = &arguments.trust;
        let folder = trust::store_folder(&arguments.project, *untrusted, store.as_deref())?;
        let store = Store::open_read_only(&folder, &place::made_by()?)?;
        let run = store.find_run(&arguments.run)?;
        let events = stored(&store, &run, arguments.last)?;
        show_all(&trainer, &run.id.to_string(), events, printer)
    };
    let summary = replayed?;
    let wrong = if arguments.check {
        summary.failed + summary.differing
    } else {
        summary.failed
    };
    Ok(if wrong == 0 {
        Exit::Completed
    } else {
        Exit::Failed
    })
}

/// Shows events to a project's trainer and its answers to whoever typed the command.
fn show_all(
    trainer: &Project,
    run: &str,
    events: Recorded<impl FnMut(u64) -> Result<Vec<EventRecord>>>,
    printer: &Printer,
) -> Result<Summary> {
    let built = commands::build_trainer(trainer, printer)?;
    let component = commands::load_trainer(&settings::runtime(false)?, &built.artifact, printer)?;
    let executor = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .enable_io()
        .build()
        .context("the executor cannot be started")?;
    let see = |replayed: &Replayed| show(replayed, printer);
    let summary = executor.block_on(replay_events(&component, trainer, events, see))?;
    finished(run, &component, &summary, printer);
    Ok(summary)
}

fn show(replayed: &Replayed, printer: &Printer) {
    if printer.json() {
        printer.object(&Answer::from(replayed));
        return;
    }
    let Replayed { seq, step, .. } = replayed;
    let head = format!(
        "event {seq:>5}  step {step:>6}  {}",
        replayed.callback.name()
    );
    for text in &replayed.said {
        printer.line(&format!("{head}  says: {}", text.text.block(GUEST_MARK)));
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
        Err(_) if replayed.needs_run => {
            printer.line(&format!("{head}  needs a run: not compared"));
        }
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

fn finished(run: &str, component: &TrainerComponent, summary: &Summary, printer: &Printer) {
    if printer.json() {
        printer.object(&serde_json::json!({
            "type": "replayed",
            "run": run,
            "component": component.digest,
            "events": summary.handled,
            "differing": summary.differing,
            "failed": summary.failed,
            "skipped": summary.skipped,
            "milliseconds": summary.time.as_secs_f64() * 1e3,
        }));
        return;
    }
    printer.line(&format!(
        "{} events of {run} in {:.1} ms: {} answered differently, {} failed, {} need a run",
        summary.handled,
        summary.time.as_secs_f64() * 1e3,
        summary.differing,
        summary.failed,
        summary.skipped
    ));
}
