//! `arkor-host run`

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use arkor_engine::Priority;
use arkor_runtime::{RunControl, RunOutcome, RunProgress, RunRequest, RunRequests, Trainer};
use arkor_store::{Line, Store, Tail};
use arkor_types::{
    CheckpointRecord, EndReason, Event, FailureCode, GUEST_MARK, RunId, RunRecord, RunStatus,
    shown_line,
};
use tokio::sync::{mpsc, watch};

use crate::arguments::RunArguments;
use crate::exit::Exit;
use crate::format;
use crate::output::Printer;
use crate::time_limit::TimeLimit;
use crate::trust::Again;
use crate::{commands, place, settings, signals, time_limit, trust};

/// Events that are read from the store at once.
const PAGE: usize = 256;

/// How long the reader of a process that ends at once is waited for.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Whether the line that ends the output of `--json` is printed.
static IS_FINISHED_TOLD: AtomicBool = AtomicBool::new(false);

pub(crate) fn run(arguments: &RunArguments, printer: &Printer) -> Result<Exit> {
    if printer.json() {
        let printer = printer.without_waiting();
        signals::at_end(move || {
            // The command may be at its end itself.
            if !IS_FINISHED_TOLD.swap(true, Ordering::AcqRel) {
                printer.object(&interrupted_object());
                printer.finish_within(LAST_WORDS);
            }
        });
    }
    let project = trust::open(&arguments.path, &arguments.trust, printer)?;
    let time_limit = time_limit::start(&arguments.trust, true, printer)?;
    let built = commands::build_trainer(&project, printer)?;
    let component = commands::load_trainer(&settings::runtime(false)?, &built.artifact, printer)?;
    let store = Store::open(&project.store_dir(), settings::store(&project)?)?;
    place::tell_damage(&store, printer);
    for run in store.mark_interrupted()? {
        printer.note(&format!(
            "run {run} was interrupted; `--resume {run}` goes on with it"
        ));
    }
    // Found before the trainer starts: a wrong id costs nothing.
    let resumed = arguments
        .resume
        .as_ref()
        .map(|wanted| store.find_run(wanted))
        .transpose()?;
    let from = match (&resumed, &arguments.from) {
        (Some(run), Some(wanted)) => Some(checkpoint(&store, run, wanted)?),
        _ => None,
    };
    let executor = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .enable_io()
        .build()
        .context("the executor's threads cannot be started")?;
    let exit = executor.block_on(async {
        let capabilities = settings::capabilities(&project)?;
        let trainer = Trainer::start(&component, capabilities, settings::limits(&project)).await?;
        let settings = settings::run(&project, Priority::Normal)?;
        let control = match resumed {
            Some(run) => {
                trainer
                    .resume(&run, from, arguments.max_steps, &store, &settings)
                    .await?
            }
            None => {
                let spec = trainer.spec(|draft| {
                    if arguments.max_steps.is_some() {
                        draft.hyperparameters.max_steps = arguments.max_steps;
                    }
                    if arguments.dry_run {
                        draft.dry_run = Some(true);
                    }
                })?;
                trainer.run(spec, &store, &settings).await?
            }
        };
        // From here on there is something to end in order.
        let signals = signals::listen();
        let outcome = follow(control, &store, printer, signals, time_limit).await?;
        let again = Again::of(&arguments.path, &arguments.trust);
        finished(&outcome, &again, printer);
        if printer.json() && !IS_FINISHED_TOLD.swap(true, Ordering::AcqRel) {
            printer.object(&finished_object(&outcome));
        }
        Ok(Exit::of(&outcome))
    });
    // Nothing that is left to do is waited for.
    executor.shutdown_background();
    exit
}

/// A checkpoint of a run by its id or its step; of several of a step, the last.
fn checkpoint(store: &Store, run: &RunRecord, wanted: &str) -> Result<CheckpointRecord> {
    let all = store.checkpoints(&run.id)?;
    let step = wanted.parse().ok();
    let found = all
        .iter()
        .rev()
        .find(|one| one.id == wanted || Some(one.step) == step);
    if let Some(found) = found {
        return Ok(found.clone());
    }
    let steps: Vec<String> = all.iter().map(|one| one.step.to_string()).collect();
    let others = match steps.as_slice() {
        [] => "it has none".into(),
        steps => format!("it has those of the steps {}", steps.join(", ")),
    };
    let text = format!(
        "run {} has no checkpoint {}: {others}",
        run.id,
        shown_line(wanted)
    );
    Err(NoSuchCheckpoint(text).into())
}

/// A checkpoint that the command line names and the run does not have.
#[derive(Debug)]
pub(crate) struct NoSuchCheckpoint(String);

