//! Between the contract's types and the host's.

use arkor_types::{
    Action, AdamParameters, DatasetSource, EndReason, HubDataset, HubModel, HyperparametersDraft,
    Level, Lora, LossFunction, LrSchedulerType, Metric, ModelShape, ModelSource,
    SamplingParameters, Setting, Spec, SpecDraft, TokenizerSource, UntrustedText, UrlDataset,
};

use crate::bindings::arkor::trainer::{hooks, session, types};
use crate::bindings::exports::arkor::trainer::{callbacks, definition};
use crate::driver::machine::LoopProgress;
use crate::instance::fault;

/// Longest name of a metric.
const NAME: usize = 100;
/// Where a Hugging Face repository is read, if nothing else is said.
const REVISION: &str = "main";
/// Most texts, and most tokens, that end a generated text.
const STOPS: usize = 64;
/// Bytes of such a text.
const STOP_LENGTH: usize = 1000;
/// Most actions of one answer, and most metrics of one log event.
const COUNT: usize = 1000;

/// A step, a sequence number or a count as the contract has it. A run that outgrew 32 bits would
/// have trained for centuries.
pub(crate) fn count(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

pub(crate) fn level(level: hooks::Level) -> Level {
    match level {
        hooks::Level::Debug => Level::Debug,
        hooks::Level::Info => Level::Info,
        hooks::Level::Warn => Level::Warn,
        hooks::Level::Error => Level::Error,
    }
}

fn metric(name: String, value: f64) -> Result<Metric, String> {
    let fits = !name.is_empty()
        && name.len() <= NAME
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
    if !fits {
        return Err(format!(
            "the metric's name `{}` must have 1 to {NAME} letters, digits or any of -_./",
            fault::cut::<UntrustedText>(name, NAME).line()
        ));
    }
    if !value.is_finite() {
        return Err(format!("the metric {name} is {value}, but must be finite"));
    }
    Ok(Metric {
        name: name.into(),
        value,
    })
}

/// An error if a number is not finite: JSON, and so the run's log, has none of these.
pub(crate) fn progress(told: &hooks::Progress) -> Result<LoopProgress, String> {
    let finite = |name: &str, value: Option<f64>| match value {
        Some(value) if !value.is_finite() => Err(format!("{name} is {value}, but must be finite")),
        value => Ok(value),
    };
    Ok(LoopProgress {
        loss: finite("loss", told.loss)?,
        learning_rate: finite("learning-rate", told.learning_rate)?,
        grad_norm: finite("grad-norm", told.grad_norm)?,
        epoch: finite("epoch", told.epoch)?,
    })
}

pub(crate) fn metrics(list: Vec<types::Metric>) -> Result<Vec<Metric>, String> {
    if list.len() > COUNT {
        return Err(format!(
            "{} metrics at once, but at most {COUNT} are taken",
            list.len()
        ));
    }
    list.into_iter()
        .map(|one| metric(one.name, one.value))
        .collect()
}

pub(crate) fn actions(list: Vec<callbacks::Action>) -> Result<Vec<Action>, String> {
    if list.len() > COUNT {
        return Err(format!(
            "{} actions at once, but at most {COUNT} are taken",
            list.len()
        ));
    }
    list.into_iter()
        .map(|action| {
            Ok(match action {
                callbacks::Action::Stop(reason) => Action::Stop(fault::cut(reason, fault::WORDS)),
                callbacks::Action::Save => Action::Save,
                callbacks::Action::Evaluate => Action::Evaluate,
                callbacks::Action::SetLearningRate(rate) if !(0.0..=10.0).contains(&rate) => {
                    return Err(format!(
                        "set-learning-rate({rate}): must be between 0 and 10"
                    ));
                }
                callbacks::Action::SetLearningRate(rate) => Action::SetLearningRate(rate),
                callbacks::Action::FollowSchedule => Action::FollowSchedule,
                callbacks::Action::Pause => Action::Pause,
                callbacks::Action::LogMetric(one) => {
                    Action::LogMetric(metric(one.name, one.value)?)
                }
                callbacks::Action::Other(setting) => {
                    Action::Unknown(fault::cut(setting.name, NAME))
                }
            })
        })
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "temperatures need no double's precision"
)]
pub(crate) fn sampling(sampling: types::Sampling, seed: u64) -> Result<SamplingParameters, String> {
    let max_tokens = sampling.max_tokens.unwrap_or(64);
    if !(1..=4096).contains(&max_tokens) {
        return Err(format!(
            "max-tokens is {max_tokens}, but must be between 1 and 4096"
        ));
    }
    if let Some(setting) = sampling.additional.first() {
        return Err(format!(
            "{:?} is no setting of sampling that this host knows",
            fault::cut::<String>(setting.name.as_str(), NAME)
        ));
    }
    let long = sampling.stop.iter().any(|stop| stop.len() > STOP_LENGTH);
    if long || sampling.stop.len() > STOPS || sampling.stop_tokens.len() > STOPS {
        return Err(format!(
            "there are {} stop texts and {} stop tokens: at most {STOPS} of each are taken, and texts \
             of at most {STOP_LENGTH} bytes",
            sampling.stop.len(),
            sampling.stop_tokens.len()
        ));
    }
    Ok(SamplingParameters {
        max_tokens,
        temperature: sampling.temperature.unwrap_or(1.0) as f32,
        top_k: sampling.top_k.unwrap_or(0),
        top_p: sampling.top_p.unwrap_or(1.0) as f32,
        stop: sampling.stop,
        stop_tokens: sampling.stop_tokens,
        seed: sampling.seed.map_or(seed, u64::from),
    })
}

