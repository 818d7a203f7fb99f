//! `diagnostics`: where in the user's files something went wrong.

use crate::bindings::arkor::trainer::diagnostics::{Frame, Host};
use crate::guest::GuestState;
use crate::instance::fault;

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
                fault::cut::<String>(function, fault::NAME),
                fault::cut::<String>(frame.file.as_str(), fault::NAME),
                frame.line,
                frame.column
            )
        });
        self.failed_at = fault::fold(lines);
        Ok(())
    }
}
