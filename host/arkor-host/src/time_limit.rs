//! How long a command may take as a whole.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tokio::sync::mpsc;

use crate::arguments::TrustArguments;
use crate::exit::Exit;
use crate::failure;
use crate::output::Printer;
use crate::signals;

/// How long a run may take to its checkpoint after that, or after a signal.
const GRACE: Duration = Duration::from_secs(30);

/// How long its last words may take.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The clock of a command, if it has one.
#[derive(Debug)]
pub(crate) struct TimeLimit(Option<mpsc::Receiver<()>>);

impl TimeLimit {
    /// Waits until the time is over; without a limit, for ever.
    pub(crate) async fn over(&mut self) {
        if let Some(over) = &mut self.0
            && over.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}

/// Starts the clock, if there is one. When the time is over, whoever waits for that has a while to end in
/// order (if it `stops_in_order`). Then the process ends, whatever it does.
pub(crate) fn start(
    trust: &TrustArguments,
    stops_in_order: bool,
    printer: &Printer,
) -> Result<TimeLimit> {
    if !trust.untrusted {
        return Ok(TimeLimit(None));
    }
    signals::end_within(GRACE);
    let (over, receiver) = mpsc::channel(1);
    let (limit, printer) = (trust.time_limit, printer.without_waiting());
    std::thread::Builder::new()
        .name("time-limit".into())
        .spawn(move || {
            std::thread::sleep(limit);
            let _ = over.try_send(());
            if stops_in_order {
                std::thread::sleep(GRACE);
            }
            let error = anyhow!("the time limit of {} s is over", limit.as_secs());
            failure::report(&error.context("not trusted: ended"), &printer);
            printer.finish_within(LAST_WORDS);
            arkor_project::end_commands();
            std::process::exit(Exit::Failed.code());
        })
        .context("the thread of the time limit cannot be started")?;
    Ok(TimeLimit(Some(receiver)))
}
