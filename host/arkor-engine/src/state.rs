//! Saved training states: safetensors with Hugging Face's tensor names.
//!
//! `model.*` are the weights, `adam.first.*` and `adam.second.*` the moments of each. The metadata
//! holds the tokenizer (`tokenizer`, the text of a tokenizer.json, or `bytes`), the number of
//! optimizer steps (`steps`) and the format (`arkor`). Other programs can read the weights as they
//! are.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::EngineError;
use crate::session::EmbeddedSession;

/// Changes when an older reader would misread the file.
const FORMAT: &str = "1";

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

pub(crate) fn save(session: &EmbeddedSession, to: &mut dyn Write) -> Result<(), EngineError> {
    let failed =
        |error: &dyn std::fmt::Display| EngineError::state(format!("cannot be written: {error}"));
    let metadata = HashMap::from([
        ("arkor".to_owned(), FORMAT.to_owned()),
        ("tokenizer".to_owned(), session.tokenizer.to_json()?),
        ("steps".to_owned(), session.steps.to_string()),
    ]);
    let parts = [
        ("", &session.weights),
        ("adam.first.", &session.first),
        ("adam.second.", &session.second),
    ];
    let mut content = Vec::new();
    for (prefix, values) in parts {
        for tensor in &session.transformer.layout.tensors {
            let values = values.get(tensor.at.clone()).unwrap_or_default();
            content.push((
                format!("{prefix}{}", tensor.name),
                &tensor.shape,
                bytes_of(values),
            ));
        }
    }
    let mut views = Vec::with_capacity(content.len());
    for (name, shape, bytes) in &content {
        let view = TensorView::new(Dtype::F32, (*shape).clone(), bytes).map_err(|e| failed(&e))?;
        views.push((name.as_str(), view));
    }
    let file = sorted_serialize(views, metadata).map_err(|error| failed(&error))?;
    to.write_all(&file).map_err(|source| EngineError::Io {
        action: "write",
        source,
    })
}

/// The library writes metadata in a hash map's order; one key order makes equal states equal
/// files, which is what a checkpoint's digest is for.
fn sorted_serialize(
    views: Vec<(&str, TensorView<'_>)>,
    metadata: HashMap<String, String>,
) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let file = safetensors::serialize(views, Some(metadata))?;
    let (length, rest) = file.split_first_chunk::<8>().ok_or("no header")?;
    let length = usize::try_from(u64::from_le_bytes(*length))?;
    let (header, data) = rest.split_at_checked(length).ok_or("a short header")?;
    // serde_json's map is ordered by key.
    let header: serde_json::Value = serde_json::from_slice(header)?;
    let mut header = serde_json::to_vec(&header)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut sorted = Vec::with_capacity(8 + header.len() + data.len());
    sorted.extend_from_slice(&(header.len() as u64).to_le_bytes());
    sorted.extend_from_slice(&header);
    sorted.extend_from_slice(data);
    Ok(sorted)
}

/// A state as it lies in a file.
pub(crate) struct Saved {
    bytes: Vec<u8>,
    metadata: HashMap<String, String>,
}

impl Saved {
    pub(crate) fn open(path: &Path) -> Result<Self, EngineError> {
        let mut file = std::fs::File::open(path).map_err(|source| EngineError::Io {
            action: "read",
            source,
        })?;
        Self::read(&mut file)
    }

    pub(crate) fn read(from: &mut dyn Read) -> Result<Self, EngineError> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes)
            .map_err(|source| EngineError::Io {
                action: "read",
                source,
            })?;
        let (_, header) = SafeTensors::read_metadata(&bytes)
            .map_err(|error| EngineError::state(format!("cannot be read: {error}")))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        match metadata.get("arkor").map(String::as_str) {
            Some(FORMAT) => Ok(Self { bytes, metadata }),
            Some(other) => Err(EngineError::state(format!(
                "has format {other}, and this engine reads format {FORMAT}"
            ))),
            None => Err(EngineError::state(
                "is safetensors, but not a state of this engine",
            )),
        }
    }

    fn meta(&self, key: &str) -> Result<&str, EngineError> {
        let value = self.metadata.get(key).map(String::as_str);
        value.ok_or_else(|| EngineError::state(format!("has no `{key}`")))
    }

    pub(crate) fn tokenizer(&self) -> Result<&str, EngineError> {
        self.meta("tokenizer")
    }

    /// Copies everything into a session. Checks first: a state that does not fit changes nothing.
    pub(crate) fn restore(&self, session: &mut EmbeddedSession) -> Result<(), EngineError> {
        let tensors = SafeTensors::deserialize(&self.bytes)
            .map_err(|error| EngineError::state(format!("cannot be read: {error}")))?;
        let steps = self.meta("steps")?;
        let steps = steps
            .parse()
            .map_err(|_| EngineError::state(format!("has {steps:?} for a step count")))?;
        let layout = &session.transformer.layout;
        let mut all = Vec::with_capacity(3);
        for prefix in ["", "adam.first.", "adam.second."] {
            let mut values = vec![0.0; layout.len];
            for tensor in &layout.tensors {
                let name = format!("{prefix}{}", tensor.name);
                let view = tensors
                    .tensor(&name)
                    .map_err(|_| EngineError::state(format!("has no tensor {name}")))?;
                if view.shape() != tensor.shape.as_slice() || view.dtype() != Dtype::F32 {
                    return Err(EngineError::state(format!(
                        "is of another model: {name} has shape {:?}, and the spec asks for {:?}",
                        view.shape(),
                        tensor.shape
                    )));
                }
                let target = values.get_mut(tensor.at.clone()).unwrap_or_default();
                for (value, bytes) in target.iter_mut().zip(view.data().as_chunks().0) {
                    *value = f32::from_le_bytes(*bytes);
                }
            }
            all.push(values);
        }
        let mut all = all.into_iter();
        if let (Some(weights), Some(first), Some(second)) = (all.next(), all.next(), all.next()) {
            session.weights = weights;
            session.first = first;
            session.second = second;
            session.steps = steps;
        }
        Ok(())
    }
}
