//! From what a trainer says to a spec that can be trained.

use super::check::{Check, Range};
use serde::{Deserialize, Serialize};

use super::{
    Dataset, DatasetFormat, DatasetSource, HeldOut, Hyperparameters, Lora, LrSchedulerType,
    ModelSource, NamedModel, Spec, TokenizerSource,
};
use crate::UntrustedText;

/// A spec as a trainer returned it: unchecked, absent values not yet filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct SpecDraft {
    /// See [`Spec::name`].
    pub name: String,
    /// See [`Spec::description`].
    pub description: Option<String>,
    /// See [`Spec::tags`].
    pub tags: Vec<String>,
    /// See [`Spec::model`].
    pub model: ModelSource,
    /// See [`Spec::tokenizer`]. Absent: that of a pretrained model, bytes for a new one.
    pub tokenizer: Option<TokenizerSource>,
    /// See [`Spec::dataset`].
    pub dataset: Option<DatasetDraft>,
    /// See [`Spec::models`].
    pub models: Vec<NamedModel>,
    /// See [`Spec::lora`].
    pub lora: Option<Lora>,
    /// See [`Spec::hyperparameters`].
    pub hyperparameters: HyperparametersDraft,
    /// Settings that the contract has no field for.
    pub additional: Additional,
    /// See [`Spec::extras`]: a JSON object as text.
    pub extras: Option<String>,
    /// See [`Spec::dry_run`]; false if absent.
    pub dry_run: Option<bool>,
    /// See [`Spec::own_loop`]; what the trainer exports if absent.
    pub own_loop: Option<bool>,
    /// Whether the trainer exports a loop.
    pub exports_loop: bool,
}

/// A setting by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// `packing` for one.
    pub name: String,
    /// As JSON.
    pub value: String,
}

/// Settings that the contract has no field for, by the record they stand in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the records")]
pub struct Additional {
    pub spec: Vec<Setting>,
    pub dataset: Vec<Setting>,
    pub lora: Vec<Setting>,
    pub hyperparameters: Vec<Setting>,
}

/// [`Dataset`], of which only the source must be there.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetDraft {
    /// See [`Dataset::source`].
    pub source: DatasetSource,
    /// See [`Dataset::format`]; text if absent.
    pub format: Option<DatasetFormat>,
    /// See [`Dataset::held_out`]; a share of 0.05 if absent.
    pub held_out: Option<HeldOut>,
}

impl From<DatasetSource> for DatasetDraft {
    fn from(source: DatasetSource) -> Self {
        Self {
            source,
            format: None,
            held_out: None,
        }
    }
}

/// [`Hyperparameters`], every one optional.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "each is documented at Hyperparameters")]
pub struct HyperparametersDraft {
    pub max_steps: Option<u32>,
    pub num_train_epochs: Option<f64>,
    pub learning_rate: Option<f64>,
    pub per_device_train_batch_size: Option<u32>,
    pub gradient_accumulation_steps: Option<u32>,
    pub max_length: Option<u32>,
    pub lr_scheduler_type: Option<LrSchedulerType>,
    pub warmup_steps: Option<u32>,
    pub weight_decay: Option<f64>,
    pub max_grad_norm: Option<f64>,
    pub adam_beta1: Option<f64>,
    pub adam_beta2: Option<f64>,
    pub adam_epsilon: Option<f64>,
    pub logging_steps: Option<u32>,
    pub eval_steps: Option<u32>,
    pub save_steps: Option<u32>,
    pub save_total_limit: Option<u32>,
    pub seed: Option<u32>,
    pub early_stopping_patience: Option<u32>,
    pub early_stopping_threshold: Option<f64>,
    pub metric_for_best_model: Option<String>,
    pub greater_is_better: Option<bool>,
}

/// One value of a spec that cannot be trained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {}, but {allowed}", value.line())]
pub struct SpecProblem {
    /// Path of the field, in the names of the contract: `hyperparameters.learning-rate`.
    pub field: &'static str,
    /// What the trainer gave.
    pub value: UntrustedText,
    /// What would do, as the second half of a sentence: `must be between 0 and 1`.
    pub allowed: String,
}

impl SpecDraft {
    /// A draft with the defaults of the contract, of a trainer without a loop of its own.
    pub fn new(name: &str, model: ModelSource, dataset: Option<DatasetDraft>) -> Self {
        Self {
            name: name.into(),
            description: None,
            tags: Vec::new(),
            model,
            tokenizer: None,
            dataset,
            models: Vec::new(),
            lora: None,
            hyperparameters: HyperparametersDraft::default(),
            additional: Additional::default(),
            extras: None,
            dry_run: None,
            own_loop: None,
            exports_loop: false,
        }
    }

