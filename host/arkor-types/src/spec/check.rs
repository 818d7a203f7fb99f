//! The allowed values of each field of a spec.

use super::{
    Additional, Dataset, DatasetFormat, DatasetSource, HeldOut, HubRepository, Lora, ModelShape,
    ModelSource, NamedModel, NamedSource, Setting, SpecDraft, SpecProblem, TokenizerSource,
    UrlDataset,
};

/// Bounds of a real number. NaN is in no range, since every comparison with it is false.
#[derive(Clone, Copy)]
pub(super) struct Range {
    low: f64,
    low_open: bool,
    high: f64,
    high_open: bool,
}

impl Range {
    pub(super) const fn closed(low: f64, high: f64) -> Self {
        Self {
            low,
            low_open: false,
            high,
            high_open: false,
        }
    }

    pub(super) const fn half_open(low: f64, high: f64) -> Self {
        Self {
            low,
            low_open: false,
            high,
            high_open: true,
        }
    }

    pub(super) const fn above(low: f64) -> Self {
        Self {
            low,
            low_open: true,
            high: f64::MAX,
            high_open: false,
        }
    }

    pub(super) const fn at_least(low: f64) -> Self {
        Self {
            low,
            low_open: false,
            high: f64::MAX,
            high_open: false,
        }
    }

    fn contains(self, value: f64) -> bool {
        let above = if self.low_open {
            value > self.low
        } else {
            value >= self.low
        };
        let below = if self.high_open {
            value < self.high
        } else {
            value <= self.high
        };
        above && below
    }

    fn describe(self) -> String {
        let low = if self.low_open { "above" } else { "at least" };
        let high = if self.high_open { "below" } else { "at most" };
        if self.high == f64::MAX {
            format!("must be a finite number {low} {}", self.low)
        } else {
            format!("must be {low} {} and {high} {}", self.low, self.high)
        }
    }
}

/// Longest description, in bytes.
const DESCRIPTION: usize = 16 << 10;
/// Most tags, and most settings that the host does not know.
const TAGS: usize = 100;
/// Longest tag, in bytes.
const TAG: usize = 200;
/// Longest text of a trainer's own, in bytes.
const EXTRAS: usize = 64 << 10;
/// Longest path, name or address, in bytes.
const PATH: usize = 4096;

/// Collects the problems of a spec, so that all are told at once.
#[derive(Default)]
pub(super) struct Check {
    pub(super) problems: Vec<SpecProblem>,
}

impl Check {
    fn problem(&mut self, field: &'static str, value: impl ToString, allowed: impl Into<String>) {
        self.problems.push(SpecProblem {
            field,
            value: value.to_string().into(),
            allowed: allowed.into(),
        });
    }

    pub(super) fn float(&mut self, field: &'static str, value: f64, range: Range) -> f64 {
        if !range.contains(value) {
            self.problem(field, value, range.describe());
        }
        // -0.0 and 0.0 train alike, so the hash must not tell them apart.
        value + 0.0
    }

