//! How much the store may hold.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::StoreError;

/// Counts bytes against a limit.
#[derive(Debug)]
pub(crate) struct Quota {
    max: Option<u64>,
    /// Bytes in the store, as far as this process knows.
    used: AtomicU64,
}

impl Quota {
    pub(crate) fn new(max: Option<u64>) -> Self {
        Self {
            max,
            used: AtomicU64::new(0),
        }
    }

    /// Whether anyone needs to count.
    pub(crate) fn is_limited(&self) -> bool {
        self.max.is_some()
    }

    /// Begins anew from a measured size: other processes write and remove too.
    pub(crate) fn set(&self, used: u64) {
        self.used.store(used, Ordering::Relaxed);
    }

    /// Takes room for `bytes` more in the store at `dir`.
    pub(crate) fn reserve(&self, bytes: u64, dir: &Path) -> Result<(), StoreError> {
        let used = self.used.fetch_add(bytes, Ordering::Relaxed);
        match self.max {
            Some(max) if used.saturating_add(bytes) > max => {
                self.release(bytes);
                Err(StoreError::Full {
                    path: dir.into(),
                    what: format!(
                        "{bytes} bytes more than the {used} in it would exceed its limit of {max} \
                         bytes"
                    ),
                })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn release(&self, bytes: u64) {
        // Counting from a fresh measurement can make it too low; it must not wrap.
        let _ = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                Some(used.saturating_sub(bytes))
            });
    }
}

/// Room taken for content that is being written; given back unless it is kept.
#[derive(Debug)]
pub(crate) struct Reservation {
    quota: Arc<Quota>,
    bytes: u64,
}

impl Reservation {
    pub(crate) fn new(quota: Arc<Quota>) -> Self {
        Self { quota, bytes: 0 }
    }

    pub(crate) fn grow(&mut self, bytes: u64, dir: &Path) -> Result<(), StoreError> {
        self.quota.reserve(bytes, dir)?;
        self.bytes += bytes;
        Ok(())
    }

    pub(crate) fn keep(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.quota.release(self.bytes);
    }
}
