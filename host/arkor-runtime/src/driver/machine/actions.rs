//! What a callback asks for.

use arkor_types::{
    Action, ActionTaken, EndReason, Event, GuestFunction, Level, Message, MessageSource,
};

use super::{Effect, LoopOwner, Machine, Mode, PausedBy, Phase};

impl Machine {
    /// Does what a callback asked for, or takes it down for the boundary at which it is done.
    pub(super) fn act(
        &mut self,
        callback: GuestFunction,
        action: Action,
        mode: Mode,
        effects: &mut Vec<Effect>,
    ) {
        if mode == Mode::Late && !matches!(action, Action::LogMetric(_)) {
            let why_not = match action {
                _ if self.phase == Phase::Ending => Some("the run is ending"),
                Action::Evaluated(_) => Some("it was measured of other weights"),
                _ => None,
            };
            if let Some(why_not) = why_not {
                let text = format!(
                    "what {callback} asked for when it was handed an event again came too late, and is left undone: \
                     {why_not}"
                );
                effects.push(self.warning(text));
                return;
            }
        }
        // Between two boundaries the next one does what is asked for.
        let is_between = self.phase == Phase::Training;
        let checkpoint_is_past = matches!(self.phase, Phase::Resuming | Phase::HandlingCheckpoint);
        let evaluation_is_past = checkpoint_is_past || self.phase == Phase::HandlingEvaluation;
        match &action {
            Action::Stop(reason) => {
                self.stop.get_or_insert(EndReason::Trainer(reason.clone()));
            }
            Action::Save if checkpoint_is_past => self.progress.save_next = true,
            // What was measured at a checkpoint is handed on after it: these weights are saved.
            Action::Save if self.phase == Phase::HandlingEvaluation && !self.stands_unsaved() => {}
            Action::Save => self.boundary.save = true,
            // Of these weights, an evaluation is on its way; a second one would only count against them.
            Action::Evaluate if self.phase == Phase::Evaluating => {}
            // A loop of the trainer's own finds it in its wishes.
            Action::Evaluate
                if evaluation_is_past || is_between || self.plan.owner == LoopOwner::Trainer =>
            {
                self.progress.evaluate_next = true;
            }
            Action::Evaluate => self.boundary.evaluate |= self.plan.evaluates,
            Action::Evaluated(measured) => self.boundary.measured = Some(measured.clone()),
            Action::SetLearningRate(rate) => self.progress.learning_rate = Some(*rate),
            Action::FollowSchedule => self.progress.learning_rate = None,
            Action::Pause if !self.plan.is_attended => {
                effects.push(self.warning(format!(
                    "{callback} asked for a pause, and nobody could let this run go on: it trains on; \
                     `arkor-host dev` has a page with a button for that"
                )));
                return;
            }
            Action::Pause => {
                self.pause.get_or_insert(PausedBy::Trainer);
            }
            Action::LogMetric(metric) => self.progress.keep_metric(metric),
            Action::Unknown(name) => {
                effects.push(self.warning(format!(
                    "{callback} asked for `{}`, which this version of arkor-host does not \
                     know; it is left undone",
                    name.line()
                )));
                return;
            }
        }
        effects.push(self.action_taken(Some(callback), action));
    }

    pub(super) fn warning(&self, text: String) -> Effect {
        Effect::Append(Event::Message(Message {
            step: self.progress.step,
            level: Level::Warn,
            source: MessageSource::Host,
            text: text.into(),
        }))
    }

    pub(super) fn action_taken(&self, callback: Option<GuestFunction>, action: Action) -> Effect {
        Effect::Append(Event::Action(ActionTaken {
            step: self.progress.step,
            callback,
            action,
        }))
    }
}
