//! The whole model against finite differences, and what must be the same bit for bit.

use std::sync::atomic::Ordering;

use arkor_types::StopReason;

use super::*;
use crate::rng::Rng;

fn shape(tied: bool, keys: u32) -> ModelShape {
    ModelShape {
        hidden_size: 16,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: keys,
        intermediate_size: 24,
        rope_theta: 10_000.0,
        rms_norm_eps: 1e-5,
        tie_word_embeddings: tied,
    }
}

fn session(tied: bool, keys: u32, threads: usize) -> Session {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    let shape = shape(tied, keys);
    let mut session = Session::create(Arc::new(pool), &shape, 200, Tokenizer::Bytes, 7).unwrap();
    // Weights of ordinary size, so that every part of the gradient is far above rounding.
    let mut rng = Rng::new(3, "weights");
    for weight in &mut session.weights {
        *weight = *weight * 4.0 + (rng.normal() * 0.05) as f32;
    }
    session
}

fn data(lengths: &[usize]) -> Vec<Datum> {
    let mut rng = Rng::new(5, "data");
    let mut ids = |n: usize| -> Vec<u32> { (0..n).map(|_| rng.below(257) as u32).collect() };
    let mut data: Vec<Datum> = lengths
        .iter()
        .map(|n| Datum {
            tokens: ids(*n),
            targets: ids(*n),
            ..Datum::default()
        })
        .collect();
    let mut rng = Rng::new(6, "numbers");
    for datum in &mut data {
        let n = datum.tokens.len();
        let mut numbers = |low: f64, high: f64| -> Vec<f32> {
            (0..n)
                .map(|_| (low + (high - low) * rng.uniform()) as f32)
                .collect()
        };
        datum.weights = numbers(0.0, 0.2);
        datum.advantages = numbers(-1.0, 1.0);
        datum.old_log_probs = numbers(-7.0, -4.0);
    }
    data
}

const LOSSES: [LossFunction; 3] = [
    LossFunction::CrossEntropy,
    LossFunction::ImportanceSampling,
    LossFunction::Ppo {
        clip_low: 0.8,
        clip_high: 1.2,
    },
];

