//! What to train: the answer of a trainer's `describe`, checked and completed.
//!
//! A trainer returns a [`SpecDraft`], in which most fields are optional.
//! [`SpecDraft::resolve`] checks each value and fills in the defaults; everything
//! after that works on a [`Spec`], in which nothing is left open. The config
//! hash is taken over the resolved spec, so that an absent field and its default
//! are the same configuration.

use serde::{Deserialize, Serialize};

use crate::UntrustedText;

mod check;
mod draft;
mod hash;

pub use draft::{Additional, DatasetDraft, HyperparametersDraft, Setting, SpecDraft, SpecProblem};

/// A training job, complete: the defaults are filled in and every value was checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Name of the training job; shown and used in file names.
    pub name: UntrustedText,
    /// For people; does not change the config hash.
    #[serde(default, skip_serializing_if = "UntrustedText::is_empty")]
    pub description: UntrustedText,
    /// For people; does not change the config hash.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<UntrustedText>,
    /// The model to train.
    pub model: ModelSource,
    /// How text becomes token ids.
    pub tokenizer: TokenizerSource,
    /// The data to train on; none if the trainer's loop makes its own.
    pub dataset: Option<Dataset>,
    /// Further models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<NamedModel>,
    /// Train low-rank adapters instead of all weights.
    pub lora: Option<Lora>,
    /// How to train.
    pub hyperparameters: Hyperparameters,
    /// The trainer's own values; the host keeps them and does not read them.
    #[serde(default)]
    pub extras: serde_json::Map<String, serde_json::Value>,
    /// Check everything and train no step.
    #[serde(default)]
    pub dry_run: bool,
    /// Whether the trainer's own loop trains.
    pub own_loop: bool,
}

/// Where the model comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelSource {
    /// New weights in this shape.
    Scratch(ModelShape),
    /// A pretrained model in a file or folder, relative to the project's folder.
    File(String),
    /// A pretrained model of the Hugging Face hub.
    Hub(HubRepository),
    /// One that the contract has no case for.
    Other(NamedSource),
}

/// A further model by its name in the trainer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedModel {
    /// `teacher` for one.
    pub name: String,
    /// Where it comes from.
    pub source: ModelSource,
}

/// A source by the name that a host has for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedSource {
    /// What kind it is.
    pub name: String,
    /// What belongs to it.
    pub parameters: Vec<Setting>,
}

/// A model of the Hugging Face hub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HubRepository {
    /// `user/name`
    pub name: String,
    /// Branch, tag or commit.
    pub revision: String,
}

/// A decoder-only transformer; the names are those of a Hugging Face `LlamaConfig`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelShape {
    /// Width of the residual stream.
    pub hidden_size: u32,
    /// Number of blocks.
    pub num_hidden_layers: u32,
    /// Number of query heads; divides `hidden_size`.
    pub num_attention_heads: u32,
    /// Number of key and value heads; divides `num_attention_heads`.
    pub num_key_value_heads: u32,
    /// Width inside the SwiGLU feed-forward.
    pub intermediate_size: u32,
    /// Base of the rotary position embedding.
    pub rope_theta: f64,
    /// Added to the mean square in RMSNorm.
    pub rms_norm_eps: f64,
    /// Whether the output layer shares its weights with the embedding.
    pub tie_word_embeddings: bool,
}

/// How text becomes token ids.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenizerSource {
    /// One token a byte, 256 of them and one for the end of a text.
    Bytes,
    /// A byte-level BPE vocabulary of this size, trained on the training split.
    Bpe(u32),
    /// A `tokenizer.json` of the Hugging Face tokenizers library, relative to the project.
    File(String),
    /// The one that belongs to the pretrained model.
    Model,
    /// That of a model of the Hugging Face hub.
    Hub(HubRepository),
    /// One that the contract has no case for.
    Other(NamedSource),
}

/// The data to train on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "StoredDataset")]
pub struct Dataset {
    /// Where it is.
    pub source: DatasetSource,
    /// What it is made of.
    pub format: DatasetFormat,
    /// What is evaluated and not trained on.
    pub held_out: HeldOut,
}

/// How a dataset stands in stores, those written before a dataset had a format among them.
#[derive(Deserialize)]
struct StoredDataset {
    source: DatasetSource,
    #[serde(default)]
    format: DatasetFormat,
    held_out: Option<HeldOut>,
    eval_fraction: Option<f64>,
}

impl From<StoredDataset> for Dataset {
    fn from(stored: StoredDataset) -> Self {
        let share = stored.eval_fraction.map(HeldOut::Share);
        Self {
            source: stored.source,
            format: stored.format,
            held_out: stored.held_out.or(share).unwrap_or_default(),
        }
    }
}

