//! How new code proves itself, and when it has failed.

use arkor_types::GuestFunction;

/// Log events that new code has to answer before the code that it replaced is dropped: of all
/// callbacks `on-log` does most.
const LOGS: u32 = 3;

/// Answers to events of any kind that do as well, for runs that log rarely.
const ANSWERS: u32 = 16;

/// A callback that gave so many answers, all of them errors, has failed.
const ERRORS: u32 = 3;

/// After so many events, however they were answered, nothing comes back any more: what would have to be
/// handed over again is bounded.
const LONGEST: u32 = 64;

/// How a generation answered since it took over.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    events: u32,
    answers: u32,
    logs: u32,
    /// Of each callback that gave nothing but errors, how many.
    errors: Vec<(GuestFunction, u32)>,
    answered: Vec<GuestFunction>,
}

impl Tally {
    pub(super) fn answered(&mut self, callback: GuestFunction) {
        self.events += 1;
        self.answers += 1;
        self.logs += u32::from(callback == GuestFunction::OnLog);
        self.errors.retain(|(known, _)| *known != callback);
        if !self.answered.contains(&callback) {
            self.answered.push(callback);
        }
    }

    /// Whether this callback has failed for good.
    pub(super) fn erred(&mut self, callback: GuestFunction) -> bool {
        self.events += 1;
        if self.answered.contains(&callback) {
            return false;
        }
        match self.errors.iter_mut().find(|(known, _)| *known == callback) {
            Some((_, count)) => {
                *count += 1;
                *count >= ERRORS
            }
            None => {
                self.errors.push((callback, 1));
                false
            }
        }
    }

    pub(super) fn is_proved(&self) -> bool {
        self.logs >= LOGS || self.answers >= ANSWERS || self.events >= LONGEST
    }
}
