//! How a run ends, and what follows it.

use anyhow::Result;
use arkor_runtime::{CodeIdentity, RunRequest};
use arkor_studio::DevPhase;
use arkor_types::EndReason;

use super::Session;
use crate::commands::run::{finished, finished_object, unfinished_is_over};
use crate::exit::Exit;

/// What is known when a run is over.
struct Over<'a> {
    /// It was to end for code of another configuration.
    is_replaced: bool,
    /// It was to end for good.
    told_to_end: bool,
    /// A person wants a run.
    is_wanted: bool,
    /// It was being looked whether code of another configuration can begin.
    was_checked: bool,
    /// Code that did not come to its turn any more.
    too_late: Option<&'a CodeIdentity>,
    /// What handled its callbacks.
    running: &'a CodeIdentity,
    /// What it did not take, or what failed in it.
    refused: Option<&'a CodeIdentity>,
    newest: Option<&'a CodeIdentity>,
}

#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// A run with the newest code takes its place.
    Replace,
    /// A run with the newest code begins.
    Begin,
    Wait,
}

/// What follows a run that is over. Nobody asked for a run of code that has had its turn: what the run had in the
/// end, and what it refused.
fn follows(over: &Over<'_>) -> Next {
    if over.is_replaced {
        return Next::Replace;
    }
    let had_its_turn = over.newest == Some(over.running) || over.newest == over.refused;
    let is_saved = over.too_late.is_some() && over.too_late == over.newest && !had_its_turn;
    if over.is_wanted || ((over.was_checked || is_saved) && !over.told_to_end) {
        return Next::Begin;
    }
    Next::Wait
}

impl Session {
    /// The first time with a checkpoint, then at once.
    pub(super) async fn end(&mut self, reason: EndReason) -> Option<Exit> {
        self.told_to_end += 1;
        let Some(run) = &mut self.run else {
            return Some(match reason {
                EndReason::TimeLimit => Exit::StoppedEarly,
                _ => Exit::Interrupted,
            });
        };
        // It has all the time it needs for its checkpoint, also if it was to end by now for other code.
        run.end_for_good();
        let request = if self.told_to_end == 1 {
            self.printer
                .note("stopping with a checkpoint; Ctrl-C again stops at once");
            RunRequest::Stop(reason)
        } else {
            RunRequest::Cancel
        };
        // A run that is ending already needs nothing any more.
        let _ = run.ask(request).await;
        None
    }

    /// Nothing can go on here, and the run ends with a checkpoint first.
    pub(super) async fn end_for(&mut self, error: anyhow::Error) -> Result<Option<Exit>> {
        if self.run.is_none() {
            return Err(error);
        }
        // What fails may fail again and again until the run is over.
        if self.fatal.is_none() {
            self.say_error(&error);
            self.fatal = Some(error);
            if let Some(run) = &mut self.run {
                run.end_for_good();
                let _ = run.ask(RunRequest::Stop(EndReason::User)).await;
            }
        }
        Ok(None)
    }

    /// The run is over; the next begins if one was to take its place.
    pub(super) async fn ended(&mut self) -> Result<Option<Exit>> {
        let shown = self.show();
        let Some(run) = self.run.take() else {
            return Ok(None);
        };
        let over = Over {
            is_replaced: run.replace,
            told_to_end: run.told_to_end,
            is_wanted: self.wanted,
            was_checked: self.checking.take().is_some(),
            too_late: run.unsettled(),
            running: &run.running,
            refused: run.refused.as_ref(),
            newest: self.newest.as_ref().map(|newest| &newest.identity),
        };
        let next = follows(&over);
        let missed = match over.too_late {
            Some(_) => "; the code that was to take over came too late for it",
            None => "",
        };
        run.follower.end(&self.printer);
        let outcome = run.control.finish().await?;
        unfinished_is_over();
        self.hub.run_ended();
        self.hub.publish(|state| state.run = None);
        finished(&outcome, &self.again, &self.printer);
        if self.printer.json() {
            self.voice.last_word(&finished_object(&outcome));
        }
        if self.told_to_end > 0 {
            return Ok(Some(Exit::of(&outcome)));
        }
        if let Some(error) = self.fatal.take() {
            return Err(error);
        }
        shown?;
        match next {
            Next::Replace => {
                self.parent = Some(outcome.run);
                self.begin().await
            }
            Next::Begin => self.begin().await,
            Next::Wait => {
                self.say(
                    DevPhase::Waiting,
                    &format!(
                        "run {} is over ({}){missed}; the next save begins another",
                        outcome.run, outcome.status
                    ),
                );
                Ok(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(component: &str) -> CodeIdentity {
        CodeIdentity {
            component: component.into(),
            grants: String::new(),
            config: String::new(),
            data: String::new(),
        }
    }

    #[test]
    fn a_run_that_nobody_asked_for_does_not_begin() {
        let (old, new) = (code("old"), code("new"));
        let over = || Over {
            is_replaced: false,
            told_to_end: false,
            is_wanted: false,
            was_checked: false,
            too_late: None,
            running: &old,
            refused: None,
            newest: Some(&new),
        };
        let cases = [
            (over(), Next::Wait, "nothing was on its way"),
            (
                Over {
                    too_late: Some(&new),
                    ..over()
                },
                Next::Begin,
                "the save came too late",
            ),
            (
                Over {
                    too_late: Some(&new),
                    running: &new,
                    ..over()
                },
                Next::Wait,
                "it was in place",
            ),
            (
                Over {
                    too_late: Some(&new),
                    refused: Some(&new),
                    ..over()
                },
                Next::Wait,
                "it was refused, or rolled back",
            ),
            (
                Over {
                    too_late: Some(&old),
                    ..over()
                },
                Next::Wait,
                "a person went back to other code",
            ),
            (
                Over {
                    too_late: Some(&new),
                    told_to_end: true,
                    ..over()
                },
                Next::Wait,
                "a person ended the run",
            ),
            (
                Over {
                    was_checked: true,
                    ..over()
                },
                Next::Begin,
                "code of another configuration was looked at",
            ),
            (
                Over {
                    was_checked: true,
                    told_to_end: true,
                    ..over()
                },
                Next::Wait,
                "the same, and a person ended the run",
            ),
            (
                Over {
                    is_wanted: true,
                    told_to_end: true,
                    ..over()
                },
                Next::Begin,
                "a person wants another run",
            ),
            (
                Over {
                    is_replaced: true,
                    ..over()
                },
                Next::Replace,
                "it was replaced",
            ),
        ];
        for (over, next, what) in cases {
            assert_eq!(follows(&over), next, "{what}");
        }
    }
}
