//! A call that was interrupted since its time is over.
//!
//! The interpreter's exception cannot be caught by a `catch`, but by what is made of promises: a
//! promise's function that is interrupted rejects it, and the code goes on. So it is kept here that it
//! happened, and where, and the call fails whatever becomes of the exception.

use std::cell::{Cell, RefCell};

use rquickjs::Value;

use crate::bindings::arkor::trainer::diagnostics::{self, Frame};
use crate::failure::Failure;

thread_local! {
    static HAPPENED: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
}

/// Whether to interrupt: asked by the interpreter again and again.
pub(crate) fn is_due() -> bool {
    let overdue = diagnostics::is_overdue();
    if overdue {
        HAPPENED.set(true);
    }
    overdue
}

pub(crate) fn happened() -> bool {
    HAPPENED.get()
}

/// A promise was rejected, perhaps by an interruption.
pub(crate) fn rejected_with(reason: &Value<'_>) {
    if happened() {
        note(&Failure::thrown(reason));
    }
}

/// Keeps the place of the first interruption.
pub(crate) fn note(failure: &Failure) {
    PLACE.with_borrow_mut(|place| {
        if place.is_empty() {
            place.extend_from_slice(failure.frames());
        }
    });
}

pub(crate) fn place() -> Vec<Frame> {
    PLACE.take()
}

/// The result of a call, or that it was interrupted.
pub(crate) fn checked<T>(result: T) -> Result<T, Failure> {
    if happened() {
        Err(Failure::interrupted())
    } else {
        Ok(result)
    }
}
