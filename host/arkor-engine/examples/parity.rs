//! Writes what `parity/parity.py` compares with PyTorch into a folder: for each case a state, one
//! optimizer step's data and results, and the state after it.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use arkor_engine::{EmbeddedEngine, Engine, Priority, SessionRequest, TrainingSession};
use arkor_types::{
    AdamParameters, DatasetSource, Datum, HyperparametersDraft, LogProbs, LossFunction, ModelShape,
    ModelSource, SpecDraft, TokenizerSource,
};
use serde_json::json;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("name a folder to write to")?);
    let ppo = LossFunction::Ppo {
        clip_low: 0.8,
        clip_high: 1.2,
    };
    let cases = [
        ("tied", true, 4, LossFunction::CrossEntropy),
        ("grouped", false, 2, LossFunction::CrossEntropy),
        ("importance", true, 1, LossFunction::ImportanceSampling),
        ("ppo", false, 4, ppo),
    ];
    for (name, tied, keys, loss) in cases {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        let mut session = open(tied, keys)?;
        let adam = AdamParameters {
            learning_rate: 1e-2,
            weight_decay: 0.1,
            max_grad_norm: 1.0,
            ..AdamParameters::default()
        };
        // Some steps first, so that weights and moments are not those of a new model.
        for step in 0..20 {
            let data = data(step);
            session.forward_backward(&data, LossFunction::CrossEntropy, LogProbs::Omit)?;
            session.optim_step(&adam)?;
        }
        save(&mut *session, folder.join("before.safetensors"))?;
        let mut data = data(20);
        let scored = session.forward(&data, LossFunction::CrossEntropy, LogProbs::Return)?;
        for (datum, log_probs) in data.iter_mut().zip(scored.log_probs) {
            // Ratios from 0.6 to 1.6, so that some are clipped on either side.
            let moved = log_probs.iter().zip(numbers(7)).map(|(l, n)| l + n - 0.5);
            datum.old_log_probs = moved.collect();
            datum.advantages = numbers(8)
                .map(|n| 2.0 * n - 1.0)
                .take(log_probs.len())
                .collect();
        }
        let output = session.forward_backward(&data, loss, LogProbs::Return)?;
        let step = session.optim_step(&adam)?;
        save(&mut *session, folder.join("after.safetensors"))?;
        let facts = json!({
            "data": data,
            "loss": loss,
            "adam": adam,
            "loss_sum": output.loss_sum,
            "log_probs": output.log_probs,
            "grad_norm": step.grad_norm,
        });
        serde_json::to_writer(
            BufWriter::new(File::create(folder.join("facts.json"))?),
            &facts,
        )?;
    }
    Ok(())
}

fn save(session: &mut dyn TrainingSession, path: PathBuf) -> Result<(), Failure> {
    Ok(session.save_state(&mut BufWriter::new(File::create(path)?))?)
}

fn open(tied: bool, keys: u32) -> Result<Box<dyn TrainingSession>, Failure> {
    let spec = SpecDraft {
        tokenizer: Some(TokenizerSource::Bytes),
        hyperparameters: HyperparametersDraft {
            max_length: Some(256),
            ..Default::default()
        },
        ..SpecDraft::new(
            "parity",
            ModelSource::Scratch(ModelShape {
                hidden_size: 64,
                num_hidden_layers: 3,
                num_attention_heads: 4,
                num_key_value_heads: keys,
                intermediate_size: 160,
                rope_theta: 10_000.0,
                rms_norm_eps: 1e-5,
                tie_word_embeddings: tied,
            }),
            Some(DatasetSource::File("none".into()).into()),
        )
    }
    .resolve()
    .map_err(|problems| format!("{problems:?}"))?;
    Ok(
        EmbeddedEngine::new(None, Priority::Normal)?.open(SessionRequest {
            spec,
            tokenizer_file: None,
            tokenizer_text: None,
            saved: None,
            weights: None,
        })?,
    )
}

/// Numbers from [0, 1) with no pattern.
fn numbers(seed: u32) -> impl Iterator<Item = f32> {
    (1u32..).map(move |n| {
        let mixed = (n ^ seed.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
        let mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xc2b2_ae35);
        (mixed >> 8) as f32 / (1u32 << 24) as f32
    })
}

/// Sequences of different lengths, one longer than a block of attention.
fn data(step: u32) -> Vec<Datum> {
    [200u32, 150, 31]
        .into_iter()
        .map(|length| {
            let ids = numbers(step * 1000 + length).map(|n| (n * n * 257.0) as u32);
            let ids: Vec<u32> = ids.take(length as usize + 1).collect();
            let (_, targets) = ids.split_at(1);
            Datum {
                tokens: ids.iter().copied().take(length as usize).collect(),
                targets: targets.to_vec(),
                weights: numbers(step + 1)
                    .map(|n| n / 150.0)
                    .take(length as usize)
                    .collect(),
                ..Datum::default()
            }
        })
        .collect()
}
