//! What a checkpoint keeps besides weights and optimizer, and its format.

use arkor_types::{EndReason, LogRecord, Measurement, Metric};
use serde::{Deserialize, Serialize};

use super::machine::StepReport;
use crate::protocol::{LoopProgress, LoopState};

/// The run's own position: everything the machine needs to go on as if nothing had happened.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Progress {
    /// Optimizer steps finished.
    pub(crate) step: u64,
    /// Tokens trained on.
    pub(crate) tokens: u64,
    /// Steps since the last log event.
    pub(crate) window: Window,
    /// The last logged loss.
    pub(crate) loss: Option<f64>,
    /// The last evaluation loss, and the step it belongs to.
    pub(crate) eval_loss: Option<f64>,
    pub(crate) eval_step: Option<u64>,
    /// Lowest evaluation loss.
    pub(crate) best_loss: Option<f64>,
    /// Best score, and where it was measured.
    #[serde(default)]
    pub(crate) best_score: Option<f64>,
    #[serde(default)]
    pub(crate) best: Best,
    /// What was measured last, and where.
    #[serde(default)]
    pub(crate) measured: Option<Measured>,
    pub(crate) without_improvement: u32,
    /// Step of the last checkpoint.
    pub(crate) saved_step: Option<u64>,
    /// Takes the place of the schedule's rate.
    pub(crate) learning_rate: Option<f64>,
    /// Asked for too late for the boundary they were asked at.
    pub(crate) evaluate_next: bool,
    pub(crate) save_next: bool,
    /// A stop that the trainer or early stopping asked for and this checkpoint is written for.
    pub(crate) stop: Option<EndReason>,
    /// For the next log event.
    pub(crate) metrics: Vec<Metric>,
    /// The trainer's own loop has returned.
    pub(crate) loop_returned: bool,
}

/// Most metrics of one event, whoever measured them: an event has a bound in the store.
const METRICS: usize = 1000;

/// Where the best score was measured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Best {
    /// Nothing was.
    #[default]
    None,
    /// At this step, of which there is no checkpoint, or not yet.
    At(u64),
    /// Of the weights in this checkpoint.
    In(String),
}

/// What was measured of the weights of a step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Measured {
    pub(crate) step: u64,
    pub(crate) loss: Option<f64>,
    pub(crate) score: Option<Metric>,
    pub(crate) metrics: Vec<Metric>,
}

/// Sums over the steps since the last log event.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Window {
    pub(crate) loss_sum: f64,
    pub(crate) tokens: u64,
    /// For the rate people see, of the trainer's own loop too; a resumed run starts again at 0.
    #[serde(skip)]
    pub(crate) timed_tokens: u64,
    #[serde(skip)]
    pub(crate) seconds: f64,
}

impl Window {
    pub(crate) fn add(&mut self, report: &StepReport) {
        self.loss_sum += report.loss_sum;
        self.tokens += report.tokens;
        self.timed_tokens += report.tokens;
        self.seconds += report.seconds;
    }
}

impl Progress {
    /// Takes the window into a log record and empties it.
    pub(crate) fn log_record(&mut self, last: &StepReport) -> LogRecord {
        let window = std::mem::take(&mut self.window);
        self.loss = ratio(window.loss_sum, window.tokens).or(self.loss);
        LogRecord {
            step: self.step,
            epoch: Some(last.epoch),
            loss: self.loss,
            learning_rate: Some(last.learning_rate),
            grad_norm: last.grad_norm,
            tokens: self.tokens,
            tokens_per_second: rate(window.timed_tokens, window.seconds),
            metrics: std::mem::take(&mut self.metrics),
        }
    }

    /// Takes up the tokens that a loop has trained on at one of its hooks. The other hooks may come more often than
    /// a log event, whose rate is of all tokens since the one before.
    pub(crate) fn loop_trained(&mut self, tokens: u64) {
        self.window.timed_tokens += tokens.saturating_sub(self.tokens);
        self.tokens = tokens;
    }

    /// The record of a loop that logs for itself.
    pub(crate) fn loop_log_record(
        &mut self,
        tokens: u64,
        seconds: f64,
        told: LoopProgress,
        metrics: Vec<Metric>,
    ) -> LogRecord {
        self.loop_trained(tokens);
        let timed_tokens = std::mem::take(&mut self.window.timed_tokens);
        self.loss = told.loss.or(self.loss);
        let mut all = std::mem::take(&mut self.metrics);
        all.extend(metrics);
        let too_many = all.len().saturating_sub(METRICS);
        all.drain(..too_many);
        LogRecord {
            step: self.step,
            epoch: told.epoch,
            loss: told.loss,
            learning_rate: told.learning_rate,
            grad_norm: told.grad_norm,
            tokens,
            tokens_per_second: rate(timed_tokens, seconds),
            metrics: all,
        }
    }

    /// These weights are those of a checkpoint, of which the progress in it cannot know: it is written first.
    pub(crate) fn saved_as(&mut self, checkpoint: &str) {
        if self.best == Best::At(self.step) {
            self.best = Best::In(checkpoint.into());
        }
    }

    /// What was measured of exactly these weights.
    pub(crate) fn measured_here(&self) -> Option<&Measured> {
        self.measured
            .as_ref()
            .filter(|measured| measured.step == self.step)
    }

