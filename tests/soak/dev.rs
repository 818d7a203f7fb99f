//! `arkor-host dev` under a storm: code of all kinds is saved every 50 ms while it trains at full
//! speed and clients come and go. A minute, or `ARKOR_SOAK_SECONDS`; `cargo xtask soak` asks for more.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

#[allow(dead_code, reason = "the harness has more than these tests use")]
#[path = "../cli/harness.rs"]
mod harness;
#[allow(dead_code, reason = "shared with other tests")]
#[path = "../studio/http.rs"]
mod http;
#[allow(dead_code, reason = "shared with other tests")]
#[path = "../reload/program.rs"]
mod program;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use harness::guest;
use http::Studio;
use program::Dev;

/// What is saved: mostly code that changes nothing else, and everything that can go wrong.
const KINDS: [&str; 8] = [
    "counts",
    "swap-next",
    "swap-traps",
    "counts",
    "not wasm",
    "swap-next",
    "swap-rejects",
    "swap-config",
];

/// Numbers that look random, the same each time (Marsaglia's xorshift, 64 bits).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

/// What a process holds.
#[derive(Debug, Clone, Copy)]
struct Usage {
    /// Resident, in KiB.
    memory: u64,
    handles: usize,
    threads: usize,
}

fn usage(process: u32) -> Usage {
    let count = |folder: &str| {
        std::fs::read_dir(format!("/proc/{process}/{folder}")).map_or(0, Iterator::count)
    };
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let memory = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|text| text.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0);
    Usage {
        memory,
        handles: count("fd"),
        threads: count("task"),
    }
}

/// Opens streams of the newest run, reads a while, and drops them.
fn client(studio: &Studio, over: &AtomicBool, read: &AtomicU64, seed: u64) {
    let mut dice = Dice(seed);
    while !over.load(Ordering::Acquire) {
        let Some(run) = studio.runs().first().cloned() else {
            continue;
        };
        let id = run["id"].as_str().unwrap();
        let from = dice.roll(50) as u64;
        let path = format!("/api/runs/{id}/events/stream?after={from}");
        let mut stream = studio.stream(&path, &[]);
        let _ = stream
            .lines
            .get_ref()
            .set_read_timeout(Some(Duration::from_secs(2)));
        for at in 1..=dice.roll(300) as u64 {
            match stream.try_next() {
                Some((seq, _)) => assert_eq!(seq, from + at, "run {id}"),
                // A run that has just ended has no more to tell.
                None => break,
            }
            read.fetch_add(1, Ordering::Relaxed);
        }
        let _ = studio.stream("/api/dev/stream", &[]).next();
    }
}

