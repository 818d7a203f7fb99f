//! A model in training: weights, gradients, optimizer and tokenizer.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arkor_types::{
    AdamParameters, Datum, ForwardOutput, LogProbs, LossFunction, ModelShape, OptimOutput,
    SampledSequence, SamplingParameters, TokenId,
};
use rayon::ThreadPool;

use super::data::{self, Pass};
use super::sampling;
use super::state::{self, Header, Moments};
use crate::kernels::optimizer;
use crate::memory;
use crate::model::{Batch, Decoder, Grad, Layout, Transformer};
use crate::tokenizer::Tokenizer;
use crate::{EngineError, ModelSummary, TrainingSession};

/// Whether there are gradients that have not been applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gradients {
    None,
    Pending,
}

/// Whether a pass is for training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    ForwardBackward,
}

/// What this engine can do, by the names of the contract.
const FEATURES: &[&str] = &[
    "cross-entropy",
    "deterministic",
    "evaluate",
    "importance-sampling",
    "load-state",
    "log-probs",
    "ppo",
    "sampling-log-probs",
    "save-state",
    "stop-text",
];

/// One session of the embedded engine.
pub(crate) struct Session {
    pool: Arc<ThreadPool>,
    shape: ModelShape,
    context: u32,
    tokenizer: Tokenizer,
    transformer: Transformer,
    weights: Vec<f32>,
    gradients: Vec<f32>,
    pending: Gradients,
    moments: Moments,
    pass: Pass,
    /// Set when nobody waits for the running call.
    interrupted: Arc<AtomicBool>,
}

impl Session {
    /// New weights.
    pub(crate) fn create(
        pool: Arc<ThreadPool>,
        shape: &ModelShape,
        context: u32,
        tokenizer: Tokenizer,
        seed: u64,
    ) -> Result<Self, EngineError> {
        memory::check(shape, tokenizer.vocab_size(), context)?;
        let layout = Layout::new(shape, tokenizer.vocab_size());
        let weights = pool.install(|| layout.initial(seed));
        let moments = Moments::zero(weights.len());
        Ok(Self::assemble(
            pool, shape, context, tokenizer, layout, weights, moments,
        ))
    }

    /// Weights, optimizer and tokenizer of a file that `save_state` wrote.
    pub(crate) fn restore(
        pool: Arc<ThreadPool>,
        shape: &ModelShape,
        context: u32,
        path: &Path,
    ) -> Result<Self, EngineError> {
        let file = arkor_files::open_regular(path).map_err(|source| {
            EngineError::io(
                format!("open the training state `{}`", path.display()),
                source,
            )
        })?;
        let mut file = std::io::BufReader::new(file);
        let header = Header::read(&mut file)?;
        header.expect_shape(shape)?;
        let tokenizer = header.tokenizer()?;
        memory::check(shape, tokenizer.vocab_size(), context)?;
        let layout = Layout::new(shape, tokenizer.vocab_size());
        let (weights, moments) = header.read_tensors(&layout, &mut file)?;
        Ok(Self::assemble(
            pool, shape, context, tokenizer, layout, weights, moments,
        ))
    }

    /// The optimizer begins anew; the weights stay.
    pub(crate) fn forget_optimizer(&mut self) {
        self.moments = Moments::zero(self.weights.len());
    }

    fn assemble(
        pool: Arc<ThreadPool>,
        shape: &ModelShape,
        context: u32,
        tokenizer: Tokenizer,
        layout: Layout,
        weights: Vec<f32>,
        moments: Moments,
    ) -> Self {
        Self {
            pool,
            shape: shape.clone(),
            context,
            tokenizer,
            gradients: vec![0.0; layout.len],
            transformer: Transformer::new(layout, context as usize),
            weights,
            pending: Gradients::None,
            moments,
            pass: Pass::default(),
            interrupted: Arc::default(),
        }
    }

    fn layout(&self) -> &Layout {
        &self.transformer.layout
    }

    fn diverged(&mut self, what: &str) -> EngineError {
        self.drop_gradients();
        EngineError::Diverged {
            what: format!("{what} after {} optimizer steps", self.moments.step),
        }
    }

