//! Errors leave a trainer as text.

use std::fmt;

use crate::artifacts::ArtifactError;
use crate::dataset::DatasetError;
use crate::hooks::HookError;
use crate::inference::InferenceError;
use crate::run::RunError;
use crate::session::SessionError;

/// What a trainer's functions return: any error by `?`, and text by `Err("text".into())`.
pub type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// An error with the errors that led to it, in one line: `outer: inner`.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let part = source.to_string();
        // Many errors already repeat their source.
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        next = source.source();
    }
    text
}

/// How the errors of the contract show themselves; the bindings call it.
pub(crate) trait Explain {
    fn explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

const OUTSIDE_LOOP: &str = "only a training loop may call this";
const ENDED: &str = "the loop was told to end and must return";

impl Explain for HookError {
    fn explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutsideLoop => OUTSIDE_LOOP,
            Self::Ended => ENDED,
            Self::Invalid(text)
            | Self::Lost(text)
            | Self::Unavailable(text)
            | Self::Other(text) => text,
        })
    }
}

impl Explain for SessionError {
    fn explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutsideLoop => OUTSIDE_LOOP,
            Self::Ended => ENDED,
            Self::Invalid(text)
            | Self::Diverged(text)
            | Self::Unsupported(text)
            | Self::NoSuchState(text)
            | Self::Lost(text)
            | Self::Rejected(text)
            | Self::OutOfMemory(text)
            | Self::Unavailable(text)
            | Self::Other(text) => text,
        })
    }
}

impl Explain for DatasetError {
    fn explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotReady => "the run has no data, or not yet",
            Self::OutOfRange(text)
            | Self::Invalid(text)
            | Self::Unsupported(text)
            | Self::Unavailable(text)
            | Self::Other(text) => text,
        })
    }
}

impl Explain for InferenceError {
    fn explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotReady => "there is no model yet",
            Self::Invalid(text)
            | Self::Unsupported(text)
            | Self::Unavailable(text)
            | Self::Other(text) => text,
        })
    }
}

impl Explain for RunError {
    fn explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotReady => "there is no run yet",
            Self::Other(text) => text,
        })
    }
}

impl Explain for ArtifactError {
    fn explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotReady => "there is no run yet to keep a file for",
            Self::InvalidName(text) | Self::TooLarge(text) | Self::Other(text) => text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Outer(std::num::ParseIntError);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the setting is wrong")
        }
    }

    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn the_chain_is_told() {
        let inner = "x".parse::<u32>().unwrap_err();
        assert_eq!(
            chain(&Outer(inner)),
            "the setting is wrong: invalid digit found in string"
        );
    }

    #[test]
    fn every_error_converts() {
        fn contract() -> Result<()> {
            Err(SessionError::Invalid(
                "count is 0, expected 1 to 256".into(),
            ))?
        }
        fn text() -> Result<()> {
            Err("no")?
        }
        fn owned_text() -> Result<()> {
            Err(format!("{}", 1))?
        }
        assert_eq!(
            contract().unwrap_err().to_string(),
            "count is 0, expected 1 to 256"
        );
        assert_eq!(text().unwrap_err().to_string(), "no");
        assert_eq!(owned_text().unwrap_err().to_string(), "1");
    }
}
