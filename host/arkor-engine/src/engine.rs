//! The contract between a training loop and whatever executes its steps.
//!
//! It holds for the embedded engine and for a remote one that speaks the Tinker
//! API: a remote session forwards each call, and its saved state is a small
//! reference instead of the weights themselves.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arkor_types::{
    AdamParameters, Datum, ForwardOutput, LogProbs, LossFunction, OptimOutput, SampledSequence,
    SamplingParameters, Spec, TokenId,
};

use crate::EngineError;

/// Everything an engine needs to open a session.
#[derive(Debug, Clone)]
pub struct SessionRequest {
    /// What to train.
    pub spec: Spec,
    /// The `tokenizer.json` the spec names, if it names one: resolved, inside the project.
    pub tokenizer_file: Option<PathBuf>,
    /// The text a tokenizer is trained on, if the spec asks for a new one: the training split.
    pub tokenizer_text: Option<Arc<str>>,
    /// A saved state to start from: weights, optimizer and tokenizer come from it.
    pub saved: Option<PathBuf>,
    /// The saved state of another run to begin with: weights and tokenizer come from it, and the
    /// optimizer is new. `saved` counts more.
    pub weights: Option<PathBuf>,
}

/// Opens sessions. One engine may serve many runs, one after the other or at once.
pub trait Engine: Send + Sync {
    /// A short name for logs and `inspect`, `embedded` for one.
    fn name(&self) -> &str;

    /// Opens a training session. Can take seconds (tokenizer training, loading weights).
    fn open(&self, request: SessionRequest) -> Result<Box<dyn TrainingSession>, EngineError>;
}

/// A model being trained, with its optimizer and tokenizer. Used from one thread.
pub trait TrainingSession: Send {
    /// What is being trained, for progress lines and checks.
    fn model(&self) -> ModelSummary;

    /// Adds the gradients of the summed loss of `data` to those already there.
    fn forward_backward(
        &mut self,
        data: &[Datum],
        loss: LossFunction,
        log_probs: LogProbs,
    ) -> Result<ForwardOutput, EngineError>;

    /// The same sums, without gradients.
    fn forward(
        &mut self,
        data: &[Datum],
        loss: LossFunction,
        log_probs: LogProbs,
    ) -> Result<ForwardOutput, EngineError>;

    /// Applies the gradients that have added up, then sets them to zero.
    fn optim_step(&mut self, adam: &AdamParameters) -> Result<OptimOutput, EngineError>;

    /// Whether gradients wait for an `optim_step`.
    fn has_gradients(&self) -> bool;

    /// Sets the gradients to zero without applying them.
    fn drop_gradients(&mut self);

    /// Takes a flag that ends a long [`sample`](Self::sample) with [`EngineError::Interrupted`] when it is set. An
    /// engine whose calls are short need not look at it.
    fn interrupt_by(&mut self, flag: &Arc<AtomicBool>) {
        let _ = flag;
    }

    /// Generates `count` sequences after each prompt: a list for each, in their order.
    fn sample(
        &mut self,
        prompts: &[Vec<TokenId>],
        count: u32,
        parameters: &SamplingParameters,
    ) -> Result<Vec<Vec<SampledSequence>>, EngineError>;

    /// Writes all that `load_state` needs to go on bit for bit: weights, optimizer, tokenizer.
    /// Gradients that have not been applied are an error, not silently dropped.
    fn save_state(&mut self, to: &mut dyn Write) -> Result<(), EngineError>;

    /// Takes up a state that `save_state` wrote for a model of the same shape.
    fn load_state(&mut self, from: &mut dyn Read) -> Result<(), EngineError>;

    /// Text to ids.
    fn tokenize(&self, text: &str) -> Result<Vec<TokenId>, EngineError>;

    /// Ids to text; bytes that are not UTF-8 become the replacement character.
    fn detokenize(&self, tokens: &[TokenId]) -> Result<String, EngineError>;
}

/// What a session trains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSummary {
    /// What it is called; none for a new model.
    pub name: Option<String>,
    /// `llama`.
    pub architecture: String,
    /// Number of weights.
    pub parameters: u64,
    /// Number of those that are trained.
    pub trainable_parameters: u64,
    /// Size of the vocabulary.
    pub vocab_size: u32,
    /// Longest sequence, in tokens.
    pub context_length: u32,
    /// Begins a sequence, if the tokenizer has one.
    pub bos_token_id: Option<TokenId>,
    /// End a sequence; empty if the tokenizer has none.
    pub eos_token_ids: Vec<TokenId>,
    /// Fills up a batch, if the tokenizer has one.
    pub pad_token_id: Option<TokenId>,
    /// Whether conversations can be rendered.
    pub has_chat_template: bool,
    /// What the engine can do with this model, by the names of the contract (`model-info.features`).
    pub features: &'static [&'static str],
}
