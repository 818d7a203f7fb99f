//! JSON as it leaves the program: on standard output, in answers and in event streams.

use std::fmt::Write;

use serde::Serialize;

use crate::acts;

/// A value as one line of JSON. It holds the true text, and whatever a terminal, a page or a CI system would
/// act on is written as `\uXXXX`, so that the line can be shown as it is.
///
/// # Errors
///
/// The value has no JSON form.
pub fn json_text(value: &(impl Serialize + ?Sized)) -> Result<String, serde_json::Error> {
    serde_json::to_string(value).map(escaped)
}

/// The same over several lines.
///
/// # Errors
///
/// The value has no JSON form.
pub fn json_pretty(value: &(impl Serialize + ?Sized)) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(value).map(escaped)
}

/// The same for a value that is JSON already.
pub fn safe_json(json: String) -> String {
    escaped(json)
}

/// Outside of strings JSON is ASCII, and of what acts it has line breaks there alone.
fn escaped(json: String) -> String {
    let is_meant = |letter: char| letter == '\n';
    let is_safe = |letter: char| is_meant(letter) || !acts(letter);
    if json.chars().all(is_safe) && !json.contains("##") {
        return json;
    }
    let mut text = String::with_capacity(json.len() + 64);
    let mut previous = None;
    for letter in json.chars() {
        // `##vso[` and its like are orders to a CI system anywhere in a line.
        if is_safe(letter) && !(letter == '#' && previous == Some('#')) {
            text.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                // Writing to a text does not fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
        previous = Some(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn json_holds_the_true_text_and_nothing_that_acts() {
        let text =
            "\u{1b}]52;c;x\u{7}\u{9b}2J\u{7f}\u{202e}\u{2066}\u{2028}\u{e0041}##vso[a]\"\\\r\n é漢";
        let json = json_text(&text).unwrap();
        assert_eq!(
            json,
            "\"\\u001b]52;c;x\\u0007\\u009b2J\\u007f\\u202e\\u2066\\u2028\\udb40\\udc41#\\u0023vso[a]\\\"\\\\\\r\\n é漢\""
        );
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        let pretty = json_pretty(&[text]).unwrap();
        assert_eq!(pretty.lines().count(), 3);
        assert_eq!(
            serde_json::from_str::<[String; 1]>(&pretty).unwrap(),
            [text]
        );
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text: String, key: String) {
            let value = serde_json::json!({ key: text });
            let json = json_text(&value).unwrap();
            prop_assert!(!json.chars().any(acts));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), value);
        }
    }
}
