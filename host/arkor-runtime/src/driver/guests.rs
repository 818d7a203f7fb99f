//! What a trainer may ask at any time: lines for the log, and files of the run. Both have bounds.

use std::sync::atomic::Ordering;

use arkor_types::{Event, Level, Message, MessageSource};

use super::{Done, Driver};
use crate::protocol::GuestRequest;
use crate::protocol::GuestText;

/// What the trainer's code has put into the run during this attempt.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) artifacts: u64,
    pub(super) artifact_bytes: u64,
    pub(super) message_bytes: u64,
    pub(super) saved_states: u64,
}

impl Driver {
    pub(super) fn serve(&mut self, request: GuestRequest) -> Done<()> {
        match request {
            GuestRequest::Text(text) => self.message(text)?,
            GuestRequest::Artifact {
                name,
                content,
                reply,
            } => {
                if let Err(full) = self.count_artifact(&name, content.len()) {
                    let _ = reply.send(Err(full));
                    return Ok(());
                }
                let step = self.context.step.load(Ordering::Acquire);
                let handle = &mut self.handle;
                let written =
                    tokio::task::block_in_place(|| handle.write_artifact(step, &name, &content));
                let answer = match written {
                    Ok((record, _)) => {
                        self.told(&record);
                        match record.event {
                            Event::Artifact(artifact) => Ok(artifact),
                            _ => Err("no artifact was written".into()),
                        }
                    }
                    Err(error) => Err(error.to_string()),
                };
                let _ = reply.send(answer);
            }
            hook => self.inbox.hooks.push_back(hook),
        }
        Ok(())
    }

    /// What guests had said before their work was dropped. Nobody waits for the answer to what else they asked for.
    pub(super) fn take_last_text(&mut self) {
        for _ in 0..self.inbox.guests.len() {
            let Ok(request) = self.inbox.guests.try_recv() else {
                return;
            };
            if let GuestRequest::Text(text) = request
                && self.message(text).is_err()
            {
                // The last word, which comes next, tells whether anything can still be written.
                return;
            }
        }
    }

    /// Whether there is room for a guest's text in the run's log. That it is full is told once.
    fn log_has_room(&mut self, bytes: usize) -> Done<bool> {
        let limit = self.limits().messages_total;
        let before = self.totals.message_bytes;
        self.totals.message_bytes = before.saturating_add(bytes as u64);
        if self.totals.message_bytes <= limit {
            return Ok(true);
        }
        if before <= limit {
            self.warn(format!(
                "the trainer has written {limit} bytes of messages, which is limits.messages-total: \
                 what follows is left out"
            ))?;
        }
        Ok(false)
    }

    /// An error if the run has no room for another artifact.
    fn count_artifact(&mut self, name: &str, bytes: usize) -> Result<(), String> {
        let limits = self.limits();
        let totals = &mut self.totals;
        if totals.artifacts >= limits.artifacts_count.into() {
            return Err(format!(
                "{name} would be one artifact too many: limits.artifacts-count is {}",
                limits.artifacts_count
            ));
        }
        let total = totals.artifact_bytes.saturating_add(bytes as u64);
        if total > limits.artifacts_total {
            return Err(format!(
                "{name} has {bytes} bytes, which makes {total} with the artifacts before it, and \
                 limits.artifacts-total is {}",
                limits.artifacts_total
            ));
        }
        totals.artifacts += 1;
        totals.artifact_bytes = total;
        Ok(())
    }

    /// A line of the host's own that something is not as it should be.
    pub(super) fn warn(&mut self, text: String) -> Done<()> {
        self.say(Level::Warn, text)
    }

    pub(super) fn say(&mut self, level: Level, text: String) -> Done<()> {
        self.message(GuestText {
            level,
            source: MessageSource::Host,
            text: text.into(),
        })
    }

    pub(super) fn message(&mut self, text: GuestText) -> Done<()> {
        if text.source != MessageSource::Host && !self.log_has_room(text.text.as_str().len())? {
            return Ok(());
        }
        let step = self.context.step.load(Ordering::Acquire);
        let GuestText {
            level,
            source,
            text,
        } = text;
        self.append(Event::Message(Message {
            step,
            level,
            source,
            text,
        }))
        .map(|_| ())
    }
}
