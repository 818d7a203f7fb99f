//! A loss of power at any instant takes nothing that was acknowledged as durable.
//!
//! A child process does with a store whatever can be done with one, and writes down each call that
//! returned. It is traced: where it is about to sync, rename or remove a file, or just has, the test
//! makes the folders that a disk might hold if the power went then, opens each, and looks up in it
//! what the child wrote down.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use arkor_store::{RunHandle, Store, StoreError, StoreOptions};
use arkor_types::{Event, EventRecord, Level, Message, MessageSource, RunId};

use crate::common::*;

mod disk;
mod trace;

use disk::{Disk, Image, Written};
use trace::{Call, Stop, Thread};

/// The process that is traced.
#[test]
fn writer() {
    let Some(dir) = role() else { return };
    let thread = fs::read_link("/proc/thread-self").unwrap();
    // The test harness has left half a line behind.
    println!("\nthread {}", thread.file_name().unwrap().display());
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let mut done = Acknowledged::new(&dir);
    checkpoints_and_what_replaces_them(&dir, &mut done);
    what_dead_processes_left(&dir, &mut done);
    a_run_that_is_removed(&dir, &mut done);
    a_log_that_outgrows_its_file(&dir, &mut done);
    done.say("end");
}

fn open(dir: &Path) -> Store {
    Store::open(dir, StoreOptions::default()).unwrap()
}

fn checkpoints_and_what_replaces_them(dir: &Path, done: &mut Acknowledged) {
    let store = open(dir);
    let mut run = store.create_run(new_run()).unwrap();
    done.event(&run.append(started(0, 1)).unwrap());
    checkpoint(&mut run, 1, done);
    done.event(&run.append(log(1)).unwrap());
    for content in ["one", "two", "three"] {
        let file = format!("file {content}");
        let (event, artifact) = run.write_artifact(1, "a", file.as_bytes()).unwrap();
        done.event(&event);
        // From the second on something is replaced.
        if content != "one" {
            done.say(&format!("durable {}", event.seq));
            done.say(&format!("artifact {}", artifact.digest));
        }
        named(&mut run, content, done);
    }
    checkpoint(&mut run, 2, done);
    named(&mut run, "four", done);
    run.undo_named_states().unwrap();
    done.event(&run.append(log(2)).unwrap());
    named(&mut run, "five", done);
    for step in 3..6 {
        checkpoint(&mut run, step, done);
        run.prune(2, false).unwrap();
    }
    named(&mut run, "six", done);
    let id = run.id().clone();
    drop(run);
    let mut run = store.resume_run(&id).unwrap();
    done.event(&run.append(started(5, 2)).unwrap());
    named(&mut run, "seven", done);
}

fn what_dead_processes_left(dir: &Path, done: &mut Acknowledged) {
    let store = open(dir);
    let id = store.find_run("latest").unwrap().id;
    let mut run = store.resume_run(&id).unwrap();
    put(&run, b"never committed");
    run.write_artifact(6, "b", b"of a process that dies")
        .unwrap();
    checkpoint(&mut run, 6, done);
    // Killed after it made the folder of some content and before it synced where that is in.
    let content = "put where another process was";
    let folder = &blake3::hash(content.as_bytes()).to_hex().to_string()[..2];
    fs::create_dir(dir.join("blobs").join(folder)).unwrap();
    named(&mut run, content, done);
    drop(run);
    // Killed after SQLite wrote its transaction and before it synced it: who comes next sees it.
    let raw = rusqlite::Connection::open(dir.join("arkor.db")).unwrap();
    raw.pragma_update(None, "synchronous", "NORMAL").unwrap();
    raw.execute("DELETE FROM artifacts WHERE name = 'b'", [])
        .unwrap();
    open(dir);
}

