//! Runs, their checkpoints and artifacts, as the store keeps them.

use serde::{Deserialize, Serialize};

use crate::{Spec, UntrustedText, shown_line};

/// Identifies a run: sortable by time of creation, unique in a store. Never a path, and safe to print.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

/// A text that is no [`RunId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidRunId;

impl std::fmt::Display for InvalidRunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the id of a run has 1 to 64 ASCII letters, digits, `-` and `_`")
    }
}

impl std::error::Error for InvalidRunId {}

impl TryFrom<String> for RunId {
    type Error = InvalidRunId;

    fn try_from(text: String) -> Result<Self, InvalidRunId> {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if matches!(text.len(), 1..=64) && text.bytes().all(is_letter) {
            Ok(Self(text))
        } else {
            Err(InvalidRunId)
        }
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

impl RunId {
    /// Takes a text as an id; it need not exist.
    ///
    /// # Errors
    ///
    /// If it could be more than a name: see [`InvalidRunId`].
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidRunId> {
        text.into().try_into()
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A store may come from somebody else.
        write!(f, "{}", shown_line(&self.0))
    }
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunStatus {
    /// A process is training it.
    Running,
    /// All planned steps were done.
    Completed,
    /// Ended early, with a checkpoint.
    Stopped,
    /// Ended badly.
    Failed,
    /// Its process ended without a last word, or was told to end at once.
    Interrupted,
}

impl RunStatus {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

impl std::fmt::Display for RunStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// A run as the store knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Its id.
    pub id: RunId,
    /// Name of the training job.
    pub name: UntrustedText,
    /// Where it stands.
    pub status: RunStatus,
    /// When it was created.
    pub created: jiff::Timestamp,
    /// When its last event was appended.
    pub updated: jiff::Timestamp,
    /// Counts the attempts, from 1.
    pub attempt: u32,
    /// What is trained.
    pub spec: Spec,
    /// Hash of the configuration.
    pub config: String,
    /// Digest of the trainer's component.
    pub component: String,
    /// The run this one continues, if any.
    pub parent: Option<RunId>,
    /// Optimizer steps finished, as of the last event.
    pub step: u64,
    /// Sequence number of the last event; 0 if there is none.
    pub last_seq: u64,
    /// The last logged loss.
    pub loss: Option<f64>,
    /// The last evaluation loss.
    pub eval_loss: Option<f64>,
}

/// A checkpoint as the store knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointRecord {
    /// Its id.
    pub id: String,
    /// The run it belongs to.
    pub run: RunId,
    /// Optimizer steps finished.
    pub step: u64,
    /// When it was written.
    pub created: jiff::Timestamp,
    /// Sequence number of the event that announced it.
    pub seq: u64,
    /// blake3 of the engine's state, in hex: the name of its blob.
    pub state: String,
    /// blake3 of the rest (data position, guest state): the name of its blob.
    pub progress: String,
    /// Bytes of both.
    pub size: u64,
    /// The evaluation loss of its weights.
    pub eval_loss: Option<f64>,
    /// The score that it is compared by; the loss if nothing else was named.
    #[serde(default)]
    pub score: Option<f64>,
}

/// A file of a run as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactRecord {
    /// Name within the run.
    pub name: UntrustedText,
    /// Bytes.
    pub size: u64,
    /// blake3 of the content, in hex.
    pub digest: String,
    /// Sequence number of the event that announced it.
    pub seq: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_no_path() {
        for bad in [
            "", ".", "..", "a/b", "/a", "a\\b", "a b", "é", "\u{1b}", "a\0", "a.b", "C:",
        ] {
            assert!(RunId::new(bad).is_err(), "{bad:?}");
            let json = serde_json::to_string(bad).unwrap();
            assert!(serde_json::from_str::<RunId>(&json).is_err(), "{bad:?}");
        }
        assert!(RunId::new("a".repeat(65)).is_err());
        let id = RunId::new("20261123-101530-k3f9").unwrap();
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, "\"20261123-101530-k3f9\"");
        assert_eq!(serde_json::from_str::<RunId>(&json).unwrap(), id);
    }
}
