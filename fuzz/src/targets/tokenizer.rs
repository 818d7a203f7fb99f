//! A `tokenizer.json` of a project: what is accepted tokenizes a short text to few tokens, and soon.
#![allow(dead_code)]

#[path = "../../../host/arkor-engine/src/tokenizer/check.rs"]
mod check;

const TEXT: &str = "Ein  Text, aus dem\nTokens werden: 0123 äöü ﬃ 你好 \u{1f600}\u{fdfa}";

pub(crate) fn run(data: &[u8]) {
    let _ = crate::caught(|| {
        let Ok(tokenizer) = check::parse(crate::text(data)) else {
            return;
        };
        let Ok(tokens) = check::caught(|| tokenizer.encode(TEXT, false)) else {
            return;
        };
        let ids = tokens.get_ids();
        if ids.len() > 256 * TEXT.len() {
            std::process::abort();
        }
        let _ = check::caught(|| tokenizer.decode(ids, false));
    });
}
