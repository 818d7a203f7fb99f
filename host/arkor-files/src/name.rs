//! One part of a path.

use std::ffi::{OsStr, OsString};
use std::fmt;

/// The name of a file or folder in a folder: never a path, never `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(OsString);

/// A text that is no [`Name`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidName(OsString);

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Debug escapes what a terminal would act on.
        write!(f, "{:?} is not the name of a file", self.0)
    }
}

impl std::error::Error for InvalidName {}

impl From<InvalidName> for std::io::Error {
    fn from(error: InvalidName) -> Self {
        Self::new(std::io::ErrorKind::InvalidInput, error)
    }
}

impl Name {
    /// Takes a text as a name.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] if it is empty, `.`, `..`, or has a separator, a colon (a drive or a stream on Windows),
    /// a NUL, or more than 255 bytes.
    pub fn new(text: impl Into<OsString>) -> Result<Self, InvalidName> {
        let text = text.into();
        let bytes = text.as_encoded_bytes();
        let is_path = bytes
            .iter()
            .any(|byte| matches!(byte, b'/' | b'\\' | b':' | 0));
        if bytes.is_empty() || bytes.len() > 255 || bytes == b"." || bytes == b".." || is_path {
            return Err(InvalidName(text));
        }
        Ok(Self(text))
    }

    /// The name as the system has it.
    pub fn as_os_str(&self) -> &OsStr {
        &self.0
    }

    /// The name, if it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        self.0.to_str()
    }
}

impl AsRef<std::path::Path> for Name {
    fn as_ref(&self) -> &std::path::Path {
        std::path::Path::new(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_path() {
        for bad in ["", ".", "..", "a/b", "/a", "a\\b", "C:", "a\0b"] {
            assert!(Name::new(bad).is_err(), "{bad:?}");
        }
        assert!(Name::new("a".repeat(256)).is_err());
        for good in ["a", "...", ".arkor", "ä b", "-rf"] {
            assert_eq!(Name::new(good).unwrap().as_str(), Some(good));
        }
    }
}
