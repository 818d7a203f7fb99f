//! Regular files only, and never a wait for the other end of a FIFO.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

/// Something else lies where a regular file or a folder of the host's own should be.
#[derive(Debug)]
pub struct Foreign {
    pub(crate) what: String,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Foreign {}

/// Whether an error says that a link, a FIFO, a device or a folder was found in place of a file, or
/// something else in place of a folder.
pub fn is_foreign(error: &Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Foreign>())
}

pub(crate) fn foreign(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, Foreign { what: what.into() })
}

/// Opens a file for reading, through links if there are any, and only if it is a regular one. Does not
/// wait for a FIFO's writer, and opens no terminal of its own.
///
/// # Errors
///
/// [`Foreign`] if it is something else; otherwise what the system says.
pub fn open_regular(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, no_wait());
    let file = options.open(path)?;
    expect_regular(&file)?;
    Ok(file)
}

/// All of a regular file of at most `limit` bytes. What is read is bounded, whatever its length claims to be.
///
/// # Errors
///
/// As [`open_regular`]; [`ErrorKind::FileTooLarge`] if it is larger.
pub fn read_regular(path: &Path, limit: u64) -> Result<Vec<u8>> {
    read_all(open_regular(path)?, limit)
}

/// Opens a regular file for reading by a path from which all links are resolved. If there is one on it by now,
/// somebody exchanged a part of it after it was resolved and checked, and nothing is opened.
///
/// # Errors
///
/// [`Foreign`] if there is a link on the path, or something else than a regular file at its end;
/// [`ErrorKind::InvalidInput`] if the path is relative or has `..`; otherwise what the system says.
pub fn open_resolved(path: &Path) -> Result<File> {
    let file = crate::resolved::open(path)?;
    expect_regular(&file)?;
    Ok(file)
}

/// All of the file that [`open_resolved`] opens, of at most `limit` bytes.
///
/// # Errors
///
/// As [`open_resolved`]; [`ErrorKind::FileTooLarge`] if it is larger.
pub fn read_resolved(path: &Path, limit: u64) -> Result<Vec<u8>> {
    read_all(open_resolved(path)?, limit)
}

pub(crate) fn read_all(file: File, limit: u64) -> Result<Vec<u8>> {
    let too_large = |size: String| {
        let text = format!("it has {size} bytes, and at most {limit} are read");
        Error::new(ErrorKind::FileTooLarge, text)
    };
    let size = file.metadata()?.len();
    if size > limit {
        return Err(too_large(size.to_string()));
    }
    let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    // It may grow meanwhile.
    file.take(limit.saturating_add(1))
        .read_to_end(&mut content)?;
    if content.len() as u64 > limit {
        return Err(too_large(format!("more than {limit}")));
    }
    Ok(content)
}

/// The open file is asked, so that it cannot be exchanged in between.
pub(crate) fn expect_regular(file: &File) -> Result<()> {
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        return Ok(());
    }
    let what = if kind.is_dir() {
        "it is a folder, not a file"
    } else {
        "it is not a regular file"
    };
    Err(foreign(what))
}

#[cfg(unix)]
pub(crate) fn no_wait() -> i32 {
    use rustix::fs::OFlags;
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    i32::try_from(flags.bits()).unwrap_or(0)
}
