//! The database's files, before SQLite opens them by their paths.

use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use arkor_files::Folder;

use crate::StoreError;
use crate::place::name;

const DATABASE: &str = "arkor.db";
pub(super) const WAL: &str = "arkor.db-wal";
const SHM: &str = "arkor.db-shm";
const JOURNAL: &str = "arkor.db-journal";

/// The last bytes of a rollback journal that names a super-journal
/// (<https://www.sqlite.org/fileformat.html#the_rollback_journal>).
const SUPER_JOURNAL: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// The database's path, if it is there and nothing of it is a link or worse.
pub(super) fn database(folder: &Folder) -> Result<Option<PathBuf>, StoreError> {
    for file in [WAL, SHM] {
        is_file(folder, file)?;
    }
    if is_file(folder, JOURNAL)? {
        check_journal(folder)?;
    }
    let path = folder.path_of(&name(DATABASE)?);
    Ok(is_file(folder, DATABASE)?.then_some(path))
}

/// The same, and makes an empty one, readable for its owner alone; SQLite gives its other files the same
/// mode.
pub(super) fn database_or_new(folder: &Folder) -> Result<PathBuf, StoreError> {
    if let Some(path) = database(folder)? {
        return Ok(path);
    }
    let name = name(DATABASE)?;
    folder
        .open_or_create(&name)
        .map_err(|error| StoreError::io("create", &folder.path_of(&name), error))?;
    Ok(folder.path_of(&name))
}

/// Makes durable what was committed to the database: what is not in the write-ahead log was synced when it
/// was moved out of it. Without that log, SQLite syncs each transaction.
pub(super) fn sync_log(folder: &Folder) -> Result<(), StoreError> {
    if !is_file(folder, WAL)? {
        return Ok(());
    }
    let name = name(WAL)?;
    // Windows syncs only what is open for writing.
    folder
        .open_or_create(&name)
        .and_then(|log| log.sync_all())
        .and_then(|()| folder.sync())
        .map_err(|error| StoreError::io("sync", &folder.path_of(&name), error))
}

fn is_file(folder: &Folder, file: &str) -> Result<bool, StoreError> {
    let name = name(file)?;
    folder
        .is_own_file(&name)
        .map_err(|error| StoreError::io("open", &folder.path_of(&name), error))
}

/// A journal that is left makes SQLite undo a transaction, and then *delete the file that the journal
/// names* as that of a transaction on several databases. This program has no such transactions.
fn check_journal(folder: &Folder) -> Result<(), StoreError> {
    let name = name(JOURNAL)?;
    let failed = |error| StoreError::io("read", &folder.path_of(&name), error);
    let mut file = folder.open_file(&name).map_err(failed)?;
    if file.metadata().map_err(failed)?.len() < 8 {
        return Ok(());
    }
    let mut end = [0; 8];
    file.seek(SeekFrom::End(-8)).map_err(failed)?;
    file.read_exact(&mut end).map_err(failed)?;
    if end == SUPER_JOURNAL {
        return Err(StoreError::Foreign {
            path: folder.path().into(),
            what: format!(
                "`{}` is part of a transaction on several databases",
                folder.path_of(&name).display()
            ),
        });
    }
    Ok(())
}