impl std::fmt::Display for NoSuchCheckpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoSuchCheckpoint {}

/// Shows the run's events until it ends.
async fn follow(
    control: RunControl,
    store: &Store,
    printer: &Printer,
    signals: mpsc::Receiver<()>,
    time_limit: TimeLimit,
) -> Result<RunOutcome> {
    let mut follower = Follower::new(&control, printer);
    unfinished_begins(&control);
    let stop = stop_on_signals(signals, time_limit, control.requests(), printer.clone());
    let stop = tokio::spawn(stop);
    let requests = control.requests();
    'events: loop {
        let alive = follower.changed().await;
        loop {
            let lines = match follower.take(store, printer) {
                Ok(lines) => lines,
                Err(error) => {
                    // Nobody would know of the run any more; what it has is kept.
                    printer.note(&format!(
                        "the run's events cannot be read, so that it stops with a checkpoint: {error:#}"
                    ));
                    // One that has just ended is over.
                    let _ = requests.ask(RunRequest::Stop(EndReason::User)).await;
                    break 'events;
                }
            };
            if lines.is_empty() {
                break;
            }
            for line in lines {
                print(&line, printer);
            }
        }
        if !alive {
            break;
        }
    }
    follower.end(printer);
    let outcome = control.finish().await;
    stop.abort();
    let outcome = outcome?;
    unfinished_is_over();
    Ok(outcome)
}

/// The run that is followed and has not come to its end, for last words.
static UNFINISHED: Mutex<Option<(RunId, watch::Receiver<RunProgress>)>> = Mutex::new(None);

pub(super) fn unfinished_begins(control: &RunControl) {
    let run = (control.id().clone(), control.progress());
    *UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner) = Some(run);
}

