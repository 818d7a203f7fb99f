//! How long a call of a guest may take: its own time, not that of the host it waits for.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// When a call is cut off, for the epoch that interrupts wasm and the timer that ends a wait.
#[derive(Debug)]
pub(crate) struct Deadline(Mutex<Clock>);

#[derive(Debug)]
struct Clock {
    /// None while the guest waits for its host, which is not its own time.
    at: Option<Instant>,
    /// What the running call may take.
    limit: Duration,
    /// How long it may still wait for the engine without losing time of its own.
    engine: Duration,
    /// It was cut off early, after so much time of its own.
    hurried: Option<Duration>,
}

/// A callback may wait for the engine so many times as long as it may take itself. The engine bounds each
/// call, but not how many there are.
const ENGINE_SHARE: u32 = 20;

impl Deadline {
    pub(crate) fn after(limit: Duration) -> Self {
        Self(Mutex::new(Clock::new(limit)))
    }

    fn clock(&self) -> MutexGuard<'_, Clock> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new call begins.
    pub(crate) fn begin(&self, limit: Duration) {
        *self.clock() = Clock::new(limit);
    }

    /// The call is over, and none is cut off until the next begins.
    pub(crate) fn rest(&self) {
        self.clock().at = None;
    }

    pub(crate) fn set(&self, at: Option<Instant>) {
        let mut clock = self.clock();
        // What was cut off stays so.
        if clock.hurried.is_none() {
            clock.at = at;
        }
    }

    pub(crate) fn may_wait_for_engine(&self) -> bool {
        !self.clock().engine.is_zero()
    }

    pub(crate) fn waited_for_engine(&self, time: Duration) {
        let mut clock = self.clock();
        clock.engine = clock.engine.saturating_sub(time);
    }

    pub(crate) fn get(&self) -> Option<Instant> {
        self.clock().at
    }

    pub(crate) fn has_passed(&self) -> bool {
        self.has_passed_by(Duration::ZERO)
    }

    pub(crate) fn has_passed_by(&self, grace: Duration) -> bool {
        self.get().is_some_and(|at| Instant::now() >= at + grace)
    }

    /// How long the running call has used its own time; none while it waits for its host.
    pub(crate) fn own_time(&self) -> Option<Duration> {
        let clock = self.clock();
        let left = clock.at?.saturating_duration_since(Instant::now());
        Some(clock.limit.saturating_sub(left))
    }

    /// Cuts the running call off if it has used a third of its time, and more than a moment: it hangs, and
    /// somebody waits for its place.
    pub(crate) fn hurry(&self) {
        let Some(used) = self.own_time() else { return };
        let mut clock = self.clock();
        if used >= (clock.limit / 3).max(MOMENT) && clock.hurried.is_none() {
            clock.hurried = Some(used);
            clock.at = Some(Instant::now());
        }
    }

    /// How much time the call had taken when it was cut off early.
    pub(crate) fn hurried(&self) -> Option<Duration> {
        self.clock().hurried
    }
}

/// No call is cut off before that, whoever waits.
const MOMENT: Duration = Duration::from_secs(2);

impl Clock {
    fn new(limit: Duration) -> Self {
        Self {
            at: Some(Instant::now() + limit),
            limit,
            engine: limit.saturating_mul(ENGINE_SHARE),
            hurried: None,
        }
    }
}
