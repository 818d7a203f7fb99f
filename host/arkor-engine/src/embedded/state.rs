//! Saved training states: a safetensors file.
//!
//! Weights have the names and shapes of a Hugging Face `LlamaForCausalLM`, so that other tools can
//! read them. Adam's moments follow under `optimizer.exp_avg.` and `optimizer.exp_avg_sq.`, PyTorch's
//! names for them. The metadata holds the rest. The same state gives the same bytes.
//!
//! Format: 8 bytes little-endian length of the header, the header in JSON, then the data without
//! gaps (<https://huggingface.co/docs/safetensors>).

use std::collections::BTreeMap;
use std::io::{Read, Write};

use arkor_types::ModelShape;
use safetensors::tensor::{Dtype, Metadata};
use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::model::Layout;
use crate::tokenizer::Tokenizer;

const FIRST: &str = "optimizer.exp_avg.";
const SECOND: &str = "optimizer.exp_avg_sq.";

/// Key of [`Facts`] in the metadata.
const FACTS: &str = "arkor";
/// Key of the tokenizer in the metadata; the byte tokenizer has none.
const TOKENIZER: &str = "tokenizer.json";

/// The limit that the safetensors library has.
const LARGEST_HEADER: u64 = 100_000_000;

/// Floats that are converted at a time.
const CHUNK: usize = 1 << 14;

/// Adam's memory.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moments {
    /// Optimizer steps finished.
    pub(crate) step: u64,
    pub(crate) first: Vec<f32>,
    pub(crate) second: Vec<f32>,
}

impl Moments {
    pub(crate) fn zero(len: usize) -> Self {
        Self {
            step: 0,
            first: vec![0.0; len],
            second: vec![0.0; len],
        }
    }
}

/// What is not a tensor.
#[derive(Debug, Serialize, Deserialize)]
struct Facts {
    /// Of this layout of a file.
    version: u32,
    step: u64,
    model: ModelShape,
}

const VERSION: u32 = 1;

#[derive(Serialize)]
struct TensorEntry<'a> {
    dtype: &'static str,
    shape: &'a [usize],
    data_offsets: [usize; 2],
}

/// Writes a state.
pub(crate) fn write(
    to: &mut dyn Write,
    layout: &Layout,
    shape: &ModelShape,
    tokenizer: &Tokenizer,
    weights: &[f32],
    moments: &Moments,
) -> Result<(), EngineError> {
    let io = |source| EngineError::io("write the training state", source);
    let json = |e: serde_json::Error| io(e.into());
    let facts = Facts {
        version: VERSION,
        step: moments.step,
        model: shape.clone(),
    };
    let mut metadata = BTreeMap::from([
        // transformers reads files that say they come from PyTorch.
        ("format", "pt".to_owned()),
        (FACTS, serde_json::to_string(&facts).map_err(json)?),
    ]);
    if let Some(tokenizer) = tokenizer.saved()? {
        metadata.insert(TOKENIZER, tokenizer);
    }
    let mut header = BTreeMap::new();
    let parts = [
        ("", weights),
        (FIRST, &moments.first),
        (SECOND, &moments.second),
    ];
    for (part, (prefix, _)) in parts.iter().enumerate() {
        for tensor in &layout.tensors {
            let offset = |at: usize| 4 * (part * layout.len + at);
            let entry = TensorEntry {
                dtype: "F32",
                shape: &tensor.shape,
                data_offsets: [offset(tensor.at.start), offset(tensor.at.end)],
            };
            let entry = serde_json::to_value(entry).map_err(json)?;
            header.insert(format!("{prefix}{}", tensor.name), entry);
        }
    }
    header.insert(
        "__metadata__".into(),
        serde_json::to_value(metadata).map_err(json)?,
    );
    let mut header = serde_json::to_vec(&header).map_err(json)?;
    // Tensors begin at multiples of 8 bytes, as the format asks of writers.
    header.resize(header.len().next_multiple_of(8), b' ');
    let length = header.len() as u64;
    if length > LARGEST_HEADER {
        return Err(EngineError::Unsupported {
            what: format!(
                "keep a training state whose description has {length} bytes, its tokenizer in it: files of this \
                 format have {LARGEST_HEADER} at the most"
            ),
        });
    }
    to.write_all(&length.to_le_bytes()).map_err(io)?;
    to.write_all(&header).map_err(io)?;
    let mut bytes = Vec::with_capacity(4 * CHUNK);
    for (_, values) in parts {
        for chunk in values.chunks(CHUNK) {
            bytes.clear();
            bytes.extend(chunk.iter().flat_map(|value| value.to_le_bytes()));
            to.write_all(&bytes).map_err(io)?;
        }
    }
    to.flush().map_err(io)
}

/// The part of a file before its tensors.
#[derive(Debug)]
pub(crate) struct Header {
    metadata: Metadata,
    facts: Facts,
}

