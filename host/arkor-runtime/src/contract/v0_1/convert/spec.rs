//! The spec: what `describe` said, and what a loop gets.

use arkor_types::{
    Additional, DatasetDraft, DatasetFormat, DatasetSource, HeldOut, HubDataset, HubRepository,
    HyperparametersDraft, Lora, LrSchedulerType, ModelShape, ModelSource, NamedModel, NamedSource,
    Setting, Spec, SpecDraft, TokenizerSource, UrlDataset,
};

use crate::contract::v0_1::bindings::arkor::trainer::types;
use crate::contract::v0_1::bindings::exports::arkor::trainer::definition;

/// Where a Hugging Face repository is read, if nothing else is said.
const REVISION: &str = "main";

/// 8/3 of the width, as in Llama, rounded up to a multiple of 32.
fn intermediate(hidden: u32) -> u32 {
    let wide = (u64::from(hidden) * 8).div_ceil(3).next_multiple_of(32);
    u32::try_from(wide).unwrap_or(u32::MAX)
}

/// Fills in the defaults of model shapes and adapters; the rest is `SpecDraft::resolve`'s.
pub(in crate::contract::v0_1) fn spec_draft(
    spec: definition::Spec,
    exports_loop: bool,
) -> SpecDraft {
    let mut additional = Additional {
        spec: settings(spec.additional),
        ..Additional::default()
    };
    let dataset = spec.dataset.map(|dataset| {
        additional.dataset = settings(dataset.additional);
        DatasetDraft {
            source: dataset_source(dataset.source),
            format: dataset.format.map(format),
            held_out: dataset.held_out.map(|held_out| match held_out {
                definition::HeldOut::Share(share) => HeldOut::Share(share),
                definition::HeldOut::Source(source) => HeldOut::Source(dataset_source(source)),
            }),
        }
    });
    let lora = spec.lora.map(|lora| {
        additional.lora = settings(lora.additional);
        Lora {
            r: lora.r,
            lora_alpha: lora.lora_alpha.unwrap_or_else(|| f64::from(lora.r)),
            lora_dropout: lora.lora_dropout.unwrap_or(0.0),
            target_modules: lora.target_modules,
        }
    });
    let h = spec.hyperparameters;
    additional.hyperparameters = settings(h.additional);
    SpecDraft {
        name: spec.name,
        description: spec.description,
        tags: spec.tags,
        model: model_source(spec.model),
        tokenizer: spec.tokenizer.map(|source| match source {
            definition::TokenizerSource::Bytes => TokenizerSource::Bytes,
            definition::TokenizerSource::Bpe(size) => TokenizerSource::Bpe(size),
            definition::TokenizerSource::File(path) => TokenizerSource::File(path),
            definition::TokenizerSource::Model => TokenizerSource::Model,
            definition::TokenizerSource::Hub(repository) => TokenizerSource::Hub(hub(repository)),
            definition::TokenizerSource::Other(source) => {
                TokenizerSource::Other(named_source(source))
            }
        }),
        dataset,
        models: spec
            .models
            .into_iter()
            .map(|model| NamedModel {
                name: model.name,
                source: model_source(model.source),
            })
            .collect(),
        lora,
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
            metric_for_best_model: h.metric_for_best_model,
            greater_is_better: h.greater_is_better,
        },
        additional,
        extras: spec.extras,
        dry_run: spec.dry_run,
        own_loop: spec.own_loop,
        exports_loop,
    }
}

fn settings(list: Vec<types::Setting>) -> Vec<Setting> {
    let setting = |setting: types::Setting| Setting {
        name: setting.name,
        value: setting.value,
    };
    list.into_iter().map(setting).collect()
}

fn named_source(source: definition::NamedSource) -> NamedSource {
    NamedSource {
        name: source.name,
        parameters: settings(source.parameters),
    }
}

fn hub(repository: definition::HubRepository) -> HubRepository {
    HubRepository {
        name: repository.name,
        revision: repository.revision.unwrap_or_else(|| REVISION.into()),
    }
}

fn model_source(source: definition::ModelSource) -> ModelSource {
    match source {
        definition::ModelSource::File(path) => ModelSource::File(path),
        definition::ModelSource::Hub(repository) => ModelSource::Hub(hub(repository)),
        definition::ModelSource::Other(source) => ModelSource::Other(named_source(source)),
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
    }
}

fn dataset_source(source: definition::DatasetSource) -> DatasetSource {
    match source {
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
        definition::DatasetSource::Other(source) => DatasetSource::Other(named_source(source)),
    }
}

fn format(format: definition::DatasetFormat) -> DatasetFormat {
    match format {
        definition::DatasetFormat::Text => DatasetFormat::Text,
        definition::DatasetFormat::Rows(field) => DatasetFormat::Rows(field),
        definition::DatasetFormat::Conversations(field) => DatasetFormat::Conversations(field),
        definition::DatasetFormat::Completions(fields) => DatasetFormat::Completions {
            prompt: fields.prompt,
            completion: fields.completion,
        },
        definition::DatasetFormat::Preferences(fields) => DatasetFormat::Preferences {
            prompt: fields.prompt,
            chosen: fields.chosen,
            rejected: fields.rejected,
        },
        definition::DatasetFormat::Labels(fields) => DatasetFormat::Labels {
            prompt: fields.prompt,
            completion: fields.completion,
            label: fields.label,
        },
        definition::DatasetFormat::Prompts(field) => DatasetFormat::Prompts(field),
        definition::DatasetFormat::Other(source) => DatasetFormat::Other(named_source(source)),
    }
}