/// None if the engine does not have it.
pub(crate) fn loss(loss: &session::Loss) -> Option<LossFunction> {
    Some(match loss {
        session::Loss::CrossEntropy => LossFunction::CrossEntropy,
        session::Loss::ImportanceSampling => LossFunction::ImportanceSampling,
        session::Loss::Ppo(clip) => LossFunction::Ppo {
            clip_low: clip.low,
            clip_high: clip.high,
        },
        session::Loss::Other(_) => return None,
    })
}

pub(crate) fn adam(adam: &session::Adam) -> AdamParameters {
    let default = AdamParameters::default();
    AdamParameters {
        learning_rate: adam.learning_rate,
        beta1: adam.beta1.unwrap_or(default.beta1),
        beta2: adam.beta2.unwrap_or(default.beta2),
        eps: adam.eps.unwrap_or(default.eps),
        weight_decay: adam.weight_decay.unwrap_or(default.weight_decay),
        max_grad_norm: adam.max_grad_norm.unwrap_or(default.max_grad_norm),
    }
}

pub(crate) fn end_reason(reason: &EndReason) -> callbacks::EndReason {
    match reason {
        EndReason::Finished => callbacks::EndReason::Finished,
        EndReason::EarlyStopping => callbacks::EndReason::EarlyStopping,
        EndReason::Trainer(reason) => callbacks::EndReason::Trainer(reason.as_str().into()),
        EndReason::User | EndReason::Signal | EndReason::TimeLimit => callbacks::EndReason::User,
        EndReason::Replaced => callbacks::EndReason::Replaced,
    }
}

/// 8/3 of the width, as in Llama, rounded up to a multiple of 32.
fn intermediate(hidden: u32) -> u32 {
    let wide = (u64::from(hidden) * 8).div_ceil(3).next_multiple_of(32);
    u32::try_from(wide).unwrap_or(u32::MAX)
}

