//! Panics of libraries over somebody else's bytes: each is an error of these bytes.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;

thread_local! {
    static CATCHES: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread is handled by [`caught`]: then a program's hook need not tell it.
pub fn handles_panic() -> bool {
    CATCHES.get()
}

/// Does work that may panic where it should complain. None if it did; then what it worked on is not used again.
pub fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    let outer = CATCHES.replace(true);
    let done = std::panic::catch_unwind(AssertUnwindSafe(work));
    CATCHES.set(outer);
    done.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_none_and_told_to_be_handled() {
        assert_eq!(caught(handles_panic), Some(true));
        let inner = caught(|| {
            assert_eq!(caught(|| -> u8 { panic!("expected here") }), None);
            handles_panic()
        });
        assert_eq!(inner, Some(true));
        assert!(!handles_panic());
    }
}
