//! Cutting and batching.

use super::*;
use crate::{EmbeddedEngine, Engine, EngineError, Priority, SessionRequest, TrainingSession};
use arkor_types::{
    DatasetDraft, DatasetSource, HeldOut, HyperparametersDraft, ModelShape, ModelSource, Spec,
    SpecDraft, TokenizerSource,
};

pub(crate) fn spec(tokenizer: TokenizerSource, hyperparameters: HyperparametersDraft) -> Spec {
    SpecDraft {
        tokenizer: Some(tokenizer),
        hyperparameters,
        ..SpecDraft::new(
            "data",
            ModelSource::Scratch(ModelShape {
                hidden_size: 8,
                num_hidden_layers: 1,
                num_attention_heads: 2,
                num_key_value_heads: 1,
                intermediate_size: 8,
                rope_theta: 1e4,
                rms_norm_eps: 1e-5,
                tie_word_embeddings: true,
            }),
            Some(DatasetDraft {
                held_out: Some(HeldOut::Share(0.1)),
                ..DatasetSource::File("text".into()).into()
            }),
        )
    }
    .resolve()
    .unwrap()
}

pub(crate) fn small() -> HyperparametersDraft {
    HyperparametersDraft {
        max_length: Some(8),
        per_device_train_batch_size: Some(3),
        gradient_accumulation_steps: Some(2),
        ..Default::default()
    }
}

fn lines(count: usize) -> String {
    (0..count)
        .map(|n| format!("line {n} of the text\n"))
        .collect()
}

fn open(spec: &Spec, text: &Text) -> Box<dyn TrainingSession> {
    EmbeddedEngine::new(Some(1), Priority::Normal)
        .unwrap()
        .open(SessionRequest {
            spec: spec.clone(),
            tokenizer_file: None,
            tokenizer_text: Some(text.tokenizer_text()),
            saved: None,
            weights: None,
        })
        .unwrap()
}

#[test]
fn bpe_training_repeats_and_round_trips() {
    let text = Text::split(&lines(400), 0.1);
    let spec = spec(TokenizerSource::Bpe(320), small());
    let (a, b) = (open(&spec, &text), open(&spec, &text));
    assert!(a.model().vocab_size > 300 && a.model().vocab_size <= 320);
    let sample = "line 7 of the text\nÄ – 漢 \u{1F600}\n";
    let ids = a.tokenize(sample).unwrap();
    assert_eq!(ids, b.tokenize(sample).unwrap());
    assert_eq!(a.detokenize(&ids).unwrap(), sample);
    let whole = lines(3000);
    assert_eq!(
        a.detokenize(&a.tokenize(&whole).unwrap()).unwrap(),
        whole,
        "in many pieces"
    );
}

#[test]
fn an_epoch_has_every_example_once_and_is_shuffled_anew() {
    // Lines of equal text would make equal blocks, which no order can tell apart.
    let text = Text::split(&lines(100), 0.1);
    let spec = spec(TokenizerSource::Bytes, small());
    let session = open(&spec, &text);
    let examples = Examples::prepare(&text, &*session, &spec.hyperparameters).unwrap();
    let all = examples.info().train_examples;
    let per_step = 6;
    let stream: Vec<Example> = (0..2 * all).flat_map(|step| examples.batch(step)).collect();
    let epoch = |n: usize| {
        let from = n * all as usize;
        stream[from..from + all as usize].to_vec()
    };
    let mut in_order = examples.read(Split::Train, 0, all).unwrap();
    assert_eq!(in_order.len() as u64, all);
    assert_ne!(epoch(0), epoch(1), "each epoch has its own order");
    assert_ne!(epoch(0), in_order);
    let key = |example: &Example| (example.tokens.clone(), example.targets.clone());
    for n in 0..2 {
        let mut epoch = epoch(n);
        epoch.sort_by_key(key);
        in_order.sort_by_key(key);
        assert_eq!(epoch, in_order);
    }
    assert_eq!(examples.batch(3), examples.batch(3));
    assert_eq!(examples.batch(3).len(), per_step);
    for example in examples.batch(1) {
        assert_eq!(example.tokens[1..], example.targets[..7]);
    }
}

#[test]
fn what_is_held_out_is_scored_to_its_end() {
    let text = Text::split(&lines(20), 0.3);
    let spec = spec(TokenizerSource::Bytes, small());
    let session = open(&spec, &text);
    let examples = Examples::prepare(&text, &*session, &spec.hyperparameters).unwrap();
    let info = examples.info();
    assert_eq!(info.eval_tokens as usize, text.eval().len());
    let targets: Vec<u32> = examples
        .eval_examples()
        .flat_map(|one| one.targets)
        .collect();
    let expected: Vec<u32> = text.eval().bytes().skip(1).map(u32::from).collect();
    assert_eq!(targets, expected);
    assert_eq!(
        examples.eval_batches().flatten().count() as u64,
        info.eval_examples
    );
    let entropy = info.unigram_entropy.unwrap();
    assert!(entropy > 2.0 && entropy < 257f64.ln(), "{entropy}");
    let error = examples
        .read(Split::Eval, info.eval_examples, 1)
        .unwrap_err();
    assert!(matches!(error, EngineError::Invalid { .. }), "{error}");
    assert_eq!(examples.epoch_at(0), 0.0);
}

#[test]
fn a_text_that_is_too_short_is_counted() {
    let spec = spec(TokenizerSource::Bytes, small());
    let say = |content: &str, fraction| {
        let text = Text::split(content, fraction);
        let session = open(&spec, &text);
        Examples::prepare(&text, &*session, &spec.hyperparameters)
            .unwrap_err()
            .to_string()
    };
    assert!(say("", 0.1).contains("is empty"));
    let short = say("abcde", 0.0);
    assert!(
        short.contains("5 tokens to train on") && short.contains("needs 9"),
        "{short}"
    );
    assert!(say("abcdefghijk", 0.1).contains("1 held-out"));
}
