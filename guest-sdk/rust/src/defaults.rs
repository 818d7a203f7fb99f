//! Short ways to values of the contract, most of whose fields have defaults.

use crate::dataset::Example;
use crate::definition::{
    CompletionFields, Dataset, DatasetFormat, DatasetSource, HeldOut, HubDataset, HubRepository,
    Hyperparameters, LabelFields, Lora, ModelShape, ModelSource, PreferenceFields, Spec,
    TokenizerSource, UrlDataset,
};
use crate::session::{Adam, Datum};
use crate::types::{Measurement, Metric};

impl Spec {
    /// A job with the defaults of the contract. The dataset is a [`Dataset`] or a source with all
    /// else by default; a trainer whose loop makes its own data gives `None::<Dataset>`.
    pub fn new(
        name: impl Into<String>,
        model: impl Into<ModelSource>,
        dataset: impl Into<Option<Dataset>>,
    ) -> Self {
        Self {
            name: name.into(),
            description: None,
            tags: vec![],
            model: model.into(),
            tokenizer: None,
            dataset: dataset.into(),
            models: vec![],
            lora: None,
            hyperparameters: Hyperparameters::default(),
            additional: vec![],
            extras: None,
            dry_run: None,
            own_loop: None,
        }
    }
}

impl ModelShape {
    /// So wide, so many blocks, so many heads; the rest by default.
    pub fn new(hidden_size: u32, num_hidden_layers: u32, num_attention_heads: u32) -> Self {
        Self {
            hidden_size,
            num_hidden_layers,
            num_attention_heads,
            num_key_value_heads: None,
            intermediate_size: None,
            rope_theta: None,
            rms_norm_eps: None,
            tie_word_embeddings: None,
        }
    }
}

impl From<ModelShape> for ModelSource {
    fn from(shape: ModelShape) -> Self {
        Self::Scratch(shape)
    }
}

impl ModelSource {
    /// A pretrained model of the Hugging Face hub, as it is now.
    pub fn hub(name: impl Into<String>) -> Self {
        Self::Hub(HubRepository::new(name))
    }
}

impl HubRepository {
    /// As it is now.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            revision: None,
        }
    }
}

impl TokenizerSource {
    /// That of a model of the Hugging Face hub, as it is now.
    pub fn hub(name: impl Into<String>) -> Self {
        Self::Hub(HubRepository::new(name))
    }
}

impl Dataset {
    /// What this source gives, as one text of which a twentieth is held out.
    pub fn new(source: DatasetSource) -> Self {
        Self {
            source,
            format: None,
            held_out: None,
            additional: vec![],
        }
    }

    /// A file of the project.
    pub fn file(path: impl Into<String>) -> Self {
        Self::new(DatasetSource::file(path))
    }

    /// What is evaluated and not trained on: a share, or a source of its own.
    #[must_use]
    pub fn with_held_out(mut self, held_out: impl Into<HeldOut>) -> Self {
        self.held_out = Some(held_out.into());
        self
    }

    /// What the data is made of.
    #[must_use]
    pub fn with_format(mut self, format: DatasetFormat) -> Self {
        self.format = Some(format);
        self
    }
}

impl From<DatasetSource> for Dataset {
    fn from(source: DatasetSource) -> Self {
        Self::new(source)
    }
}

impl From<DatasetSource> for Option<Dataset> {
    fn from(source: DatasetSource) -> Self {
        Some(Dataset::new(source))
    }
}

impl From<f64> for HeldOut {
    fn from(share: f64) -> Self {
        Self::Share(share)
    }
}

impl From<DatasetSource> for HeldOut {
    fn from(source: DatasetSource) -> Self {
        Self::Source(source)
    }
}

impl DatasetFormat {
    /// Rows with a text each, in the field `text`.
    pub fn rows() -> Self {
        Self::Rows("text".into())
    }

    /// Rows with a conversation each, in the field `messages`.
    pub fn conversations() -> Self {
        Self::Conversations("messages".into())
    }

    /// Rows with the fields `prompt` and `completion`.
    pub fn completions() -> Self {
        Self::Completions(CompletionFields {
            prompt: "prompt".into(),
            completion: "completion".into(),
        })
    }

    /// Rows with the fields `prompt`, `chosen` and `rejected`.
    pub fn preferences() -> Self {
        Self::Preferences(PreferenceFields {
            prompt: Some("prompt".into()),
            chosen: "chosen".into(),
            rejected: "rejected".into(),
        })
    }

    /// Rows with the fields `prompt`, `completion` and `label`.
    pub fn labels() -> Self {
        Self::Labels(LabelFields {
            prompt: "prompt".into(),
            completion: "completion".into(),
            label: "label".into(),
        })
    }

    /// Rows with a prompt each, in the field `prompt`.
    pub fn prompts() -> Self {
        Self::Prompts("prompt".into())
    }
}

impl DatasetSource {
    /// A file of the project.
    pub fn file(path: impl Into<String>) -> Self {
        Self::File(path.into())
    }

    /// A dataset of the Hugging Face hub: its split `train`, as it is now.
    pub fn hub(name: impl Into<String>) -> Self {
        Self::Hub(HubDataset {
            name: name.into(),
            config: None,
            split: None,
            revision: None,
        })
    }

    /// A file behind an http or https address.
    pub fn url(url: impl Into<String>) -> Self {
        Self::Url(UrlDataset {
            url: url.into(),
            sha256: None,
        })
    }
}

impl Adam {
    /// AdamW with this learning rate; the rest by default.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            beta1: None,
            beta2: None,
            eps: None,
            weight_decay: None,
            max_grad_norm: None,
            additional: vec![],
        }
    }
}

impl Lora {
    /// Adapters of this rank on these layers, `q_proj` for one; the rest by default.
    pub fn new<T: Into<String>>(r: u32, target_modules: impl IntoIterator<Item = T>) -> Self {
        Self {
            r,
            lora_alpha: None,
            lora_dropout: None,
            target_modules: target_modules.into_iter().map(Into::into).collect(),
            additional: vec![],
        }
    }
}

impl From<Example> for Datum {
    /// Next-token prediction.
    fn from(example: Example) -> Self {
        Self {
            tokens: example.tokens,
            targets: example.targets,
            weights: example.weights,
            additional: example.additional,
            ..Self::default()
        }
    }
}

impl Measurement {
    /// A loss, in nats per token.
    pub fn loss(loss: f64) -> Self {
        Self {
            loss: Some(loss),
            metrics: vec![],
        }
    }

    /// A number by name, `accuracy` for one.
    pub fn metric(name: impl Into<String>, value: f64) -> Self {
        Self {
            loss: None,
            metrics: vec![Metric::new(name, value)],
        }
    }
}

impl Metric {
    /// A named number.
    pub fn new(name: impl Into<String>, value: f64) -> Self {
        Self {
            name: name.into(),
            value,
        }
    }
}