/// Fills in the defaults of model shapes and adapters; the rest is `SpecDraft::resolve`'s.
pub(super) fn spec_draft(spec: definition::Spec, exports_loop: bool) -> SpecDraft {
    let h = spec.hyperparameters;
    SpecDraft {
        name: spec.name,
        description: spec.description,
        tags: spec.tags,
        model: match spec.model {
            definition::ModelSource::File(path) => ModelSource::File(path),
            definition::ModelSource::Hub(model) => ModelSource::Hub(HubModel {
                name: model.name,
                revision: model.revision.unwrap_or_else(|| REVISION.into()),
            }),
            definition::ModelSource::Scratch(shape) => ModelSource::Scratch(ModelShape {
                hidden_size: shape.hidden_size,
                num_hidden_layers: shape.num_hidden_layers,
                num_attention_heads: shape.num_attention_heads,
                num_key_value_heads: shape
                    .num_key_value_heads
                    .unwrap_or(shape.num_attention_heads),
                intermediate_size: shape
                    .intermediate_size
                    .unwrap_or_else(|| intermediate(shape.hidden_size)),
                rope_theta: shape.rope_theta.unwrap_or(10_000.0),
                rms_norm_eps: shape.rms_norm_eps.unwrap_or(1e-5),
                tie_word_embeddings: shape.tie_word_embeddings.unwrap_or(true),
            }),
        },
        tokenizer: spec.tokenizer.map(|source| match source {
            definition::TokenizerSource::Bytes => TokenizerSource::Bytes,
            definition::TokenizerSource::Bpe(size) => TokenizerSource::Bpe(size),
            definition::TokenizerSource::File(path) => TokenizerSource::File(path),
            definition::TokenizerSource::Model => TokenizerSource::Model,
        }),
        dataset: spec.dataset.map(|source| match source {
            definition::DatasetSource::File(path) => DatasetSource::File(path),
            definition::DatasetSource::Hub(hub) => DatasetSource::Hub(HubDataset {
                name: hub.name,
                config: hub.config,
                split: hub.split.unwrap_or_else(|| "train".into()),
                revision: hub.revision.unwrap_or_else(|| REVISION.into()),
            }),
            definition::DatasetSource::Url(file) => DatasetSource::Url(UrlDataset {
                url: file.url,
                sha256: file.sha256.map(|hex| hex.to_ascii_lowercase()),
            }),
        }),
        eval_fraction: spec.eval_fraction,
        lora: spec.lora.map(|lora| Lora {
            r: lora.r,
            lora_alpha: lora.lora_alpha.unwrap_or_else(|| f64::from(lora.r)),
            lora_dropout: lora.lora_dropout.unwrap_or(0.0),
            target_modules: lora.target_modules,
        }),
        hyperparameters: HyperparametersDraft {
            max_steps: h.max_steps,
            num_train_epochs: h.num_train_epochs,
            learning_rate: h.learning_rate,
            per_device_train_batch_size: h.per_device_train_batch_size,
            gradient_accumulation_steps: h.gradient_accumulation_steps,
            max_length: h.max_length,
            lr_scheduler_type: h.lr_scheduler_type.map(|kind| match kind {
                definition::LrSchedulerType::Linear => LrSchedulerType::Linear,
                definition::LrSchedulerType::Cosine => LrSchedulerType::Cosine,
                definition::LrSchedulerType::Constant => LrSchedulerType::Constant,
            }),
            warmup_steps: h.warmup_steps,
            weight_decay: h.weight_decay,
            max_grad_norm: h.max_grad_norm,
            adam_beta1: h.adam_beta1,
            adam_beta2: h.adam_beta2,
            adam_epsilon: h.adam_epsilon,
            logging_steps: h.logging_steps,
            eval_steps: h.eval_steps,
            save_steps: h.save_steps,
            save_total_limit: h.save_total_limit,
            seed: h.seed,
            early_stopping_patience: h.early_stopping_patience,
            early_stopping_threshold: h.early_stopping_threshold,
        },
        additional: spec
            .additional
            .into_iter()
            .map(|setting| Setting {
                name: setting.name,
                value: setting.value,
            })
            .collect(),
        extras: spec.extras,
        dry_run: spec.dry_run,
        own_loop: spec.own_loop,
        exports_loop,
    }
}

