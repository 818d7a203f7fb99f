//! Whoever reads, or does not: the process ends when it is told to, and in order.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Place, text, trainer};

/// Longer than a checkpoint and its end take on a busy machine, and far shorter than for ever.
const END: Duration = Duration::from_secs(120);

fn place(on_log: &str) -> Place {
    let place = Place::new();
    place.write("arkor.toml", "");
    place.write("text.txt", text());
    place.write("trainer.js", trainer(on_log));
    place
}

/// With so many events as are waited for, more than a pipe and the host together keep.
const FLOOD: &str = "for (let line = 0; line < 5; line += 1) console.log('x'.repeat(4000))";

const LONG: [&str; 3] = ["run", "--max-steps", "1000000000"];

fn spawn(place: &Place, more: &[&str], out: impl Into<Stdio>, err: impl Into<Stdio>) -> Child {
    let mut command = place.command(LONG.iter().chain(more));
    command.stdout(out).stderr(err).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// What a terminal sends that goes away; these tests may have been started by nohup, and then it is ignored by all that
/// they start.
fn hangup() -> &'static str {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    match ignored {
        Some(mask) if mask & 1 == 1 => "TERM",
        _ => "HUP",
    }
}

/// Its exit code, which must come.
#[track_caller]
fn ends(child: &mut Child) -> Option<i32> {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if begin.elapsed() > END {
            let _ = child.kill();
            panic!("it did not end within {END:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The newest run as the store has it.
fn run(place: &Place) -> Value {
    let shown = place.arkor(&["runs", "show", "--json"]);
    shown.expect(0);
    serde_json::from_str(&shown.out).unwrap()
}

/// How many events there are. It is looked at without making anything, since the run may only just begin.
fn events(place: &Place) -> i64 {
    use rusqlite::{Connection, OpenFlags};
    let path = place.project().join(".arkor/arkor.db");
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .and_then(|db| db.query_row("SELECT count(*) FROM events", [], |row| row.get(0)))
        .unwrap_or(0)
}

/// Waits until there are so many, so that it is seen whether training goes on.
fn wait_for_events(place: &Place, count: i64) {
    let begin = Instant::now();
    while events(place) < count {
        assert!(
            begin.elapsed() < Duration::from_secs(90),
            "training stands still"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[track_caller]
fn has_checkpoint(place: &Place, status: &str) {
    let run = run(place);
    assert_eq!(run["run"]["status"], status, "{run}");
    assert!(!run["checkpoints"].as_array().unwrap().is_empty(), "{run}");
}

#[test]
fn nobody_reads_and_it_trains_on_and_ends_when_told_to() {
    for (more, name) in [
        (&["--json"][..], "INT"),
        (&[], "TERM"),
        (&["-vv"], hangup()),
    ] {
        let place = place(FLOOD);
        let mut child = spawn(&place, more, Stdio::piped(), Stdio::piped());
        wait_for_events(&place, 2_400);
        signal(&child, name);
        let code = ends(&mut child);
        assert_eq!(
            code,
            Some(if name == "INT" { 130 } else { 143 }),
            "{more:?}"
        );
        has_checkpoint(&place, "stopped");
    }
}

#[test]
fn a_second_signal_ends_it_at_once_whoever_reads() {
    let place = place(FLOOD);
    let mut child = spawn(&place, &["--json"], Stdio::piped(), Stdio::piped());
    wait_for_events(&place, 2_400);
    signal(&child, "INT");
    std::thread::sleep(Duration::from_millis(350));
    if child.try_wait().unwrap().is_none() {
        let _ = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status();
    }
    assert_eq!(ends(&mut child), Some(130));
}

#[test]
fn signals_that_come_together_are_one() {
    for (first, second) in [
        ("TERM", "TERM"),
        ("INT", "TERM"),
        ("HUP", "TERM"),
        ("INT", "INT"),
    ] {
        let place = place("");
        let mut child = spawn(&place, &["--json"], Stdio::null(), Stdio::null());
        wait_for_events(&place, 3);
        signal(&child, first);
        let _ = Command::new("kill")
            .args([&format!("-{second}"), &child.id().to_string()])
            .status();
        let code = ends(&mut child).unwrap();
        assert!(matches!(code, 130 | 143), "{code}");
        has_checkpoint(&place, "stopped");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_hangup_that_its_user_ignores_is_ignored() {
    let place = place("");
    let program = place.command(LONG);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]);
    shell.arg(program.get_program()).args(program.get_args());
    shell.envs(
        program
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let mut child = shell
        .current_dir(place.project())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for_events(&place, 3);
    signal(&child, "HUP");
    let now = events(&place);
    wait_for_events(&place, now + 100);
    signal(&child, "INT");
    assert_eq!(ends(&mut child), Some(130));
}

#[test]
fn a_reader_of_one_line_ends_a_run_in_order() {
    // Of both streams, as `2>&1 | head -1` has it.
    let place = place("");
    let (reader, writer) = std::io::pipe().unwrap();
    let mut child = spawn(&place, &[], writer.try_clone().unwrap(), writer);
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).unwrap();
    assert_eq!(ends(&mut child), Some(130));
    has_checkpoint(&place, "stopped");
    // The same of the lines for a script.
    let place = self::place("");
    let (reader, writer) = std::io::pipe().unwrap();
    let mut child = spawn(&place, &["--json"], writer.try_clone().unwrap(), writer);
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).unwrap();
    assert_eq!(ends(&mut child), Some(130));
    has_checkpoint(&place, "stopped");
}

#[test]
fn standard_error_that_is_closed_ends_nothing() {
    let place = place("throw new Error('again')");
    let mut child = place
        .command(["run", "--max-steps", "300"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    let mut out = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut out)
        .unwrap();
    assert_eq!(ends(&mut child), Some(0), "{out}");
    has_checkpoint(&place, "completed");
}

#[test]
#[cfg(target_os = "linux")]
fn what_cannot_be_written_is_no_success() {
    for arguments in [
        &["run", "--json"][..],
        &["runs", "list", "--json"],
        &["build", "--json"],
    ] {
        let place = place("");
        place.arkor(&["run"]).expect(0);
        let full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let mut child = place
            .command(arguments)
            .stdout(full)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut err = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut err)
            .unwrap();
        assert_ne!(ends(&mut child), Some(0), "{arguments:?}: {err}");
        assert!(err.contains("standard output"), "{arguments:?}: {err}");
    }
}

#[test]
fn a_pause_that_nobody_can_end_is_refused_and_told() {
    for on_log in [
        "return action.pause()",
        "return [action.save(), action.pause()]",
        "globalThis.count = (globalThis.count ?? 0) + 1; if (globalThis.count == 2) return action.pause()",
    ] {
        let place = place(on_log);
        let done = place.arkor(&["run", "--json"]);
        done.expect(0);
        assert!(!done.out.contains("\"type\":\"paused\""), "{}", done.out);
        assert!(done.out.contains("asked for a pause"), "{}", done.out);
    }
}
