//! How much of a guest's words is taken.

use arkor_types::UntrustedText;

/// Most frames that are told.
pub(crate) const FRAMES: usize = 30;

/// Longest error, reason or message of a panic that is taken from a guest.
pub(crate) const WORDS: usize = 4 << 10;

/// Longest name of a function or a file.
pub(crate) const NAME: usize = 500;

/// A guest's text, cut where it comes in.
pub(crate) fn cut<T: From<String>>(text: impl Into<String>, limit: usize) -> T {
    UntrustedText::cut(text, limit).into_string().into()
}

/// Lines of a backtrace; one that comes again and again once, with the number of times.
pub(crate) fn fold(frames: impl Iterator<Item = String>) -> Vec<UntrustedText> {
    let mut lines: Vec<(String, usize)> = Vec::new();
    for line in frames {
        let full = lines.len() == FRAMES;
        match lines.last_mut() {
            Some((last, times)) if *last == line => *times += 1,
            _ if full => break,
            _ => lines.push((line, 1)),
        }
    }
    lines
        .into_iter()
        .map(|(line, times)| match times {
            1 => line.into(),
            _ => format!("{line} ({times} times)").into(),
        })
        .collect()
}