/// The resolved spec as a loop gets it: every option is filled in.
pub(in crate::contract::v0_1) fn spec(spec: &Spec) -> definition::Spec {
    let h = &spec.hyperparameters;
    definition::Spec {
        name: spec.name.as_str().into(),
        description: Some(spec.description.as_str().into()),
        tags: spec.tags.iter().map(|tag| tag.as_str().into()).collect(),
        model: told_model(&spec.model),
        tokenizer: Some(match &spec.tokenizer {
            TokenizerSource::Bytes => definition::TokenizerSource::Bytes,
            TokenizerSource::Bpe(size) => definition::TokenizerSource::Bpe(*size),
            TokenizerSource::File(path) => definition::TokenizerSource::File(path.clone()),
            TokenizerSource::Model => definition::TokenizerSource::Model,
            TokenizerSource::Hub(repository) => {
                definition::TokenizerSource::Hub(told_hub(repository))
            }
            TokenizerSource::Other(source) => {
                definition::TokenizerSource::Other(told_source(source))
            }
        }),
        dataset: spec.dataset.as_ref().map(|dataset| definition::Dataset {
            source: told_dataset(&dataset.source),
            format: Some(told_format(&dataset.format)),
            held_out: Some(match &dataset.held_out {
                HeldOut::Share(share) => definition::HeldOut::Share(*share),
                HeldOut::Source(source) => definition::HeldOut::Source(told_dataset(source)),
            }),
            additional: Vec::new(),
        }),
        models: spec
            .models
            .iter()
            .map(|model| definition::NamedModel {
                name: model.name.clone(),
                source: told_model(&model.source),
            })
            .collect(),
        lora: spec.lora.as_ref().map(|lora| definition::Lora {
            r: lora.r,
            lora_alpha: Some(lora.lora_alpha),
            lora_dropout: Some(lora.lora_dropout),
            target_modules: lora.target_modules.clone(),
            additional: Vec::new(),
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
            metric_for_best_model: Some(h.metric_for_best_model.clone()),
            greater_is_better: Some(h.greater_is_better),
            additional: Vec::new(),
        },
        additional: Vec::new(),
        extras: Some(serde_json::Value::Object(spec.extras.clone()).to_string()),
        dry_run: Some(spec.dry_run),
        own_loop: Some(spec.own_loop),
    }
}

fn told_settings(list: &[Setting]) -> Vec<types::Setting> {
    let setting = |setting: &Setting| types::Setting {
        name: setting.name.clone(),
        value: setting.value.clone(),
    };
    list.iter().map(setting).collect()
}

fn told_source(source: &NamedSource) -> definition::NamedSource {
    definition::NamedSource {
        name: source.name.clone(),
        parameters: told_settings(&source.parameters),
    }
}

fn told_hub(repository: &HubRepository) -> definition::HubRepository {
    definition::HubRepository {
        name: repository.name.clone(),
        revision: Some(repository.revision.clone()),
    }
}

fn told_model(source: &ModelSource) -> definition::ModelSource {
    match source {
        ModelSource::File(path) => definition::ModelSource::File(path.clone()),
        ModelSource::Hub(repository) => definition::ModelSource::Hub(told_hub(repository)),
        ModelSource::Other(source) => definition::ModelSource::Other(told_source(source)),
        ModelSource::Scratch(shape) => definition::ModelSource::Scratch(definition::ModelShape {
            hidden_size: shape.hidden_size,
            num_hidden_layers: shape.num_hidden_layers,
            num_attention_heads: shape.num_attention_heads,
            num_key_value_heads: Some(shape.num_key_value_heads),
            intermediate_size: Some(shape.intermediate_size),
            rope_theta: Some(shape.rope_theta),
            rms_norm_eps: Some(shape.rms_norm_eps),
            tie_word_embeddings: Some(shape.tie_word_embeddings),
        }),
    }
}

fn told_dataset(source: &DatasetSource) -> definition::DatasetSource {
    match source {
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
        DatasetSource::Other(source) => definition::DatasetSource::Other(told_source(source)),
    }
}

fn told_format(format: &DatasetFormat) -> definition::DatasetFormat {
    match format {
        DatasetFormat::Text => definition::DatasetFormat::Text,
        DatasetFormat::Rows(field) => definition::DatasetFormat::Rows(field.clone()),
        DatasetFormat::Conversations(field) => {
            definition::DatasetFormat::Conversations(field.clone())
        }
        DatasetFormat::Completions { prompt, completion } => {
            definition::DatasetFormat::Completions(definition::CompletionFields {
                prompt: prompt.clone(),
                completion: completion.clone(),
            })
        }
        DatasetFormat::Preferences {
            prompt,
            chosen,
            rejected,
        } => definition::DatasetFormat::Preferences(definition::PreferenceFields {
            prompt: prompt.clone(),
            chosen: chosen.clone(),
            rejected: rejected.clone(),
        }),
        DatasetFormat::Labels {
            prompt,
            completion,
            label,
        } => definition::DatasetFormat::Labels(definition::LabelFields {
            prompt: prompt.clone(),
            completion: completion.clone(),
            label: label.clone(),
        }),
        DatasetFormat::Prompts(field) => definition::DatasetFormat::Prompts(field.clone()),
        DatasetFormat::Other(source) => definition::DatasetFormat::Other(told_source(source)),
    }
}
