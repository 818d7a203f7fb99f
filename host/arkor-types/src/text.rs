//! Text from somebody else.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Text that came from a guest or a project. It can hold anything: orders to a terminal, letters that
/// change the direction of a line, lines that look like the host's own, commands of a CI system.
///
/// It has no `Display`, so that it is not printed by accident: [`Self::line`] and [`Self::block`] show it,
/// escaped and cut. Its JSON is the text itself; [`crate::json_text`] writes that so that it can be shown.
///
/// ```compile_fail
/// let text = arkor_types::UntrustedText::from("\u{1b}[2J");
/// println!("{text}");
/// ```
///
/// ```
/// let text = arkor_types::UntrustedText::from("\u{1b}[2J");
/// assert_eq!(text.line().to_string(), "\\u{1b}[2J");
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UntrustedText(String);

/// Stands before a line of a guest or a project, so that none looks like a line of the host, and none
/// begins with an order to a CI system (`::error`).
pub const GUEST_MARK: &str = "  | ";

/// Most characters that [`UntrustedText::line`] shows.
pub const LINE_LENGTH: usize = 1_000;

/// Most lines that [`UntrustedText::block`] shows, each as long as a line may be.
pub const BLOCK_LINES: usize = 200;

impl UntrustedText {
    /// Takes a text and cuts it to `limit` bytes, at a character's boundary. What was cut is told at its
    /// end.
    pub fn cut(text: impl Into<String>, limit: usize) -> Self {
        let mut text = text.into();
        if text.len() > limit {
            let all = text.len();
            text.truncate(text.floor_char_boundary(limit));
            text.shrink_to_fit();
            text += &format!("… ({} more bytes)", all - text.len());
        }
        Self(text)
    }

    /// The text as it is, to work with it. It must not be printed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text as it is.
    pub fn into_string(self) -> String {
        self.0
    }

    /// The text in one line: line breaks are escaped too.
    pub fn line(&self) -> ShownLine<'_> {
        ShownLine(&self.0)
    }

    /// The text with its lines, each line after the first behind `mark`.
    pub fn block<'a>(&'a self, mark: &'a str) -> ShownBlock<'a> {
        ShownBlock {
            text: &self.0,
            mark,
        }
    }
}

impl From<String> for UntrustedText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for UntrustedText {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<UntrustedText> for String {
    fn from(text: UntrustedText) -> Self {
        text.0
    }
}

impl PartialEq<str> for UntrustedText {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for UntrustedText {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl fmt::Debug for UntrustedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.line())
    }
}

/// See [`UntrustedText::line`].
#[derive(Debug, Clone, Copy)]
pub struct ShownLine<'a>(&'a str);

impl fmt::Display for ShownLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape_line(f, self.0, LINE_LENGTH)
    }
}

/// See [`UntrustedText::block`].
#[derive(Debug, Clone, Copy)]
pub struct ShownBlock<'a> {
    text: &'a str,
    mark: &'a str,
}

impl fmt::Display for ShownBlock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, line) in self.text.split('\n').enumerate() {
            if index > 0 {
                f.write_str("\n")?;
                f.write_str(self.mark)?;
            }
            if index == BLOCK_LINES {
                let rest = self.text.split('\n').count() - BLOCK_LINES;
                return write!(f, "… ({rest} more lines)");
            }
            escape_line(f, line.strip_suffix('\r').unwrap_or(line), LINE_LENGTH)?;
        }
        Ok(())
    }
}

/// Shows any text in one line as [`UntrustedText::line`] does, for texts of the host's own that hold
/// somebody else's: paths, names, what a compiler says.
pub fn shown_line(text: &str) -> ShownLine<'_> {
    ShownLine(text)
}

/// Shows any text with its lines; see [`UntrustedText::block`].
pub fn shown_block<'a>(text: &'a str, mark: &'a str) -> ShownBlock<'a> {
    ShownBlock { text, mark }
}

/// Makes a text safe that is about to be printed, whoever wrote it: the last look, so that a place that
/// forgot to show a guest's text as such cannot harm. What the host means to say in one line stays as it
/// is; each further line stands behind [`GUEST_MARK`].
pub fn safe_text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for (index, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let line = if index == 0 {
            line
        } else {
            safe.push('\n');
            safe.push_str(GUEST_MARK);
            line.strip_prefix(GUEST_MARK).unwrap_or(line)
        };
        // Writing to a text does not fail.
        let _ = escape_line(&mut safe, line, PRINTED_LENGTH);
    }
    safe
}