    pub(super) fn integer<T>(&mut self, field: &'static str, value: T, low: T, high: T) -> T
    where
        T: PartialOrd + Copy + std::fmt::Display,
    {
        if value < low || value > high {
            self.problem(field, value, format!("must be between {low} and {high}"));
        }
        value
    }

    pub(super) fn name(&mut self, name: &str) {
        let ok = name.len() <= 100
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if !ok {
            self.problem(
                "name",
                quoted(name),
                "must be 1 to 100 letters, digits, '-', '_' or '.', the first a letter or digit",
            );
        }
    }

    /// Texts that are kept with a run and shown have bounds.
    pub(super) fn texts(&mut self, draft: &SpecDraft) {
        let description = draft.description.as_deref().unwrap_or_default();
        self.length("description", description.len(), DESCRIPTION);
        if draft.tags.len() > TAGS || draft.tags.iter().any(|tag| tag.len() > TAG) {
            self.problem(
                "tags",
                format!("{} tags", draft.tags.len()),
                format!("must be at most {TAGS}, each of at most {TAG} bytes"),
            );
        }
        self.length(
            "extras",
            draft.extras.as_ref().map_or(0, String::len),
            EXTRAS,
        );
        self.length("model", model_length(&draft.model), PATH);
        let tokenizer = match &draft.tokenizer {
            Some(TokenizerSource::File(path)) => path.len(),
            Some(TokenizerSource::Hub(repository)) => hub_length(repository),
            Some(TokenizerSource::Other(source)) => source_length(source),
            _ => 0,
        };
        self.length("tokenizer", tokenizer, PATH);
        if let Some(dataset) = &draft.dataset {
            self.length("dataset.source", dataset_length(&dataset.source), PATH);
            let format = dataset.format.as_ref().map_or(0, format_length);
            self.length("dataset.format", format, PATH);
            if let Some(HeldOut::Source(source)) = &dataset.held_out {
                self.length("dataset.held-out", dataset_length(source), PATH);
            }
        }
        let models = draft.models.iter();
        let models = models.map(|model| model.name.len() + model_length(&model.source));
        self.length("models", models.sum(), EXTRAS);
        let lora = draft.lora.as_ref();
        let modules = lora.map_or(0, |lora| lora.target_modules.iter().map(String::len).sum());
        self.length("lora.target-modules", modules, PATH);
    }

    fn length(&mut self, field: &'static str, bytes: usize, most: usize) {
        if bytes > most {
            self.problem(
                field,
                format!("{bytes} bytes long"),
                format!("must have at most {most}"),
            );
        }
    }

    pub(super) fn model(&mut self, model: &ModelSource) {
        match model {
            ModelSource::File(path) if path.is_empty() => {
                self.problem("model.file", "empty", "must name a file of the project");
            }
            ModelSource::Hub(model) if model.name.trim().is_empty() => {
                self.problem("model.hub.name", "empty", "must name a model");
            }
            ModelSource::File(_) | ModelSource::Hub(_) => {}
            ModelSource::Scratch(shape) => self.shape(shape),
            ModelSource::Other(source) => self.unknown("model.other", source),
        }
    }

    /// A kind of source that the contract has no case for; this host knows none.
    fn unknown(&mut self, field: &'static str, source: &NamedSource) {
        self.problem(
            field,
            quoted(&source.name),
            "is no kind of source that this version of arkor-host knows",
        );
    }

    pub(super) fn models(&mut self, models: &[NamedModel]) {
        if models.len() > TAGS {
            let count = format!("{} models", models.len());
            self.problem("models", count, format!("must be at most {TAGS}"));
            return;
        }
        for model in models {
            self.problem(
                "models",
                quoted(&model.name),
                "must be left out: this version of arkor-host trains one model and has no use \
                 for others yet",
            );
        }
    }

    pub(super) fn metric(&mut self, name: Option<&str>) -> String {
        let name = name.unwrap_or("loss");
        let is_letter = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/' | b':' | b'@')
        };
        if !matches!(name.len(), 1..=100) || !name.bytes().all(is_letter) {
            self.problem(
                "hyperparameters.metric-for-best-model",
                quoted(name),
                "must be 1 to 100 letters, digits or any of `-_./:@`",
            );
        }
        name.into()
    }

    fn shape(&mut self, shape: &ModelShape) {
        let heads = shape.num_attention_heads;
        let groups = shape.num_key_value_heads;
        let before = self.problems.len();
        self.integer("model.hidden-size", shape.hidden_size, 8, 16_384);
        self.integer("model.num-hidden-layers", shape.num_hidden_layers, 1, 256);
        self.integer("model.num-attention-heads", heads, 1, 512);
        self.integer("model.num-key-value-heads", groups, 1, 512);
        self.integer(
            "model.intermediate-size",
            shape.intermediate_size,
            8,
            131_072,
        );
        self.float("model.rope-theta", shape.rope_theta, Range::above(1.0));
        self.float(
            "model.rms-norm-eps",
            shape.rms_norm_eps,
            Range::closed(1e-12, 1.0),
        );
        if self.problems.len() > before {
            return;
        }
        if !shape.hidden_size.is_multiple_of(heads) {
            self.problem(
                "model.num-attention-heads",
                heads,
                format!("must divide hidden-size, which is {}", shape.hidden_size),
            );
        } else if !(shape.hidden_size / heads).is_multiple_of(2) {
            self.problem(
                "model.num-attention-heads",
                heads,
                format!(
                    "hidden-size / num-attention-heads must be even for rotary positions, and is {}",
                    shape.hidden_size / heads
                ),
            );
        }
        if !heads.is_multiple_of(groups) {
            self.problem(
                "model.num-key-value-heads",
                groups,
                format!("must divide num-attention-heads, which is {heads}"),
            );
        }
    }

