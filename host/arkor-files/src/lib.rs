//! Files under a folder that somebody else may have filled.
//!
//! What lies in a project came from a stranger: a link in place of a folder, a FIFO in place of a file, a
//! name that is a path. A [`Folder`] holds an open directory and goes down one [`Name`] at a time without
//! following links, so that nothing outside of it can be read, changed or removed through it, and nothing
//! but regular files is opened. [`open_resolved`] is for paths that were resolved and checked before, by whatever
//! rule, and [`open_regular`] for those that may be links, but must not block.
//!
//! Errors are [`std::io::Error`] with texts that name the file; what was found in place of what was
//! expected is told by [`is_foreign`].

mod folder;
mod name;
mod regular;
mod resolved;

pub use folder::{Entry, Folder, Kind};
pub use name::{InvalidName, Name};
pub use regular::{Foreign, is_foreign, open_regular, open_resolved, read_regular, read_resolved};

/// The number of the user that this process works for, where users have numbers.
pub fn user() -> Option<u32> {
    #[cfg(unix)]
    return Some(rustix::process::geteuid().as_raw());
    #[cfg(not(unix))]
    None
}
