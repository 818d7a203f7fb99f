//! A process that dies at any instant loses nothing that was acknowledged.
//!
//! A child process writes a run as fast as it can and prints a line for each call that returned.
//! It is killed at a random moment, often in the middle of a write; then the store is opened and
//! every line is looked up in it. The next child resumes the run.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

use arkor_store::{Store, StoreError, StoreOptions};
use arkor_types::{Event, LogRecord, RunStatus};

use crate::common::*;

const KILLS: u32 = 40;

/// The process that is killed.
#[test]
fn writer() {
    if let Some(dir) = role() {
        write_for_ever(&dir);
    }
}

fn write_for_ever(dir: &Path) {
    // The test harness has left half a line behind. A line printed reaches the pipe at once, and
    // what is in the pipe outlives this process.
    println!("\nbegun");
    let store = Store::open(dir, StoreOptions::default()).unwrap();
    println!("opened");
    let mut run = match store.find_run("latest") {
        Ok(run) => store.resume_run(&run.id).unwrap(),
        Err(StoreError::NoSuchRun { .. }) => store.create_run(new_run()).unwrap(),
        Err(error) => panic!("{error}"),
    };
    let previous = run.previous_status().map_or("none", RunStatus::name);
    println!("run {} {} {previous}", run.id(), run.record().attempt);
    let mut random = Random::new();
    loop {
        let token = random.next();
        match token % 16 {
            0..8 => {
                let record = run
                    .append(Event::Log(LogRecord {
                        tokens: token >> 12,
                        ..LogRecord::default()
                    }))
                    .unwrap();
                println!("event {} {}", record.seq, token >> 12);
            }
            8..10 => {
                let records = run.append_all(vec![log(1); 5]).unwrap();
                println!("batch {}", records.last().unwrap().seq);
            }
            10..13 => {
                let mut content = vec![0; 1 + (token >> 20) as usize % 400_000];
                content[0] = token as u8;
                let (record, checkpoint) = save(&mut run, token >> 32, None, &content);
                println!("checkpoint {} {}", record.seq, checkpoint.id);
            }
            13 => {
                let content = token.to_le_bytes();
                let name = format!("file-{}", token % 3);
                let (_, artifact) = run.write_artifact(1, &name, &content).unwrap();
                println!("artifact {name} {}", artifact.digest);
            }
            14 => {
                let blob = put(&run, &token.to_le_bytes());
                let digest = blob.digest.clone();
                run.put_named_state("base", blob).unwrap();
                println!("named {digest}");
            }
            _ => {
                run.prune(2, false).unwrap();
                println!("pruned");
            }
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost() {
    let project = Project::new();
    let mut random = Random::new();
    let mut attempts = 0;
    let mut acknowledged = 0;
    for kill in 0..KILLS {
        let lines = run_and_kill(&project.dir(), &mut random, kill);
        acknowledged += lines.len();
        if lines.iter().any(|line| line.starts_with("run ")) {
            attempts += 1;
        }
        check(&project, &lines);
    }
    assert!(attempts > KILLS / 2, "most were killed before they began");
    assert!(
        acknowledged > KILLS as usize * 10,
        "hardly anything was written"
    );

    // And it still goes on to a good end.
    let store = project.open();
    let id = store.find_run("latest").unwrap().id;
    let mut run = store.resume_run(&id).unwrap();
    assert_eq!(run.previous_status(), Some(RunStatus::Interrupted));
    run.append(stopped(1)).unwrap();
    all_events(&store, &id);
}

/// The lines that a child printed before it was killed.
fn run_and_kill(dir: &Path, random: &mut Random, kill: u32) -> Vec<String> {
    let mut child = process("kill::writer", dir).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = Vec::new();
    // One in five is killed while it opens the store.
    let wanted = if kill.is_multiple_of(5) {
        0
    } else {
        random.next() as usize % 60
    };
    let mut read_to = |end: &dyn Fn(&[String]) -> bool| {
        while !end(&lines) {
            match output.next() {
                Some(line) => lines.push(line.unwrap()),
                None => break,
            }
        }
    };
    read_to(&|lines| lines.iter().any(|line| line == "begun"));
    read_to(&|lines| lines.len() > wanted);
    // A moment that no call of the child has anything to do with.
    let moment = Instant::now() + Duration::from_micros(random.next() % 4000);
    while Instant::now() < moment {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    read_to(&|_| false);
    let status = child.wait().unwrap();
    assert_eq!(status.code(), None, "it ended by itself: {lines:?}");
    lines
}

fn check(project: &Project, lines: &[String]) {
    let store = project.open();
    let run = match store.find_run("latest") {
        Ok(run) => run,
        Err(error) => {
            assert!(
                !lines.iter().any(|line| line.starts_with("run ")),
                "{error}: {lines:?}"
            );
            return;
        }
    };
    assert_eq!(store.runs().unwrap().len(), 1);
    let marked = store.mark_interrupted().unwrap();
    assert_eq!(
        marked.is_empty(),
        run.status != RunStatus::Running,
        "it was running if and only if it had begun another attempt"
    );
    let events = all_events(&store, &run.id);
    let last_seq = events.len() as u64;
    assert_eq!(store.run(&run.id).unwrap().last_seq, last_seq);
    assert_eq!(store.run(&run.id).unwrap().status, RunStatus::Interrupted);
    let terminal = events.iter().filter(|event| event.event.is_terminal());
    assert_eq!(terminal.count(), run.attempt as usize);

    let mut newest = None;
    // What the name stood for last, and at the last checkpoint.
    let (mut named, mut kept) = (None, None);
    let mut artifacts = std::collections::HashMap::new();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["run", id, attempt, previous] => {
                assert_eq!(*id, run.id.as_str());
                assert_eq!(*attempt, run.attempt.to_string());
                let first = *attempt == "1";
                assert_eq!(*previous, if first { "none" } else { "interrupted" });
            }
            ["event", seq, token] => {
                let seq: usize = seq.parse().unwrap();
                let Event::Log(log) = &events[seq - 1].event else {
                    panic!("{line}: {:?}", events[seq - 1]);
                };
                assert_eq!(log.tokens.to_string(), *token, "{line}");
            }
            ["batch", seq] => assert!(seq.parse::<u64>().unwrap() < last_seq, "{line}"),
            ["checkpoint", seq, id] => {
                let seq: u64 = seq.parse().unwrap();
                let event = &events[seq as usize - 1].event;
                assert!(
                    matches!(event, Event::Checkpoint(written) if written.id == *id),
                    "{line}: {event:?}"
                );
                newest = Some(seq);
                kept = named.clone().or(kept);
            }
            ["artifact", name, digest] => {
                artifacts.insert(name.to_string(), digest.to_string());
            }
            ["named", digest] => named = Some(digest.to_string()),
            _ => {}
        }
    }
    let checkpoints = store.checkpoints(&run.id).unwrap();
    let mut referenced = HashSet::new();
    for checkpoint in &checkpoints {
        for digest in [&checkpoint.state, &checkpoint.progress] {
            store.read_blob(digest).unwrap();
            referenced.insert(digest.clone());
        }
    }
    assert!(
        newest <= checkpoints.last().map(|last| last.seq),
        "the newest checkpoint is gone"
    );
    // What was acknowledged last stands, or what was being written when the end came.
    let now = store.artifacts(&run.id).unwrap();
    for (name, _) in artifacts {
        assert!(now.iter().any(|artifact| artifact.name == name.as_str()));
    }
    for artifact in now {
        store.read_blob(&artifact.digest).unwrap();
        referenced.insert(artifact.digest);
    }
    let handle = store.resume_run(&run.id).unwrap();
    let state = handle.named_state("base").unwrap();
    if kept.is_some() {
        // A checkpoint may have been written and not told.
        let digest = state.as_ref().map(|blob| blob.digest.clone());
        assert!(digest == kept || digest == named, "{digest:?}");
    }
    if let Some(blob) = state {
        store.read_blob(&blob.digest).unwrap();
        referenced.insert(blob.digest);
    }
    let files: HashSet<String> = project.blob_files().into_iter().collect();
    assert_eq!(files, referenced, "half-done content was left behind");
}
