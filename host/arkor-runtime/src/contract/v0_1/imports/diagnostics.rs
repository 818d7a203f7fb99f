//! `diagnostics`: where in the user's files something went wrong.

use crate::contract::v0_1::bindings::arkor::trainer::diagnostics::{Frame, Host};
use crate::guest::GuestState;
use crate::words;

impl Host for GuestState {
    async fn is_overdue(&mut self) -> wasmtime::Result<bool> {
        let overdue = self.deadline.has_passed();
        self.told_overdue |= overdue;
        Ok(overdue)
    }

    async fn failed_at(&mut self, frames: Vec<Frame>) -> wasmtime::Result<()> {
        let lines = frames.into_iter().map(|frame| {
            let function = frame.function.as_deref().unwrap_or("(anonymous)");
            format!(
                "{} at {}:{}:{}",
                words::cut::<String>(function, words::NAME),
                words::cut::<String>(frame.file.as_str(), words::NAME),
                frame.line,
                frame.column
            )
        });
        self.failed_at = words::fold(lines);
        Ok(())
    }
}