/// What a dataset is made of. Rows are those of a JSON Lines file, a table or a hub's dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatasetFormat {
    /// One text from beginning to end.
    #[default]
    Text,
    /// Rows with a text each, in this field.
    Rows(String),
    /// Rows with a conversation each, in this field.
    Conversations(String),
    /// Rows with a prompt and what is to follow it.
    Completions {
        /// Name of the field.
        prompt: String,
        /// Name of the field.
        completion: String,
    },
    /// Rows with a prompt, a chosen and a rejected answer.
    Preferences {
        /// Name of the field; none if both answers begin with it.
        prompt: Option<String>,
        /// Name of the field.
        chosen: String,
        /// Name of the field.
        rejected: String,
    },
    /// Rows with a prompt, an answer and whether it is a good one.
    Labels {
        /// Name of the field.
        prompt: String,
        /// Name of the field.
        completion: String,
        /// Name of the field.
        label: String,
    },
    /// Rows with a prompt each, in this field.
    Prompts(String),
    /// One that the contract has no case for.
    Other(NamedSource),
}

impl DatasetFormat {
    /// The name in the contract.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Rows(_) => "rows",
            Self::Conversations(_) => "conversations",
            Self::Completions { .. } => "completions",
            Self::Preferences { .. } => "preferences",
            Self::Labels { .. } => "labels",
            Self::Prompts(_) => "prompts",
            Self::Other(_) => "other",
        }
    }
}

/// What is evaluated and not trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldOut {
    /// A share of the data, from its end; 0 holds nothing out.
    Share(f64),
    /// Data of its own, in the same format.
    Source(DatasetSource),
}

impl Default for HeldOut {
    fn default() -> Self {
        Self::Share(0.05)
    }
}

/// Where a dataset comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatasetSource {
    /// A file of the project, its path relative to the project's folder.
    File(String),
    /// A dataset of the Hugging Face hub.
    Hub(HubDataset),
    /// A file behind an http or https address.
    Url(UrlDataset),
    /// One that the contract has no case for.
    Other(NamedSource),
}

/// A dataset of the Hugging Face hub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HubDataset {
    /// `user/name`
    pub name: String,
    /// Absent: the only one there is.
    pub config: Option<String>,
    /// `train` for one.
    pub split: String,
    /// Branch, tag or commit.
    pub revision: String,
}

/// A file behind an http or https address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UrlDataset {
    /// The address.
    pub url: String,
    /// What the file must hash to, in lower-case hex. Absent: not checked.
    pub sha256: Option<String>,
}

/// Low-rank adaptation; the names are those of PEFT's `LoraConfig`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lora {
    /// Rank of the update.
    pub r: u32,
    /// The update is scaled by `lora_alpha / r`.
    pub lora_alpha: f64,
    /// Share of the adapter's inputs set to zero while training.
    pub lora_dropout: f64,
    /// Layers that get an adapter, by the last part of their name; empty: all linear layers.
    pub target_modules: Vec<String>,
}

/// How the learning rate changes over the run, after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LrSchedulerType {
    /// Falls in a straight line to 0 at the last step.
    Linear,
    /// Falls along half a cosine to 0 at the last step.
    Cosine,
    /// Stays.
    Constant,
}

/// How to train. Names and defaults are those of TRL's `SFTConfig` unless said otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hyperparameters {
    /// Optimizer steps; 0 leaves the length to `num_train_epochs`.
    pub max_steps: u32,
    /// Passes over the training split, if `max_steps` is 0.
    pub num_train_epochs: f64,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Sequences in one forward and backward pass.
    pub per_device_train_batch_size: u32,
    /// Passes whose gradients add up to one optimizer step.
    pub gradient_accumulation_steps: u32,
    /// Tokens in one sequence.
    pub max_length: u32,
    /// Shape of the learning rate after the warm-up.
    pub lr_scheduler_type: LrSchedulerType,
    /// Steps over which the learning rate rises from 0.
    pub warmup_steps: u32,
    /// Decoupled weight decay of matrices.
    pub weight_decay: f64,
    /// Global L2 norm above which gradients are scaled down; 0 turns it off.
    pub max_grad_norm: f64,
    /// Decay of Adam's first moment.
    pub adam_beta1: f64,
    /// Decay of Adam's second moment.
    pub adam_beta2: f64,
    /// Added to the root of Adam's second moment.
    pub adam_epsilon: f64,
    /// Steps between two log events.
    pub logging_steps: u32,
    /// Steps between two evaluations; 0 evaluates at the end only.
    pub eval_steps: u32,
    /// Steps between two checkpoints; 0 saves at the end only.
    pub save_steps: u32,
    /// Checkpoints kept, the best and the newest always among them; 0 keeps all.
    pub save_total_limit: u32,
    /// Seed of the weights, the data order and everything else random.
    pub seed: u32,
    /// Evaluations in a row without an improvement after which the run stops; 0 never stops it.
    pub early_stopping_patience: u32,
    /// An evaluation is an improvement if its score is better by more than this.
    pub early_stopping_threshold: f64,
    /// What evaluations are compared by: `loss` or the name of a metric.
    #[serde(default = "loss")]
    pub metric_for_best_model: String,
    /// Whether a higher score is better.
    #[serde(default)]
    pub greater_is_better: bool,
}

fn loss() -> String {
    "loss".into()
}
