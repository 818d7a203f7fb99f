//! Work on bytes of somebody else's component: on a stack of its own, and a panic is an error of the bytes.
//!
//! What reads and makes components checks what it reads, and some of it panics where it should complain.

use std::any::Any;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::RuntimeError;

/// Bytes of stack. The system gives it memory as it is used.
const STACK: usize = if cfg!(target_pointer_width = "64") {
    256 << 20
} else {
    16 << 20
};

/// Name of the threads, by which a program can tell their panics, which are handled, from others.
pub const GUARDED_THREAD: &str = "component";

/// One compilation at a time: each uses all processors, and memory in proportion to what it compiles.
static COMPILING: Mutex<()> = Mutex::new(());

pub(super) fn one_compilation() -> MutexGuard<'static, ()> {
    COMPILING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does work on a component and waits for it.
pub(super) fn guarded<T: Send>(
    name: &str,
    work: impl FnOnce() -> Result<T, RuntimeError> + Send,
) -> Result<T, RuntimeError> {
    let thread = std::thread::Builder::new()
        .name(GUARDED_THREAD.into())
        .stack_size(STACK);
    std::thread::scope(|scope| {
        let thread = thread.spawn_scoped(scope, work).map_err(|error| {
            RuntimeError::Setup(format!("no thread to load a component: {error}"))
        })?;
        thread.join().unwrap_or_else(|panic| {
            Err(RuntimeError::Invalid {
                name: name.into(),
                problem: format!("what reads it failed: {}", message(panic.as_ref())),
            })
        })
    })
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("it panicked")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_of_the_component() {
        let found = guarded("odd", || -> Result<(), _> { panic!("range end {}", 7) });
        let text = found.unwrap_err().to_string();
        assert_eq!(
            text,
            "`odd` is no valid component: what reads it failed: range end 7"
        );
        assert_eq!(guarded("fine", || Ok(3)).unwrap(), 3);
    }
}
