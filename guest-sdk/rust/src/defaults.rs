//! Short ways to values of the contract, most of whose fields have defaults.

use crate::dataset::Example;
use crate::definition::{
    DatasetSource, HubDataset, HubModel, Hyperparameters, Lora, ModelShape, ModelSource, Spec,
    UrlDataset,
};
use crate::session::{Adam, Datum};
use crate::types::Metric;

impl Spec {
    /// A job with the defaults of the contract. A trainer whose loop makes its own data gives
    /// `None` for the dataset.
    pub fn new(
        name: impl Into<String>,
        model: impl Into<ModelSource>,
        dataset: impl Into<Option<DatasetSource>>,
    ) -> Self {
        Self {
            name: name.into(),
            description: None,
            tags: vec![],
            model: model.into(),
            tokenizer: None,
            dataset: dataset.into(),
            eval_fraction: None,
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
        Self::Hub(HubModel {
            name: name.into(),
            revision: None,
        })
    }
}

impl DatasetSource {
    /// A text file of the project.
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

    /// A text file behind an http or https address.
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
            ..Self::default()
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
