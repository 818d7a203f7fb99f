//! Which threads the system lets wait when there are more of them than processors.

/// How the threads that train stand to the others of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Priority {
    /// As all others.
    #[default]
    Normal,
    /// Behind what somebody waits for: a build, new code, a page. They get all that nobody else wants, and a share of
    /// about a quarter of a processor that somebody else wants as a whole.
    Background,
}

impl Priority {
    /// For the thread that calls this. Elsewhere than on Linux it does nothing: there only processes have it, or other means.
    pub(super) fn apply(self) {
        #[cfg(target_os = "linux")]
        if self == Self::Background {
            // Training only takes longer to give way if this is refused.
            let _ = rustix::process::setpriority_process(None, NICE);
        }
    }
}

/// Each step of nice makes a share smaller by a fifth.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;