    /// Checks every value and fills in the defaults.
    ///
    /// # Errors
    ///
    /// All problems at once, in the order of the fields.
    pub fn resolve(self) -> Result<Spec, Vec<SpecProblem>> {
        let mut check = Check::default();
        check.name(&self.name);
        check.texts(&self);
        check.model(&self.model);
        let tokenizer = self.tokenizer.unwrap_or(match self.model {
            ModelSource::Scratch(_) => TokenizerSource::Bytes,
            ModelSource::File(_) | ModelSource::Hub(_) | ModelSource::Other(_) => {
                TokenizerSource::Model
            }
        });
        check.tokenizer(&tokenizer, &self.model);
        let own_loop = check.own_loop(self.own_loop, self.exports_loop);
        let dataset = self.dataset.map(|dataset| Dataset {
            source: dataset.source,
            format: dataset.format.unwrap_or_default(),
            held_out: dataset.held_out.unwrap_or_default(),
        });
        check.dataset(dataset.as_ref(), own_loop);
        check.models(&self.models);
        if let Some(lora) = &self.lora {
            check.lora(lora, &self.model);
        }
        let hyperparameters = self.hyperparameters.resolve(&mut check);
        check.additional(&self.additional);
        let extras = check.extras(self.extras.as_deref());
        if !check.problems.is_empty() {
            return Err(check.problems);
        }
        Ok(Spec {
            name: self.name.into(),
            description: self.description.unwrap_or_default().into(),
            tags: self.tags.into_iter().map(Into::into).collect(),
            model: self.model,
            tokenizer,
            dataset,
            models: self.models,
            lora: self.lora,
            hyperparameters,
            extras,
            dry_run: self.dry_run.unwrap_or(false),
            own_loop,
        })
    }
}

const MANY: u32 = 1_000_000_000;

impl HyperparametersDraft {
    fn resolve(&self, check: &mut Check) -> Hyperparameters {
        macro_rules! float {
            ($field:ident, $name:literal, $default:expr, $range:expr) => {
                check.float(
                    concat!("hyperparameters.", $name),
                    self.$field.unwrap_or($default),
                    $range,
                )
            };
        }
        macro_rules! integer {
            ($field:ident, $name:literal, $default:expr, $low:expr, $high:expr) => {
                check.integer(
                    concat!("hyperparameters.", $name),
                    self.$field.unwrap_or($default),
                    $low,
                    $high,
                )
            };
        }
        Hyperparameters {
            max_steps: integer!(max_steps, "max-steps", 0, 0, MANY),
            num_train_epochs: float!(num_train_epochs, "num-train-epochs", 3.0, Range::above(0.0)),
            learning_rate: float!(
                learning_rate,
                "learning-rate",
                2e-5,
                Range::closed(0.0, 10.0)
            ),
            per_device_train_batch_size: integer!(
                per_device_train_batch_size,
                "per-device-train-batch-size",
                8,
                1,
                65_536
            ),
            gradient_accumulation_steps: integer!(
                gradient_accumulation_steps,
                "gradient-accumulation-steps",
                1,
                1,
                65_536
            ),
            max_length: integer!(max_length, "max-length", 1024, 2, 131_072),
            lr_scheduler_type: self.lr_scheduler_type.unwrap_or(LrSchedulerType::Linear),
            warmup_steps: integer!(warmup_steps, "warmup-steps", 0, 0, MANY),
            weight_decay: float!(weight_decay, "weight-decay", 0.0, Range::closed(0.0, 10.0)),
            max_grad_norm: float!(max_grad_norm, "max-grad-norm", 1.0, Range::at_least(0.0)),
            adam_beta1: float!(adam_beta1, "adam-beta1", 0.9, Range::half_open(0.0, 1.0)),
            adam_beta2: float!(adam_beta2, "adam-beta2", 0.999, Range::half_open(0.0, 1.0)),
            adam_epsilon: float!(adam_epsilon, "adam-epsilon", 1e-8, Range::at_least(1e-30)),
            logging_steps: integer!(logging_steps, "logging-steps", 10, 1, MANY),
            eval_steps: integer!(eval_steps, "eval-steps", 0, 0, MANY),
            save_steps: integer!(save_steps, "save-steps", 500, 0, MANY),
            save_total_limit: self.save_total_limit.unwrap_or(0),
            seed: self.seed.unwrap_or(42),
            early_stopping_patience: self.early_stopping_patience.unwrap_or(0),
            early_stopping_threshold: float!(
                early_stopping_threshold,
                "early-stopping-threshold",
                0.0,
                Range::at_least(0.0)
            ),
            metric_for_best_model: check.metric(self.metric_for_best_model.as_deref()),
            greater_is_better: self.greater_is_better.unwrap_or_else(|| {
                let metric = self.metric_for_best_model.as_deref();
                metric.is_some_and(|name| !name.ends_with("loss"))
            }),
        }
    }
}
