//! A training session of the embedded engine.

use std::io::{Read, Write};
use std::sync::Arc;

use arkor_types::{
    AdamParameters, Datum, ForwardOutput, LogProbs, LossFunction, ModelShape, OptimOutput,
    SampledSequence, SamplingParameters, TokenId,
};
use rayon::ThreadPool;

use crate::engine::{ModelSummary, TrainingSession};
use crate::kernels::loss::Position;
use crate::kernels::optimizer::{self, Factors};
use crate::model::{Batch, Grad, Layout, Transformer};
use crate::state::Saved;
use crate::tokenizer::Tokenizer;
use crate::{EngineError, sample, state};

/// Positions that are computed at once; more data is taken in turns.
const POSITIONS: usize = 8192;

pub(crate) struct EmbeddedSession {
    pool: Arc<ThreadPool>,
    pub(crate) transformer: Transformer,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) context: usize,
    pub(crate) weights: Vec<f32>,
    gradients: Vec<f32>,
    /// Adam's moments.
    pub(crate) first: Vec<f32>,
    pub(crate) second: Vec<f32>,
    /// Optimizer steps taken.
    pub(crate) steps: u64,
    /// Whether gradients wait for an optimizer step.
    pub(crate) pending: bool,
}

impl EmbeddedSession {
    pub(crate) fn new(
        pool: Arc<ThreadPool>,
        shape: &ModelShape,
        tokenizer: Tokenizer,
        context: usize,
        seed: u64,
    ) -> Self {
        let layout = Layout::new(shape, tokenizer.vocab_size());
        let zeros = || vec![0.0; layout.len];
        Self {
            weights: layout.initial(seed),
            gradients: zeros(),
            first: zeros(),
            second: zeros(),
            transformer: Transformer::new(layout, context),
            pool,
            tokenizer,
            context,
            steps: 0,
            pending: false,
        }
    }

    /// Takes weights, moments and the step count from a saved state of the same shape.
    pub(crate) fn take_up(&mut self, saved: &Saved) -> Result<(), EngineError> {
        saved.restore(self)?;
        self.drop_gradients();
        Ok(())
    }

    fn drop_gradients(&mut self) {
        if self.pending {
            self.gradients.fill(0.0);
        }
        self.pending = false;
    }

    /// Puts data of different lengths side by side, the shorter ones filled up with positions of
    /// weight 0, which change nothing: attention never looks ahead.
    fn run(
        &mut self,
        data: &[Datum],
        loss: LossFunction,
        log_probs: LogProbs,
        train: bool,
    ) -> Result<ForwardOutput, EngineError> {
        check(data, loss, self.context, self.transformer.layout.vocab)?;
        let mut output = ForwardOutput::default();
        let pool = Arc::clone(&self.pool);
        for turn in turns(data) {
            let time = turn
                .iter()
                .map(|datum| datum.tokens.len())
                .max()
                .unwrap_or(0);
            let mut tokens = Vec::with_capacity(turn.len() * time);
            let mut positions = Vec::with_capacity(turn.len() * time);
            for datum in turn {
                tokens.extend_from_slice(&datum.tokens);
                positions.extend(datum_positions(datum));
                tokens.resize(tokens.len() + time - datum.tokens.len(), 0);
                positions.resize(tokens.len(), Position::default());
            }
            let batch = Batch {
                time,
                tokens: &tokens,
                positions: &positions,
            };
            let (weights, gradients) = (&self.weights, &mut self.gradients);
            let transformer = &mut self.transformer;
            let grad = if train {
                Grad::Into(gradients)
            } else {
                Grad::None
            };
            let scored = pool.install(|| transformer.run(weights, &batch, loss, grad));
            for (datum, row) in turn.iter().zip(scored.chunks(time.max(1))) {
                let row = row.get(..datum.tokens.len()).unwrap_or(row);
                output.loss_sum += row.iter().map(|one| f64::from(one.loss)).sum::<f64>();
                if log_probs == LogProbs::Return {
                    output
                        .log_probs
                        .push(row.iter().map(|one| one.log_prob).collect());
                }
            }
            output.weight_sum += positions
                .iter()
                .map(|one| f64::from(one.weight))
                .sum::<f64>();
        }
        Ok(output)
    }
}

/// Splits data into parts of at most [`POSITIONS`], each of at least one datum.
fn turns(data: &[Datum]) -> impl Iterator<Item = &[Datum]> {
    let longest = data
        .iter()
        .map(|datum| datum.tokens.len())
        .max()
        .unwrap_or(0);
    data.chunks((POSITIONS / longest.max(1)).max(1))
}

fn datum_positions(datum: &Datum) -> impl Iterator<Item = Position> {
    let at =
        |values: &[f32], index: usize, absent: f32| values.get(index).copied().unwrap_or(absent);
    datum
        .targets
        .iter()
        .enumerate()
        .map(move |(index, target)| Position {
            target: *target,
            weight: at(&datum.weights, index, 1.0),
            advantage: at(&datum.advantages, index, 0.0),
            old_log_prob: at(&datum.old_log_probs, index, 0.0),
        })
}

