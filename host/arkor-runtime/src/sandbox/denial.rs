//! What a trainer asked for and did not get, and the line of `arkor.toml` that would grant it.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::words::cut;

/// Something that was asked for in vain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Denial {
    /// The list of environment variables, which is empty.
    Environment,
    /// The list of folders, which is empty.
    Files,
    /// A socket, for whatever address.
    Sockets,
    /// An address.
    Network(String),
    /// The address of a name.
    NameLookup(String),
    /// So many other things.
    More(u64),
}

/// Longest name in a message.
const NAME: usize = 200;

/// Most different things that are told of one instance; more are counted.
const TOLD: usize = 20;

impl Denial {
    /// What happened and what to add, as one message.
    pub(crate) fn message(&self, trainer: &str, function: &str) -> String {
        if let Self::More(number) = self {
            return format!(
                "trainer `{trainer}` was denied {number} more things; they are not listed"
            );
        }
        let asked = match self {
            Self::Environment => "for environment variables".into(),
            Self::Files => "for files".into(),
            Self::Sockets => "for a network socket".into(),
            Self::More(_) => String::new(),
            Self::Network(address) => format!("for the network address {address}"),
            Self::NameLookup(name) => format!("for the network address of {name:?}"),
        };
        let asked =
            format!("trainer `{trainer}` asked in {function} {asked}, which nothing grants");
        match self.line() {
            Some(line) => format!("{asked}; to grant it, add to arkor.toml: {line}"),
            None => asked,
        }
    }

    /// What would grant it; none for a name that no host can have.
    fn line(&self) -> Option<String> {
        Some(match self {
            Self::Environment => "[capabilities] env = [\"NAME\"]".into(),
            Self::Files => FILES_LINE.into(),
            Self::Sockets => "[capabilities] network = [\"HOST:PORT\"]".into(),
            Self::NameLookup(name) if !is_host(name) => return None,
            Self::More(_) => return None,
            Self::Network(address) => format!("[capabilities] network = [\"{address}\"]"),
            Self::NameLookup(name) => format!("[capabilities] network = [\"{name}:PORT\"]"),
        })
    }

    /// Without what a guest has no need to have remembered.
    fn cut(self) -> Self {
        match self {
            Self::Network(text) => Self::Network(cut(text, NAME)),
            Self::NameLookup(text) => Self::NameLookup(cut(text, NAME)),
            other => other,
        }
    }
}

const FILES_LINE: &str = "[capabilities] files = [{ path = \"FOLDER\", mode = \"read\" }]";

fn is_host(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
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
    /// What found no place among these.
    more: u64,
    more_told: u64,
    /// Whether the guest itself told of files since the last look.
    told_of_files: bool,
}

impl Denials {
    pub(crate) fn record(&self, denial: Denial) {
        let denial = denial.cut();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.told.contains(&denial) || inner.new.contains(&denial) {
            return;
        }
        if inner.told.len() + inner.new.len() >= TOLD {
            inner.more += 1;
        } else {
            inner.new.push(denial);
        }
    }

    pub(crate) fn take(&self) -> Vec<Denial> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut new = std::mem::take(&mut inner.new);
        inner.told.extend(new.iter().cloned());
        inner.told_of_files = false;
        // Told when it has doubled, so that it is not a line for each call.
        if inner.more >= (2 * inner.more_told).max(1) {
            new.push(Denial::More(inner.more - inner.more_told));
            inner.more_told = inner.more;
        }
        new
    }

    /// A guest whose library looks at the folders before it prints has printed.
    pub(super) fn printed(&self, tells_of_files: bool, is_stdout: bool) {
        if tells_of_files {
            self.record(Denial::Files);
        }
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.told_of_files |= tells_of_files;
        if is_stdout && !inner.told_of_files {
            inner.new.retain(|one| *one != Denial::Files);
        }
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
            FILES_LINE
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denials_are_bounded_in_number_and_length() {
        let denials = Denials::default();
        for number in 0..44_020 {
            denials.record(Denial::NameLookup(format!(
                "n{number}.{}",
                "x".repeat(1000)
            )));
        }
        let told = denials.take();
        assert_eq!(told.len(), TOLD + 1);
        assert_eq!(told.last(), Some(&Denial::More(44_000)));
        for one in &told {
            assert!(one.message("t", "on-log").len() < 600, "{one:?}");
        }
        let last = told[TOLD].message("t", "on-log");
        assert!(last.contains("44000 more things"), "{last}");
        // A few more are no line of their own.
        denials.record(Denial::NameLookup("another".into()));
        assert!(denials.take().is_empty());
    }

    #[test]
    fn hints_are_only_given_for_names_that_a_host_can_have() {
        let hint = |name: &str| Denial::NameLookup(name.into()).message("t", "describe");
        assert!(hint("example.org").contains("network = [\"example.org:PORT\"]"));
        for name in ["(none)", "", "a b", "\u{1b}[2J", &"x".repeat(5000)] {
            assert!(!hint(name).contains("arkor.toml"), "{name:?}");
        }
    }
}
