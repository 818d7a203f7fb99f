//! What people ask for, and what they are told.

use arkor_types::{Action, EndReason, Event, Interrupted};

use super::code::Lane;
use super::{Effect, Machine, PausedBy, Phase, RunRequest};

impl Machine {
    /// Takes a request, or says why not. What is taken is done at the next boundary, but for a
    /// cancellation, which is done at once.
    pub(crate) fn request(
        &mut self,
        request: RunRequest,
        effects: &mut Vec<Effect>,
    ) -> Result<(), String> {
        match self.phase {
            Phase::Ended => return Err("the run has ended".into()),
            Phase::Ending if request != RunRequest::Cancel => {
                self.end_awaited |= matches!(request, RunRequest::Stop(_));
                return Err("the run is ending: its last callback is at work".into());
            }
            _ => {}
        }
        match request {
            RunRequest::Cancel => {
                // Why a run has failed is not lost with its last callback.
                let last_word = match self.ended_badly() {
                    Some(failed) => Event::Failed(failed),
                    None => Event::Interrupted(Interrupted {
                        step: self.progress.step,
                        checkpoint: self.last_checkpoint.clone(),
                    }),
                };
                self.phase = Phase::Ended;
                effects.push(Effect::Append(last_word));
                effects.push(Effect::Finish);
                return Ok(());
            }
            RunRequest::Stop(reason) => {
                // A person's wish to stop comes before that of new code to take over.
                self.stop.take_if(|known| *known == EndReason::Replaced);
                self.stop.get_or_insert(reason);
            }
            RunRequest::Pause if self.stop.is_some() => {
                return Err("the run is about to stop".into());
            }
            RunRequest::Pause => self.pause = Some(PausedBy::Person),
            RunRequest::Continue if self.pause.is_none() && self.phase != Phase::Paused => {
                return Err("the run is not paused".into());
            }
            RunRequest::Continue => self.pause = None,
            RunRequest::Save => self.boundary.save = true,
            RunRequest::Stay => match &self.stop {
                None | Some(EndReason::Replaced) => self.stop = None,
                Some(_) => return Err("the run stops for another reason".into()),
            },
            RunRequest::SetLearningRate(rate) if !(rate.is_finite() && rate >= 0.0) => {
                return Err(format!(
                    "{rate} is no learning rate: it is a number from 0 up"
                ));
            }
            RunRequest::SetLearningRate(rate) => {
                self.progress.learning_rate = Some(rate);
                self.asked_rate = Some(rate);
                effects.push(self.action_taken(None, Action::SetLearningRate(rate)));
            }
        }
        if self.phase == Phase::Paused && self.lane == Lane::Idle {
            self.next(effects);
        }
        Ok(())
    }
}
