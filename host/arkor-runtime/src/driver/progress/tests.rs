use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        step in any::<u64>(),
        rate in prop::option::of(-1e3..1e3f64),
        callbacks in prop::option::of(prop::collection::vec(any::<u8>(), 0..100)),
        training_loop in prop::option::of((
            any::<u64>(),
            any::<u64>(),
            prop::collection::vec(any::<u8>(), 0..100),
        )),
        data in prop::option::of("[0-9a-f]{64}"),
        callbacks_step in prop::option::of(any::<u64>()),
    ) {
        let training_loop = training_loop.map(|(step, generated, state)| LoopState {
            step,
            generated,
            state,
        });
        let saved = SavedProgress {
            progress: Progress { step, learning_rate: rate, ..Progress::default() },
            callbacks,
            callbacks_step,
            training_loop,
            data,
        };
        let bytes = saved.encode().unwrap();
        prop_assert_eq!(SavedProgress::decode(&bytes).unwrap(), saved);
        for length in 0..bytes.len() {
            prop_assert!(SavedProgress::decode(&bytes[..length]).is_err());
        }
    }
}

#[test]
fn another_version_is_named() {
    let mut bytes = SavedProgress::default().encode().unwrap();
    let at = bytes
        .windows(11)
        .position(|part| part == b"\"version\":1")
        .unwrap();
    bytes[at + 10] = b'9';
    let error = SavedProgress::decode(&bytes).unwrap_err().to_string();
    assert_eq!(error, "has format version 9, and this host reads version 1");
}

#[test]
fn an_event_has_so_many_metrics_and_no_more_the_newest() {
    let metric = |index: usize| Metric {
        name: format!("m{index}").into(),
        value: 0.0,
    };
    let mut progress = Progress::default();
    for index in 0..METRICS + 5 {
        progress.keep_metric(&metric(index));
    }
    assert_eq!(progress.metrics.len(), METRICS);
    assert_eq!(progress.metrics.last(), Some(&metric(METRICS + 4)));
    for first in [0, METRICS] {
        let measured = Measurement {
            loss: None,
            metrics: (first..first + METRICS).map(metric).collect(),
        };
        progress.measured_again(&measured, None);
    }
    assert_eq!(progress.last_metrics().len(), METRICS);
    assert_eq!(progress.last_metrics().first(), Some(&metric(METRICS)));
}

#[test]
fn rate_of_a_loop_is_of_all_tokens_since_its_last_log() {
    let mut progress = Progress::default();
    let log = |progress: &mut Progress, tokens| {
        let record = progress.loop_log_record(tokens, 2.0, LoopProgress::default(), Vec::new());
        record.tokens_per_second
    };
    // A hook at every step, and a log event at every third.
    for tokens in [10, 20, 30] {
        progress.loop_trained(tokens);
    }
    assert_eq!(log(&mut progress, 30), Some(15.0));
    progress.loop_trained(50);
    assert_eq!(log(&mut progress, 60), Some(15.0));
    // A loop that only logs.
    assert_eq!(log(&mut progress, 70), Some(5.0));
    assert_eq!(log(&mut progress, 70), None);
}

#[test]
fn a_checkpoint_tells_where_its_callback_state_is_from() {
    let saved = |callbacks: Option<Vec<u8>>, callbacks_step| SavedProgress {
        progress: Progress {
            step: 8,
            ..Progress::default()
        },
        callbacks,
        callbacks_step,
        ..SavedProgress::default()
    };
    assert_eq!(saved(None, Some(4)).callback_state(), CallbackState::None);
    let state = Some(vec![1]);
    assert_eq!(
        saved(state.clone(), Some(8)).callback_state(),
        CallbackState::Whole
    );
    assert_eq!(
        saved(state.clone(), Some(4)).callback_state(),
        CallbackState::Earlier(4)
    );
    // One of an earlier version does not tell.
    assert_eq!(saved(state, None).callback_state(), CallbackState::Whole);
}
