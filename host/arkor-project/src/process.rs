//! A command that is run to its end, or until it has had its time.

use std::collections::{BTreeSet, VecDeque};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::{BuildLine, ProjectError};

/// Bytes of a command's words that are kept of its beginning, and as many of its end.
const KEPT: usize = 256 << 10;

/// Bytes of a line; what follows is a line of its own.
const LINE: u64 = 64 << 10;

/// Most bytes of data on standard output.
const DATA: usize = 64 << 20;

/// How often it is looked whether a command is still wanted.
const TICK: Duration = Duration::from_millis(100);

/// How long the pipes of a command that is over are listened to, if something that it started still holds them.
const GRACE: Duration = Duration::from_millis(300);

/// How long a build may take, and who may end it.
#[derive(Debug, Clone)]
pub struct BuildLimits {
    /// Then it is ended.
    pub timeout: Duration,
    /// Set by whoever does not want it any more.
    pub stop: Arc<AtomicBool>,
    /// Whether all that it starts is ended with it. A terminal's Ctrl-C then does not reach it: for
    /// programs that set `stop` when they end, or call [`end_commands`].
    pub own_group: bool,
}

impl Default for BuildLimits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(24 * 3600),
            stop: Arc::default(),
            own_group: false,
        }
    }
}

/// What standard output is for. Standard error is always for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stdout {
    /// More output for people.
    Output,
    /// Data, handed back.
    Data,
}

/// Commands at work that are ended with all that they started.
static AT_WORK: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Ends the commands at work that have a group of their own, for a process that is about to end. No other begins
/// after that.
pub fn end_commands() {
    let groups = AT_WORK.lock().unwrap_or_else(PoisonError::into_inner);
    for group in groups.iter() {
        signal_group(*group);
    }
    // Whoever would begin another waits for this, and the process ends.
    std::mem::forget(groups);
}

/// A command in the list of those at work.
struct AtWork(u32);

impl Drop for AtWork {
    fn drop(&mut self) {
        let mut groups = AT_WORK.lock().unwrap_or_else(PoisonError::into_inner);
        groups.remove(&self.0);
    }
}