impl Header {
    /// Reads the header and leaves the reader at the first tensor.
    pub(crate) fn read(from: &mut dyn Read) -> Result<Self, EngineError> {
        let mut length = [0; 8];
        from.read_exact(&mut length).map_err(ended)?;
        let length = u64::from_le_bytes(length);
        if length > LARGEST_HEADER {
            return Err(EngineError::state("is not a safetensors file"));
        }
        let mut header = Vec::new();
        from.take(length).read_to_end(&mut header).map_err(ended)?;
        if header.len() as u64 != length {
            return Err(EngineError::state("ends in its header"));
        }
        let metadata: Metadata = serde_json::from_slice(&header)
            .map_err(|e| EngineError::state(format!("is not a safetensors file: {e}")))?;
        let facts = metadata.metadata().as_ref().and_then(|all| all.get(FACTS));
        let Some(facts) = facts else {
            return Err(EngineError::state("was not written by arkor-host"));
        };
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let broken = |e: serde_json::Error| EngineError::state(format!("has broken metadata: {e}"));
        let Version { version } = serde_json::from_str(facts).map_err(broken)?;
        if version != VERSION {
            return Err(EngineError::state(format!(
                "has version {version} of the format, and this build reads {VERSION}"
            )));
        }
        let facts = serde_json::from_str(facts).map_err(broken)?;
        Ok(Self { metadata, facts })
    }

    /// An error that names the first difference, if the state is of a model of another shape.
    pub(crate) fn expect_shape(&self, shape: &ModelShape) -> Result<(), EngineError> {
        let saved = &self.facts.model;
        if saved == shape {
            return Ok(());
        }
        let facts = |shape: &ModelShape| serde_json::to_value(shape).unwrap_or_default();
        let (saved, wanted) = (facts(saved), facts(shape));
        let difference = saved
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| {
                (
                    name,
                    value,
                    wanted.get(name).unwrap_or(&serde_json::Value::Null),
                )
            })
            .find(|(_, value, wanted)| value != wanted);
        Err(EngineError::state(match difference {
            Some((name, saved, wanted)) => format!(
                "is of a model with {} {saved}, and this one has {wanted}",
                name.replace('_', "-")
            ),
            None => "is of a model of another shape".into(),
        }))
    }

    pub(crate) fn tokenizer(&self) -> Result<Tokenizer, EngineError> {
        let all = self.metadata.metadata().as_ref();
        Tokenizer::from_saved(all.and_then(|all| all.get(TOKENIZER)).map(String::as_str))
    }

    /// Reads all tensors, in the order in which they lie in the file.
    pub(crate) fn read_tensors(
        &self,
        layout: &Layout,
        from: &mut dyn Read,
    ) -> Result<(Vec<f32>, Moments), EngineError> {
        let tensors: BTreeMap<&str, _> = layout
            .tensors
            .iter()
            .map(|tensor| (tensor.name.as_str(), tensor))
            .collect();
        let names = self.metadata.offset_keys();
        if names.len() != 3 * tensors.len() {
            return Err(EngineError::state(format!(
                "has {} tensors, and this model's has {}",
                names.len(),
                3 * tensors.len()
            )));
        }
        let mut weights = vec![0.0; layout.len];
        let mut moments = Moments {
            step: self.facts.step,
            ..Moments::zero(layout.len)
        };
        let mut bytes = Vec::new();
        for name in &names {
            let (plain, part) = match (name.strip_prefix(FIRST), name.strip_prefix(SECOND)) {
                (Some(plain), _) => (plain, &mut moments.first),
                (_, Some(plain)) => (plain, &mut moments.second),
                _ => (name.as_str(), &mut weights),
            };
            let tensor = tensors.get(plain);
            let info = self.metadata.info(name);
            let slot = tensor.and_then(|tensor| part.get_mut(tensor.at.clone()));
            let (Some(tensor), Some(info), Some(slot)) = (tensor, info, slot) else {
                return Err(EngineError::state(format!(
                    "has a tensor `{name}`, unknown here"
                )));
            };
            if info.dtype != Dtype::F32 || info.shape != tensor.shape {
                return Err(EngineError::state(format!(
                    "has `{name}` as {:?} {:?} where F32 {:?} is needed",
                    info.dtype, info.shape, tensor.shape
                )));
            }
            for chunk in slot.chunks_mut(CHUNK) {
                bytes.resize(4 * chunk.len(), 0);
                from.read_exact(&mut bytes).map_err(ended)?;
                let (values, _) = bytes.as_chunks::<4>();
                for (slot, value) in chunk.iter_mut().zip(values) {
                    *slot = f32::from_le_bytes(*value);
                }
            }
        }
        match from.read(&mut [0]) {
            Ok(0) => Ok((weights, moments)),
            Ok(_) => Err(EngineError::state("goes on after its last tensor")),
            Err(source) => Err(EngineError::io("read the training state", source)),
        }
    }
}

fn ended(source: std::io::Error) -> EngineError {
    if source.kind() == std::io::ErrorKind::UnexpectedEof {
        EngineError::state("ends too early")
    } else {
        EngineError::io("read the training state", source)
    }
}