fn check(
    data: &[Datum],
    loss: LossFunction,
    context: usize,
    vocab: usize,
) -> Result<(), EngineError> {
    for (index, datum) in data.iter().enumerate() {
        let invalid = |what: &str, allowed: String| {
            Err(EngineError::invalid(
                format!("{what} of datum {index}"),
                allowed,
            ))
        };
        let length = datum.tokens.len();
        if length == 0 || length > context {
            return invalid(
                &format!("{length} tokens"),
                format!("must be 1 to {context}, the model's context"),
            );
        }
        if datum.targets.len() != length {
            let found = datum.targets.len();
            return invalid(
                &format!("{found} targets"),
                format!("must be {length}, as the tokens"),
            );
        }
        let policy = !matches!(loss, LossFunction::CrossEntropy);
        let lists = [
            ("weights", &datum.weights, false),
            ("advantages", &datum.advantages, policy),
            ("old-log-probs", &datum.old_log_probs, policy),
        ];
        for (name, list, needed) in lists {
            let absent = list.is_empty() && !needed;
            if !absent && list.len() != length {
                let found = list.len();
                return invalid(
                    &format!("{found} {name}"),
                    format!("must be {length}, one a position"),
                );
            }
            if let Some(value) = list.iter().find(|value| !value.is_finite()) {
                return invalid(&format!("{value} in {name}"), "must be finite".into());
            }
        }
        let ids = datum.tokens.iter().chain(&datum.targets);
        if let Some(id) = ids.into_iter().find(|id| **id as usize >= vocab) {
            return invalid(
                &format!("id {id}"),
                format!("must be below {vocab}, the vocabulary"),
            );
        }
    }
    Ok(())
}

impl TrainingSession for EmbeddedSession {
    fn model(&self) -> ModelSummary {
        let parameters = self.weights.len() as u64;
        ModelSummary {
            architecture: "llama".into(),
            parameters,
            trainable_parameters: parameters,
            vocab_size: u32::try_from(self.transformer.layout.vocab).unwrap_or(u32::MAX),
            context_length: u32::try_from(self.context).unwrap_or(u32::MAX),
            end_of_sequence: self.tokenizer.end_of_sequence(),
        }
    }

    fn forward_backward(
        &mut self,
        data: &[Datum],
        loss: LossFunction,
        log_probs: LogProbs,
    ) -> Result<ForwardOutput, EngineError> {
        let output = self.run(data, loss, log_probs, true)?;
        self.pending |= !data.is_empty();
        if !output.loss_sum.is_finite() {
            self.drop_gradients();
            return Err(EngineError::Diverged {
                what: format!("the loss is {} after {} steps", output.loss_sum, self.steps),
            });
        }
        Ok(output)
    }

    fn forward(
        &mut self,
        data: &[Datum],
        loss: LossFunction,
        log_probs: LogProbs,
    ) -> Result<ForwardOutput, EngineError> {
        self.run(data, loss, log_probs, false)
    }

    fn optim_step(&mut self, adam: &AdamParameters) -> Result<OptimOutput, EngineError> {
        check_adam(adam)?;
        if !self.pending {
            return Err(EngineError::invalid(
                "an optimizer step without gradients",
                "call forward-backward first",
            ));
        }
        let pool = Arc::clone(&self.pool);
        let norm = pool.install(|| optimizer::norm(&self.gradients));
        if !norm.is_finite() {
            self.drop_gradients();
            return Err(EngineError::Diverged {
                what: format!("the gradients' norm is {norm} after {} steps", self.steps),
            });
        }
        let factors = Factors::new(adam, self.steps + 1, norm);
        pool.install(|| {
            for tensor in &self.transformer.layout.tensors {
                let at = &tensor.at;
                let slices = (
                    self.weights.get_mut(at.clone()),
                    self.gradients.get_mut(at.clone()),
                    self.first.get_mut(at.clone()),
                    self.second.get_mut(at.clone()),
                );
                if let (Some(w), Some(g), Some(m), Some(v)) = slices {
                    optimizer::step(&factors, tensor.decays(), w, g, m, v);
                }
            }
        });
        self.steps += 1;
        self.pending = false;
        Ok(OptimOutput { grad_norm: norm })
    }

    fn sample(
        &mut self,
        prompt: &[TokenId],
        count: u32,
        parameters: &SamplingParameters,
    ) -> Result<Vec<SampledSequence>, EngineError> {
        let pool = Arc::clone(&self.pool);
        pool.install(|| sample::sample(self, prompt, count, parameters))
    }

    fn save_state(&mut self, to: &mut dyn Write) -> Result<(), EngineError> {
        if self.pending {
            return Err(EngineError::invalid(
                "a state with gradients that were not applied",
                "call optim-step first",
            ));
        }
        state::save(self, to)
    }

    fn load_state(&mut self, from: &mut dyn Read) -> Result<(), EngineError> {
        self.take_up(&Saved::read(from)?)
    }

    fn tokenize(&self, text: &str) -> Result<Vec<TokenId>, EngineError> {
        self.pool.install(|| self.tokenizer.encode(text))
    }

    fn detokenize(&self, tokens: &[TokenId]) -> Result<String, EngineError> {
        let vocab = self.transformer.layout.vocab;
        if let Some(id) = tokens.iter().find(|id| **id as usize >= vocab) {
            return Err(EngineError::invalid(
                format!("id {id}"),
                format!("must be below {vocab}, the vocabulary"),
            ));
        }
        self.tokenizer.decode(tokens)
    }
}

fn check_adam(adam: &AdamParameters) -> Result<(), EngineError> {
    let values = [
        ("learning-rate", adam.learning_rate, 0.0, 10.0),
        ("beta1", adam.beta1, 0.0, 1.0 - f64::EPSILON),
        ("beta2", adam.beta2, 0.0, 1.0 - f64::EPSILON),
        ("eps", adam.eps, f64::MIN_POSITIVE, 1.0),
        ("weight-decay", adam.weight_decay, 0.0, 10.0),
        ("max-grad-norm", adam.max_grad_norm, 0.0, f64::MAX),
    ];
    for (name, value, low, high) in values {
        if !(low..=high).contains(&value) {
            return Err(EngineError::invalid(
                format!("{name} is {value}"),
                format!("must be between {low} and {high}"),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
