//! Token blocks to train and evaluate on.

use std::sync::{Mutex, PoisonError};

use arkor_types::{Datum, Hyperparameters, TokenId};

use super::Text;
use crate::rng::Rng;
use crate::schedule::examples_per_step;
use crate::{EngineError, TrainingSession};

/// Most tokens of the examples that are made at once.
const PASS: usize = 1 << 20;

/// One example for next-token prediction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Input ids.
    pub tokens: Vec<TokenId>,
    /// The ids to be predicted: `tokens` moved on by one, and the one that follows.
    pub targets: Vec<TokenId>,
}

impl Example {
    /// As data for a cross-entropy loss, each position with this weight. With 1 over the number of
    /// tokens of an optimizer step, the losses of its micro-batches add up to the mean.
    pub fn into_datum(self, weight: f32) -> Datum {
        let weights = vec![weight; self.tokens.len()];
        Datum {
            tokens: self.tokens,
            targets: self.targets,
            weights,
            ..Datum::default()
        }
    }
}

/// Which part of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// What is trained on.
    Train,
    /// What is held out.
    Eval,
}

/// The size of the data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DatasetInfo {
    /// Blocks of `max-length` tokens to train on.
    pub train_examples: u64,
    /// Blocks held out; the last may be shorter.
    pub eval_examples: u64,
    /// Tokens in the training split.
    pub train_tokens: u64,
    /// Tokens in the evaluation split.
    pub eval_tokens: u64,
    /// Entropy of the evaluation targets under the training split's token frequencies, in nats a
    /// token: the loss of a model that ignores all context. Every token of the vocabulary is
    /// counted once more than it occurs (add-one smoothing), so that unseen ones do not make it
    /// infinite. Absent if nothing is held out.
    pub unigram_entropy: Option<f64>,
}

/// The data of a run, tokenized.
///
/// Each split is cut into blocks of `max-length` tokens that do not overlap. What is left at the end
/// of the training split is not trained on; at the end of the evaluation split it is a shorter
/// example, so that all that is held out is scored.
#[derive(Debug)]
pub struct Examples {
    train: Vec<TokenId>,
    eval: Vec<TokenId>,
    length: usize,
    train_examples: usize,
    eval_examples: usize,
    unigram_entropy: Option<f64>,
    per_pass: usize,
    per_step: u64,
    seed: u64,
    /// The order of the epoch that was last asked for.
    order: Mutex<Option<(u64, Vec<u32>)>>,
}

impl Examples {
    /// Tokenizes both parts of `text` and cuts them.
    ///
    /// # Errors
    ///
    /// [`EngineError::DatasetTooShort`] if the training split has not one example, or if something
    /// is held out and it has not two tokens; what the session's tokenizer fails with.
    pub fn prepare(
        text: &Text,
        session: &dyn TrainingSession,
        hyperparameters: &Hyperparameters,
    ) -> Result<Self, EngineError> {
        let length = hyperparameters.max_length as usize;
        let train = session.tokenize(text.train())?;
        let eval = session.tokenize(text.eval())?;
        let train_examples = train.len().saturating_sub(1) / length.max(1);
        if train_examples == 0 {
            let what = if text.train().is_empty() && text.eval().is_empty() {
                "is empty".into()
            } else {
                format!(
                    "has {} tokens to train on, but one example needs {} (max-length and the token \
                     after it)",
                    train.len(),
                    length + 1
                )
            };
            return Err(EngineError::DatasetTooShort { what });
        }
        if !text.eval().is_empty() && eval.len() < 2 {
            let what = format!("has {} held-out tokens, but a loss needs 2", eval.len());
            return Err(EngineError::DatasetTooShort { what });
        }
        let vocab = session.model().vocab_size as usize;
        Ok(Self {
            unigram_entropy: unigram_entropy(&train, &eval, vocab),
            eval_examples: eval.len().saturating_sub(1).div_ceil(length),
            train,
            eval,
            length,
            train_examples,
            per_pass: hyperparameters.per_device_train_batch_size.max(1) as usize,
            per_step: examples_per_step(hyperparameters),
            seed: hyperparameters.seed.into(),
            order: Mutex::new(None),
        })
    }

    /// No data: the trainer's loop makes its own.
    pub fn none(hyperparameters: &Hyperparameters) -> Self {
        Self {
            train: Vec::new(),
            eval: Vec::new(),
            length: hyperparameters.max_length as usize,
            train_examples: 0,
            eval_examples: 0,
            unigram_entropy: None,
            per_pass: hyperparameters.per_device_train_batch_size.max(1) as usize,
            per_step: examples_per_step(hyperparameters),
            seed: hyperparameters.seed.into(),
            order: Mutex::new(None),
        }
    }

    /// How much there is.
    pub fn info(&self) -> DatasetInfo {
        DatasetInfo {
            train_examples: self.train_examples as u64,
            eval_examples: self.eval_examples as u64,
            train_tokens: self.train.len() as u64,
            eval_tokens: self.eval.len() as u64,
            unigram_entropy: self.unigram_entropy,
        }
    }

