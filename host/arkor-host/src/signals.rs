//! Ctrl-C, and other requests to end.
//!
//! One thread hears them for the whole life of the process, so that none waits behind anything else: not
//! behind printing, a build, or a trainer. A command that can end in order listens; for all others the process
//! ends at once. It also ends if what listens does not come to an end after the second one.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError, mpsc as channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::sync::mpsc;

use crate::exit::{self, Exit};

/// Signals that come together are one: programs that pass on what they get send some twice.
const TOGETHER: Duration = Duration::from_millis(300);

/// How long ending at once may take.
const AT_ONCE: Duration = Duration::from_secs(5);

static LISTENER: Mutex<Option<mpsc::Sender<()>>> = Mutex::new(None);
static COUNT: AtomicUsize = AtomicUsize::new(0);
static UNREAD: AtomicBool = AtomicBool::new(false);
static GRACE: OnceLock<Duration> = OnceLock::new();
static RESULT: OnceLock<Exit> = OnceLock::new();
static LAST_WORDS: OnceLock<Box<dyn Fn() + Send + Sync>> = OnceLock::new();

/// Hears signals from now on.
pub(crate) fn start() -> Result<()> {
    let executor = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("signals cannot be heard")?;
    let (ready, hears) = channel::channel();
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || executor.block_on(hear(ready)))
        .context("the thread that hears signals cannot be started")?;
    hears.recv().context("signals cannot be heard")
}

/// The command has come to this; a signal that still comes changes nothing of it.
pub(crate) fn done(result: Exit) {
    let _ = RESULT.set(result);
}

/// From the first request on, what listens has so long to come to an end: what it waits for may not want to.
pub(crate) fn end_within(grace: Duration) {
    let _ = GRACE.set(grace);
}

/// What a script is told if the process ends by a signal before its command has come to an end.
pub(crate) fn at_end(last_words: impl Fn() + Send + Sync + 'static) {
    let _ = LAST_WORDS.set(Box::new(last_words));
}

fn end() -> ! {
    // What was started for this process has nobody to finish for.
    arkor_project::end_commands();
    let result = RESULT.get().copied().unwrap_or_else(|| {
        if let Some(tell) = LAST_WORDS.get() {
            tell();
        }
        Exit::Interrupted
    });
    std::process::exit(result.code())
}

/// Gets each request to end from now on, until it is dropped.
pub(crate) fn listen() -> mpsc::Receiver<()> {
    let (sender, receiver) = mpsc::channel(4);
    *LISTENER.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
    receiver
}

/// Whether somebody asked this process to end.
pub(crate) fn told_to_end() -> bool {
    COUNT.load(Ordering::Acquire) > 0
}

/// What a command prints is read by nobody any more. One that trains ends in order, once; what is printed
/// meanwhile is for nobody as well.
pub(crate) fn nobody_reads() {
    if !UNREAD.swap(true, Ordering::AcqRel) {
        // Without a listener there is nothing that lasts.
        let _ = tell();
    }
}

/// Whether a command is at work that ends in order.
pub(crate) fn somebody_listens() -> bool {
    let listener = LISTENER.lock().unwrap_or_else(PoisonError::into_inner);
    listener
        .as_ref()
        .is_some_and(|listener| !listener.is_closed())
}

fn tell() -> bool {
    let listener = LISTENER.lock().unwrap_or_else(PoisonError::into_inner);
    match &*listener {
        // One that waits already does as well.
        Some(listener) => !matches!(
            listener.try_send(()),
            Err(mpsc::error::TrySendError::Closed(()))
        ),
        None => false,
    }
}

fn came(last: &mut Option<Instant>) {
    let now = Instant::now();
    if last.is_some_and(|last| now - last < TOGETHER) {
        return;
    }
    *last = Some(now);
    let count = COUNT.fetch_add(1, Ordering::AcqRel) + 1;
    if !tell() {
        end();
    }
    let grace = match count {
        1 => GRACE.get().copied(),
        2 => Some(AT_ONCE),
        _ => None,
    };
    if let Some(grace) = grace {
        let later = move || {
            std::thread::sleep(grace);
            end();
        };
        if std::thread::Builder::new().spawn(later).is_err() {
            end();
        }
    }
}

#[cfg(unix)]
async fn hear(ready: channel::Sender<()>) {
    use tokio::signal::unix::{Signal, SignalKind, signal};
    async fn next(signal: &mut Option<Signal>) -> Option<()> {
        match signal {
            Some(signal) => signal.recv().await,
            None => std::future::pending().await,
        }
    }
    let mut interrupt = signal(SignalKind::interrupt()).ok();
    let mut terminate = signal(SignalKind::terminate()).ok();
    // Started by nohup, a process outlives its terminal.
    let mut hangup = (!ignores_hangup())
        .then(|| signal(SignalKind::hangup()).ok())
        .flatten();
    // A file that may not grow is an error of whoever writes it, and not the end of the process.
    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    let _too_large = signal(SignalKind::from_raw(25));
    let _ = ready.send(());
    let mut last = None;
    loop {
        tokio::select! {
            Some(()) = next(&mut interrupt) => {}
            Some(()) = next(&mut terminate) => exit::TERMINATED.store(true, Ordering::Release),
            Some(()) = next(&mut hangup) => exit::TERMINATED.store(true, Ordering::Release),
            else => return,
        }
        came(&mut last);
    }
}

#[cfg(not(unix))]
async fn hear(ready: channel::Sender<()>) {
    let _ = ready.send(());
    let mut last = None;
    while tokio::signal::ctrl_c().await.is_ok() {
        came(&mut last);
    }
}

/// Where it cannot be told, a hangup keeps its usual effect.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // The first bit is signal 1.
    ignored
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_none_or(|mask| mask & 1 == 1)
}
