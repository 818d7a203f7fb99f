//! The callbacks of a run are replaced while it trains.

use std::time::Duration;

use arkor_runtime::{Capabilities, FileAccess, FileGrant, Limits, ReloadOutcome, RunRequest};
use arkor_types::{Event, FaultCause, GuestFunction, RunStatus};

use crate::run::{Run, component, counted_without_a_gap, metrics, swap};

fn rejected(outcome: &ReloadOutcome) -> &arkor_types::Fault {
    match outcome {
        ReloadOutcome::Rejected(fault) => fault,
        other => panic!("{other:?}"),
    }
}

fn impatient() -> Limits {
    Limits {
        callback_timeout: Duration::from_millis(1000),
        start_timeout: Duration::from_millis(1000),
        ..Limits::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_14_15_21_events_go_on_and_memory_is_carried_over_again_and_again() {
    let run = Run::start("counts").await;
    run.logs(3).await;
    for (index, name) in ["swap-next", "counts", "swap-next", "counts"]
        .iter()
        .enumerate()
    {
        let outcome = run.swap(name).await;
        assert_eq!(outcome, ReloadOutcome::Swapped(index as u32 + 2));
        run.logs(4).await;
    }
    let (outcome, events) = run.stop().await;
    assert_eq!(outcome.status, RunStatus::Stopped);
    let all: Vec<f64> = events
        .iter()
        .filter_map(|record| match &record.event {
            Event::Action(taken) => match &taken.action {
                arkor_types::Action::LogMetric(metric) => Some(metric.value),
                _ => None,
            },
            _ => None,
        })
        .collect();
    counted_without_a_gap(&all);
    assert!(all.len() >= 19);
    let logs = events
        .iter()
        .filter(|record| matches!(record.event, Event::Log(_)));
    assert_eq!(logs.count(), all.len(), "each log event once");
    let seqs: Vec<u64> = events.iter().map(|record| record.seq).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    let swaps: Vec<_> = events
        .iter()
        .filter_map(|record| match &record.event {
            Event::Swapped(swap) => Some((swap.previous, swap.generation, swap.state_size)),
            _ => None,
        })
        .collect();
    assert_eq!(
        swaps,
        [
            (1, 2, Some(16)),
            (2, 3, Some(16)),
            (3, 4, Some(16)),
            (4, 5, Some(16))
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_16_memory_that_is_refused_or_rejected_keeps_the_old_code() {
    let run = Run::start("counts").await;
    run.logs(2).await;
    let outcome = run.swap("swap-rejects").await;
    let fault = rejected(&outcome);
    assert_eq!(fault.function, GuestFunction::LoadState);
    assert_eq!(
        fault.cause,
        FaultCause::Error("16 bytes are not mine".into())
    );
    run.logs(2).await;
    assert_eq!(run.swap("swap-refuses").await, ReloadOutcome::Swapped(2));
    let outcome = run.swap("swap-next").await;
    assert_eq!(rejected(&outcome).function, GuestFunction::SaveState);
    run.logs(2).await;
    let (_, events) = run.stop().await;
    let rejections = events
        .iter()
        .filter(|record| matches!(record.event, Event::SwapRejected(_)));
    assert_eq!(rejections.count(), 2);
    counted_without_a_gap(&metrics(&events, "logs-seen"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_17_code_that_fails_to_start_or_at_its_first_events_is_rolled_back() {
    let run = Run::start("counts").await;
    run.logs(2).await;
    let outcome = run.swap("panics-in-describe").await;
    assert_eq!(rejected(&outcome).function, GuestFunction::Describe);
    run.logs(1).await;
    assert_eq!(run.swap("swap-traps").await, ReloadOutcome::Swapped(2));
    run.count(1, |event| matches!(event, Event::RolledBack(_)))
        .await;
    // A generation that failed is gone; its number is not given again.
    assert_eq!(run.swap("swap-next").await, ReloadOutcome::Swapped(3));
    run.logs(2).await;
    let (_, events) = run.stop().await;
    let back: Vec<_> = events
        .iter()
        .filter_map(|record| match &record.event {
            Event::RolledBack(back) => Some((back.failed, back.generation, &back.fault.cause)),
            _ => None,
        })
        .collect();
    assert_eq!(back.len(), 1, "{back:?}");
    assert_eq!((back[0].0, back[0].1), (2, 1));
    assert!(matches!(back[0].2, FaultCause::Panic(_)));
    // The old code was told of what the new code had handled, and counts it: no gap, and nothing
    // that was asked for twice.
    let old = metrics(&events, "logs-seen");
    let next = metrics(&events, "next");
    let logs = events
        .iter()
        .filter(|record| matches!(record.event, Event::Log(_)));
    assert_eq!(*next.last().unwrap(), logs.count() as f64);
    let missed = next[0] - old.len() as f64 - 1.0;
    assert!((0.0..=1.0).contains(&missed), "{old:?} {next:?}");
    assert_eq!(*old.last().unwrap() + 1.0, next[0]);
    // The run did not fail, and no failure was laid at the callback's door.
    assert!(
        !events
            .iter()
            .any(|record| matches!(record.event, Event::CallbackFailed(_)))
    );
}

/// Of two that fail one after the other, before either has handled anything, none stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_17_code_that_failed_is_not_what_one_goes_back_to() {
    let run = Run::start("counts").await;
    run.logs(2).await;
    run.ask(RunRequest::Pause).await;
    run.count(1, |event| matches!(event, Event::Paused(_)))
        .await;
    for generation in [2, 3] {
        let outcome = run.swap("swap-traps").await;
        assert_eq!(outcome, ReloadOutcome::Swapped(generation));
    }
    run.ask(RunRequest::Continue).await;
    run.count(2, |event| matches!(event, Event::RolledBack(_)))
        .await;
    run.logs(2).await;
    let (_, events) = run.stop().await;
    let back = events.iter().filter_map(|record| match &record.event {
        Event::RolledBack(back) => Some((back.failed, back.generation)),
        _ => None,
    });
    assert_eq!(back.collect::<Vec<_>>(), [(3, 2), (2, 1)]);
    let logs = events
        .iter()
        .filter(|record| matches!(record.event, Event::Log(_)));
    // The last one answered counts all that came before it: none was missed, and none came twice.
    let counted = metrics(&events, "logs-seen");
    assert_eq!(*counted.last().unwrap(), logs.count() as f64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn case_04_code_that_is_taken_back_before_it_is_in_place_never_comes() {
    // On the one thread that the run is on, too: nobody answers while the swap is polled once.
    tokio::spawn(taken_back()).await.unwrap();
}

async fn taken_back() {
    let run = Run::start("counts").await;
    run.logs(2).await;
    run.ask(RunRequest::Pause).await;
    run.count(1, |event| matches!(event, Event::Paused(_)))
        .await;
    let reloader = run.control.reloader();
    // Its place is that of its promise, though nothing of it was done yet when it is taken back.
    let late = swap(&reloader, &component("swap-next"));
    run.control.reloader().withdraw();
    assert_eq!(late.await, ReloadOutcome::Superseded);
    run.ask(RunRequest::Continue).await;
    run.logs(2).await;
    let (_, events) = run.stop().await;
    assert!(metrics(&events, "next").is_empty());
    counted_without_a_gap(&metrics(&events, "logs-seen"));
}

/// Each log event once, whoever handled it.
fn all_logs_were_counted(events: &[arkor_types::EventRecord], name: &str) {
    let logs = events
        .iter()
        .filter(|record| matches!(record.event, Event::Log(_)));
    assert_eq!(*metrics(events, name).last().unwrap(), logs.count() as f64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_that_answers_errors_only_is_rolled_back_and_what_it_failed_on_is_handled() {
    let run = Run::start("counts").await;
    run.logs(2).await;
    assert_eq!(run.swap("swap-errs").await, ReloadOutcome::Swapped(2));
    run.count(1, |event| matches!(event, Event::RolledBack(_)))
        .await;
    run.logs(2).await;
    let (_, events) = run.stop().await;
    let back: Vec<_> = events
        .iter()
        .filter_map(|record| match &record.event {
            Event::RolledBack(back) => Some((back.failed, back.generation)),
            _ => None,
        })
        .collect();
    assert_eq!(back, [(2, 1)]);
    // The code that is back asked for something at each log event, and all of it counts.
    counted_without_a_gap(&metrics(&events, "logs-seen"));
    all_logs_were_counted(&events, "logs-seen");
    let failed = events
        .iter()
        .filter(|record| matches!(record.event, Event::CallbackFailed(_)));
    assert_eq!(failed.count(), 2, "those before the last straw");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_that_new_code_loses_is_taken_from_the_code_before() {
    let run = Run::start("counts").await;
    run.logs(2).await;
    run.ask(RunRequest::Pause).await;
    run.count(1, |event| matches!(event, Event::Paused(_)))
        .await;
    assert_eq!(run.swap("swap-save-traps").await, ReloadOutcome::Swapped(2));
    assert_eq!(run.swap("swap-next").await, ReloadOutcome::Swapped(3));
    run.ask(RunRequest::Continue).await;
    run.logs(2).await;
    let (_, events) = run.stop().await;
    all_logs_were_counted(&events, "next");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_that_hangs_gives_way_to_newer_code_before_its_time_is_over() {
    let limits = Limits {
        callback_timeout: Duration::from_secs(9),
        ..Limits::default()
    };
    let run = Run::with_limits("counts", limits).await;
    run.logs(2).await;
    assert_eq!(run.swap("swap-loops").await, ReloadOutcome::Swapped(2));
    run.log_in_generation(2).await;
    assert_eq!(run.swap("swap-next").await, ReloadOutcome::Swapped(3));
    run.logs(2).await;
    let (_, events) = run.stop().await;
    let cut = events.iter().find_map(|record| match &record.event {
        Event::RolledBack(back) => Some(back.fault.clone()),
        _ => None,
    });
    let cut = cut.unwrap();
    assert!(
        matches!(cut.cause, FaultCause::Hurried(time) if (3000..9000).contains(&time)),
        "{cut}"
    );
    all_logs_were_counted(&events, "next");
    let told = events.iter().any(|record| match &record.event {
        Event::Message(message) => message
            .text
            .as_str()
            .contains("newer code waits for a callback"),
        _ => false,
    });
    assert!(told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_told_no_is_told_why() {
    let run = Run::start("counts").await;
    run.logs(1).await;
    let requests = run.control.requests();
    let refused = async |request| requests.ask(request).await.unwrap_err();
    assert_eq!(refused(RunRequest::Continue).await, "the run is not paused");
    let rate = refused(RunRequest::SetLearningRate(f64::NAN)).await;
    assert!(rate.contains("no learning rate"), "{rate}");
    run.stop().await;
    assert_eq!(refused(RunRequest::Pause).await, "the run has ended");
}

/// Who reads the tail as it grows needs nothing of the store, and reads the lines that were stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_keeps_up_reads_nothing_from_the_store() {
    // It asks for no checkpoints, which read.
    let run = Run::start("swap-next").await;
    let (tail, mut progress) = (run.control.tail(), run.control.progress());
    let mut read = Vec::new();
    let before = run.store.reads();
    while read.len() < 200 {
        progress.changed().await.unwrap();
        let seen = read.len() as u64;
        read.extend(tail.after(seen).expect("it kept up"));
    }
    assert_eq!(run.store.reads(), before, "nobody read the store");
    let stored = run.events();
    for (line, record) in read.iter().zip(&stored) {
        assert_eq!(line.record, *record);
        assert_eq!(line.json, arkor_types::json_text(record).unwrap());
    }
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_18_code_after_a_dead_generation_starts_fresh_and_is_told_so() {
    let run = Run::start("recurses").await;
    let failed = |run: &Run| {
        !run.of(|record| matches!(record.event, Event::CallbackFailed(_)).then_some(()))
            .is_empty()
    };
    let mut progress = run.control.progress();
    while !failed(&run) {
        progress.changed().await.unwrap();
    }
    assert_eq!(run.swap("swap-next").await, ReloadOutcome::Swapped(2));
    run.logs(2).await;
    let (_, events) = run.stop().await;
    assert_eq!(metrics(&events, "next")[0], 1.0);
    let told = events.iter().any(|record| match &record.event {
        Event::Message(message) => message.text.as_str().contains("begins without memory"),
        _ => false,
    });
    assert!(told);
    let fresh = events.iter().any(|record| match &record.event {
        Event::Swapped(swap) => swap.state_size.is_none() && swap.previous == 0,
        _ => false,
    });
    assert!(fresh);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_19_a_hopeless_callback_is_cut_and_replaced() {
    let run = Run::with_limits("counts", impatient()).await;
    run.logs(2).await;
    assert_eq!(run.swap("swap-loops").await, ReloadOutcome::Swapped(2));
    run.log_in_generation(2).await;
    // While it hangs, better code comes; the hanging one is cut, rolled back, and replaced.
    assert_eq!(run.swap("swap-next").await, ReloadOutcome::Swapped(3));
    run.logs(2).await;
    let (_, events) = run.stop().await;
    let cut = events.iter().any(|record| match &record.event {
        Event::RolledBack(back) => back.fault.cause == FaultCause::Deadline(1000),
        _ => false,
    });
    assert!(cut);
    let logs = events
        .iter()
        .filter(|record| matches!(record.event, Event::Log(_)));
    assert_eq!(
        *metrics(&events, "next").last().unwrap(),
        logs.count() as f64
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_05_a_slow_start_never_overrides_newer_code() {
    let run = Run::start("counts").await;
    run.logs(1).await;
    let (older, newer) = (run.control.reloader(), run.control.reloader());
    let (old, new) = (component("swap-traps"), component("swap-next"));
    let (older, newer) = tokio::join!(swap(&older, &old), swap(&newer, &new));
    assert!(matches!(newer, ReloadOutcome::Swapped(_)), "{newer:?}");
    assert!(
        matches!(older, ReloadOutcome::Superseded | ReloadOutcome::Swapped(2)),
        "{older:?}"
    );
    run.logs(3).await;
    let (_, events) = run.stop().await;
    let last = events.iter().rev().find_map(|record| match &record.event {
        Event::Swapped(swap) => Some(swap.component.clone()),
        _ => None,
    });
    assert_eq!(last.unwrap(), component("swap-next").digest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_is_handed_over_at_its_next_checkpoint_and_goes_on_from_it() {
    let run = Run::start("loop-own-data").await;
    run.logs(3).await;
    for generation in 2..5 {
        let outcome = run.swap("loop-own-data").await;
        assert_eq!(outcome, ReloadOutcome::Swapped(generation));
        let begun = || {
            run.of(|record| match &record.event {
                Event::Message(message) => {
                    message.text.as_str().starts_with("dataset:").then_some(())
                }
                _ => None,
            })
            .len()
        };
        let mut progress = run.control.progress();
        while begun() < generation as usize {
            progress.changed().await.unwrap();
        }
        run.logs(3).await;
    }
    let (outcome, events) = run.stop().await;
    assert_eq!(outcome.status, RunStatus::Stopped);
    let steps: Vec<u64> = events
        .iter()
        .filter_map(|record| match &record.event {
            Event::Log(log) => Some(log.step),
            _ => None,
        })
        .collect();
    assert_eq!(
        steps,
        (1..=steps.len() as u64).collect::<Vec<_>>(),
        "no step is lost or done twice"
    );
    let saved = events
        .iter()
        .filter(|record| matches!(record.event, Event::Checkpoint(_)));
    assert_eq!(
        saved.count(),
        4,
        "one for each hand-over and one for the stop"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_that_cannot_go_on_gives_the_run_back_to_the_code_before() {
    let run = Run::start("loop-own-data").await;
    run.logs(3).await;
    let outcome = run.swap("loop-cannot-resume").await;
    assert_eq!(outcome, ReloadOutcome::Swapped(2));
    let back = |run: &Run| {
        let told = run.of(|record| match &record.event {
            Event::Message(message) => message
                .text
                .as_str()
                .contains("takes over, from the checkpoint")
                .then_some(()),
            _ => None,
        });
        !told.is_empty()
    };
    let mut progress = run.control.progress();
    while !back(&run) {
        progress.changed().await.unwrap();
    }
    run.logs(5).await;
    let (outcome, events) = run.stop().await;
    assert_eq!(outcome.status, RunStatus::Stopped);
    let steps: Vec<u64> = events
        .iter()
        .filter_map(|record| match &record.event {
            Event::Log(log) => Some(log.step),
            _ => None,
        })
        .collect();
    assert_eq!(steps, (1..=steps.len() as u64).collect::<Vec<_>>());
    let failed: Vec<_> = events
        .iter()
        .filter_map(|record| match &record.event {
            Event::CallbackFailed(failed) => Some(failed.fault.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(failed.len(), 1);
    assert!(failed[0].contains("in no form I know"), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_11_12_the_config_hash_tells_a_swap_from_a_restart() {
    let hash = async |name: &str| {
        let trainer = arkor_runtime::Trainer::start(
            &component(name),
            arkor_runtime::Capabilities::default(),
            Limits::default(),
        )
        .await
        .unwrap();
        trainer.spec(|_| {}).unwrap().config_hash().unwrap()
    };
    let counts = hash("counts").await;
    assert_eq!(counts, hash("swap-next").await);
    assert_ne!(counts, hash("swap-config").await);
}

/// Who waits for a loop that computes waits until it calls its host; that it is cut off would end the run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_that_computes_long_is_paused_and_handed_over_and_not_cut_off() {
    let limits = Limits {
        loop_timeout: Duration::from_secs(6),
        ..Limits::default()
    };
    let run = Run::with_limits("loop-computes", limits).await;
    run.logs(1).await;
    run.ask(RunRequest::Pause).await;
    run.message("the pause waits for the training loop").await;
    run.count(1, |event| matches!(event, Event::Paused(_)))
        .await;
    run.ask(RunRequest::Continue).await;
    assert_eq!(run.swap("loop-computes").await, ReloadOutcome::Swapped(2));
    run.logs(2).await;
    run.ask(RunRequest::Pause).await;
    run.count(2, |event| matches!(event, Event::Paused(_)))
        .await;
    let (outcome, events) = run.stop().await;
    assert_eq!(outcome.status, RunStatus::Stopped);
    let failed = |event: &Event| matches!(event, Event::CallbackFailed(_) | Event::RolledBack(_));
    assert!(!events.iter().any(|record| failed(&record.event)));
}

/// The checkpoint of the hand-over holds memory in the form of the code that failed, which the code before does not
/// know: its callbacks live, without it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_that_comes_back_and_does_not_take_the_memory_of_newer_code_begins_without_it() {
    let run = Run::start("loop-remembers").await;
    run.logs(3).await;
    let outcome = run.swap("loop-upgrades").await;
    assert_eq!(outcome, ReloadOutcome::Swapped(2));
    run.message("takes over, from the checkpoint").await;
    run.logs(3).await;
    let (outcome, events) = run.stop().await;
    assert_eq!(outcome.status, RunStatus::Stopped);
    let back = |event: &Event| match event {
        Event::Message(message) => message.text.as_str().contains("without memory"),
        _ => false,
    };
    let back = events.iter().position(|record| back(&record.event));
    let after = &events[back.expect("it is told")..];
    counted_without_a_gap(&metrics(after, "first"));
    assert!(metrics(after, "first").len() >= 2);
}

/// What is handed over again to code that comes back has no effect outside of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_new_code_wrote_is_not_written_again_by_the_code_that_is_back() {
    let grants = |folder: &std::path::Path| {
        let out = folder.join("out");
        std::fs::create_dir(&out).unwrap();
        Capabilities {
            files: vec![FileGrant {
                host_path: out.canonicalize().unwrap(),
                guest_path: "/out".into(),
                access: FileAccess::Write,
            }],
            ..Capabilities::default()
        }
    };
    let run = Run::granted("writes-lines", Limits::default(), grants).await;
    run.logs(2).await;
    let outcome = run.swap("writes-and-traps").await;
    assert_eq!(outcome, ReloadOutcome::Swapped(2));
    run.count(1, |event| matches!(event, Event::RolledBack(_)))
        .await;
    run.logs(2).await;
    run.ask(RunRequest::Pause).await;
    run.count(1, |event| matches!(event, Event::Paused(_)))
        .await;
    let written = std::fs::read_to_string(run.path("out/lines.txt")).unwrap();
    let written: Vec<u64> = written.lines().map(|line| line.parse().unwrap()).collect();
    let (_, events) = run.stop().await;
    let logs = events.iter().filter_map(|record| match &record.event {
        Event::Log(_) => Some(record.seq),
        _ => None,
    });
    assert_eq!(written, logs.collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_nobody_holds_any_more_trains_on() {
    let run = Run::start("swap-next").await;
    run.logs(1).await;
    let mut progress = run.control.progress();
    let begin = progress.borrow().step;
    let _folder = run.abandon();
    while progress.borrow().step < begin + 100 {
        progress.changed().await.expect("the run goes on");
    }
}
