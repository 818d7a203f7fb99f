//! Text from somebody else, as it is printed: nothing in it acts on a terminal, and it has an end.

use arkor_types::{BLOCK_LINES, LINE_LENGTH, UntrustedText, acts};

/// Longest form of a character: `\u{10ffff}`.
const ESCAPED: usize = 10;

fn check(line: &str) {
    assert!(!line.chars().any(acts), "{line:?}");
    assert!(
        line.chars().count() <= ESCAPED * LINE_LENGTH + 40,
        "{line:?}"
    );
    // No order to a CI system begins in it.
    for (at, _) in line.match_indices("##") {
        let rest = line[at + 2..].trim_start_matches(|c: char| c.is_ascii_alphanumeric());
        assert!(!rest.starts_with('['), "{line:?}");
    }
}

pub(crate) fn run(data: &[u8]) {
    let data = crate::text(data);
    let text = UntrustedText::from(data);
    check(&text.line().to_string());
    let block = text.block("| ").to_string();
    assert!(block.split('\n').count() <= BLOCK_LINES + 1);
    for line in block.split('\n') {
        check(line);
    }
    let cut = UntrustedText::cut(data, 64);
    assert!(cut.as_str().len() <= 64 + 64);
}