    fn score(
        &mut self,
        data: &[Datum],
        loss: LossFunction,
        log_probs: LogProbs,
        direction: Direction,
    ) -> Result<ForwardOutput, EngineError> {
        data::check(data, loss, self.layout().vocab, self.context as usize)?;
        let mut losses = vec![0f64; data.len()];
        let mut kept: Vec<Vec<f32>> = match log_probs {
            LogProbs::Omit => Vec::new(),
            LogProbs::Return => vec![Vec::new(); data.len()],
        };
        for members in data::plan(data) {
            self.pass.fill(data, members);
            let Self {
                pool,
                transformer,
                weights,
                gradients,
                pass,
                ..
            } = self;
            let batch = Batch {
                time: pass.time,
                tokens: &pass.tokens,
                positions: &pass.positions,
            };
            let grad = match direction {
                Direction::Forward => Grad::None,
                Direction::ForwardBackward => Grad::Into(gradients),
            };
            let scored = pool.install(|| transformer.run(weights, &batch, loss, grad));
            for (index, row) in pass.members.iter().zip(scored.chunks_exact(pass.time)) {
                let length = data.get(*index).map_or(0, |datum| datum.tokens.len());
                let row = row.get(..length).unwrap_or_default();
                if let Some(sum) = losses.get_mut(*index) {
                    *sum = row.iter().map(|position| f64::from(position.loss)).sum();
                }
                if let Some(kept) = kept.get_mut(*index) {
                    *kept = row.iter().map(|position| position.log_prob).collect();
                }
            }
        }
        if direction == Direction::ForwardBackward {
            self.pending = Gradients::Pending;
        }
        // In the order of the data, whatever passes they were in.
        let loss_sum: f64 = losses.iter().sum();
        if !loss_sum.is_finite() {
            return Err(self.diverged(&format!("the loss is {loss_sum}")));
        }
        let weight_sum = data
            .iter()
            .map(|datum| match datum.weights.as_slice() {
                [] => datum.tokens.len() as f64,
                weights => weights.iter().map(|weight| f64::from(*weight)).sum(),
            })
            .sum();
        Ok(ForwardOutput {
            loss_sum,
            weight_sum,
            log_probs: kept,
        })
    }

    fn check_ids(&self, name: &str, tokens: &[TokenId]) -> Result<(), EngineError> {
        let vocab = self.layout().vocab;
        match tokens
            .iter()
            .enumerate()
            .find(|(_, id)| **id as usize >= vocab)
        {
            None => Ok(()),
            Some((at, id)) => Err(EngineError::invalid(
                format!("{name} {at} is {id}"),
                format!("must be below the vocabulary's size, which is {vocab}"),
            )),
        }
    }
}

impl TrainingSession for Session {
    fn model(&self) -> ModelSummary {
        let layout = self.layout();
        ModelSummary {
            architecture: "llama".into(),
            parameters: layout.len as u64,
            trainable_parameters: layout.len as u64,
            vocab_size: u32::try_from(layout.vocab).unwrap_or(u32::MAX),
            context_length: self.context,
            name: None,
            bos_token_id: None,
            eos_token_ids: self.tokenizer.end_of_sequence().into_iter().collect(),
            pad_token_id: None,
            has_chat_template: false,
            features: FEATURES,
        }
    }

    fn forward_backward(
        &mut self,
        data: &[Datum],
        loss: LossFunction,
        log_probs: LogProbs,
    ) -> Result<ForwardOutput, EngineError> {
        self.score(data, loss, log_probs, Direction::ForwardBackward)
    }

    fn forward(
        &mut self,
        data: &[Datum],
        loss: LossFunction,
        log_probs: LogProbs,
    ) -> Result<ForwardOutput, EngineError> {
        self.score(data, loss, log_probs, Direction::Forward)
    }

    fn optim_step(&mut self, adam: &AdamParameters) -> Result<OptimOutput, EngineError> {
        check_adam(adam)?;
        if self.pending == Gradients::None {
            return Err(EngineError::invalid(
                "there are no gradients to apply",
                "call forward-backward before optim-step",
            ));
        }
        let pool = Arc::clone(&self.pool);
        let grad_norm = pool.install(|| optimizer::norm(&self.gradients));
        if !grad_norm.is_finite() {
            return Err(self.diverged(&format!("the norm of the gradients is {grad_norm}")));
        }
        let step = self.moments.step + 1;
        let factors = optimizer::Factors::new(adam, step, grad_norm);
        let Self {
            transformer,
            weights,
            gradients,
            moments,
            ..
        } = self;
        pool.install(|| {
            for tensor in &transformer.layout.tensors {
                let at = &tensor.at;
                let slices = (
                    weights.get_mut(at.clone()),
                    gradients.get_mut(at.clone()),
                    moments.first.get_mut(at.clone()),
                    moments.second.get_mut(at.clone()),
                );
                if let (Some(w), Some(g), Some(m), Some(v)) = slices {
                    optimizer::step(&factors, tensor.decays(), w, g, m, v);
                }
            }
        });
        self.moments.step = step;
        self.pending = Gradients::None;
        Ok(OptimOutput {
            grad_norm: Some(grad_norm),
        })
    }