    /// Up to `count` examples from place `start` on, in the order of the file.
    ///
    /// # Errors
    ///
    /// [`EngineError::Invalid`] if there is no example at `start`.
    pub fn read(&self, split: Split, start: u64, count: u64) -> Result<Vec<Example>, EngineError> {
        let (name, examples) = match split {
            Split::Train => ("training", self.train_examples),
            Split::Eval => ("evaluation", self.eval_examples),
        };
        let first = usize::try_from(start)
            .ok()
            .filter(|start| *start < examples);
        let Some(first) = first else {
            return Err(EngineError::invalid(
                format!("there is no {name} example {start}"),
                format!("there are {examples}, counted from 0"),
            ));
        };
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let end = first.saturating_add(count).min(examples);
        Ok((first..end)
            .map(|index| self.example(split, index))
            .collect())
    }

    /// The examples of the optimizer step that makes `step` finished steps one more.
    ///
    /// Steps take `per-device-train-batch-size` times `gradient-accumulation-steps` examples, one
    /// after the other, from a sequence in which each epoch is all examples in an order of its own.
    /// This is a function of the seed and `step` alone.
    ///
    /// All of them are in memory at once: what a step makes pass by pass is [`Self::pass`].
    pub fn batch(&self, step: u64) -> Vec<Example> {
        self.part(step, 0, self.per_step)
    }

    /// Training examples of one optimizer step.
    pub fn per_step(&self) -> u64 {
        self.per_step
    }

    /// The examples of a step from `place` on that go through the model together: up to the end of their
    /// micro-batch, and no more than there is memory for, whatever sizes the spec has.
    pub fn pass(&self, step: u64, place: u64) -> Vec<Example> {
        let micro = self.per_pass as u64;
        let room = (PASS / self.length.max(1)).max(1) as u64;
        let end = (place - place % micro + micro)
            .min(place + room)
            .min(self.per_step);
        self.part(step, place, end)
    }

    fn part(&self, step: u64, from: u64, to: u64) -> Vec<Example> {
        let examples = self.train_examples as u128;
        if examples == 0 {
            return Vec::new();
        }
        let first = u128::from(step) * u128::from(self.per_step);
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        (first + u128::from(from)..first + u128::from(to))
            .map(|place| {
                let epoch = u64::try_from(place / examples).unwrap_or(u64::MAX);
                let place = usize::try_from(place % examples).unwrap_or(0);
                let index = match &mut *order {
                    Some((cached, order)) if *cached == epoch => order.get(place).copied(),
                    other => {
                        // Of two at once there may be no room.
                        *other = None;
                        let (_, order) = other.insert((epoch, self.shuffled(epoch)));
                        order.get(place).copied()
                    }
                };
                self.example(Split::Train, index.map_or(place, |index| index as usize))
            })
            .collect()
    }

    /// Passes over the training split after `step` finished steps.
    #[expect(clippy::cast_precision_loss, reason = "a measure of progress")]
    pub fn epoch_at(&self, step: u64) -> f64 {
        step as f64 * self.per_step as f64 / self.train_examples as f64
    }

    /// Examples of one forward and backward pass: `per-device-train-batch-size`.
    pub fn per_pass(&self) -> usize {
        self.per_pass
    }

    /// All held-out examples in the order of the file.
    pub fn eval_examples(&self) -> impl Iterator<Item = Example> + '_ {
        (0..self.eval_examples).map(|index| self.example(Split::Eval, index))
    }

    /// The same in batches of `per-device-train-batch-size`.
    pub fn eval_batches(&self) -> impl Iterator<Item = Vec<Example>> + '_ {
        (0..self.eval_examples).step_by(self.per_pass).map(|first| {
            let end = (first + self.per_pass).min(self.eval_examples);
            (first..end)
                .map(|index| self.example(Split::Eval, index))
                .collect()
        })
    }

    fn example(&self, split: Split, index: usize) -> Example {
        let tokens = match split {
            Split::Train => &self.train,
            Split::Eval => &self.eval,
        };
        let first = index * self.length;
        let end = (first + self.length).min(tokens.len().saturating_sub(1));
        let cut = |from, to| tokens.get(from..to).unwrap_or_default().to_vec();
        Example {
            tokens: cut(first, end),
            targets: cut(first + 1, end + 1),
        }
    }

    /// The order of an epoch, by Fisher and Yates' shuffle.
    fn shuffled(&self, epoch: u64) -> Vec<u32> {
        let mut rng = Rng::new(self.seed, &format!("order of epoch {epoch}"));
        // A dataset has at most some 2^30 tokens.
        let mut order: Vec<u32> = (0..).take(self.train_examples).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, rng.below(last + 1));
        }
        order
    }
}

/// See [`DatasetInfo::unigram_entropy`].
#[expect(clippy::cast_precision_loss, reason = "counts of tokens")]
fn unigram_entropy(train: &[TokenId], eval: &[TokenId], vocab: usize) -> Option<f64> {
    let scored = eval.get(1..).filter(|scored| !scored.is_empty())?;
    let mut counts = vec![1u64; vocab];
    for token in train {
        if let Some(count) = counts.get_mut(*token as usize) {
            *count += 1;
        }
    }
    let total = counts.iter().sum::<u64>() as f64;
    let surprise = |token: &TokenId| {
        let count = counts.get(*token as usize).copied().unwrap_or(1);
        -(count as f64 / total).ln()
    };
    Some(scored.iter().map(surprise).sum::<f64>() / scored.len() as f64)
}
