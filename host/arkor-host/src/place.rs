//! The project's `.arkor`: whose it is, before anything in it is used or written.

use anyhow::Result;
use arkor_project::{Project, TrainerSource};
use arkor_store::{MadeBy, Place, Store, StoreError};
use arkor_types::ScriptLanguage;

use crate::output::Printer;
use crate::settings;

/// Stores of this user, and no others.
pub(crate) fn made_by() -> Result<MadeBy> {
    Ok(MadeBy::User(settings::data_folder()?))
}

/// Opens the folder, or makes it.
pub(crate) fn create(project: &Project) -> Result<Place> {
    Ok(Place::create(&project.store_dir(), &made_by()?)?)
}

/// Before a build: one that a stranger made can hold what a build takes for its own. The folder is made
/// where the build will keep something in it.
pub(crate) fn check(project: &Project) -> Result<()> {
    if keeps_builds(project) {
        create(project)?;
        return Ok(());
    }
    match Place::open(&project.store_dir(), &made_by()?) {
        Ok(_) | Err(StoreError::Missing { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn keeps_builds(project: &Project) -> bool {
    match &project.config().trainer {
        _ if project.is_untrusted() => false,
        TrainerSource::Sources { .. } => std::env::var_os("CARGO_TARGET_DIR").is_none(),
        TrainerSource::Script {
            language: ScriptLanguage::Python,
            ..
        } => project.root().join("requirements.txt").exists(),
        _ => false,
    }
}

/// Tells of rows that were passed over.
pub(crate) fn tell_damage(store: &Store, printer: &Printer) {
    tell(&store.take_damage(), printer);
}

pub(crate) fn tell(damage: &[String], printer: &Printer) {
    for what in damage {
        printer.note(&format!("damaged in the store, and passed over: {what}"));
    }
}
