//! The host's side of the parser process: one, started when it is first needed, and anew when it has died.
//!
//! ```text
//! caller ──request──▶ channel ──▶ pipe thread ──stdin──▶ parser process
//!    ▲  waits, with a bound                                   │
//!    └──────answer── channel ◀── pipe thread ◀──stdout────────┘
//! ```
//!
//! A thread works the pipes, so that whoever waits can give up: it kills the process, which frees the thread.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::translate::Translated;
use super::wire;
use crate::ProjectError;
use crate::process::BuildLimits;

/// How long one file may take.
const FILE_TIME: Duration = Duration::from_secs(30);

/// How long the process may take to start.
const START_TIME: Duration = Duration::from_secs(30);

/// How often it is looked whether the build is still wanted.
const TICK: Duration = Duration::from_millis(100);

/// What is started to parse.
#[derive(Debug, Clone)]
struct Program {
    path: PathBuf,
    name: OsString,
    argument: OsString,
}

static PROGRAM: OnceLock<Program> = OnceLock::new();
static PARSER: Mutex<Option<Parser>> = Mutex::new(None);

/// Names the program that parses JavaScript and TypeScript from now on: `program`, started with this one
/// argument, must do nothing but call [`serve_parser`](super::serve_parser). Once a process; later calls change nothing.
///
/// Parsers go down a file's nesting by recursion, so a file can end the process that parses it. Without such
/// a program, files are parsed in this process, on threads with large stacks, and only if they have at most
/// 256 KiB.
pub fn use_parser_process(program: PathBuf, argument: impl Into<OsString>) {
    let name = program
        .file_name()
        .map_or_else(|| "parser".into(), Into::into);
    // A program that was replaced since it was started is still what is started here.
    let itself = PathBuf::from("/proc/self/exe");
    let path = if cfg!(target_os = "linux") && itself.exists() {
        itself
    } else {
        program
    };
    let _ = PROGRAM.set(Program {
        path,
        name,
        argument: argument.into(),
    });
}

/// Starts the process if it is not there, and does not wait for it.
pub(super) fn prepare() {
    let Some(program) = PROGRAM.get() else {
        return;
    };
    let mut parser = PARSER.lock().unwrap_or_else(PoisonError::into_inner);
    if parser.is_none() {
        // Whoever needs it tells why it cannot be started.
        *parser = Parser::start(program).ok();
    }
}

/// What became of a file.
pub(super) enum Outcome {
    Answer(Result<Translated, Vec<String>>),
    /// The process did not survive it: how it ended.
    Died(String),
    /// The build is not wanted any more, or has had its time.
    Stopped,
}

