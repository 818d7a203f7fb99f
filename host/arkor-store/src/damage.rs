//! What was found that nobody can have written in order.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use arkor_types::shown_line;

/// Most that is remembered and told.
const MOST: usize = 100;

/// Rows that were passed over, each told once.
#[derive(Debug, Default)]
pub(crate) struct Damage {
    found: Mutex<Found>,
}

#[derive(Debug, Default)]
struct Found {
    known: BTreeSet<String>,
    new: Vec<String>,
}

impl Damage {
    pub(crate) fn note(&self, what: Vec<String>) {
        if what.is_empty() {
            return;
        }
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        for text in what {
            // The text of an error can hold what stood in the row.
            let text = shown_line(&text).to_string();
            if found.known.len() < MOST && found.known.insert(text.clone()) {
                found.new.push(text);
            }
        }
    }

    pub(crate) fn take(&self) -> Vec<String> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut found.new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_once_and_all_are_not_too_many() {
        let damage = Damage::default();
        damage.note(vec!["a\u{1b}[2J".into(), "a\u{1b}[2J".into()]);
        assert_eq!(damage.take(), ["a\\u{1b}[2J"]);
        damage.note(vec!["a\u{1b}[2J".into()]);
        assert_eq!(damage.take(), [] as [String; 0]);
        damage.note((0..1000).map(|number| number.to_string()).collect());
        assert_eq!(damage.take().len(), MOST - 1);
    }
}
