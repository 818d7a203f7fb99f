//! A text file, split into what is trained on and what is held out.

use std::path::Path;
use std::sync::Arc;

use crate::EngineError;
use crate::memory;

/// A text in two parts.
#[derive(Debug, Clone)]
pub struct Text {
    train: Arc<str>,
    eval: Arc<str>,
}

impl Text {
    /// Reads a UTF-8 file and holds out a share of its bytes, from its end, cut between two
    /// characters. The share is at least 0 and below 1, as a resolved spec has it.
    ///
    /// # Errors
    ///
    /// [`EngineError::DatasetFile`] if the file cannot be read, [`EngineError::NotText`] with the
    /// place of the first byte that is not UTF-8.
    pub fn load(path: &Path, held_out: f64) -> Result<Self, EngineError> {
        Ok(Self::split(&read(path)?, held_out))
    }

    /// Reads two UTF-8 files: what is trained on, and what is held out.
    ///
    /// # Errors
    ///
    /// As for [`load`](Self::load).
    pub fn load_both(train: &Path, eval: &Path) -> Result<Self, EngineError> {
        Ok(Self {
            train: read(train)?.into(),
            eval: read(eval)?.into(),
        })
    }

    /// Splits a text that is in memory, as [`load`](Self::load) does.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a length; a cut that is off by some bytes is as good"
    )]
    pub fn split(text: &str, held_out: f64) -> Self {
        let bytes = (text.len() as f64 * held_out.clamp(0.0, 1.0)) as usize;
        let at = text.floor_char_boundary(text.len().saturating_sub(bytes));
        let (train, eval) = text.split_at(at);
        Self {
            train: train.into(),
            eval: eval.into(),
        }
    }

    /// What is trained on.
    pub fn train(&self) -> &str {
        &self.train
    }

    /// What is held out; empty if nothing is.
    pub fn eval(&self) -> &str {
        &self.eval
    }

    /// blake3 of both parts, one after the other: that of the file, if they come from one.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(self.train.as_bytes())
            .update(self.eval.as_bytes());
        hasher.finalize().to_hex().to_string()
    }

    /// The training part, to be shared, for [`SessionRequest`](crate::SessionRequest).
    pub fn tokenizer_text(&self) -> Arc<str> {
        Arc::clone(&self.train)
    }
}

fn read(path: &Path) -> Result<String, EngineError> {
    let bytes = memory::read(path, memory::DATASET, memory::TEXT_COPIES)
        .map_err(|e| EngineError::dataset_file(path, e))?;
    String::from_utf8(bytes).map_err(|error| EngineError::NotText {
        path: path.into(),
        offset: error.utf8_error().valid_up_to(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_between_characters_from_the_end() {
        let text = Text::split("äöüß", 0.3);
        assert_eq!((text.train(), text.eval()), ("äöü", "ß"));
        let text = Text::split("abcd", 0.0);
        assert_eq!((text.train(), text.eval()), ("abcd", ""));
        assert_eq!(&*Text::split("abcd", 0.5).tokenizer_text(), "ab");
    }

    #[test]
    fn says_what_is_wrong_with_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("latin1.txt");
        let error = Text::load(&path, 0.1).unwrap_err().to_string();
        assert!(error.contains("latin1.txt"), "{error}");
        std::fs::write(&path, b"na\xefve").unwrap();
        let error = Text::load(&path, 0.1).unwrap_err();
        assert!(
            matches!(error, EngineError::NotText { offset: 2, .. }),
            "{error}"
        );
        assert!(error.hint().is_some());
    }
}
