//! Who writes: locks that the operating system drops when a process dies, however it dies.

use std::fs::{File, TryLockError};
use std::time::{Duration, Instant};

use arkor_files::{Folder, Name};

use crate::StoreError;

/// How long anyone waits for a lock that is held for a moment only.
const PATIENCE: Duration = Duration::from_secs(30);

/// An exclusive lock, held for as long as it lives.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock, or says that someone else has it (`None`).
    pub(crate) fn try_take(folder: &Folder, name: &Name) -> Result<Option<Self>, StoreError> {
        let file = open(folder, name)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => {
                Err(StoreError::io("lock", &folder.path_of(name), source))
            }
        }
    }

    /// Waits for the lock, and not for ever: whoever holds it may be stopped, or no program of ours.
    pub(crate) fn take(folder: &Folder, name: &Name) -> Result<Self, StoreError> {
        Self::take_within(folder, name, PATIENCE)
    }

    fn take_within(folder: &Folder, name: &Name, patience: Duration) -> Result<Self, StoreError> {
        let file = open(folder, name)?;
        let begin = Instant::now();
        let mut pause = Duration::from_micros(100);
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { file }),
                Err(TryLockError::WouldBlock) if begin.elapsed() < patience => {
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::Held {
                        path: folder.path_of(name),
                        holder: holder(&file),
                        waited: patience.as_secs(),
                    });
                }
                Err(TryLockError::Error(source)) => {
                    return Err(StoreError::io("lock", &folder.path_of(name), source));
                }
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a child process that another thread is just starting has
        // a copy of it, and would hold the lock until it runs its own program.
        let _ = self.file.unlock();
    }
}

fn open(folder: &Folder, name: &Name) -> Result<File, StoreError> {
    folder
        .open_or_create(name)
        .map_err(|source| StoreError::io("open", &folder.path_of(name), source))
}

/// The process that holds a file's lock, where the system tells (proc_locks(5)).
fn holder(file: &File) -> Option<u32> {
    #[cfg(target_os = "linux")]
    {
        let inode = std::os::unix::fs::MetadataExt::ino(&file.metadata().ok()?);
        let locks = std::fs::read_to_string("/proc/locks").ok()?;
        locks.lines().find_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            // Waiting ones have an arrow in the second column.
            let [_, "FLOCK", _, _, process, place, ..] = words.as_slice() else {
                return None;
            };
            let at: u64 = place.rsplit(':').next()?.parse().ok()?;
            let process: u32 = process.parse().ok()?;
            (at == inode && process > 0).then_some(process)
        })
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = file;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_held_is_not_waited_for_without_end() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let name = Name::new("gate").unwrap();
        let held = Lock::take(&folder, &name).unwrap();
        let patience = Duration::from_millis(20);
        let error = Lock::take_within(&folder, &name, patience).unwrap_err();
        let StoreError::Held { path, holder, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(path, &dir.path().join("gate"));
        if cfg!(target_os = "linux") {
            assert_eq!(*holder, Some(std::process::id()));
            assert!(
                error.to_string().contains(&std::process::id().to_string()),
                "{error}"
            );
        }
        assert!(error.hint().is_some());
        drop(held);
        Lock::take_within(&folder, &name, patience).unwrap();
    }
}
