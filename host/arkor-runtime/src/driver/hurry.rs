//! Calls that hang while somebody waits for their place: they are told of, and cut off.

use std::time::{Duration, Instant};

use arkor_types::Level;

use super::machine::Phase;
use super::{Done, Driver};
use crate::deadline::Deadline;

/// How long newer code or a stop waits for a call in flight before it is told what it waits for.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often it is looked whether that call hangs.
const LOOK: Duration = Duration::from_millis(500);

/// How long a loop that works may stay away from its checkpoint hook until it is told who waits for that.
const HOOK_PATIENCE: Duration = Duration::from_secs(5);

/// Somebody waits for a call in flight.
pub(super) struct Impatience {
    since: Instant,
    next_look: Instant,
    /// It was told what is waited for.
    is_told: bool,
    /// The same of a loop that works and does not come to its hook.
    is_hook_told: bool,
}

impl Driver {
    /// When it is to be looked whether a call hangs that somebody waits for.
    pub(super) fn look(&mut self) -> Option<Instant> {
        let is_wanted = self.callback_is_waited_for() || self.machine.waits_for_hook().is_some();
        if !is_wanted || !self.inbox.is_busy() {
            self.impatient = None;
            return None;
        }
        let now = Instant::now();
        let impatience = self.impatient.get_or_insert_with(|| Impatience {
            since: now,
            next_look: now + PATIENCE,
            is_told: false,
            is_hook_told: false,
        });
        Some(impatience.next_look)
    }

    /// Whether a callback is in the way of a stop or of newer code. A pause comes when it comes.
    fn callback_is_waited_for(&self) -> bool {
        let code_waits = self.machine.takes_code() && self.inbox.offers.is_waiting();
        self.machine.is_waited_for() || code_waits
    }

    /// Cuts a call off that hangs while somebody waits for its place.
    pub(super) fn hurry(&mut self) -> Done<()> {
        let Some(impatience) = &mut self.impatient else {
            return Ok(());
        };
        let now = Instant::now();
        if impatience.next_look > now {
            return Ok(());
        }
        impatience.next_look = now + LOOK;
        let is_told = impatience.is_told;
        if let Some(who) = self.machine.waits_for_hook()
            && !impatience.is_hook_told
            && impatience.since + HOOK_PATIENCE <= now
        {
            impatience.is_hook_told = true;
            let text = format!(
                "{who} waits for the training loop to call its checkpoint hook, for {} s by now",
                HOOK_PATIENCE.as_secs()
            );
            self.say(Level::Info, text)?;
        }
        let at_work = self.machine.at_work();
        let slot = at_work.and_then(|generation| self.generations.get(&generation)?.slot.clone());
        let callbacks = slot.filter(|_| self.inbox.callbacks.is_some());
        let training_loop = self
            .inbox
            .training_loop
            .as_ref()
            .filter(|_| callbacks.is_none() && self.machine.accepts().hooks);
        let (what, deadline): (&str, &Deadline) = match (&callbacks, training_loop) {
            (Some(slot), _) => ("a callback", slot.deadline()),
            (None, Some(training_loop)) => match training_loop.deadline() {
                Some(deadline) => ("the training loop", deadline),
                None => return Ok(()),
            },
            (None, None) => return Ok(()),
        };
        // What a run's last callback keeps or writes has no other time.
        let is_last = self.machine.phase() == Phase::Ending;
        let may_cut = match &callbacks {
            Some(_) => self.callback_is_waited_for() && !self.machine.saves_state() && !is_last,
            None => self.machine.may_cut_loop(),
        };
        if may_cut {
            deadline.hurry();
        }
        let Some(used) = deadline.busy_for().filter(|used| *used >= PATIENCE) else {
            return Ok(());
        };
        if let Some(impatience) = &mut self.impatient {
            impatience.is_told = true;
        }
        if !is_told {
            let who = match self.machine.waits_for_hook() {
                _ if self.machine.is_waited_for() => "the run's end",
                Some(who) => who,
                None => "newer code",
            };
            let text = format!(
                "{who} waits for {what}, which has been at work, or waits for the engine, for {} s",
                used.as_secs()
            );
            self.say(Level::Info, text)?;
        }
        Ok(())
    }
}
