//! Times one optimizer step of the model in docs/adr/0001 and prints one line of JSON.
#![expect(clippy::print_stdout, reason = "its result goes to standard output")]

use std::time::Instant;

use arkor_engine::{EmbeddedEngine, Engine, Priority, SessionRequest};
use arkor_types::{
    AdamParameters, Datum, HyperparametersDraft, LogProbs, LossFunction, ModelShape, ModelSource,
    SpecDraft, TokenizerSource,
};

const BATCH: usize = 8;
const TIME: usize = 128;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let threads = std::env::args()
        .nth(1)
        .map(|text| text.parse())
        .transpose()?;
    // A corpus of numbers: enough distinct words for a vocabulary of 4096.
    let text: String = (0..60_000u32)
        .map(|n| format!("{}\n", n.wrapping_mul(2_654_435_761) % 1_000_003))
        .collect();
    let spec = SpecDraft {
        tokenizer: Some(TokenizerSource::Bpe(4096)),
        hyperparameters: HyperparametersDraft {
            max_length: Some(128),
            ..Default::default()
        },
        ..SpecDraft::new(
            "step",
            ModelSource::Scratch(ModelShape {
                hidden_size: 384,
                num_hidden_layers: 6,
                num_attention_heads: 6,
                num_key_value_heads: 6,
                intermediate_size: 1024,
                rope_theta: 10_000.0,
                rms_norm_eps: 1e-5,
                tie_word_embeddings: true,
            }),
            Some(arkor_types::DatasetSource::File("numbers".into()).into()),
        )
    }
    .resolve()
    .map_err(|problems| format!("{problems:?}"))?;
    let mut session = EmbeddedEngine::new(threads, Priority::Normal)?.open(SessionRequest {
        spec,
        tokenizer_file: None,
        tokenizer_text: Some(text.into()),
        saved: None,
        weights: None,
    })?;
    let vocab = session.model().vocab_size;
    let mut ids = (0u32..)
        .map(|n| n.wrapping_mul(2_654_435_761) >> 8)
        .map(|n| n % vocab);
    let mut list = || -> Vec<u32> { ids.by_ref().take(TIME).collect() };
    let data: Vec<Datum> = (0..BATCH)
        .map(|_| Datum {
            tokens: list(),
            targets: list(),
            weights: vec![1.0 / (BATCH * TIME) as f32; TIME],
            ..Datum::default()
        })
        .collect();
    let adam = AdamParameters {
        learning_rate: 1e-4,
        weight_decay: 0.01,
        ..Default::default()
    };
    let mut times = Vec::new();
    for _ in 0..35 {
        let begin = Instant::now();
        session.forward_backward(&data, LossFunction::CrossEntropy, LogProbs::Omit)?;
        session.optim_step(&adam)?;
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    // The first steps find memory and caches cold.
    let mut times = times.split_off(5);
    times.sort_by(f64::total_cmp);
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let min = times.first().copied().unwrap_or_default();
    let tokens_per_second = (BATCH * TIME) as f64 / median * 1e3;
    println!(
        "{{\"vocab\":{vocab},\"median_ms\":{median:.2},\"min_ms\":{min:.2},\
         \"tokens_per_second\":{tokens_per_second:.0}}}"
    );
    Ok(())
}
