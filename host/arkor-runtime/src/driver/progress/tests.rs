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
    ) {
        let training_loop = training_loop.map(|(step, generated, state)| LoopState {
            step,
            generated,
            state,
        });
        let saved = SavedProgress {
            progress: Progress { step, learning_rate: rate, ..Progress::default() },
            callbacks,
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