/// For each tensor, the slope of the loss along a random direction.
fn check_gradients(tied: bool, keys: u32, lengths: &[usize], loss: LossFunction) {
    let mut session = session(tied, keys, 2);
    let data = data(lengths);
    session
        .forward_backward(&data, loss, LogProbs::Omit)
        .unwrap();
    let tensors = session.transformer.layout.tensors.clone();
    for tensor in tensors {
        let mut rng = Rng::new(9, &tensor.name);
        let direction: Vec<f64> = tensor.at.clone().map(|_| rng.normal()).collect();
        let norm = direction.iter().map(|d| d * d).sum::<f64>().sqrt();
        let computed: f64 = tensor
            .at
            .clone()
            .zip(&direction)
            .map(|(at, d)| f64::from(session.gradients[at]) * d / norm)
            .sum();
        let original = session.weights.clone();
        let mut at = |epsilon: f64| {
            for (at, d) in tensor.at.clone().zip(&direction) {
                session.weights[at] = original[at] + (epsilon * d / norm) as f32;
            }
            session
                .forward(&data, loss, LogProbs::Omit)
                .unwrap()
                .loss_sum
        };
        let epsilon = 5e-4;
        // Richardson's extrapolation removes the cubic term.
        let slope = |e: f64, up: f64, down: f64| (up - down) / (2.0 * e);
        let fine = slope(epsilon, at(epsilon), at(-epsilon));
        let coarse = slope(2.0 * epsilon, at(2.0 * epsilon), at(-2.0 * epsilon));
        let measured = (4.0 * fine - coarse) / 3.0;
        session.weights = original;
        let error = (computed - measured).abs();
        assert!(
            error < 2e-2 * measured.abs().max(computed.abs()) + 2e-3,
            "{} ({loss:?}): computed {computed}, measured {measured}",
            tensor.name
        );
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    for loss in LOSSES {
        check_gradients(true, 4, &[11, 11], loss);
        check_gradients(false, 2, &[9, 5, 1], loss);
        check_gradients(false, 1, &[7], loss);
    }
}

#[test]
fn gradients_agree_across_attention_blocks() {
    check_gradients(true, 2, &[150], LossFunction::CrossEntropy);
}

fn train(session: &mut Session, steps: usize) -> Vec<u64> {
    let data = data(&[40, 33, 12]);
    let adam = AdamParameters {
        learning_rate: 1e-2,
        weight_decay: 0.1,
        ..Default::default()
    };
    (0..steps)
        .map(|_| {
            let out = session
                .forward_backward(&data, LossFunction::CrossEntropy, LogProbs::Omit)
                .unwrap();
            session.optim_step(&adam).unwrap();
            out.loss_sum.to_bits()
        })
        .collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let (mut one, mut three) = (session(true, 2, 1), session(true, 2, 3));
    assert_eq!(train(&mut one, 5), train(&mut three, 5));
    assert_eq!(bits(&one.weights), bits(&three.weights));
}

#[test]
fn training_learns() {
    let mut session = session(true, 2, 2);
    let losses = train(&mut session, 60);
    let (first, last) = (f64::from_bits(losses[0]), f64::from_bits(losses[59]));
    assert!(last < first * 0.2, "from {first} to {last}");
}

#[test]
fn a_saved_state_goes_on_bit_for_bit() {
    let mut whole = session(false, 2, 2);
    train(&mut whole, 3);
    let mut file = Vec::new();
    whole.save_state(&mut file).unwrap();
    let mut again = Vec::new();
    whole.save_state(&mut again).unwrap();
    assert_eq!(file, again, "equal states are equal files");
    let mut resumed = session(false, 2, 2);
    train(&mut resumed, 1);
    resumed.load_state(&mut file.as_slice()).unwrap();
    assert_eq!(train(&mut whole, 4), train(&mut resumed, 4));
    assert_eq!(bits(&whole.weights), bits(&resumed.weights));
    assert_eq!(bits(&whole.moments.second), bits(&resumed.moments.second));
}

#[test]
fn a_state_of_another_model_is_refused_and_changes_nothing() {
    let mut file = Vec::new();
    session(true, 4, 1).save_state(&mut file).unwrap();
    let mut other = session(true, 2, 1);
    let before = bits(&other.weights);
    let error = other
        .load_state(&mut file.as_slice())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("num-key-value-heads 4, and this one has 2"),
        "{error}"
    );
    assert_eq!(before, bits(&other.weights));
    for damaged in [&file[..10], b"not at all", &[]] {
        assert!(matches!(
            other.load_state(&mut &*damaged),
            Err(EngineError::State { .. })
        ));
    }
}

#[test]
fn divergence_keeps_the_weights_and_drops_the_gradients() {
    let mut session = session(true, 2, 1);
    train(&mut session, 1);
    let before = bits(&session.weights);
    let mut data = data(&[8]);
    data[0].old_log_probs = vec![-200.0; 8];
    data[0].advantages = vec![1e30; 8];
    let result = session.forward_backward(&data, LossFunction::ImportanceSampling, LogProbs::Omit);
    assert!(
        matches!(result, Err(EngineError::Diverged { .. })),
        "{result:?}"
    );
    assert!(
        session.optim_step(&AdamParameters::default()).is_err(),
        "no gradients are left"
    );
    assert_eq!(before, bits(&session.weights));
    train(&mut session, 1);
}

