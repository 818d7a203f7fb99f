//! `arkor-host runs`

use std::path::Path;

use anyhow::Result;
use arkor_runtime::{CallbackState, callback_state};
use arkor_store::{MadeBy, Store, StoreError, StoreOptions};
use arkor_types::{Event, RunRecord, RunStatus, json_pretty, shown_line};

use crate::arguments::{RunsArguments, RunsCommand};
use crate::exit::Exit;
use crate::format;
use crate::output::Printer;
use crate::{place, settings, trust};

/// Events that are read at once.
const PAGE: usize = 1000;

pub(crate) fn runs(arguments: &RunsArguments, printer: &Printer) -> Result<Exit> {
    let project = match &arguments.command {
        RunsCommand::Adopt { path: Some(path) } => path,
        _ => &arguments.project,
    };
    let folder = trust::store_folder(project, arguments.untrusted, arguments.store.as_deref())?;
    let made_by = place::made_by()?;
    let open = || {
        let store = Store::open_read_only(&folder, &made_by)?;
        settle(&store, &folder, &made_by);
        Ok(store)
    };
    match &arguments.command {
        RunsCommand::List { limit } => list(open(), *limit, printer)?,
        RunsCommand::Show { run } => show(&open()?, run, printer)?,
        RunsCommand::Events { run, after } => events(&open()?, run, *after, printer)?,
        RunsCommand::Adopt { .. } => adopt(&folder, printer)?,
        RunsCommand::Rm { runs } => {
            // Looking first keeps a wrong id from making a store.
            open()?;
            let options = StoreOptions {
                made_by,
                ..StoreOptions::default()
            };
            let store = Store::open(&folder, options)?;
            store.mark_interrupted()?;
            remove(&store, runs, printer)?;
            place::tell_damage(&store, printer);
        }
    }
    Ok(Exit::Completed)
}

/// Runs whose process was killed are told to be so, where the store can be written to.
fn settle(store: &Store, folder: &Path, made_by: &MadeBy) {
    let is_running = |run: &RunRecord| run.status == RunStatus::Running;
    if store.runs().is_ok_and(|runs| runs.iter().any(is_running)) {
        let options = StoreOptions {
            made_by: made_by.clone(),
            ..StoreOptions::default()
        };
        let _ = Store::open(folder, options).and_then(|store| store.mark_interrupted());
    }
}

fn adopt(folder: &Path, printer: &Printer) -> Result<()> {
    let adopted = Store::adopt(folder, &settings::data_folder()?)?;
    place::tell(&adopted.damage, printer);
    let path = adopted.path.display();
    if printer.json() {
        printer.object(&serde_json::json!({
            "type": "adopted",
            "store": path.to_string(),
            "runs": adopted.runs,
            "was_yours": adopted.was_yours,
        }));
    } else if adopted.was_yours {
        printer.line(&format!(
            "`{path}` is yours already (runs: {})",
            adopted.runs
        ));
    } else {
        printer.line(&format!("`{path}` is yours now (runs: {})", adopted.runs));
    }
    Ok(())
}

