//! How much the store may hold.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::StoreError;

/// Most that a store may grow without a limit that was set, however large the disk.
const LARGEST_SHARE: u64 = 50 << 30;

/// After so long, what others did is looked for anew.
const STALE: Duration = Duration::from_secs(10);

/// Measuring takes no more than one part of so many of the time.
const PART: u32 = 10;

/// Counts bytes against a limit.
#[derive(Debug)]
pub(crate) struct Quota {
    /// As it was set.
    set: Option<u64>,
    /// As it counts.
    max: AtomicU64,
    /// Bytes in the store, as far as this process knows.
    used: AtomicU64,
    measured: Mutex<Option<Measured>>,
}

/// When the last measurement ended, and how long it took.
#[derive(Debug, Clone, Copy)]
struct Measured {
    at: Instant,
    took: Duration,
}

impl Quota {
    pub(crate) fn new(max: Option<u64>) -> Self {
        Self {
            set: max,
            max: AtomicU64::new(max.unwrap_or(u64::MAX)),
            used: AtomicU64::new(0),
            measured: Mutex::new(None),
        }
    }

    /// Where no limit was set, one by what is free on the disk: others need it too.
    pub(crate) fn share(&self, free: Option<u64>) {
        if self.set.is_none() {
            let share = free.map_or(LARGEST_SHARE, |free| (free / 2).min(LARGEST_SHARE));
            let used = self.used.load(Ordering::Relaxed);
            let max = used.saturating_add(share);
            self.max.store(max, Ordering::Relaxed);
        }
    }

    /// Begins anew from a measured size: other processes write and remove too.
    pub(crate) fn measure(
        &self,
        measure: impl FnOnce() -> Result<u64, StoreError>,
    ) -> Result<(), StoreError> {
        let begin = Instant::now();
        self.used.store(measure()?, Ordering::Relaxed);
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        *measured = Some(Measured {
            at: Instant::now(),
            took: begin.elapsed(),
        });
        Ok(())
    }

    /// Whether a measurement is not too soon after the last.
    pub(crate) fn may_measure(&self) -> bool {
        let measured = *self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        measured.is_none_or(|last| last.at.elapsed() >= last.took * PART)
    }

    /// Whether it is time for one.
    pub(crate) fn is_stale(&self) -> bool {
        let measured = *self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        self.may_measure() && measured.is_none_or(|last| last.at.elapsed() >= STALE)
    }

    /// Takes room for `bytes` more in the store at `dir`.
    pub(crate) fn reserve(&self, bytes: u64, dir: &Path) -> Result<(), StoreError> {
        let used = self.used.fetch_add(bytes, Ordering::Relaxed);
        let max = self.max.load(Ordering::Relaxed);
        if used.checked_add(bytes).is_some_and(|sum| sum <= max) {
            return Ok(());
        }
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        let why = match self.set {
            Some(_) => "max-size in [store] of arkor.toml",
            None => {
                "half of what was free on the disk, and at most 50 GiB more; max-size in [store] of \
                     arkor.toml sets another"
            }
        };
        Err(StoreError::Full {
            path: dir.into(),
            what: format!(
                "{bytes} bytes more than the {used} in it would exceed its limit of {max} bytes ({why})"
            ),
        })
    }

    #[cfg(test)]
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
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

/// Room that was taken for what is being written; given back unless it is kept.
#[derive(Debug)]
pub(crate) struct Reservation {
    quota: Arc<Quota>,
    bytes: u64,
}

impl Reservation {
    pub(crate) fn new(quota: Arc<Quota>) -> Self {
        Self { quota, bytes: 0 }
    }

    /// That so much was taken for this.
    pub(crate) fn add(&mut self, bytes: u64) {
        self.bytes += bytes;
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