    pub(super) fn tokenizer(&mut self, tokenizer: &TokenizerSource, model: &ModelSource) {
        match tokenizer {
            TokenizerSource::Bpe(size) => {
                self.integer("tokenizer.bpe", *size, 300, 262_144);
            }
            TokenizerSource::File(path) if path.is_empty() => {
                self.problem("tokenizer.file", "empty", "must name a tokenizer.json");
            }
            TokenizerSource::Model if matches!(model, ModelSource::Scratch(_)) => {
                self.problem(
                    "tokenizer",
                    "model",
                    "must be bytes, bpe or file, for a model trained from scratch has none",
                );
            }
            TokenizerSource::Hub(repository) if repository.name.trim().is_empty() => {
                self.problem("tokenizer.hub.name", "empty", "must name a model");
            }
            TokenizerSource::Other(source) => self.unknown("tokenizer.other", source),
            TokenizerSource::Bytes
            | TokenizerSource::File(_)
            | TokenizerSource::Model
            | TokenizerSource::Hub(_) => {}
        }
    }

    pub(super) fn own_loop(&mut self, wanted: Option<bool>, exported: bool) -> bool {
        if wanted == Some(true) && !exported {
            self.problem(
                "own-loop",
                "true",
                "the trainer does not export training-loop",
            );
        }
        wanted.unwrap_or(exported)
    }

    pub(super) fn dataset(&mut self, dataset: Option<&Dataset>, own_loop: bool) {
        let Some(dataset) = dataset else {
            if !own_loop {
                self.problem(
                    "dataset",
                    "absent",
                    "must be set, for the host's loop has nothing else to train on",
                );
            }
            return;
        };
        self.source(&dataset.source);
        match &dataset.held_out {
            HeldOut::Share(share) => {
                self.float("dataset.held-out", *share, Range::half_open(0.0, 1.0));
            }
            HeldOut::Source(source) => self.source(source),
        }
        if let DatasetFormat::Other(format) = &dataset.format {
            self.problem(
                "dataset.format.other",
                quoted(&format.name),
                "is no format that this version of arkor-host knows",
            );
        }
    }

    fn source(&mut self, source: &DatasetSource) {
        match source {
            DatasetSource::Other(source) => self.unknown("dataset.source.other", source),
            DatasetSource::File(path) if path.is_empty() => {
                self.problem(
                    "dataset.source.file",
                    "empty",
                    "must name a file of the project",
                );
            }
            DatasetSource::Hub(hub) if hub.name.is_empty() => {
                self.problem("dataset.source.hub.name", "empty", "must name a dataset");
            }
            DatasetSource::Url(file) => self.url(file),
            DatasetSource::File(_) | DatasetSource::Hub(_) => {}
        }
    }

    fn url(&mut self, file: &UrlDataset) {
        if !(file.url.starts_with("https://") || file.url.starts_with("http://")) {
            self.problem(
                "dataset.source.url.url",
                quoted(&file.url),
                "must begin with https:// or http://",
            );
        }
        if let Some(sha256) = &file.sha256
            && (sha256.len() != 64 || !sha256.bytes().all(|b| b.is_ascii_hexdigit()))
        {
            self.problem(
                "dataset.source.url.sha256",
                quoted(sha256),
                "must be 64 hexadecimal digits",
            );
        }
    }