#[test]
fn a_storm_of_saves_loses_nothing() {
    let seconds = std::env::var("ARKOR_SOAK_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(60);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut dev = Dev::start("counts");
    let studio = Studio::of(&dev.event("studio"));
    dev.event("log");
    let garbage = dev.project.path("garbage.txt");
    std::fs::write(&garbage, "this is no component").unwrap();

    let over = Arc::new(AtomicBool::new(false));
    let read = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (1..=4)
        .map(|seed| {
            let (studio, over, read) = (studio.clone(), Arc::clone(&over), Arc::clone(&read));
            std::thread::spawn(move || client(&studio, &over, &read, seed * 7919))
        })
        .collect();

    let mut dice = Dice(20_261_124);
    let mut saves = 0;
    let warm_up = Instant::now() + (end - Instant::now()) / 4;
    let (mut early, mut peak) = (None, usage(dev.child.id()));
    let mut told = Instant::now();
    while Instant::now() < end {
        match KINDS[dice.roll(KINDS.len())] {
            "not wasm" => dev.save(&garbage),
            name => dev.save(guest(name)),
        }
        saves += 1;
        std::thread::sleep(Duration::from_millis(50));
        dev.drain();
        let now = usage(dev.child.id());
        if Instant::now() >= warm_up {
            early.get_or_insert(now);
            peak.memory = peak.memory.max(now.memory);
            peak.handles = peak.handles.max(now.handles);
            peak.threads = peak.threads.max(now.threads);
        }
        if told.elapsed() > Duration::from_secs(10) {
            told = Instant::now();
            println!("{saves} saves, {} lines, {now:?}", dev.seen.len());
        }
    }
    over.store(true, Ordering::Release);
    for client in clients {
        client.join().expect("every stream was whole");
    }
    let (early, late) = (early.unwrap(), usage(dev.child.id()));
    // What was saved last is what trains in the end. It is a change, whatever was saved before.
    dev.save(&garbage);
    dev.error("is not WebAssembly");
    dev.save(guest("swap-next"));
    let settled = dev.wait("the last save", |line| {
        line["type"] == "dev"
            && matches!(
                line["state"].as_str(),
                Some("swapped" | "unchanged" | "ready")
            )
            && line["code"]["component"] == digest("swap-next")
    });
    let last = settled["run"].clone();
    let (code, lines) = dev.interrupt();
    assert_eq!(code, 130);
    let summary = judge(&lines);
    assert!(summary.runs.contains_key(last.as_str().unwrap_or_default()) || last.is_null());
    println!(
        "{saves} saves: {} runs, {} events, {} swaps, {} rollbacks, {} rejections, {} build errors; \
         clients read {} events; {early:?} -> {late:?}, peak {peak:?}",
        summary.runs.len(),
        summary.events,
        summary.swaps,
        summary.rollbacks,
        summary.rejections,
        summary.errors,
        read.load(Ordering::Relaxed)
    );
    assert!(summary.swaps > 0 && summary.rollbacks > 0 && summary.rejections > 0);
    assert!(summary.errors > 0 && summary.runs.len() > 2);
    assert!(read.load(Ordering::Relaxed) > 1000);
    // Each instance has a megabyte and more: one that stayed a swap would be hundreds.
    assert!(
        late.memory < early.memory + (96 << 10),
        "{early:?} {late:?}"
    );
    assert!(late.handles < early.handles + 24, "{early:?} {late:?}");
    assert!(late.threads < early.threads + 12, "{early:?} {late:?}");
}

fn digest(name: &str) -> String {
    blake3::hash(&std::fs::read(guest(name)).unwrap())
        .to_hex()
        .to_string()
}

#[derive(Default)]
struct Summary {
    runs: BTreeMap<String, u64>,
    events: u64,
    swaps: u64,
    rollbacks: u64,
    rejections: u64,
    errors: u64,
}

/// Every run's events are dense and in order, each has one end, each but the first a parent, and each
/// callback counted all the log events that there were, whichever generation handled them.
fn judge(lines: &[Value]) -> Summary {
    let mut summary = Summary::default();
    let mut order = Vec::new();
    let mut logs: BTreeMap<String, u64> = BTreeMap::new();
    let mut ended: BTreeMap<String, u64> = BTreeMap::new();
    // Runs whose callbacks began anew, after the first of them failed.
    let mut forgot: BTreeSet<String> = BTreeSet::new();
    for line in lines {
        if line["type"] == "dev" {
            summary.errors += u64::from(line["state"] == "error");
            continue;
        }
        let (Some(run), Some(seq)) = (line["run"].as_str(), line["seq"].as_u64()) else {
            continue;
        };
        summary.events += 1;
        let last = summary.runs.entry(run.into()).or_default();
        assert_eq!(seq, *last + 1, "{line}");
        *last = seq;
        assert!(!ended.contains_key(run), "after its end: {line}");
        match line["type"].as_str().unwrap() {
            "started" => {
                let parent: Option<&String> = order.last();
                assert_eq!(
                    line["parent"].as_str(),
                    parent.map(String::as_str),
                    "{line}"
                );
                order.push(run.to_owned());
            }
            "log" => *logs.entry(run.into()).or_default() += 1,
            "action" if line["callback"] == "on-log" => {
                let metric = &line["action"]["value"];
                if matches!(metric["name"].as_str(), Some("logs-seen" | "next")) {
                    let counted = metric["value"].as_f64().unwrap();
                    let is_right = counted == logs[run] as f64;
                    assert!(is_right || forgot.contains(run), "{line}");
                }
            }
            "swapped" => summary.swaps += 1,
            "rolled-back" => summary.rollbacks += 1,
            "swap-rejected" => summary.rejections += 1,
            // Only code that a run began with has nothing before it to go back to.
            "callback-failed" => {
                assert_eq!(line["fault"]["generation"], 1, "{line}");
                forgot.insert(run.to_owned());
            }
            "completed" | "stopped" | "failed" | "interrupted" => {
                assert_eq!(line["type"], "stopped", "{line}");
                *ended.entry(run.into()).or_default() += 1;
            }
            _ => {}
        }
    }
    for run in &order {
        assert_eq!(ended.get(run), Some(&1), "run {run} has no end");
    }
    summary
}