fn list(store: Result<Store, StoreError>, limit: Option<usize>, printer: &Printer) -> Result<()> {
    let mut is_empty = true;
    let runs: Vec<(Why, RunRecord)> = match store {
        Ok(store) => {
            let mut runs = store.runs()?;
            is_empty = runs.is_empty();
            runs.truncate(limit.unwrap_or(usize::MAX));
            place::tell_damage(&store, printer);
            let listed = |run: RunRecord| Ok((why(&store, &run)?, run));
            runs.into_iter().map(listed).collect::<Result<_>>()?
        }
        Err(StoreError::Missing { .. }) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    if printer.json() {
        for (_, run) in &runs {
            printer.object(run);
        }
        return Ok(());
    }
    if is_empty {
        printer.line("no runs yet");
        return Ok(());
    }
    printer.line(&format!(
        "{:<20} {:<20} {:<11} {:>8} {:>8} {:>9}  {:<16}  {}",
        "RUN", "NAME", "STATUS", "STEP", "LOSS", "EVAL LOSS", "CREATED (UTC)", "WHY"
    ));
    for (why, run) in &runs {
        let line = format!(
            "{:<20} {:<20} {:<11} {:>8} {:>8} {:>9}  {:<16}  {}",
            run.id.to_string(),
            run.name.line().to_string(),
            if why.is_paused {
                "paused".into()
            } else {
                status(run)
            },
            run.step,
            format::loss(run.loss),
            format::loss(run.eval_loss),
            run.created.strftime("%Y-%m-%d %H:%M").to_string(),
            why.short()
        );
        printer.line(line.trim_end());
    }
    Ok(())
}

/// What the last events of a run tell beyond its record.
#[derive(Default)]
struct Why {
    /// It waits for a user.
    is_paused: bool,
    /// How it ended.
    end: Option<Event>,
}

/// So many of the newest events of a run in flight are looked at for a pause: while it waits, not much happens.
const NEWEST: u64 = 100;

fn why(store: &Store, run: &RunRecord) -> Result<Why> {
    let newest = match run.status {
        RunStatus::Running => NEWEST,
        _ => 1,
    };
    let after = run.last_seq.saturating_sub(newest);
    let events = store.events(&run.id, after, PAGE)?;
    let mut why = Why::default();
    for record in events {
        match record.event {
            Event::Paused(_) => why.is_paused = true,
            Event::Continued(_) | Event::Started(_) | Event::Ending(_) => why.is_paused = false,
            end if end.is_terminal() => why.end = Some(end),
            _ => {}
        }
    }
    Ok(why)
}

impl Why {
    /// In a table; nothing where the status says it.
    fn short(&self) -> String {
        match &self.end {
            Some(Event::Stopped(ended)) => format::reason(&ended.reason),
            Some(Event::Failed(failed)) => failed.code.name().into(),
            _ => String::new(),
        }
    }
}

/// One that trained nothing is told as what it is, if it ended well.
fn status(run: &RunRecord) -> String {
    match run.status {
        RunStatus::Completed if run.spec.dry_run => "dry run".into(),
        status => status.to_string(),
    }
}

fn show(store: &Store, wanted: &str, printer: &Printer) -> Result<()> {
    let run = store.find_run(wanted)?;
    let checkpoints = store.checkpoints(&run.id)?;
    let artifacts = store.artifacts(&run.id)?;
    let why = why(store, &run)?;
    place::tell_damage(store, printer);
    if printer.json() {
        printer.object(&serde_json::json!({
            "run": run, "checkpoints": checkpoints, "artifacts": artifacts,
        }));
        return Ok(());
    }
    head(&run, &why, printer);
    let scored = score_name(&run);
    for checkpoint in &checkpoints {
        // One that is damaged is told by who resumes it.
        let lacks = match callback_state(store, checkpoint) {
            Ok(CallbackState::None) => ", without callback state".into(),
            Ok(CallbackState::Earlier(step)) => format!(", with the callback state of step {step}"),
            Ok(CallbackState::Whole) | Err(_) => String::new(),
        };
        let score = match (scored, checkpoint.score) {
            (Some(name), Some(score)) => {
                format!(", {} {}", shown_line(name), format::number(score))
            }
            _ => String::new(),
        };
        printer.line(&format!(
            "checkpoint   {} ({}), evaluation loss {}{score}{lacks}",
            shown_line(&checkpoint.id),
            format::bytes(checkpoint.size),
            format::loss(checkpoint.eval_loss)
        ));
    }
    for artifact in &artifacts {
        printer.line(&format!(
            "artifact     {} ({}) {}",
            artifact.name.line(),
            format::bytes(artifact.size),
            store.blob_path(&artifact.digest).display()
        ));
    }
    for (index, line) in json_pretty(&run.spec)?.lines().enumerate() {
        let key = if index == 0 { "spec" } else { "" };
        printer.line(&format!("{key:<12} {line}"));
    }
    Ok(())
}

/// What the checkpoints of a run are compared by, unless it is the evaluation loss.
fn score_name(run: &RunRecord) -> Option<&str> {
    Some(run.spec.hyperparameters.metric_for_best_model.as_str()).filter(|name| *name != "loss")
}

fn head(run: &RunRecord, why: &Why, printer: &Printer) {
    let line = |key: &str, value: String| printer.line(&format!("{key:<12} {value}"));
    line("run", run.id.to_string());
    line("name", run.name.line().to_string());
    line(
        "status",
        format!(
            "{}{}, attempt {}",
            status(run),
            if why.is_paused { " (paused)" } else { "" },
            run.attempt
        ),
    );
    match &why.end {
        Some(Event::Stopped(ended)) => line("why", format::reason(&ended.reason)),
        Some(Event::Failed(failed)) => line(
            "why",
            format!("{} ({})", failed.message.line(), failed.code.name()),
        ),
        _ => {}
    }
    line("created", format::time(run.created));
    line("updated", format::time(run.updated));
    line("step", run.step.to_string());
    line("loss", format::loss(run.loss));
    line("eval loss", format::loss(run.eval_loss));
    if let Some(Event::Completed(ended) | Event::Stopped(ended)) = &why.end
        && let Some(best) = ended.best_score
    {
        let name = score_name(run).unwrap_or("evaluation loss");
        let of = match &ended.best_checkpoint {
            Some(id) => format!("checkpoint {}", shown_line(id)),
            None => "no checkpoint that was kept".into(),
        };
        line(
            "best",
            format!("{} {}, {of}", shown_line(name), format::number(best)),
        );
    }
    line("events", run.last_seq.to_string());
    line("component", run.component.clone());
    line("config", run.config.clone());
}

fn events(store: &Store, wanted: &str, mut after: u64, printer: &Printer) -> Result<()> {
    let run = store.find_run(wanted)?;
    loop {
        let page = store.events(&run.id, after, PAGE)?;
        place::tell_damage(store, printer);
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.seq;
        for record in &page {
            if printer.json() {
                printer.object(record);
            } else {
                let text = format::event(&record.event, false)
                    .unwrap_or_else(|| record.event.kind().to_owned());
                printer.line(&format!("{:>6}  {}", record.seq, text.trim_start()));
            }
        }
    }
}

fn remove(store: &Store, wanted: &[String], printer: &Printer) -> Result<()> {
    // All are found before the first is removed: a typing error removes nothing.
    let runs: Vec<RunRecord> = wanted
        .iter()
        .map(|id| store.find_run(id))
        .collect::<Result<_, _>>()?;
    for run in runs {
        let removed = store.remove_run(&run.id)?;
        if printer.json() {
            printer.object(&serde_json::json!({
                "type": "removed", "run": run.id, "bytes": removed.bytes,
            }));
        } else {
            printer.line(&format!(
                "removed {} ({})",
                run.id,
                format::bytes(removed.bytes)
            ));
        }
    }
    Ok(())
}
