//! What passes between a training loop and an engine.
//!
//! The shape is that of the Tinker API: gradients add up over `forward_backward`
//! calls until `optim_step`, losses are weighted *sums*, and a loop that wants
//! a mean divides the weights itself. So the loss under gradient accumulation is
//! normalised over the tokens of all micro-batches by construction.

use serde::{Deserialize, Serialize};

/// An index into the vocabulary of the session's tokenizer.
pub type TokenId = u32;

/// One sequence to train on or to score. All present lists have the same length.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Datum {
    /// Input ids, one a position.
    pub tokens: Vec<TokenId>,
    /// The id to be predicted at each position (the input shifted by one, for language modelling).
    pub targets: Vec<TokenId>,
    /// Weight of each position's loss; 0 leaves the position out.
    pub weights: Vec<f32>,
    /// Advantage of each position, for the policy losses; empty for cross-entropy.
    pub advantages: Vec<f32>,
    /// Log-probability of each target under the policy that sampled it, for the policy losses.
    pub old_log_probs: Vec<f32>,
}

/// How the loss is computed from the log-probability `l` of each target.
///
/// With weight `w`, advantage `a`, old log-probability `o` and ratio `r = exp(l - o)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossFunction {
    /// `-w * l`
    CrossEntropy,
    /// `-w * r * a`
    ImportanceSampling,
    /// `-w * min(r * a, clamp(r, clip-low, clip-high) * a)` (Schulman et al. 2017, eq. 7)
    Ppo {
        /// Lower bound of the ratio, 0.8 in most papers.
        clip_low: f32,
        /// Upper bound of the ratio, 1.2 in most papers.
        clip_high: f32,
    },
}

/// What a forward pass gives back.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ForwardOutput {
    /// Sum of the weighted losses of all positions, in nats.
    pub loss_sum: f64,
    /// Sum of the weights.
    pub weight_sum: f64,
    /// Log-probability of each target, per datum and position; empty unless asked for.
    pub log_probs: Vec<Vec<f32>>,
}

/// Whether a forward pass gives back the log-probability of each target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogProbs {
    /// Sums only.
    Omit,
    /// One value per datum and position.
    Return,
}

/// One AdamW step (Loshchilov and Hutter 2019): decoupled weight decay, bias-corrected moments.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AdamParameters {
    /// Step size.
    pub learning_rate: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled decay, applied to matrices and not to norm weights.
    pub weight_decay: f64,
    /// Gradients are scaled down to this global L2 norm if they exceed it; 0 turns clipping off.
    pub max_grad_norm: f64,
}

impl Default for AdamParameters {
    fn default() -> Self {
        Self {
            learning_rate: 5e-5,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.0,
            max_grad_norm: 1.0,
        }
    }
}

/// What an optimizer step gives back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OptimOutput {
    /// Global L2 norm of the gradients before clipping; none if the engine does not tell it.
    pub grad_norm: Option<f64>,
}

/// How to sample.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplingParameters {
    /// Most tokens to generate.
    pub max_tokens: u32,
    /// 0 is greedy.
    pub temperature: f32,
    /// Keep the k likeliest tokens; 0 keeps all.
    pub top_k: u32,
    /// Keep the likeliest tokens whose probabilities add up to p; 1 keeps all.
    pub top_p: f32,
    /// Sampling ends before any of these texts.
    pub stop: Vec<String>,
    /// Whether the stop text stays at the end, with the tokens that wrote it.
    pub keep_stop: bool,
    /// Sampling ends with any of these tokens, besides the tokenizer's end of sequence.
    pub stop_token_ids: Vec<TokenId>,
    /// The same seed, weights and prompt give the same tokens.
    pub seed: u64,
}

impl Default for SamplingParameters {
    fn default() -> Self {
        Self {
            max_tokens: 64,
            temperature: 1.0,
            top_k: 0,
            top_p: 1.0,
            stop: Vec::new(),
            keep_stop: false,
            stop_token_ids: Vec::new(),
            seed: 0,
        }
    }
}

/// Why a sequence ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// `max_tokens` were generated, or the context is full.
    Length,
    /// An end-of-sequence token or a stop text came.
    Stop,
}

/// One generated sequence, without its prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct SampledSequence {
    /// The generated ids.
    pub tokens: Vec<TokenId>,
    /// Log-probability of each id under the untempered distribution.
    pub log_probs: Vec<f32>,
    /// Log-probability of each id under the distribution that it was drawn from.
    pub sampling_log_probs: Vec<f32>,
    /// Why it ended.
    pub stop_reason: StopReason,
}
