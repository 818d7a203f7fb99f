//! Core modules are made components in a process of their own.
//!
//! A core module says in a custom section what world it was built for. What reads that goes from package to
//! package by recursion, and a section in which packages depend on each other ends the process that reads it.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::{bounds, componentize};
use crate::error::RuntimeError;

/// Most bytes of memory of the process.
#[cfg(all(unix, target_pointer_width = "64"))]
const MEMORY: u64 = 3 << 30;

/// How long it may take.
const TIME: Duration = Duration::from_secs(60);

/// How often it is looked whether it has ended.
const TICK: Duration = Duration::from_millis(1);

/// What an answer begins with.
const MADE: u8 = 0;
const REFUSED: u8 = 1;

struct Program {
    path: PathBuf,
    argument: OsString,
}

static PROGRAM: OnceLock<Program> = OnceLock::new();

/// From now on core modules are made components by this program, which, started with this argument, must do
/// nothing but call [`serve_wrapper`]. Without such a program it is done in this process.
pub fn use_wrapper_process(program: PathBuf, argument: impl Into<OsString>) {
    // A program that was replaced since it was started is still what is started here.
    let itself = PathBuf::from("/proc/self/exe");
    let path = if cfg!(target_os = "linux") && itself.exists() {
        itself
    } else {
        program
    };
    let argument = argument.into();
    let _ = PROGRAM.set(Program { path, argument });
}

/// Makes a component of the core module on standard input, and writes it, or why there is none, to standard
/// output.
///
/// # Errors
///
/// If either cannot be used.
pub fn serve_wrapper() -> std::io::Result<()> {
    #[cfg(all(unix, target_pointer_width = "64"))]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let limit = |most: u64| Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        let _ = setrlimit(Resource::As, limit(MEMORY));
        let _ = setrlimit(Resource::Core, limit(0));
    }
    let mut bytes = Vec::new();
    std::io::stdin()
        .take(bounds::FILE_SIZE)
        .read_to_end(&mut bytes)?;
    let (kind, answer) = match componentize::encode(&bytes) {
        Ok(component) => (MADE, component),
        Err(reason) => (REFUSED, reason.into_bytes()),
    };
    let mut out = std::io::stdout().lock();
    out.write_all(&[kind])?;
    out.write_all(&answer)?;
    out.flush()
}

/// The component of a core module that was validated, or why there is none.
pub(super) fn wrap(name: &str, bytes: &[u8]) -> Result<Vec<u8>, RuntimeError> {
    let refused = |reason: String| RuntimeError::Componentize {
        name: name.into(),
        reason,
    };
    let Some(program) = PROGRAM.get() else {
        return componentize::encode(bytes).map_err(refused);
    };
    let failed = |error: std::io::Error| {
        RuntimeError::Setup(format!(
            "the process that makes components cannot be used: {error}"
        ))
    };
    let mut child = start(program).map_err(failed)?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let (ended, answer) = std::thread::scope(|scope| {
        scope.spawn(move || {
            // One that ended takes no more; why is seen by how it ended.
            let _ = input.map(|mut input| input.write_all(bytes));
        });
        let reading = scope.spawn(move || {
            let mut answer = Vec::new();
            let read =
                output.map(|output| output.take(2 * bounds::FILE_SIZE).read_to_end(&mut answer));
            read.unwrap_or(Ok(0)).map(|_| answer)
        });
        let ended = wait(&mut child);
        let answer = reading.join();
        (ended, answer)
    });
    let answer = answer.map_err(|_| failed(std::io::ErrorKind::Other.into()))?;
    let answer = answer.map_err(failed)?;
    match (ended.map_err(failed)?, answer.split_first()) {
        (None, Some((&MADE, component))) => Ok(component.to_vec()),
        (None, Some((&REFUSED, reason))) => {
            Err(refused(String::from_utf8_lossy(reason).into_owned()))
        }
        (how, _) => Err(RuntimeError::Invalid {
            name: name.into(),
            problem: format!(
                "what reads the world it was built for {}: packages in it may depend on each other",
                how.unwrap_or_else(|| "gave no answer".into())
            ),
        }),
    }
}

fn start(program: &Program) -> std::io::Result<Child> {
    let mut command = Command::new(&program.path);
    command
        .arg(&program.argument)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    #[cfg(unix)]
    command.current_dir("/");
    #[cfg(windows)]
    if let Some(root) = std::env::var_os("SystemRoot") {
        command.env("SystemRoot", root);
    }
    command.spawn()
}

/// Waits for its end, which must come. How it ended, if that was not in order.
fn wait(child: &mut Child) -> std::io::Result<Option<String>> {
    let end = Instant::now() + TIME;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((!status.success()).then(|| format!("ended ({status})")));
        }
        if Instant::now() > end {
            child.kill()?;
            child.wait()?;
            return Ok(Some(format!("took more than {} s", TIME.as_secs())));
        }
        std::thread::sleep(TICK);
    }
}