    /// None is known so far. To leave one out in silence would train something else.
    pub(super) fn additional(&mut self, additional: &Additional) {
        let records = [
            ("additional", &additional.spec),
            ("dataset.additional", &additional.dataset),
            ("lora.additional", &additional.lora),
            ("hyperparameters.additional", &additional.hyperparameters),
        ];
        for (field, settings) in records {
            self.settings(field, settings);
        }
    }

    fn settings(&mut self, field: &'static str, settings: &[Setting]) {
        if settings.len() > TAGS {
            let count = format!("{} settings", settings.len());
            self.problem(field, count, format!("must be at most {TAGS}"));
            return;
        }
        for setting in settings {
            self.problem(
                field,
                quoted(&setting.name),
                "is no setting that this version of arkor-host knows",
            );
        }
    }

    pub(super) fn lora(&mut self, lora: &Lora, model: &ModelSource) {
        if matches!(model, ModelSource::Scratch(_)) {
            self.problem(
                "lora",
                "set",
                "needs a pretrained model: adapters on random weights learn nothing of use",
            );
        }
        self.integer("lora.r", lora.r, 1, 4096);
        self.float("lora.lora-alpha", lora.lora_alpha, Range::above(0.0));
        self.float(
            "lora.lora-dropout",
            lora.lora_dropout,
            Range::half_open(0.0, 1.0),
        );
    }

    pub(super) fn extras(
        &mut self,
        text: Option<&str>,
    ) -> serde_json::Map<String, serde_json::Value> {
        let Some(text) = text else {
            return serde_json::Map::new();
        };
        match serde_json::from_str(text) {
            Ok(serde_json::Value::Object(map)) => map,
            Ok(other) => {
                self.problem(
                    "extras",
                    quoted(&other.to_string()),
                    "must be a JSON object",
                );
                serde_json::Map::new()
            }
            Err(error) => {
                self.problem(
                    "extras",
                    quoted(text),
                    format!("must be a JSON object: {error}"),
                );
                serde_json::Map::new()
            }
        }
    }
}

fn hub_length(repository: &HubRepository) -> usize {
    repository.name.len() + repository.revision.len()
}

fn source_length(source: &NamedSource) -> usize {
    let parameters = source.parameters.iter();
    let parameters = parameters.map(|setting| setting.name.len() + setting.value.len());
    source.name.len() + parameters.sum::<usize>()
}

fn model_length(model: &ModelSource) -> usize {
    match model {
        ModelSource::File(path) => path.len(),
        ModelSource::Hub(repository) => hub_length(repository),
        ModelSource::Scratch(_) => 0,
        ModelSource::Other(source) => source_length(source),
    }
}

fn dataset_length(source: &DatasetSource) -> usize {
    let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    match source {
        DatasetSource::File(path) => path.len(),
        DatasetSource::Hub(hub) => {
            hub.name.len() + optional(&hub.config) + hub.split.len() + hub.revision.len()
        }
        DatasetSource::Url(file) => file.url.len() + optional(&file.sha256),
        DatasetSource::Other(source) => source_length(source),
    }
}

fn format_length(format: &DatasetFormat) -> usize {
    match format {
        DatasetFormat::Text => 0,
        DatasetFormat::Rows(field)
        | DatasetFormat::Conversations(field)
        | DatasetFormat::Prompts(field) => field.len(),
        DatasetFormat::Completions { prompt, completion } => prompt.len() + completion.len(),
        DatasetFormat::Preferences {
            prompt,
            chosen,
            rejected,
        } => prompt.as_ref().map_or(0, String::len) + chosen.len() + rejected.len(),
        DatasetFormat::Labels {
            prompt,
            completion,
            label,
        } => prompt.len() + completion.len() + label.len(),
        DatasetFormat::Other(source) => source_length(source),
    }
}

/// Text in quotes, cut to a length that fits a line.
fn quoted(text: &str) -> String {
    let cut: String = text.chars().take(60).collect();
    let dots = if cut.len() < text.len() { "…" } else { "" };
    format!("{cut:?}{dots}")
}
