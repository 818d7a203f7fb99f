//! A build that changes what it was started by would be started by itself for ever.
//!
//! What changes while a build is at work is built again, for a person may have saved it. If it changes in each of
//! several builds that nothing else began, it is the build's own doing: it is told once, and from then on starts no
//! build when it changes during one. When it changes at another time, somebody else did that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Builds in a row after which a file that each of them changed is taken for the build's own.
const BUILDS: u32 = 3;

#[derive(Debug, Default)]
pub(super) struct Echo {
    /// What builds change themselves.
    own: BTreeSet<PathBuf>,
    /// What changed during the last build.
    last: BTreeSet<PathBuf>,
    /// In how many builds in a row.
    rows: BTreeMap<PathBuf, u32>,
}

/// What is to be done about inputs that changed during a build.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Are taken as they are, and start no build.
    pub(super) accepted: BTreeSet<PathBuf>,
    /// Are known from now on to be the build's own.
    pub(super) found: BTreeSet<PathBuf>,
}

impl Echo {
    /// A build is over that was begun by changes of `cause`, or by none; meanwhile `during` changed.
    pub(super) fn built(
        &mut self,
        cause: &BTreeSet<PathBuf>,
        during: &BTreeSet<PathBuf>,
    ) -> Verdict {
        let is_echo = !cause.is_empty() && cause.is_subset(&self.last);
        if !is_echo {
            self.rows.clear();
        }
        let accepted: BTreeSet<PathBuf> = during.intersection(&self.own).cloned().collect();
        self.rows.retain(|path, _| during.contains(path));
        let mut found = BTreeSet::new();
        for path in during.difference(&self.own) {
            let row = self.rows.entry(path.clone()).or_default();
            *row += 1;
            if *row >= BUILDS {
                found.insert(path.clone());
            }
        }
        // It is built once more: what was saved in the last of them is not lost with it.
        self.own.extend(found.iter().cloned());
        self.last = during.clone();
        Verdict { accepted, found }
    }

    /// This changed while no build was at work.
    pub(super) fn edited(&mut self, path: &PathBuf) {
        self.own.remove(path);
        self.rows.remove(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    /// Builds until no change is left that is not the build's own. How often, and what was found.
    fn builds(echo: &mut Echo, first: &str, writes: &[&str]) -> (usize, BTreeSet<PathBuf>) {
        let (mut cause, mut found) = (set(&[first]), BTreeSet::new());
        for number in 1..20 {
            let during = set(writes);
            let verdict = echo.built(&cause, &during);
            found.extend(verdict.found);
            cause = during.difference(&verdict.accepted).cloned().collect();
            if cause.is_empty() {
                return (number, found);
            }
        }
        panic!("it builds for ever");
    }

    #[test]
    fn a_build_that_changes_its_inputs_comes_to_an_end_and_is_told_once() {
        let mut echo = Echo::default();
        assert_eq!(builds(&mut echo, "a.c", &["gen.c"]), (4, set(&["gen.c"])));
        assert_eq!(builds(&mut echo, "a.c", &["gen.c"]), (1, set(&[])));
        assert_eq!(builds(&mut echo, "a.c", &[]), (1, set(&[])));
    }

    #[test]
    fn what_is_saved_during_a_build_is_built() {
        let mut echo = Echo::default();
        for _ in 0..10 {
            // Something else began the build.
            assert_eq!(
                echo.built(&set(&["b.c"]), &set(&["a.c"])),
                Verdict::default()
            );
            assert_eq!(echo.built(&set(&["a.c"]), &set(&[])), Verdict::default());
        }
    }

    #[test]
    fn an_edit_at_another_time_is_somebody_elses() {
        let mut echo = Echo::default();
        builds(&mut echo, "a.c", &["gen.c"]);
        echo.edited(&"gen.c".into());
        assert_eq!(builds(&mut echo, "gen.c", &["gen.c"]).1, set(&["gen.c"]));
    }
}