    /// Adds a measurement of these weights to those of the same step.
    pub(crate) fn measured_again(&mut self, new: &Measurement, score: Option<Metric>) -> &Measured {
        let step = self.step;
        let mut measured = self
            .measured
            .take()
            .filter(|measured| measured.step == step)
            .unwrap_or_default();
        measured.step = step;
        measured.loss = new.loss.or(measured.loss);
        measured.score = score.or(measured.score.take());
        measured
            .metrics
            .retain(|old| new.metrics.iter().all(|one| one.name != old.name));
        measured.metrics.extend(new.metrics.iter().cloned());
        let too_many = measured.metrics.len().saturating_sub(METRICS);
        measured.metrics.drain(..too_many);
        self.measured.insert(measured)
    }

    /// A metric for the next log event, which has only so many: the newest.
    pub(crate) fn keep_metric(&mut self, metric: &Metric) {
        if self.metrics.len() >= METRICS {
            self.metrics.remove(0);
        }
        self.metrics.push(metric.clone());
    }

    /// What the last evaluation measured besides the loss.
    pub(crate) fn last_metrics(&self) -> Vec<Metric> {
        let measured = self.measured.as_ref();
        measured.map_or_else(Vec::new, |measured| measured.metrics.clone())
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn ratio(sum: f64, count: u64) -> Option<f64> {
    (count > 0).then(|| sum / count as f64)
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn rate(count: u64, seconds: f64) -> Option<f64> {
    (seconds > 0.0 && count > 0).then(|| count as f64 / seconds)
}

/// What a checkpoint has of the callbacks' state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallbackState {
    /// What `save-state` answered at its step.
    Whole,
    /// What `save-state` answered at an earlier step: at the checkpoint's own it failed, or nobody was there to ask.
    Earlier(u64),
    /// Nothing: `save-state` had never succeeded.
    None,
}

/// What goes into the second blob of a checkpoint.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SavedProgress {
    pub(crate) progress: Progress,
    /// Answer of `save-state`; none if there was no live instance to ask.
    pub(crate) callbacks: Option<Vec<u8>>,
    /// The step at which `save-state` gave it; none in a checkpoint of an earlier version.
    pub(crate) callbacks_step: Option<u64>,
    /// What the trainer's loop gave to its last checkpoint hook.
    pub(crate) training_loop: Option<LoopState>,
    /// Digest of the data that is trained on; none in a checkpoint of an earlier version.
    pub(crate) data: Option<String>,
}

/// Changes with every change of the format that an older reader would misread.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    progress: Progress,
    callbacks: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    callbacks_step: Option<u64>,
    training_loop: Option<LoopHeader>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct LoopHeader {
    step: u64,
    generated: u64,
    length: usize,
}

/// Why a progress blob cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProgressError {
    #[error("ends too early")]
    Short,
    #[error("has format version {0}, and this host reads version {VERSION}")]
    Version(u32),
    #[error("has an unreadable header: {0}")]
    Header(#[from] serde_json::Error),
}

impl SavedProgress {
    /// Where the callbacks' saved state comes from.
    pub(crate) fn callback_state(&self) -> CallbackState {
        match (&self.callbacks, self.callbacks_step) {
            (None, _) => CallbackState::None,
            (Some(_), Some(step)) if step != self.progress.step => CallbackState::Earlier(step),
            (Some(_), _) => CallbackState::Whole,
        }
    }

    /// Length of the JSON header (8 bytes, little-endian), header, guest states.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        let header = serde_json::to_vec(&Header {
            version: VERSION,
            progress: self.progress.clone(),
            callbacks: self.callbacks.as_ref().map(Vec::len),
            callbacks_step: self.callbacks_step,
            training_loop: self.training_loop.as_ref().map(|at| LoopHeader {
                step: at.step,
                generated: at.generated,
                length: at.state.len(),
            }),
            data: self.data.clone(),
        })?;
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&(header.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&header);
        let training_loop = self.training_loop.as_ref().map(|at| &at.state);
        for state in [self.callbacks.as_ref(), training_loop]
            .into_iter()
            .flatten()
        {
            bytes.extend_from_slice(state);
        }
        Ok(bytes)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, ProgressError> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let (length, rest) = bytes.split_first_chunk::<8>().ok_or(ProgressError::Short)?;
        let length =
            usize::try_from(u64::from_le_bytes(*length)).map_err(|_| ProgressError::Short)?;
        let (header, mut rest) = rest.split_at_checked(length).ok_or(ProgressError::Short)?;
        let Version { version } = serde_json::from_slice(header)?;
        if version != VERSION {
            return Err(ProgressError::Version(version));
        }
        let header: Header = serde_json::from_slice(header)?;
        let mut take = |length: usize| -> Result<Vec<u8>, ProgressError> {
            let (state, others) = rest.split_at_checked(length).ok_or(ProgressError::Short)?;
            rest = others;
            Ok(state.to_vec())
        };
        Ok(Self {
            callbacks: header.callbacks.map(&mut take).transpose()?,
            callbacks_step: header.callbacks_step,
            training_loop: header
                .training_loop
                .map(|at| {
                    Ok::<_, ProgressError>(LoopState {
                        step: at.step,
                        generated: at.generated,
                        state: take(at.length)?,
                    })
                })
                .transpose()?,
            progress: header.progress,
            data: header.data,
        })
    }
}

#[cfg(test)]
mod tests;
