//! How long a call of a guest may take: its own time, not that of the host it waits for.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// When a call is cut off, for the epoch that interrupts wasm and the timer that ends a wait.
#[derive(Debug)]
pub(crate) struct Deadline(Mutex<Clock>);

#[derive(Debug)]
struct Clock {
    /// None while the guest waits for its host, which is not its own time. While it waits for the engine, when it has
    /// waited too long in all.
    at: Option<Instant>,
    /// Since when it waits for the engine, if it does.
    engine_since: Option<Instant>,
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

    /// A wait for the engine begins. Returns how much time of its own the call has left; none if it has waited too
    /// long already, or is no call.
    pub(crate) fn begin_engine_wait(&self) -> Option<Duration> {
        let now = Instant::now();
        let mut clock = self.clock();
        let at = clock.at.filter(|_| !clock.engine.is_zero())?;
        let left = at.saturating_duration_since(now);
        if clock.hurried.is_none() {
            clock.at = Some(now + left + clock.engine);
            clock.engine_since = Some(now);
        }
        Some(left)
    }

    /// The wait is over, and the call goes on with the time that it had left.
    pub(crate) fn end_engine_wait(&self, left: Duration) {
        let now = Instant::now();
        let mut clock = self.clock();
        if let Some(since) = clock.engine_since.take() {
            clock.engine = clock.engine.saturating_sub(now - since);
        }
        if clock.hurried.is_none() {
            clock.at = Some(now + left);
        }
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

    /// How long the running call has used its own time, or waits for the engine; none while it waits for its host
    /// otherwise.
    pub(crate) fn busy_for(&self) -> Option<Duration> {
        let clock = self.clock();
        if let Some(since) = clock.engine_since {
            return Some(since.elapsed());
        }
        let left = clock.at?.saturating_duration_since(Instant::now());
        Some(clock.limit.saturating_sub(left))
    }

    /// Cuts the running call off if it has used a third of its time, and more than a moment: it hangs, and
    /// somebody waits for its place. One that waits for the engine has all of that time.
    pub(crate) fn hurry(&self) {
        let Some(used) = self.busy_for() else { return };
        let mut clock = self.clock();
        let most = match clock.engine_since {
            Some(_) => clock.limit,
            None => clock.limit / 3,
        };
        if used >= most.max(MOMENT) && clock.hurried.is_none() {
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
            engine_since: None,
            limit,
            engine: limit.saturating_mul(ENGINE_SHARE),
            hurried: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_for_the_engine_costs_no_time_of_the_call_and_has_an_end() {
        let limit = Duration::from_secs(10);
        let deadline = Deadline::after(limit);
        let left = deadline.begin_engine_wait().unwrap();
        assert!(left <= limit);
        let end = deadline.get().unwrap();
        assert!(end > Instant::now() + limit * (ENGINE_SHARE - 1));
        // Who waits so short a time is not hurried.
        deadline.hurry();
        assert_eq!(deadline.hurried(), None);
        deadline.end_engine_wait(left);
        assert!(deadline.get().unwrap() <= Instant::now() + left);
        // One that began long ago is.
        deadline.begin_engine_wait().unwrap();
        deadline.clock().engine_since = Instant::now().checked_sub(limit * 2);
        deadline.hurry();
        assert!(deadline.hurried().is_some());
        assert!(deadline.has_passed());
        deadline.end_engine_wait(left);
        assert!(deadline.has_passed(), "what was cut off stays so");
    }

    #[test]
    fn who_has_waited_too_long_in_all_waits_in_time_of_its_own() {
        let deadline = Deadline::after(Duration::from_secs(10));
        deadline.clock().engine = Duration::ZERO;
        assert_eq!(deadline.begin_engine_wait(), None);
    }
}