fn a_run_that_is_removed(dir: &Path, done: &mut Acknowledged) {
    let store = open(dir);
    let mut other = store.create_run(new_run()).unwrap();
    save(&mut other, 1, None, b"state of the other run");
    // What both runs have stays.
    other.write_artifact(1, "a", b"file three").unwrap();
    let id = other.id().clone();
    drop(other);
    store.remove_run(&id).unwrap();
    done.say(&format!("removed {id}"));
}

/// SQLite moves its log into the database when it has grown to 1000 pages.
fn a_log_that_outgrows_its_file(dir: &Path, done: &mut Acknowledged) {
    let store = open(dir);
    let id = store.find_run("latest").unwrap().id;
    let mut run = store.resume_run(&id).unwrap();
    for step in 0..24 {
        let long = Event::Message(Message {
            step,
            level: Level::Info,
            source: MessageSource::Message,
            text: "x".repeat(200_000).into(),
        });
        done.event(&run.append(long).unwrap());
        if step % 8 == 0 {
            checkpoint(&mut run, step, done);
        }
    }
    named(&mut run, "eight", done);
}

fn checkpoint(run: &mut RunHandle, step: u64, done: &mut Acknowledged) {
    let content = format!("state at {step}, {}", run.last_seq());
    let (event, _) = save(run, step, None, content.as_bytes());
    done.event(&event);
    done.say(&format!("checkpoint {}", event.seq));
    done.say(&format!("durable {}", event.seq));
}

fn named(run: &mut RunHandle, content: &str, done: &mut Acknowledged) {
    let blob = put(run, content.as_bytes());
    run.put_named_state("base", blob).unwrap();
    done.say(&format!("durable {}", run.last_seq()));
}

/// A file beside the store with a line for each call that returned.
struct Acknowledged(File);

impl Acknowledged {
    fn path(dir: &Path) -> PathBuf {
        dir.with_file_name("acknowledged")
    }

    fn new(dir: &Path) -> Self {
        Self(File::create(Self::path(dir)).unwrap())
    }

