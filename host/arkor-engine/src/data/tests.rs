//! Splitting, batching, scheduling.

use arkor_types::{
    DatasetSource, HyperparametersDraft, LrSchedulerType, ModelShape, ModelSource, Spec, SpecDraft,
    TokenizerSource,
};
use proptest::prelude::*;

use super::*;
use crate::{EmbeddedEngine, Engine, Schedule, SessionRequest, planned_steps};

fn spec(tokenizer: TokenizerSource, hyperparameters: HyperparametersDraft) -> Spec {
    SpecDraft {
        name: "data".into(),
        description: None,
        tags: Vec::new(),
        model: ModelSource::Scratch(ModelShape {
            hidden_size: 8,
            num_hidden_layers: 1,
            num_attention_heads: 2,
            num_key_value_heads: 1,
            intermediate_size: 8,
            rope_theta: 1e4,
            rms_norm_eps: 1e-5,
            tie_word_embeddings: true,
        }),
        tokenizer: Some(tokenizer),
        dataset: DatasetSource::File("text".into()),
        eval_fraction: Some(0.1),
        lora: None,
        hyperparameters,
        extras: None,
        dry_run: None,
    }
    .resolve()
    .unwrap()
}

fn small() -> HyperparametersDraft {
    HyperparametersDraft {
        max_length: Some(8),
        per_device_train_batch_size: Some(3),
        gradient_accumulation_steps: Some(2),
        ..Default::default()
    }
}

fn text(content: &str, fraction: f64) -> Result<Text, EngineError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    Text::load(file.path(), fraction)
}

fn lines(count: usize) -> String {
    (0..count)
        .map(|n| format!("line {n} of the text\n"))
        .collect()
}

fn open(spec: &Spec, text: &Text) -> Box<dyn TrainingSession> {
    EmbeddedEngine::new(Some(1))
        .unwrap()
        .open(SessionRequest {
            spec: spec.clone(),
            tokenizer_file: None,
            tokenizer_text: Some(text.train()),
            saved: None,
        })
        .unwrap()
}

#[test]
fn bpe_training_repeats_and_round_trips() {
    let text = text(&lines(400), 0.1).unwrap();
    let spec = spec(TokenizerSource::Bpe(320), small());
    let (a, b) = (open(&spec, &text), open(&spec, &text));
    assert_eq!(a.model().vocab_size, 320);
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
    let text = text(&lines(100), 0.1).unwrap();
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
fn wrong_text_is_named() {
    let too_short = |result: Result<Examples, EngineError>| result.unwrap_err().to_string();
    assert!(
        text("  \n", 0.1)
            .unwrap_err()
            .to_string()
            .contains("is empty")
    );
    assert!(
        Text::load(Path::new("/none"), 0.1)
            .unwrap_err()
            .to_string()
            .contains("/none")
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"abc\xff").unwrap();
    let error = Text::load(file.path(), 0.1).unwrap_err().to_string();
    assert!(error.contains("byte at 3"), "{error}");
    let tiny = text("abcde", 0.0).unwrap();
    let spec = spec(TokenizerSource::Bytes, small());
    let session = open(&spec, &tiny);
    let error = too_short(Examples::prepare(&tiny, &*session, &spec.hyperparameters));
    assert!(
        error.contains("5 tokens to train on") && error.contains("9 are needed"),
        "{error}"
    );
}

#[test]
fn steps_follow_from_epochs_or_are_given() {
    let mut h = spec(TokenizerSource::Bytes, small()).hyperparameters;
    h.num_train_epochs = 1.5;
    assert_eq!(planned_steps(&h, 100), 25);
    h.max_steps = 7;
    assert_eq!(planned_steps(&h, 100), 7);
}

proptest! {
    #[test]
    fn rates_stay_between_zero_and_the_peak(
        kind in 0..3usize, warmup in 0u64..50, steps in 1u64..200, step in 0u64..300,
    ) {
        let kinds = [LrSchedulerType::Linear, LrSchedulerType::Cosine, LrSchedulerType::Constant];
        let mut h = spec(TokenizerSource::Bytes, small()).hyperparameters;
        (h.lr_scheduler_type, h.warmup_steps, h.learning_rate) = (kinds[kind], warmup, 0.5);
        let schedule = Schedule::new(&h, steps);
        let rate = schedule.learning_rate(step);
        prop_assert!((0.0..=0.5).contains(&rate), "{rate}");
        prop_assert_eq!(schedule.learning_rate(warmup), 0.5);
    }

    #[test]
    fn the_split_loses_nothing(content in "[a-zé\n]{1,300}", fraction in 0.0..0.9f64) {
        prop_assume!(!content.trim().is_empty());
        let text = text(&content, fraction).unwrap();
        prop_assert_eq!(format!("{}{}", text.train, text.eval), content);
    }
}
