//! The config hash.

use super::Spec;
use crate::UntrustedText;

impl Spec {
    /// blake3 of the canonical JSON (RFC 8785) of everything that reaches training, in hex.
    ///
    /// `description` and `tags` are for people and left out.
    ///
    /// # Errors
    ///
    /// Only if the spec holds a number that JSON cannot spell, which
    /// [`super::SpecDraft::resolve`] rules out.
    pub fn config_hash(&self) -> Result<String, serde_json::Error> {
        let trained = Self {
            description: UntrustedText::default(),
            tags: Vec::new(),
            ..self.clone()
        };
        let canonical = serde_json_canonicalizer::to_vec(&trained)?;
        Ok(blake3::hash(&canonical).to_hex().to_string())
    }
}
