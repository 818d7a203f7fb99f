//! Taking over a store that somebody else made.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Store;
use crate::StoreError;
use crate::place::Place;

/// How long the check of a whole database may take.
const CHECK: Duration = Duration::from_secs(120);

/// A store that is its user's now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// Its folder.
    pub path: PathBuf,
    /// How many runs are in it.
    pub runs: usize,
    /// Whether it was this user's before.
    pub was_yours: bool,
    /// Rows that are damaged and passed over.
    pub damage: Vec<String>,
}

impl Store {
    /// Marks a store as made by the user whose key is in the folder `keys`, after a look at it: no links,
    /// and a database of the form that this program makes and that is sound. What the rows say is not
    /// judged.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] if there is no folder; [`StoreError::Foreign`] or [`StoreError::Corrupt`]
    /// if it is not a store.
    pub fn adopt(dir: &Path, keys: &Path) -> Result<Adopted, StoreError> {
        let place = Place::unchecked(dir)?;
        let (mut runs, mut damage) = (0, Vec::new());
        match Self::read_only_in(&place) {
            Ok(store) => {
                store.check()?;
                runs = store.runs()?.len();
                damage = store.take_damage();
            }
            // Builds and packages are kept there too.
            Err(StoreError::Missing { .. }) => {}
            Err(error) => return Err(error),
        }
        let is_new = place.adopt(keys)?;
        Ok(Adopted {
            path: place.path().into(),
            runs,
            was_yours: !is_new,
            damage,
        })
    }

    fn check(&self) -> Result<(), StoreError> {
        let found: String = self.read_within(CHECK, |db| {
            db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        })?;
        if found == "ok" {
            return Ok(());
        }
        Err(StoreError::Corrupt {
            path: self.shared.db_path.clone(),
            what: arkor_types::shown_line(&found).to_string(),
        })
    }
}