/// Lets the process translate a file.
pub(super) fn translate(
    name: &str,
    text: &str,
    is_module: bool,
    limits: &BuildLimits,
    end: Instant,
) -> Result<Outcome, ProjectError> {
    let Some(program) = PROGRAM.get() else {
        return Ok(Outcome::Answer(super::translate::in_process(
            name, text, is_module,
        )));
    };
    let mut slot = PARSER.lock().unwrap_or_else(PoisonError::into_inner);
    // One that was idle may have died of something else than this file.
    let mut parser = match slot.take().and_then(Parser::alive) {
        Some(parser) => parser,
        None => Parser::start(program)?,
    };
    parser.wait_until_ready(program)?;
    let request = wire::Request {
        name: name.into(),
        is_module,
    };
    let size = text.len();
    if parser.requests.send((request, text.into())).is_err() {
        return Ok(Outcome::Died(parser.end()));
    }
    let begin = Instant::now();
    loop {
        match parser.frames.recv_timeout(TICK) {
            Ok(frame) => {
                return Ok(match wire::read_answer(frame, size) {
                    Ok(answer) => {
                        *slot = Some(parser);
                        Outcome::Answer(answer)
                    }
                    Err(error) => {
                        parser.end();
                        Outcome::Died(format!("what it answered is not valid: {error}"))
                    }
                });
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(Outcome::Died(parser.end())),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if limits.stop.load(std::sync::atomic::Ordering::Acquire) || Instant::now() >= end {
            return Ok(Outcome::Stopped);
        }
        if begin.elapsed() >= FILE_TIME {
            let seconds = FILE_TIME.as_secs();
            return Ok(Outcome::Died(format!("it took more than {seconds} s")));
        }
    }
}

struct Parser {
    child: Child,
    requests: Sender<(wire::Request, String)>,
    frames: Receiver<(Vec<u8>, Vec<u8>)>,
    is_ready: bool,
}

impl Drop for Parser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Parser {
    fn start(program: &Program) -> Result<Self, ProjectError> {
        let failed = |source| ProjectError::Start {
            program: program.name.to_string_lossy().into_owned(),
            source,
        };
        let mut command = Command::new(&program.path);
        command
            .arg(&program.argument)
            // What parses hostile text has nothing to tell and nobody to tell it to.
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            command.arg0(&program.name).current_dir("/");
            // A terminal's Ctrl-C is for the host.
            command.process_group(0);
        }
        #[cfg(windows)]
        {
            use std::os::windows::process::CommandExt;
            const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
            command.creation_flags(CREATE_NEW_PROCESS_GROUP);
            // Its libraries are found by this.
            if let Some(root) = std::env::var_os("SystemRoot") {
                command.env("SystemRoot", &root).current_dir(root);
            }
        }
        let mut child = command.spawn().map_err(failed)?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            let _ = child.kill();
            return Err(failed(std::io::Error::other("it has no pipes")));
        };
        let (requests, received) = mpsc::channel();
        let (answers, frames) = mpsc::channel();
        let parser = Self {
            child,
            requests,
            frames,
            is_ready: false,
        };
        std::thread::Builder::new()
            .name("parser-pipes".into())
            .spawn(move || work_pipes(stdin, stdout, &received, &answers))
            .map_err(failed)?;
        Ok(parser)
    }

    /// Itself, unless it has ended.
    fn alive(mut self) -> Option<Self> {
        matches!(self.child.try_wait(), Ok(None)).then_some(self)
    }

    fn wait_until_ready(&mut self, program: &Program) -> Result<(), ProjectError> {
        if self.is_ready {
            return Ok(());
        }
        let failed = |why: &str| ProjectError::Start {
            program: program.name.to_string_lossy().into_owned(),
            source: std::io::Error::other(why.to_owned()),
        };
        match self.frames.recv_timeout(START_TIME) {
            Ok((header, _)) if header == wire::READY.as_bytes() => {
                self.is_ready = true;
                Ok(())
            }
            Ok(_) => Err(failed(
                "what parses is of another version: was the program replaced?",
            )),
            Err(RecvTimeoutError::Timeout) => Err(failed("what parses does not begin")),
            Err(RecvTimeoutError::Disconnected) => {
                let how = self.end();
                Err(failed(&format!("what parses ended at once: {how}")))
            }
        }
    }

    /// How it ended; it is ended if it has not.
    fn end(&mut self) -> String {
        // Its output is closed, so it ends or is about to.
        let patience = Instant::now() + Duration::from_secs(1);
        while Instant::now() < patience {
            match self.child.try_wait() {
                Ok(Some(status)) => return ended(status),
                Ok(None) => std::thread::sleep(Duration::from_millis(1)),
                Err(_) => break,
            }
        }
        let _ = self.child.kill();
        self.child.wait().map_or_else(
            |error| error.to_string(),
            |status| format!("it hung and {}", ended(status)),
        )
    }
}

fn ended(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(number) = std::os::unix::process::ExitStatusExt::signal(&status) {
        let name = match number {
            4 => "SIGILL",
            6 => "SIGABRT",
            9 => "SIGKILL",
            11 => "SIGSEGV",
            _ => return format!("it ended with signal {number}"),
        };
        return format!("it ended with {name}");
    }
    format!("it ended with {status}")
}

/// Ends with the process, or with whoever holds the other ends.
fn work_pipes(
    mut stdin: ChildStdin,
    mut stdout: ChildStdout,
    requests: &Receiver<(wire::Request, String)>,
    answers: &Sender<(Vec<u8>, Vec<u8>)>,
) {
    let mut pass_on =
        || wire::read_frame(&mut stdout).is_ok_and(|frame| answers.send(frame).is_ok());
    if !pass_on() {
        return;
    }
    while let Ok((request, text)) = requests.recv() {
        if wire::write_request(&mut stdin, &request, &text).is_err() || !pass_on() {
            return;
        }
    }
}
