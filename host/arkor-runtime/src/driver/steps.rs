//! What the driver lets the engine do: a step of the host's loop, an evaluation, a saved state.

use std::sync::Arc;
use std::time::Instant;

use arkor_engine::{EngineError, Example, Examples, Split};
use arkor_store::{Blob, BlobWriter};
use arkor_types::{AdamParameters, Datum, Hyperparameters, LogProbs, LossFunction};

use super::machine::{Input, StepReport};
use super::{Done, Driver, broke};
use crate::error::RuntimeError;
use crate::worker::{Work, Worker};

/// Sequences that are scored between two looks at whether the run is to end at once.
const EVAL_SEQUENCES: u64 = 16;

impl Driver {
    pub(super) async fn step(&mut self, step: u64, learning_rate: Option<f64>) -> Done<Input> {
        let learning_rate =
            learning_rate.unwrap_or_else(|| self.parts.schedule.learning_rate(step));
        let context = &self.parts.context;
        let (worker, examples) = (context.worker.clone(), Arc::clone(&context.examples));
        let hyperparameters = context.spec.hyperparameters.clone();
        let begin = Instant::now();
        let trained = self
            .attend_and_swap(async move {
                worker
                    .call(move |work| train(work, &examples, &hyperparameters, step, learning_rate))
                    .await
            })
            .await?;
        Ok(match trained {
            Ok(Ok(report)) => {
                let report = StepReport {
                    seconds: begin.elapsed().as_secs_f64(),
                    ..report
                };
                self.progress
                    .send_modify(|progress| progress.step = step + 1);
                Input::StepDone(report)
            }
            Ok(Err(error)) => broke(&error.into()),
            Err(gone) => broke(&gone.into()),
        })
    }

    pub(super) async fn evaluate(&mut self) -> Done<Input> {
        let all = self.parts.context.examples.info().eval_examples;
        let (mut loss_sum, mut tokens) = (0.0, 0.0);
        let mut start = 0;
        while start < all {
            let context = &self.parts.context;
            let (worker, examples) = (context.worker.clone(), Arc::clone(&context.examples));
            let scored = self
                .attend_and_swap(async move {
                    worker.call(move |work| score(work, &examples, start)).await
                })
                .await?;
            match scored {
                Ok(Ok((loss, count))) => {
                    loss_sum += loss;
                    tokens += count;
                }
                Ok(Err(error)) => return Ok(broke(&error.into())),
                Err(gone) => return Ok(broke(&gone.into())),
            }
            start += EVAL_SEQUENCES;
        }
        let loss = loss_sum / tokens;
        if !loss.is_finite() {
            let what = format!("the evaluation loss is {loss}");
            return Ok(broke(&EngineError::Diverged { what }.into()));
        }
        Ok(Input::EvaluationDone { loss })
    }
}

fn datum(example: Example, weight: f32) -> Datum {
    let weights = vec![weight; example.tokens.len()];
    Datum {
        tokens: example.tokens,
        targets: example.targets,
        weights,
        ..Datum::default()
    }
}

/// One optimizer step of the standard loop. The loss is the mean over the tokens of all
/// micro-batches: each token weighs one over their number.
#[expect(
    clippy::cast_precision_loss,
    reason = "a batch has far fewer than 2^24 tokens"
)]
fn train(
    work: &mut Work,
    examples: &Examples,
    hyperparameters: &Hyperparameters,
    step: u64,
    learning_rate: f64,
) -> Result<StepReport, EngineError> {
    // Each is `max-length` long, as training examples are; they are made pass by pass.
    let tokens = examples.per_step() * u64::from(hyperparameters.max_length);
    let weight = 1.0 / tokens as f32;
    let mut mean_loss = 0.0;
    let mut place = 0;
    while place < examples.per_step() {
        let part = examples.pass(step, place);
        if part.is_empty() {
            break;
        }
        place += part.len() as u64;
        let data: Vec<Datum> = part
            .into_iter()
            .map(|example| datum(example, weight))
            .collect();
        let output =
            work.session
                .forward_backward(&data, LossFunction::CrossEntropy, LogProbs::Omit)?;
        mean_loss += output.loss_sum;
        if work.is_abandoned() {
            return Err(EngineError::Unsupported {
                what: "finish a step that nobody waits for".into(),
            });
        }
    }
    let output = work.session.optim_step(&AdamParameters {
        learning_rate,
        beta1: hyperparameters.adam_beta1,
        beta2: hyperparameters.adam_beta2,
        eps: hyperparameters.adam_epsilon,
        weight_decay: hyperparameters.weight_decay,
        max_grad_norm: hyperparameters.max_grad_norm,
    })?;
    work.pending_tokens = tokens;
    work.finish_step();
    Ok(StepReport {
        loss_sum: mean_loss * tokens as f64,
        tokens,
        learning_rate,
        grad_norm: output.grad_norm,
        epoch: examples.epoch_at(step + 1),
        seconds: 0.0,
    })
}

/// Loss sum and token count of some held-out examples.
fn score(work: &mut Work, examples: &Examples, start: u64) -> Result<(f64, f64), EngineError> {
    let some = examples.read(Split::Eval, start, EVAL_SEQUENCES)?;
    let data: Vec<Datum> = some
        .into_iter()
        .map(|example| datum(example, 1.0))
        .collect();
    let output = work
        .session
        .forward(&data, LossFunction::CrossEntropy, LogProbs::Omit)?;
    Ok((output.loss_sum, output.weight_sum))
}

/// Writes the engine's state on the engine's thread.
pub(super) async fn write_state(
    worker: &Worker,
    mut writer: BlobWriter,
) -> Result<Blob, RuntimeError> {
    worker
        .call(move |work| {
            match work.session.save_state(&mut writer) {
                Ok(()) => Ok(writer.finish()?),
                // What the writer could not take is the store's trouble, and has its remedy.
                Err(EngineError::Io { source, .. }) => Err(writer.explain(source).into()),
                Err(error) => Err(error.into()),
            }
        })
        .await?
}
