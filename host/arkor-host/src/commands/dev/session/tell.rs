//! What the session says, to people, scripts and the Studio.

use arkor_project::Config;

use super::*;

/// When a change of arkor.toml takes effect that is read where a run, or the session, begins.
pub(super) fn later(old: &Config, new: &Config) -> Option<&'static str> {
    let of_runs =
        old.engine != new.engine || old.run.on_callback_error != new.run.on_callback_error;
    match (of_runs, old.store != new.store) {
        (true, true) => Some(
            "the change of [engine] or [run] takes effect with the next run, that of [store] when arkor-host dev \
             is started again",
        ),
        (true, false) => Some("the change of [engine] or [run] takes effect with the next run"),
        (false, true) => {
            Some("the change of [store] takes effect when arkor-host dev is started again")
        }
        (false, false) => None,
    }
}

impl Session {
    pub(super) fn building(&mut self) {
        let state = self.hub.publish(|state| {
            state.state = DevPhase::Building;
            state.text = "the newest code is being built".into();
        });
        if self.printer.json() {
            self.tell(&state);
        }
    }

    pub(super) fn hub_error(&self) -> Option<String> {
        self.hub.state().error
    }

    pub(super) fn say(&mut self, phase: DevPhase, text: &str) {
        let state = self.hub.publish(|state| {
            state.state = phase;
            state.text = text.into();
        });
        if self.printer.json() {
            self.tell(&state);
        } else if !matches!(phase, DevPhase::Ready | DevPhase::Swapped) {
            // The run's own events tell of the others.
            self.printer.note(text);
        }
    }

    /// How long the edit took until it was judged; the run's own event tells of the swap.
    pub(super) fn say_timings(&self, swapped: &Swapping) {
        let Some(code) = &self.newest else {
            return;
        };
        // Code that a person went back to was built before.
        if self.printer.json() || code.identity != swapped.identity {
            return;
        }
        let arkor_studio::Timings {
            build_ms,
            compiler_ms,
            hash_ms,
            load_ms,
            describe_ms,
        } = code.timings;
        let whole = build_ms + hash_ms + load_ms + describe_ms;
        let part = if compiler_ms >= 1.0 {
            format!(", {compiler_ms:.0} ms of it in the compiler")
        } else {
            String::new()
        };
        self.printer
            .note(&format!("ready {whole:.0} ms after the save{part}"));
    }

    /// What was there goes on; the next good build clears it.
    pub(super) fn say_error(&mut self, error: &anyhow::Error) {
        let state = self.hub.publish(|state| {
            state.state = DevPhase::Error;
            state.text = format!("{error:#}");
            state.error = Some(state.text.clone());
        });
        if self.printer.json() {
            self.tell(&state);
        } else {
            crate::failure::report(error, &self.printer);
        }
    }

    /// The same for what an event of the run has told already.
    pub(super) fn say_failure(&mut self, text: &str) {
        let state = self.hub.publish(|state| {
            state.state = DevPhase::Error;
            state.text = text.into();
            state.error = Some(text.into());
        });
        if self.printer.json() {
            self.tell(&state);
        }
    }

    pub(super) fn tell(&mut self, state: &arkor_studio::DevState) {
        let mut line = json!({ "type": "dev" });
        if let (Some(line), Ok(Value::Object(state))) =
            (line.as_object_mut(), serde_json::to_value(state))
        {
            line.extend(state);
        }
        self.voice.state(&line);
    }
}
