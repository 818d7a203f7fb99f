//! The page's own files, inside the program. There is no path to a file system here.

use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::{Refusal, RefusalKind};

struct Asset {
    name: &'static str,
    kind: &'static str,
    content: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

macro_rules! asset {
    ($name:literal, $kind:expr) => {
        Asset {
            name: $name,
            kind: $kind,
            content: include_bytes!(concat!("../assets/", $name)),
        }
    };
}

const ASSETS: &[Asset] = &[
    asset!("index.html", HTML),
    asset!("studio.css", STYLE),
    asset!("studio.js", SCRIPT),
    asset!("api.js", SCRIPT),
    asset!("chart.js", SCRIPT),
    asset!("text.js", SCRIPT),
    asset!("icon.svg", "image/svg+xml"),
    asset!("vendor/uPlot.iife.min.js", SCRIPT),
    asset!("vendor/uPlot.min.css", STYLE),
    asset!("vendor/uPlot.LICENSE", TEXT),
];

pub(crate) fn page() -> Response {
    asset("index.html")
}

/// Only these exact names lead anywhere.
pub(crate) fn asset(name: &str) -> Response {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => ([(header::CONTENT_TYPE, asset.kind)], asset.content).into_response(),
        None => Refusal::new(RefusalKind::NotFound, "there is no such file").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str) -> &'static str {
        let asset = ASSETS.iter().find(|asset| asset.name == name).unwrap();
        std::str::from_utf8(asset.content).unwrap()
    }

    /// The characters of a class of a regular expression, as ranges.
    fn ranges(class: &str) -> Vec<(u32, u32)> {
        let mut found: Vec<(u32, u32)> = Vec::new();
        let mut is_end = false;
        for part in class.split('\\').skip(1) {
            let digits = part
                .trim_end_matches('-')
                .trim_start_matches(['x', 'u', '{']);
            let letter = u32::from_str_radix(digits.trim_end_matches('}'), 16).unwrap();
            match found.last_mut() {
                Some(last) if is_end => last.1 = letter,
                _ => found.push((letter, letter)),
            }
            is_end = part.ends_with('-');
        }
        found
    }

    #[test]
    fn the_page_shows_what_a_terminal_shows() {
        let (_, class) = source("text.js").split_once("/[").unwrap();
        let ranges = ranges(class.split_once("]/gu").unwrap().0);
        for letter in '\0'..=char::MAX {
            let number = u32::from(letter);
            let escaped = ranges
                .iter()
                .any(|(low, high)| (*low..=*high).contains(&number));
            let acts = arkor_types::acts(letter) && letter != '\n' && letter != '\t';
            assert_eq!(escaped, acts, "{letter:?}");
        }
    }

    #[test]
    fn no_text_is_read_as_html_and_all_of_it_is_made_visible() {
        for name in ["studio.js", "chart.js", "api.js", "text.js"] {
            for line in source(name).lines() {
                for way in [
                    "innerHTML",
                    "outerHTML",
                    "insertAdjacent",
                    "document.write",
                    "eval(",
                ] {
                    assert!(!line.contains(way), "{name}: {line}");
                }
                let puts = line.contains(".textContent =") || line.contains(".title =");
                let is_safe = line.contains("visible(") || line.contains("= \"");
                assert!(!puts || is_safe, "{name}: {line}");
            }
        }
    }
}
