//! The text that is trained on, cut into examples, and the order in which they are seen.

mod examples;
mod text;

pub use examples::{DatasetInfo, Example, Examples, Split};
pub use text::Text;

#[cfg(test)]
pub(crate) mod tests {
    use arkor_types::{Hyperparameters, HyperparametersDraft, ModelSource, SpecDraft};

    /// Defaults, with small sizes.
    pub(crate) fn hyperparameters() -> Hyperparameters {
        let draft = SpecDraft {
            name: "test".into(),
            description: None,
            tags: Vec::new(),
            model: ModelSource::Pretrained("none".into()),
            tokenizer: None,
            dataset: arkor_types::DatasetSource::File("text".into()),
            eval_fraction: None,
            lora: None,
            hyperparameters: HyperparametersDraft {
                max_length: Some(8),
                per_device_train_batch_size: Some(4),
                ..HyperparametersDraft::default()
            },
            extras: None,
            dry_run: None,
        };
        draft.resolve().unwrap().hyperparameters
    }
}
