//! What swapping costs in the long run. A test program of its own: memory and open files are those of
//! the process, and nothing else may use them meanwhile.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[allow(dead_code, reason = "the harness has more than these tests use")]
#[path = "../cli/harness.rs"]
mod harness;
#[allow(dead_code, reason = "it has more than this test uses")]
#[path = "../reload/run.rs"]
mod run;

use arkor_runtime::ReloadOutcome;
use arkor_types::Event;

use crate::run::{Run, component, counted_without_a_gap, swap};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_15_20_ten_thousand_swaps_leave_nothing_behind() {
    let run = Run::start("counts").await;
    run.logs(1).await;
    let (a, b) = (component("swap-next"), component("counts"));
    let reloader = run.control.reloader();
    let swaps = async |times: usize| {
        for index in 0..times {
            let code = if index % 2 == 0 { &a } else { &b };
            let outcome = swap(&reloader, code).await;
            assert!(matches!(outcome, ReloadOutcome::Swapped(_)), "{outcome:?}");
        }
    };
    swaps(200).await;
    let before = usage();
    swaps(9_800).await;
    let after = usage();
    assert!(after.files <= before.files + 4, "{before:?} {after:?}");
    assert!(after.tasks <= before.tasks + 4, "{before:?} {after:?}");
    // A live instance has a megabyte and more: a leak of one a swap would be a gigabyte.
    assert!(
        after.memory < before.memory + (64 << 20),
        "{before:?} {after:?}"
    );
    let (_, events) = run.stop().await;
    let all = events
        .iter()
        .filter(|record| matches!(record.event, Event::Swapped(_)));
    assert_eq!(all.count(), 10_000);
    let counted: Vec<f64> = events
        .iter()
        .filter_map(|record| match &record.event {
            Event::Action(taken) => match &taken.action {
                arkor_types::Action::LogMetric(metric) => Some(metric.value),
                _ => None,
            },
            _ => None,
        })
        .collect();
    counted_without_a_gap(&counted);
}

#[derive(Debug)]
struct Usage {
    /// Bytes that are resident.
    memory: u64,
    files: usize,
    tasks: usize,
}

fn usage() -> Usage {
    let tasks = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .unwrap_or(0);
    Usage {
        memory: pages * 4096,
        files: std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count),
        tasks,
    }
}