/// Its end is in its log. One whose end could not be written stays the run of which the last words are.
pub(super) fn unfinished_is_over() {
    *UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// The run that this process cuts off if it ends now, and how many steps it has done.
fn unfinished() -> Option<(RunId, u64)> {
    let run = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
    run.as_ref()
        .map(|(id, progress)| (id.clone(), progress.borrow().step))
}

/// Why a command ends without the outcome of a run.
pub(crate) struct Ended {
    /// If no run had begun. One that had is found interrupted by whoever opens the store next: its end is not in its log.
    pub(crate) status: RunStatus,
    pub(crate) error: Option<String>,
    pub(crate) code: Option<FailureCode>,
    pub(crate) hint: Option<String>,
}

/// The last line of such a command.
pub(crate) fn without_outcome(ended: Ended) -> serde_json::Value {
    let unfinished = unfinished();
    let status = match unfinished {
        Some(_) => RunStatus::Interrupted,
        None => ended.status,
    };
    serde_json::json!({
        "type": "finished",
        "run": unfinished.as_ref().map(|(id, _)| id),
        "status": status,
        "checkpoint": null,
        "steps": unfinished.as_ref().map_or(0, |(_, steps)| *steps),
        "final_loss": null,
        "final_eval_loss": null,
        "best_score": null,
        "best_checkpoint": null,
        "reason": null,
        "error": ended.error,
        "code": ended.code,
        "hint": ended.hint,
    })
}

/// The same where a signal ended it.
fn interrupted_object() -> serde_json::Value {
    without_outcome(Ended {
        status: RunStatus::Interrupted,
        error: None,
        code: None,
        hint: None,
    })
}

/// Reads a run's events as they come. They are in the store by then, so nobody sees one that a crash could
/// take back.
pub(super) struct Follower {
    id: RunId,
    progress: watch::Receiver<RunProgress>,
    tail: Arc<Tail>,
    seen: u64,
}

impl Follower {
    pub(super) fn new(control: &RunControl, printer: &Printer) -> Self {
        let progress = control.progress();
        {
            let now = progress.borrow();
            printer.start_progress(now.total_steps);
            printer.progress_from(now.step);
        }
        printer.note(&format!("run {}", control.id()));
        Self {
            id: control.id().clone(),
            tail: control.tail(),
            seen: control.begins_after(),
            progress,
        }
    }

    /// Waits until there is more to show. False once the run is over.
    pub(super) async fn changed(&mut self) -> bool {
        self.progress.changed().await.is_ok()
    }

    /// Some of the events that were not seen yet, and none if there are no more.
    pub(super) fn take(&mut self, store: &Store, printer: &Printer) -> Result<Vec<Arc<Line>>> {
        let now = *self.progress.borrow_and_update();
        let lines = match self.tail.after(self.seen) {
            Some(lines) => lines,
            // The first event is yet to come.
            None if now.last_seq <= self.seen => Vec::new(),
            None => stored(store, &self.id, self.seen)?,
        };
        if let Some(last) = lines.last() {
            self.seen = last.record.seq;
        }
        let speed = now
            .tokens_per_second
            .map_or_else(String::new, |n| format!(" · {n:.0} tokens/s"));
        let text = format!("loss {}{speed}", format::loss(now.loss));
        printer.progress(now.step, &text, now.is_paused);
        Ok(lines)
    }

    pub(super) fn end(self, printer: &Printer) {
        printer.end_progress();
    }
}

/// A page of a run's events after this one.
pub(super) fn stored(store: &Store, run: &RunId, after: u64) -> Result<Vec<Arc<Line>>> {
    let page = store.events(run, after, PAGE)?;
    let lines = page.into_iter().map(Line::of);
    Ok(lines
        .map(|line| line.map(Arc::new))
        .collect::<Result<_, _>>()?)
}

/// What is printed of an event.
pub(super) fn print(line: &Line, printer: &Printer) {
    if printer.json() {
        printer.json_line(line.json.clone());
    } else if let Some(text) = format::event(&line.record.event, printer.live()) {
        show(&line.record.event, &text, printer);
    }
}

/// Failures go where errors go; the rest is the result of the command.
fn show(event: &Event, text: &str, printer: &Printer) {
    // What is a guest's in it has its marks already, line by line.
    for line in text.lines() {
        if matches!(event, Event::CallbackFailed(_)) {
            printer.note(line);
        } else {
            printer.line(line);
        }
    }
}

/// The first signal, or the end of the time, stops with a checkpoint, the second signal at once.
async fn stop_on_signals(
    mut signals: mpsc::Receiver<()>,
    mut time_limit: TimeLimit,
    requests: RunRequests,
    printer: Printer,
) {
    let reason = tokio::select! {
        signal = signals.recv() => match signal {
            Some(()) => EndReason::Signal,
            None => return,
        },
        () = time_limit.over() => EndReason::TimeLimit,
    };
    printer.note(match reason {
        EndReason::TimeLimit => "the time limit is over: stopping with a checkpoint",
        _ => "stopping with a checkpoint; Ctrl-C again stops at once",
    });
    // A run that is ending already needs nothing any more.
    let _ = requests.ask(RunRequest::Stop(reason)).await;
    if signals.recv().await.is_some() {
        let _ = requests.ask(RunRequest::Cancel).await;
    }
}

/// How a run ended, for a script.
pub(super) fn finished_object(outcome: &RunOutcome) -> serde_json::Value {
    serde_json::json!({
        "type": "finished",
        "run": outcome.run,
        "status": outcome.status,
        "checkpoint": outcome.checkpoint,
        "steps": outcome.step,
        "final_loss": outcome.loss,
        "final_eval_loss": outcome.eval_loss,
        "best_score": outcome.best_score,
        "best_checkpoint": outcome.best_checkpoint,
        "reason": outcome.reason,
        "error": outcome.message,
        "code": outcome.code,
        "hint": outcome.hint,
    })
}

/// Tells people how a run ended, and scripts what failed.
pub(super) fn finished(outcome: &RunOutcome, again: &Again, printer: &Printer) {
    if let Some(message) = &outcome.message {
        let message = message.block(GUEST_MARK).to_string();
        let hint = outcome.hint.as_ref().map(|hint| hint.line().to_string());
        printer.error(&message, &[], hint.as_deref());
    }
    if printer.json() {
        return;
    }
    if outcome.dry_run && outcome.status == RunStatus::Completed {
        printer.line("dry run: the trainer describes itself and answers its first callback; nothing was trained");
        return;
    }
    let why = match &outcome.reason {
        Some(EndReason::Finished) if outcome.own_loop => " (its training loop has returned)".into(),
        Some(reason) => format!(" ({})", format::reason(reason)),
        None => String::new(),
    };
    printer.line(&format!(
        "{} after {} steps{why}: loss {}, evaluation loss {}",
        outcome.status,
        outcome.step,
        format::loss(outcome.loss),
        format::loss(outcome.eval_loss)
    ));
    if let Some(checkpoint) = &outcome.checkpoint {
        printer.line(&format!("checkpoint {}", shown_line(checkpoint)));
    }
    // What the run decided by itself it would decide again, and another configuration is another run.
    let can_go_on = match (outcome.status, &outcome.reason) {
        (RunStatus::Interrupted | RunStatus::Failed, _) => true,
        (RunStatus::Stopped, Some(reason)) => matches!(
            reason,
            EndReason::User | EndReason::Signal | EndReason::TimeLimit | EndReason::Trainer(_)
        ),
        _ => false,
    };
    if can_go_on && outcome.checkpoint.is_some() {
        printer.line(&format!("go on with it: {}", again.command(&outcome.run)));
    }
}