/// Runs a command to its end, passes on each line as it comes and returns the data of its
/// standard output.
pub(crate) fn run(
    mut command: Command,
    limits: &BuildLimits,
    progress: &mut dyn FnMut(BuildLine),
    stdout: Stdout,
) -> Result<String, ProjectError> {
    let shown = show(&command);
    progress(BuildLine::Command(shown.clone()));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let end = Instant::now() + limits.timeout;
    let (mut child, _at_work) = start(&mut command, limits)?;

    // One thread a pipe: a child that fills the pipe nobody reads would wait for ever.
    let (lines, received) = mpsc::sync_channel(1024);
    if let Some(pipe) = child.stderr.take() {
        forward(pipe, Stdout::Output, lines.clone());
    }
    if let Some(pipe) = child.stdout.take() {
        forward(pipe, stdout, lines);
    }
    let mut looked = Instant::now();
    let mut output = Output::default();
    let mut data = String::new();
    let mut ended = None;
    // The threads end with their pipes: when nobody holds the other end any more. What a command left running may
    // do that for ever, so that with the command's own end only the rest is waited for.
    loop {
        match received.recv_timeout(TICK) {
            Ok((Stdout::Output, line)) => {
                output.push(&line);
                progress(BuildLine::Output(line));
            }
            Ok((Stdout::Data, line)) => {
                if data.len() < DATA {
                    data.push_str(&line);
                    data.push('\n');
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if ended.is_none() && looked.elapsed() >= TICK {
            looked = Instant::now();
            ended = child.try_wait().ok().flatten().map(|_| looked);
        }
        if ended.is_some_and(|time| time.elapsed() >= GRACE) {
            end_group(&child, limits);
            break;
        }
        let is_late = Instant::now() >= end;
        if is_late || limits.stop.load(Ordering::Acquire) {
            kill(&mut child, limits);
            return Err(if is_late {
                ProjectError::BuildTimeout {
                    command: shown,
                    seconds: limits.timeout.as_secs(),
                    output: output.text(),
                }
            } else {
                ProjectError::BuildStopped { command: shown }
            });
        }
    }
    let status = child.wait().map_err(|source| ProjectError::Start {
        program: shown.clone(),
        source,
    })?;
    if status.success() {
        Ok(data)
    } else {
        Err(ProjectError::BuildFailed {
            command: shown,
            status: status.to_string(),
            output: output.text(),
        })
    }
}

fn start(
    command: &mut Command,
    limits: &BuildLimits,
) -> Result<(Child, Option<AtWork>), ProjectError> {
    let mut groups = limits
        .own_group
        .then(|| AT_WORK.lock().unwrap_or_else(PoisonError::into_inner));
    #[cfg(unix)]
    if limits.own_group {
        std::os::unix::process::CommandExt::process_group(command, 0);
    }
    #[cfg(not(unix))]
    let _ = limits.own_group;
    let child = command.spawn().map_err(|source| ProjectError::Start {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
    })?;
    let at_work = groups.as_mut().map(|groups| {
        groups.insert(child.id());
        AtWork(child.id())
    });
    Ok((child, at_work))
}

/// Ends a command and all that it started. One that is gone already needs nothing.
fn kill(child: &mut Child, limits: &BuildLimits) {
    end_group(child, limits);
    let _ = child.kill();
    let _ = child.wait();
}

/// Ends what a command started and did not part from itself.
fn end_group(child: &Child, limits: &BuildLimits) {
    if limits.own_group {
        signal_group(child.id());
    }
}

fn signal_group(leader: u32) {
    #[cfg(not(unix))]
    let _ = leader;
    #[cfg(unix)]
    if let Some(group) = i32::try_from(leader)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

/// The beginning and the end of what a command says.
#[derive(Default)]
struct Output {
    head: String,
    tail: VecDeque<String>,
    tail_size: usize,
    left_out: usize,
}

impl Output {
    fn push(&mut self, line: &str) {
        if self.tail.is_empty() && self.head.len() + line.len() < KEPT {
            self.head.push_str(line);
            self.head.push('\n');
            return;
        }
        self.tail.push_back(line.to_owned());
        self.tail_size += line.len() + 1;
        while self.tail_size > KEPT
            && let Some(line) = self.tail.pop_front()
        {
            self.tail_size -= line.len() + 1;
            self.left_out += line.len() + 1;
        }
    }

    fn text(self) -> String {
        let mut text = self.head;
        if self.left_out > 0 {
            text += &format!("[... {} bytes are left out ...]\n", self.left_out);
        }
        for line in self.tail {
            text.push_str(&line);
            text.push('\n');
        }
        text.truncate(text.trim_end().len());
        text
    }
}

fn forward(
    pipe: impl Read + Send + 'static,
    kind: Stdout,
    lines: mpsc::SyncSender<(Stdout, String)>,
) {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut bytes = Vec::new();
        let longest = if kind == Stdout::Data {
            DATA as u64
        } else {
            LINE
        };
        while reader
            .by_ref()
            .take(longest)
            .read_until(b'\n', &mut bytes)
            .is_ok_and(|n| n > 0)
        {
            let line = String::from_utf8_lossy(&bytes);
            let line = line.trim_end_matches(['\n', '\r']).to_owned();
            if lines.send((kind, line)).is_err() {
                return;
            }
            bytes.clear();
        }
    });
}

/// The command as one would type it, without its environment.
fn show(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| {
            let word = word.to_string_lossy();
            if word.is_empty() || word.contains([' ', '"', '\'', '$']) {
                format!("'{word}'")
            } else {
                word.into_owned()
            }
        })
        .collect::<Vec<_>>()
        .join(" ")
}
