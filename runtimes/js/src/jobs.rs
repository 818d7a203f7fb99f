//! What promises left to do.

use std::ptr;

use rquickjs::{Ctx, qjs};

use crate::failure::Failure;
use crate::interruption;

/// Runs what is ready until nothing is.
///
/// A job fails if it was interrupted, or has no memory: the promise that it was to settle stays
/// pending then, and what was thrown is known only here.
pub(crate) fn run(ctx: &Ctx<'_>) -> Result<(), Failure> {
    loop {
        let mut context = ptr::null_mut();
        // SAFETY: the context lives as long as `ctx`, and its runtime longer. There is no other context,
        // so that an exception of the job is pending in this one. `Ctx::execute_pending_job` drops it.
        let ran = unsafe {
            let runtime = qjs::JS_GetRuntime(ctx.as_raw().as_ptr());
            qjs::JS_ExecutePendingJob(runtime, &mut context)
        };
        if ran < 0 {
            return Err(Failure::of(ctx, rquickjs::Error::Exception));
        }
        if ran == 0 {
            return interruption::checked(());
        }
    }
}
