//! Work on bytes of somebody else's component, in a process of its own with bounded memory and time.
//!
//! What reads worlds recurses without bound, and what compiles takes memory by rules that nobody has written
//! down. Counting first finds what is known; a process ends the rest.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::error::RuntimeError;

/// Most bytes of memory that one takes.
#[cfg(all(unix, target_pointer_width = "64"))]
const MEMORY: u64 = 4 << 30;

/// Threads of one. Each has an area of memory, and what is reserved for it counts.
const THREADS: usize = 4;

/// How often it is looked whether it has ended.
const TICK: Duration = Duration::from_millis(1);

struct Program {
    path: PathBuf,
    argument: OsString,
}

static PROGRAM: OnceLock<Program> = OnceLock::new();

/// From now on components are made, and compiled where [`RuntimeOptions`](crate::RuntimeOptions) say so, by this
/// program, which, started with this argument and another, must do nothing but call `serve_component_process`
/// with that other one. Without such a program all is done in this process.
pub fn use_component_process(program: PathBuf, argument: impl Into<OsString>) {
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

/// Whether there is such a program.
pub(crate) fn is_used() -> bool {
    PROGRAM.get().is_some()
}

/// What a process is started for.
pub(crate) struct Task {
    /// Its second argument.
    pub(crate) kind: &'static str,
    /// How long it may take.
    pub(crate) time: Duration,
    /// Most bytes of its answer.
    pub(crate) answer: u64,
}

/// How a process ended.
pub(crate) enum Ended {
    /// In order, with this answer.
    Answered(Vec<u8>),
    /// By itself or by force.
    Failed(String),
}

/// In the process: what it is given, once its limits are set.
pub(crate) fn input(task: &Task, most: u64) -> std::io::Result<Vec<u8>> {
    limit(task);
    let mut bytes = Vec::new();
    std::io::stdin().take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// In the process: its answer, of which the first byte says what it is.
pub(crate) fn answer(kind: u8, bytes: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(&[kind])?;
    out.write_all(bytes)?;
    out.flush()
}

/// Where a limit cannot be set, counting is all there is.
fn limit(task: &Task) {
    #[cfg(all(unix, target_pointer_width = "64"))]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let limit = |most: u64| Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        let _ = setrlimit(Resource::As, limit(MEMORY));
        let _ = setrlimit(Resource::Core, limit(0));
        let all = task.time.as_secs().saturating_mul(THREADS as u64);
        let _ = setrlimit(Resource::Cpu, limit(all));
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, set_parent_process_death_signal};
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
        // Where memory runs out all the same, this process is the one to go.
        let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    }
    let _ = task;
}

/// Gives these bytes to a process and waits for its answer.
pub(crate) fn run(task: &Task, input: &[&[u8]]) -> Result<Ended, RuntimeError> {
    let failed = |error: std::io::Error| {
        RuntimeError::Setup(format!(
            "the process that {}s components cannot be used: {error}",
            task.kind
        ))
    };
    let program = PROGRAM
        .get()
        .ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))?;
    let mut child = start(program, task).map_err(failed)?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (ended, read) = std::thread::scope(|scope| {
        scope.spawn(move || {
            // One that ended takes no more; why is seen by how it ended.
            if let Some(mut stdin) = stdin {
                let _ = input.iter().try_for_each(|part| stdin.write_all(part));
            }
        });
        let reading = scope.spawn(move || {
            let mut answer = Vec::new();
            let read = stdout.map(|stdout| {
                let mut stdout = stdout.take(task.answer.saturating_add(1));
                stdout.read_to_end(&mut answer)
            });
            read.unwrap_or(Ok(0)).map(|_| answer)
        });
        let ended = wait(&mut child, task.time);
        (ended, reading.join())
    });
    let read = read.map_err(|_| failed(std::io::ErrorKind::Other.into()))?;
    let answer = read.map_err(failed)?;
    Ok(match ended.map_err(failed)? {
        _ if answer.len() as u64 > task.answer => {
            Ended::Failed(format!("made more than {} MB", task.answer >> 20))
        }
        Some(how) => Ended::Failed(how),
        None if answer.is_empty() => Ended::Failed("gave no answer".into()),
        None => Ended::Answered(answer),
    })
}

fn start(program: &Program, task: &Task) -> std::io::Result<Child> {
    let mut command = Command::new(&program.path);
    command
        .args([&program.argument, &OsString::from(task.kind)])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if std::thread::available_parallelism().is_ok_and(|threads| threads.get() > THREADS) {
        command.env("RAYON_NUM_THREADS", THREADS.to_string());
    }
    #[cfg(unix)]
    {
        command.current_dir("/");
        // A Ctrl-C is for the host, which knows what to do with it.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
    }
    #[cfg(windows)]
    if let Some(root) = std::env::var_os("SystemRoot") {
        command.env("SystemRoot", root);
    }
    command.spawn()
}

/// Waits for its end, which must come. How it ended, if that was not in order.
fn wait(child: &mut Child, time: Duration) -> std::io::Result<Option<String>> {
    let end = Instant::now() + time;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((!status.success()).then(|| format!("ended ({status})")));
        }
        if Instant::now() > end {
            child.kill()?;
            child.wait()?;
            return Ok(Some(format!("took more than {} s", time.as_secs())));
        }
        std::thread::sleep(TICK);
    }
}