/// The resolved spec as a loop gets it: every option is filled in.
pub(super) fn spec(spec: &Spec) -> definition::Spec {
    let h = &spec.hyperparameters;
    definition::Spec {
        name: spec.name.as_str().into(),
        description: Some(spec.description.as_str().into()),
        tags: spec.tags.iter().map(|tag| tag.as_str().into()).collect(),
        model: match &spec.model {
            ModelSource::File(path) => definition::ModelSource::File(path.clone()),
            ModelSource::Hub(model) => definition::ModelSource::Hub(definition::HubModel {
                name: model.name.clone(),
                revision: Some(model.revision.clone()),
            }),
            ModelSource::Scratch(shape) => {
                definition::ModelSource::Scratch(definition::ModelShape {
                    hidden_size: shape.hidden_size,
                    num_hidden_layers: shape.num_hidden_layers,
                    num_attention_heads: shape.num_attention_heads,
                    num_key_value_heads: Some(shape.num_key_value_heads),
                    intermediate_size: Some(shape.intermediate_size),
                    rope_theta: Some(shape.rope_theta),
                    rms_norm_eps: Some(shape.rms_norm_eps),
                    tie_word_embeddings: Some(shape.tie_word_embeddings),
                })
            }
        },
        tokenizer: Some(match &spec.tokenizer {
            TokenizerSource::Bytes => definition::TokenizerSource::Bytes,
            TokenizerSource::Bpe(size) => definition::TokenizerSource::Bpe(*size),
            TokenizerSource::File(path) => definition::TokenizerSource::File(path.clone()),
            TokenizerSource::Model => definition::TokenizerSource::Model,
        }),
        dataset: spec.dataset.as_ref().map(|dataset| match &dataset.source {
            DatasetSource::File(path) => definition::DatasetSource::File(path.clone()),
            DatasetSource::Hub(hub) => definition::DatasetSource::Hub(definition::HubDataset {
                name: hub.name.clone(),
                config: hub.config.clone(),
                split: Some(hub.split.clone()),
                revision: Some(hub.revision.clone()),
            }),
            DatasetSource::Url(file) => definition::DatasetSource::Url(definition::UrlDataset {
                url: file.url.clone(),
                sha256: file.sha256.clone(),
            }),
        }),
        eval_fraction: spec.dataset.as_ref().map(|dataset| dataset.eval_fraction),
        lora: spec.lora.as_ref().map(|lora| definition::Lora {
            r: lora.r,
            lora_alpha: Some(lora.lora_alpha),
            lora_dropout: Some(lora.lora_dropout),
            target_modules: lora.target_modules.clone(),
        }),
        hyperparameters: definition::Hyperparameters {
            max_steps: Some(h.max_steps),
            num_train_epochs: Some(h.num_train_epochs),
            learning_rate: Some(h.learning_rate),
            per_device_train_batch_size: Some(h.per_device_train_batch_size),
            gradient_accumulation_steps: Some(h.gradient_accumulation_steps),
            max_length: Some(h.max_length),
            lr_scheduler_type: Some(match h.lr_scheduler_type {
                LrSchedulerType::Linear => definition::LrSchedulerType::Linear,
                LrSchedulerType::Cosine => definition::LrSchedulerType::Cosine,
                LrSchedulerType::Constant => definition::LrSchedulerType::Constant,
            }),
            warmup_steps: Some(h.warmup_steps),
            weight_decay: Some(h.weight_decay),
            max_grad_norm: Some(h.max_grad_norm),
            adam_beta1: Some(h.adam_beta1),
            adam_beta2: Some(h.adam_beta2),
            adam_epsilon: Some(h.adam_epsilon),
            logging_steps: Some(h.logging_steps),
            eval_steps: Some(h.eval_steps),
            save_steps: Some(h.save_steps),
            save_total_limit: Some(h.save_total_limit),
            seed: Some(h.seed),
            early_stopping_patience: Some(h.early_stopping_patience),
            early_stopping_threshold: Some(h.early_stopping_threshold),
        },
        additional: Vec::new(),
        extras: Some(serde_json::Value::Object(spec.extras.clone()).to_string()),
        dry_run: Some(spec.dry_run),
        own_loop: Some(spec.own_loop),
    }
}