/// Most characters of a line that are printed at all.
const PRINTED_LENGTH: usize = 16_000;

fn escape_line(f: &mut impl fmt::Write, line: &str, most: usize) -> fmt::Result {
    // GitHub takes an order after spaces too.
    let order = line.len() - line.trim_start().len();
    let has_order = line.get(order..).is_some_and(|rest| rest.starts_with("::"));
    let mut previous = None;
    for (index, (at, letter)) in line.char_indices().enumerate() {
        if index == most {
            return write!(f, "… ({} more bytes)", line.len() - at);
        }
        if letter == '\t' {
            f.write_str("    ")?;
        } else if acts(letter)
            || (has_order && at == order)
            || (letter == '#' && previous == Some('#') && orders(line, at))
        {
            write!(f, "\\u{{{:x}}}", u32::from(letter))?;
        } else {
            f.write_char(letter)?;
        }
        previous = Some(letter);
    }
    Ok(())
}

/// Whether a terminal or a page would act on a character instead of showing it: controls (C0 and C1),
/// separators of lines and paragraphs, and all that changes direction, joins, or is not seen.
pub fn acts(letter: char) -> bool {
    matches!(
        letter,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether `##` whose second sign is at `at` begins an order to a CI system, which look for it anywhere in
/// a line: `##[group]`, `##vso[task.setvariable]`, `##teamcity[...]`.
fn orders(line: &str, at: usize) -> bool {
    let rest = line.get(at + 1..).unwrap_or_default();
    rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric())
        .starts_with('[')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_escaped() {
        let line = |text: &str| UntrustedText::from(text).line().to_string();
        assert_eq!(line("plain ä 漢 🦀"), "plain ä 漢 🦀");
        assert_eq!(line("\x1b]52;c;aGk=\x07"), "\\u{1b}]52;c;aGk=\\u{7}");
        assert_eq!(line("a\u{9b}2J"), "a\\u{9b}2J");
        assert_eq!(line("a\u{202e}b\u{2066}"), "a\\u{202e}b\\u{2066}");
        assert_eq!(line("a\r\nb\tc\u{2028}d"), "a\\u{d}\\u{a}b    c\\u{2028}d");
        assert_eq!(
            format!("{:?}", UntrustedText::from("\x1b\n")),
            "\"\\u{1b}\\u{a}\""
        );
    }

    #[test]
    fn orders_to_ci_systems_are_escaped() {
        let line = |text: &str| UntrustedText::from(text).line().to_string();
        assert_eq!(line("x ##vso[task.x]"), "x #\\u{23}vso[task.x]");
        assert_eq!(line("##[error]x"), "#\\u{23}[error]x");
        assert_eq!(line("## a heading"), "## a heading");
        assert_eq!(line("::error::x"), "\\u{3a}:error::x");
        assert_eq!(line(" \u{3000}::error::x"), " \u{3000}\\u{3a}:error::x");
        assert_eq!(line("std::error::Error"), "std::error::Error");
        let block = UntrustedText::from("a\n::error::b\r\nc");
        assert_eq!(
            block.block(GUEST_MARK).to_string(),
            "a\n  | \\u{3a}:error::b\n  | c"
        );
    }

    #[test]
    fn what_is_shown_has_an_end() {
        let text = UntrustedText::from("ä".repeat(LINE_LENGTH + 3));
        assert!(text.line().to_string().ends_with("ä… (6 more bytes)"));
        let text = UntrustedText::from("x\n".repeat(BLOCK_LINES + 5));
        let shown = text.block("").to_string();
        assert_eq!(shown.lines().count(), BLOCK_LINES + 1);
        assert!(shown.ends_with("… (6 more lines)"), "{shown}");
        let cut = UntrustedText::cut("ääää", 3);
        assert_eq!(cut, "ä… (6 more bytes)");
        assert_eq!(UntrustedText::cut("ääää", 8), "ääää");
    }

    #[test]
    fn what_is_printed_is_safe_whoever_forgot() {
        let text = "error: \u{1b}[2Jx\r\nhint: do it\n  | ::error::y\n##vso[z]";
        let safe = safe_text(text);
        assert_eq!(
            safe,
            "error: \\u{1b}[2Jx\n  | hint: do it\n  | \\u{3a}:error::y\n  | #\\u{23}vso[z]"
        );
        assert_eq!(safe_text(&safe), safe);
        assert_eq!(safe_text("  ::error::"), "  \\u{3a}:error::");
        let long = "x".repeat(1 << 20);
        assert!(safe_text(&long).len() < 17_000);
    }
}