    fn say(&mut self, line: &str) {
        self.0.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn event(&mut self, event: &EventRecord) {
        self.say(&format!("run {}", event.run));
        self.say(&format!("event {}", event.seq));
    }
}

#[test]
fn power_can_go_at_any_sync_rename_or_removal() {
    let project = Project::in_memory();
    let dir = project.dir();
    let root = dir.parent().unwrap().canonicalize().unwrap();
    let mut disk = Disk::new(root.join(".arkor"));
    let mut child = process("power_cut::writer", &dir).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let thread = output.find_map(|line| line.unwrap().strip_prefix("thread ")?.parse().ok());
    let Some(mut thread) = Thread::attach(thread.unwrap()) else {
        eprintln!(
            "not checked: what is left when the power goes, for a process may not trace its child here"
        );
        child.kill().unwrap();
        child.wait().unwrap();
        return;
    };
    child.stdin.take().unwrap().write_all(b"\n").unwrap();

    let mut random = Random::new();
    let mut seen = HashSet::new();
    while let Some(stop) = thread.next() {
        if let Stop::After(Call::Sync(file)) = &stop {
            disk.synced(file);
        }
        let lines = read_lines(&dir);
        for (names, content) in [
            (Written::All, Written::All),
            (Written::All, Written::Synced),
            (Written::All, Written::Torn),
            (Written::Synced, Written::Synced),
            (Written::Synced, Written::Torn),
        ] {
            let image = disk.image(names, content, &mut random);
            if seen.insert((disk::hash(&image), lines.len())) {
                let is_all = (names, content) == (Written::All, Written::All);
                check(&image, &lines, is_all).unwrap_or_else(|error| {
                    panic!("{stop:?}, names {names:?}, content {content:?}: {error}; {lines:?}")
                });
            }
        }
    }
    let _ = child.wait();
    let lines = read_lines(&dir);
    assert_eq!(lines.last().map(String::as_str), Some("end"), "{lines:?}");
    assert!(seen.len() > 500, "power went at {} states only", seen.len());
}

fn read_lines(dir: &Path) -> Vec<String> {
    let text = fs::read_to_string(Acknowledged::path(dir)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// What the last of the lines that begin so goes on with.
fn last<'a>(lines: &'a [String], begin: &str) -> Option<&'a str> {
    let mut lines = lines.iter().rev();
    lines.find_map(|line| line.strip_prefix(begin)?.strip_prefix(' '))
}

/// Whether a store is as its user may expect it. `is_all`: nothing was lost that was written.
fn check(image: &Image, lines: &[String], is_all: bool) -> Result<(), String> {
    let project = Project::in_memory();
    disk::write(image, &project.dir());
    let store = Store::open(&project.dir(), StoreOptions::default()).map_err(|e| e.to_string())?;
    let sound: String = project
        .raw()
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .map_err(|error| error.to_string())?;
    let number = |begin| last(lines, begin).map_or(0, |text| text.parse::<u64>().unwrap());
    let expect = |holds: bool, what: &str| holds.then_some(()).ok_or_else(|| what.to_owned());
    expect(sound == "ok", &sound)?;
    all_content_is_there(&project, &store)?;

    if let Some(id) = last(lines, "removed") {
        let gone = store.run(&RunId::new(id).unwrap());
        let is_gone = matches!(gone, Err(StoreError::NoSuchRun { .. }));
        expect(is_gone, "a removed run is back")?;
    }
    let Some(id) = last(lines, "run") else {
        return Ok(());
    };
    let id = RunId::new(id).unwrap();
    let durable = if is_all {
        number("durable").max(number("event"))
    } else {
        number("durable")
    };
    let run = match store.run(&id) {
        Ok(run) => run,
        Err(StoreError::NoSuchRun { .. }) if durable == 0 => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    let count = "SELECT count(*), coalesce(max(seq), 0) FROM events WHERE run = ?1";
    let counted: (u64, u64) = project
        .raw()
        .query_row(count, [id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(|error| error.to_string())?;
    let all = (run.last_seq, run.last_seq);
    expect(counted == all, "the run counts other events than there are")?;
    expect(
        run.last_seq >= durable,
        &format!("events up to {} are left", run.last_seq),
    )?;
    let newest = store.latest_checkpoint(&id).map_err(|e| e.to_string())?;
    let newest = newest.map_or(0, |checkpoint| checkpoint.seq);
    expect(
        newest >= number("checkpoint"),
        "the newest checkpoint is gone",
    )?;
    if let Some(digest) = last(lines, "artifact") {
        let artifacts = store.artifacts(&id).map_err(|e| e.to_string())?;
        let Some(found) = artifacts.iter().find(|one| one.name == "a") else {
            return Err("an artifact is gone".into());
        };
        let is_old = |line: &String| *line == format!("artifact {}", found.digest);
        let is_older = found.digest != digest && lines.iter().any(is_old);
        expect(!is_older, "a replaced artifact is back")?;
    }
    // And it goes on from there.
    let mut handle = store.resume_run(&id).map_err(|error| error.to_string())?;
    handle
        .append(stopped(1))
        .map_err(|error| error.to_string())?;
    all_content_is_there(&project, &store)
}

fn all_content_is_there(project: &Project, store: &Store) -> Result<(), String> {
    let damage = store.take_damage();
    if !damage.is_empty() {
        return Err(format!("{damage:?}"));
    }
    let db = project.raw();
    let sql = "SELECT 'checkpoint', state FROM checkpoints \
               UNION SELECT 'checkpoint', progress FROM checkpoints \
               UNION SELECT 'artifact', digest FROM artifacts \
               UNION SELECT 'named state', digest FROM named_states";
    let mut statement = db.prepare(sql).map_err(|error| error.to_string())?;
    let rows: Vec<(String, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .and_then(|rows| rows.collect())
        .map_err(|error| error.to_string())?;
    for (kind, digest) in rows {
        let content = store.read_blob(&digest);
        content.map_err(|error| format!("content of a row of kind {kind}: {error}"))?;
    }
    Ok(())
}