#[test]
fn gradients_of_parts_add_up() {
    let (mut whole, mut parts) = (session(true, 2, 1), session(true, 2, 1));
    let data = data(&[20, 20]);
    whole
        .forward_backward(&data, LossFunction::CrossEntropy, LogProbs::Omit)
        .unwrap();
    for datum in &data {
        let one = std::slice::from_ref(datum);
        parts
            .forward_backward(one, LossFunction::CrossEntropy, LogProbs::Omit)
            .unwrap();
    }
    for (a, b) in whole.gradients.iter().zip(&parts.gradients) {
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
}

#[test]
fn log_probabilities_and_sampling_agree_with_the_forward_pass() {
    let mut session = session(true, 2, 2);
    train(&mut session, 20);
    let prompt: Vec<u32> = data(&[40])[0].tokens[..10].to_vec();
    let parameters = SamplingParameters {
        max_tokens: 12,
        temperature: 0.7,
        top_k: 20,
        top_p: 0.9,
        ..Default::default()
    };
    let sampled = session
        .sample(std::slice::from_ref(&prompt), 3, &parameters)
        .unwrap()
        .remove(0);
    assert_eq!(
        sampled,
        session
            .sample(std::slice::from_ref(&prompt), 3, &parameters)
            .unwrap()
            .remove(0),
        "one seed, one text"
    );
    for sequence in &sampled {
        let mut tokens = prompt.clone();
        tokens.extend(&sequence.tokens);
        let targets = tokens[1..].to_vec();
        tokens.pop();
        let datum = Datum {
            tokens,
            targets,
            ..Datum::default()
        };
        let out = session
            .forward(&[datum], LossFunction::CrossEntropy, LogProbs::Return)
            .unwrap();
        let scored = &out.log_probs[0][prompt.len() - 1..];
        for (a, b) in scored.iter().zip(&sequence.log_probs) {
            assert!((a - b).abs() < 1e-3, "cache {b}, whole {a}");
        }
    }
}

#[test]
fn greedy_sampling_ignores_the_seed_and_stops_before_a_stop_text() {
    let mut session = session(true, 2, 1);
    let with = |seed, stop: &str| SamplingParameters {
        max_tokens: 30,
        temperature: 0.0,
        stop: vec![stop.into()],
        seed,
        ..Default::default()
    };
    let free = session
        .sample(&[vec![65]], 2, &with(1, "\0none"))
        .unwrap()
        .remove(0);
    assert_eq!(
        free,
        session
            .sample(&[vec![65]], 2, &with(2, "\0none"))
            .unwrap()
            .remove(0)
    );
    assert_eq!(free[0], free[1]);
    assert_eq!(free[0].stop_reason, StopReason::Length);
    let text = session.detokenize(&free[0].tokens).unwrap();
    let stop: String = text.chars().skip(3).take(2).collect();
    let stopped = session
        .sample(&[vec![65]], 1, &with(1, &stop))
        .unwrap()
        .remove(0);
    assert_eq!(stopped[0].stop_reason, StopReason::Stop);
    let stopped = session.detokenize(&stopped[0].tokens).unwrap();
    assert!(text.starts_with(&stopped) && !stopped.contains(&stop));
}

#[test]
fn prompts_are_sampled_each_with_streams_of_its_own_and_stop_at_a_token() {
    let mut session = session(true, 2, 1);
    let parameters = SamplingParameters {
        max_tokens: 12,
        ..Default::default()
    };
    let one = session.sample(&[vec![65]], 2, &parameters).unwrap();
    let three = [vec![65], vec![65], vec![66, 67]];
    let all = session.sample(&three, 2, &parameters).unwrap();
    assert_eq!(all.len(), 3);
    assert_eq!(all[0], one[0]);
    assert_ne!(all[0], all[1]);
    let free = &all[0][0];
    let stop = free.tokens[4];
    let first = free.tokens.iter().position(|token| *token == stop).unwrap();
    let parameters = SamplingParameters {
        stop_token_ids: vec![stop],
        ..parameters
    };
    let stopped = session
        .sample(&[vec![65]], 1, &parameters)
        .unwrap()
        .remove(0)
        .remove(0);
    assert_eq!(stopped.tokens, free.tokens[..=first]);
    assert_eq!(stopped.stop_reason, StopReason::Stop);
    assert!(session.sample(&[], 1, &parameters).is_err());
    assert!(
        session
            .sample(&vec![vec![65]; 257], 1, &parameters)
            .is_err()
    );
}

#[test]
fn sampling_ends_when_nobody_waits_for_it() {
    let mut session = session(true, 2, 1);
    let (parameters, flag) = (
        SamplingParameters::default(),
        Arc::new(AtomicBool::new(true)),
    );
    session.interrupt_by(&flag);
    let ended = session.sample(&[vec![65]], 2, &parameters);
    assert!(matches!(ended, Err(EngineError::Interrupted)), "{ended:?}");
    flag.store(false, Ordering::Release);
    assert!(session.sample(&[vec![65]], 2, &parameters).is_ok());
}

#[test]
fn sampling_fills_the_context_and_leaves_training_alone() {
    let (mut quiet, mut chatty) = (session(true, 2, 1), session(true, 2, 2));
    let parameters = SamplingParameters {
        max_tokens: 1000,
        ..Default::default()
    };
    train(&mut quiet, 2);
    train(&mut chatty, 1);
    let sampled = chatty
        .sample(&[vec![1, 2, 3]], 9, &parameters)
        .unwrap()
        .remove(0);
    assert!(sampled.iter().all(|one| match one.stop_reason {
        StopReason::Length => one.tokens.len() == 197,
        StopReason::Stop => one.tokens.last() == Some(&256),
    }));
    assert_ne!(sampled[0], sampled[1]);
    train(&mut chatty, 1);
    assert_eq!(bits(&quiet.weights), bits(&chatty.weights));
    let wrong = [
        (vec![], 1),
        (vec![1; 200], 1),
        (vec![257], 1),
        (vec![1], 0),
        (vec![1], 257),
    ];
    for (prompt, count) in wrong {
        let result = chatty.sample(&[prompt], count, &parameters);
        assert!(
            matches!(result, Err(EngineError::Invalid { .. })),
            "{result:?}"
        );
    }
}

#[test]
fn gradients_must_be_applied_before_saving_and_loading_drops_them() {
    let mut session = session(true, 2, 1);
    let mut file = Vec::new();
    session.save_state(&mut file).unwrap();
    let adam = AdamParameters::default();
    assert!(matches!(
        session.optim_step(&adam),
        Err(EngineError::Invalid { .. })
    ));
    let data = data(&[5]);
    session
        .forward_backward(&data, LossFunction::CrossEntropy, LogProbs::Omit)
        .unwrap();
    assert!(matches!(
        session.save_state(&mut Vec::new()),
        Err(EngineError::Invalid { .. })
    ));
    let wrong = AdamParameters { beta1: 1.0, ..adam };
    assert!(matches!(
        session.optim_step(&wrong),
        Err(EngineError::Invalid { .. })
    ));
    session.load_state(&mut file.as_slice()).unwrap();
    assert!(matches!(
        session.optim_step(&adam),
        Err(EngineError::Invalid { .. })
    ));
    assert!(session.gradients.iter().all(|gradient| *gradient == 0.0));
}

#[test]
fn the_library_for_the_format_reads_a_saved_state() {
    let mut session = session(false, 2, 1);
    let mut file = Vec::new();
    session.save_state(&mut file).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
    let view = tensors
        .tensor("model.layers.1.self_attn.k_proj.weight")
        .unwrap();
    assert_eq!(view.shape(), [8, 16]);
    let tensor = session
        .layout()
        .tensors
        .iter()
        .find(|t| t.name.contains("layers.1.self_attn.k"));
    let expected = &session.weights[tensor.unwrap().at.clone()];
    let read: Vec<f32> = view
        .data()
        .as_chunks()
        .0
        .iter()
        .map(|b| f32::from_le_bytes(*b))
        .collect();
    assert_eq!(read, expected);
    assert!(tensors.tensor("optimizer.exp_avg.lm_head.weight").is_ok());
}

#[test]
fn a_damaged_state_is_refused_wherever_it_ends() {
    let mut session = session(true, 2, 1);
    let mut file = Vec::new();
    session.save_state(&mut file).unwrap();
    let before = bits(&session.weights);
    for end in [0, 7, 8, 100, file.len() / 2, file.len() - 1] {
        let result = session.load_state(&mut &file[..end]);
        assert!(
            matches!(result, Err(EngineError::State { .. })),
            "{end}: {result:?}"
        );
    }
    let mut longer = file.clone();
    longer.push(0);
    assert!(session.load_state(&mut longer.as_slice()).is_err());
    assert_eq!(before, bits(&session.weights));
}
