//! What the driver lets the engine do: a step of the host's loop, an evaluation, a saved state.

use std::sync::Arc;
use std::time::Instant;

use arkor_engine::{EngineError, Example, Examples, Split};
use arkor_store::{Blob, BlobWriter, Store};
use arkor_types::{AdamParameters, Datum, Hyperparameters, LogProbs, LossFunction};

use super::Driver;
use super::inbox::EngineDone;
use super::machine::StepReport;
use crate::error::RuntimeError;
use crate::worker::{Work, Worker};

/// Sequences that are scored between two looks at whether the run is to end at once.
const EVAL_SEQUENCES: u64 = 16;

impl Driver {
    pub(super) fn step(&mut self, step: u64, learning_rate: Option<f64>) {
        let learning_rate = learning_rate.unwrap_or_else(|| self.schedule.learning_rate(step));
        let (worker, examples) = (
            self.context.worker.clone(),
            Arc::clone(&self.context.examples),
        );
        let hyperparameters = self.context.spec.hyperparameters.clone();
        self.inbox.engine = Some(Box::pin(async move {
            let trained = worker
                .call(move |work| train(work, &examples, &hyperparameters, step, learning_rate))
                .await;
            EngineDone::Step(match trained {
                Ok(Ok(report)) => Ok(report),
                Ok(Err(error)) => Err(error.into()),
                Err(gone) => Err(gone.into()),
            })
        }));
    }

    pub(super) fn evaluate(&mut self) {
        let (worker, examples) = (
            self.context.worker.clone(),
            Arc::clone(&self.context.examples),
        );
        self.inbox.engine = Some(Box::pin(async move {
            EngineDone::Evaluation(evaluation_loss(&worker, &examples).await)
        }));
    }
}

/// Mean loss over everything that is held out, in nats per token.
async fn evaluation_loss(worker: &Worker, examples: &Arc<Examples>) -> Result<f64, RuntimeError> {
    let all = examples.info().eval_examples;
    let (mut loss_sum, mut tokens) = (0.0, 0.0);
    let mut start = 0;
    while start < all {
        let examples = Arc::clone(examples);
        let (loss, count) = worker
            .call(move |work| score(work, &examples, start))
            .await??;
        loss_sum += loss;
        tokens += count;
        start += EVAL_SEQUENCES;
    }
    let loss = loss_sum / tokens;
    if loss.is_finite() {
        Ok(loss)
    } else {
        let what = format!("the evaluation loss is {loss}");
        Err(EngineError::Diverged { what }.into())
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
    let begin = Instant::now();
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
        // Of the training alone: whoever waits for this may be busy meanwhile.
        seconds: begin.elapsed().as_secs_f64(),
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

/// Loads weights that the loop saved under a name.
pub(super) async fn load_state(
    worker: &Worker,
    store: Store,
    digest: String,
) -> Result<(), RuntimeError> {
    worker
        .call(move |work| {
            let content = store.read_blob(&digest)?;
            work.drop_gradients();
            work.session.load_state(&mut content.as_slice())?;
            Ok(())
        })
        .await?
}
