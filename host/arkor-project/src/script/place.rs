//! A place in a file, shown with its line.

use std::fmt::Write;

use arkor_types::shown_line;

/// `file:line:column: message`, the line, and a mark under the place. `offset` in bytes.
pub(super) fn show(file: &str, text: &str, offset: usize, length: usize, message: &str) -> String {
    let offset = (0..=offset.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or_default();
    let (before, after) = text.split_at(offset);
    let number = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let head = before.get(start..).unwrap_or_default();
    let tail = after.lines().next().unwrap_or_default();
    let column = head.chars().count() + 1;
    let mut shown = format!("{file}:{number}:{column}: {message}");
    // A line of a bundle says nothing to anybody.
    if head.len() + tail.len() <= 200 {
        // The mark stands under what is seen.
        let seen = |text: &str| shown_line(text).to_string();
        let marks = length.clamp(1, tail.chars().count().max(1));
        let gutter = " ".repeat(number.to_string().len());
        let _ = write!(
            shown,
            "\n  {number} | {}\n  {gutter} | {}{}",
            seen(&format!("{head}{tail}")),
            " ".repeat(seen(head).chars().count()),
            "^".repeat(marks),
        );
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::show;

    #[test]
    fn the_place_is_marked() {
        let text = "one\n\tlet x = ;\nthree";
        assert_eq!(
            show("a/b.ts", text, 13, 1, "what is this?"),
            "a/b.ts:2:10: what is this?\n  2 |     let x = ;\n    |             ^"
        );
        // Also behind what is shown by an escape.
        assert_eq!(
            show("a.js", "\u{1b}[2J;\u{202e} x", 9, 1, "no"),
            "a.js:1:8: no\n  1 | \\u{1b}[2J;\\u{202e} x\n    |                    ^"
        );
        assert!(show("a", "", 7, 3, "empty").starts_with("a:1:1: empty"));
        assert!(show("a", "ä", 1, 3, "inside").starts_with("a:1:1: inside"));
    }
}