    fn has_gradients(&self) -> bool {
        self.pending == Gradients::Pending
    }

    fn drop_gradients(&mut self) {
        self.gradients.fill(0.0);
        self.pending = Gradients::None;
    }

    fn interrupt_by(&mut self, flag: &Arc<AtomicBool>) {
        self.interrupted = Arc::clone(flag);
    }

    fn sample(
        &mut self,
        prompts: &[Vec<TokenId>],
        count: u32,
        parameters: &SamplingParameters,
    ) -> Result<Vec<Vec<SampledSequence>>, EngineError> {
        sampling::check(prompts, count, parameters, self.context as usize)?;
        for prompt in prompts {
            self.check_ids("prompt token", prompt)?;
        }
        let decoder = Decoder {
            layout: self.layout(),
            rope: self.transformer.rope(),
            weights: &self.weights,
        };
        let context = self.context as usize;
        let sampled = self.pool.install(|| {
            let one = |(stream, prompt): (u32, &Vec<TokenId>)| {
                let streams = stream * count..(stream + 1) * count;
                sampling::sample(
                    decoder,
                    &self.tokenizer,
                    prompt,
                    streams,
                    parameters,
                    context,
                    &self.interrupted,
                )
            };
            (0..).zip(prompts).map(one).collect()
        });
        if matches!(sampled, Err(EngineError::Diverged { .. })) {
            self.drop_gradients();
        }
        sampled
    }

    fn save_state(&mut self, to: &mut dyn Write) -> Result<(), EngineError> {
        if self.pending == Gradients::Pending {
            return Err(EngineError::invalid(
                "there are gradients that have not been applied, and a saved state has none",
                "call optim-step before saving",
            ));
        }
        state::write(
            to,
            self.layout(),
            &self.shape,
            &self.tokenizer,
            &self.weights,
            &self.moments,
        )
    }

    fn load_state(&mut self, from: &mut dyn Read) -> Result<(), EngineError> {
        let header = Header::read(from)?;
        header.expect_shape(&self.shape)?;
        let tokenizer = header.tokenizer()?;
        let (found, expected) = (tokenizer.vocab_size(), self.layout().vocab);
        if found != expected {
            return Err(EngineError::state(format!(
                "is of a model with a vocabulary of {found}, and this one has {expected}"
            )));
        }
        // Only when all was read is anything replaced.
        let (weights, moments) = header.read_tensors(self.layout(), from)?;
        (self.weights, self.moments, self.tokenizer) = (weights, moments, tokenizer);
        self.drop_gradients();
        Ok(())
    }

    fn tokenize(&self, text: &str) -> Result<Vec<TokenId>, EngineError> {
        self.pool.install(|| self.tokenizer.encode(text))
    }

    fn detokenize(&self, tokens: &[TokenId]) -> Result<String, EngineError> {
        self.check_ids("token", tokens)?;
        self.tokenizer.decode(tokens)
    }
}

fn check_adam(adam: &AdamParameters) -> Result<(), EngineError> {
    let not_negative = |value: f64| value.is_finite() && value >= 0.0;
    let share = |value: f64| (0.0..1.0).contains(&value);
    let (at_least, below) = (
        "must be a finite number, at least 0",
        "must be at least 0 and below 1",
    );
    let checks = [
        (
            "learning-rate",
            adam.learning_rate,
            not_negative(adam.learning_rate),
            at_least,
        ),
        ("beta1", adam.beta1, share(adam.beta1), below),
        ("beta2", adam.beta2, share(adam.beta2), below),
        // The step is computed in f32, where a smaller one would be 0 and divide 0 by 0.
        (
            "eps",
            adam.eps,
            adam.eps.is_finite() && adam.eps >= 1e-30,
            "must be at least 1e-30",
        ),
        (
            "weight-decay",
            adam.weight_decay,
            not_negative(adam.weight_decay),
            at_least,
        ),
        (
            "max-grad-norm",
            adam.max_grad_norm,
            not_negative(adam.max_grad_norm),
            at_least,
        ),
    ];
    match checks.iter().find(|(.., ok, _)| !ok) {
        None => Ok(()),
        Some((name, value, _, allowed)) => {
            Err(EngineError::invalid(format!("{name} is {value}"), *allowed))
        }
    }
}

#[cfg(test)]
mod tests;
