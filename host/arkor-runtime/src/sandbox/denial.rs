//! What a trainer asked for and did not get, and the line of `arkor.toml` that would grant it.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Something that was asked for in vain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Denial {
    /// The list of environment variables, which is empty.
    Environment,
    /// The list of folders, which is empty.
    Files,
    /// An address.
    Network(String),
    /// The address of a name.
    NameLookup(String),
}

impl Denial {
    /// What happened and what to add, as one message.
    pub(crate) fn message(&self, trainer: &str, function: &str) -> String {
        let asked = match self {
            Self::Environment => "for environment variables".into(),
            Self::Files => "for files".into(),
            Self::Network(address) => format!("for the network address {address}"),
            Self::NameLookup(name) => format!("for the network address of {name:?}"),
        };
        format!(
            "trainer `{trainer}` asked in {function} {asked}, which nothing grants; to grant it, add \
             to arkor.toml: {}",
            self.line()
        )
    }

    fn line(&self) -> String {
        match self {
            Self::Environment => "[capabilities] env = [\"NAME\"]".into(),
            Self::Files => "[capabilities] files = [{ path = \"FOLDER\", mode = \"read\" }]".into(),
            Self::Network(address) => format!("[capabilities] network = [\"{address}\"]"),
            Self::NameLookup(name) => format!("[capabilities] network = [\"{name}:PORT\"]"),
        }
    }
}

/// What one instance was denied since the last look. Each thing is told once in its life.
#[derive(Debug, Default)]
pub(crate) struct Denials {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    new: Vec<Denial>,
    told: BTreeSet<Denial>,
}

impl Denials {
    pub(crate) fn record(&self, denial: Denial) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if !inner.told.contains(&denial) && !inner.new.contains(&denial) {
            inner.new.push(denial);
        }
    }

    pub(crate) fn take(&self) -> Vec<Denial> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let new = std::mem::take(&mut inner.new);
        inner.told.extend(new.iter().cloned());
        new
    }

    /// Forgets one that nobody meant.
    pub(crate) fn forget(&self, denial: &Denial) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.new.retain(|one| one != denial);
    }

    /// Forgets what was recorded: the standard library of a panicking guest reads the environment
    /// for reasons of its own.
    pub(crate) fn clear(&self) {
        self.inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .new
            .clear();
    }
}

/// The line that would help, if an error of a guest's C library tells of a denied file.
pub(crate) fn denial_hint(text: &str) -> Option<String> {
    let libraries_say = [
        "pre-opened file descriptor",
        "No file descriptors available",
        "Capabilities insufficient",
    ];
    let is_denial = libraries_say.iter().any(|words| text.contains(words));
    is_denial.then(|| {
        format!(
            "a trainer sees no files; to grant a folder, add to arkor.toml: {}",
            Denial::Files.line()
        )
    })
}
