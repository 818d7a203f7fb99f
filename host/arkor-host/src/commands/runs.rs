//! `arkor-host runs`

use std::path::Path;

use anyhow::Result;
use arkor_store::{MadeBy, Store, StoreError, StoreOptions};
use arkor_types::{RunRecord, RunStatus, json_pretty, shown_line};

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
    let runs = match store {
        Ok(store) => {
            let mut runs = store.runs()?;
            runs.truncate(limit.unwrap_or(usize::MAX));
            place::tell_damage(&store, printer);
            runs
        }
        Err(StoreError::Missing { .. }) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    if printer.json() {
        for run in &runs {
            printer.object(run);
        }
        return Ok(());
    }
    if runs.is_empty() {
        printer.line("no runs yet");
        return Ok(());
    }
    printer.line(&format!(
        "{:<20} {:<20} {:<11} {:>8} {:>8} {:>9}  {}",
        "RUN", "NAME", "STATUS", "STEP", "LOSS", "EVAL LOSS", "CREATED (UTC)"
    ));
    for run in &runs {
        printer.line(&format!(
            "{:<20} {:<20} {:<11} {:>8} {:>8} {:>9}  {}",
            run.id.to_string(),
            run.name.line().to_string(),
            status(run),
            run.step,
            format::loss(run.loss),
            format::loss(run.eval_loss),
            run.created.strftime("%Y-%m-%d %H:%M")
        ));
    }
    Ok(())
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
    place::tell_damage(store, printer);
    if printer.json() {
        printer.object(&serde_json::json!({
            "run": run, "checkpoints": checkpoints, "artifacts": artifacts,
        }));
        return Ok(());
    }
    head(&run, printer);
    for checkpoint in &checkpoints {
        printer.line(&format!(
            "checkpoint   {} ({}), evaluation loss {}",
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

fn head(run: &RunRecord, printer: &Printer) {
    let line = |key: &str, value: String| printer.line(&format!("{key:<12} {value}"));
    line("run", run.id.to_string());
    line("name", run.name.line().to_string());
    line(
        "status",
        format!("{}, attempt {}", status(run), run.attempt),
    );
    line("created", format::time(run.created));
    line("updated", format::time(run.updated));
    line("step", run.step.to_string());
    line("loss", format::loss(run.loss));
    line("eval loss", format::loss(run.eval_loss));
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
