//! Whether a `tokenizer.json` is one to use: it comes with a project, and its parts can make any text grow
//! without end, or never come back from a pattern.

use serde_json::Value;
use tokenizers::Tokenizer as Json;

/// Most tokens of a vocabulary, and one more than the largest id.
const TOKENS: usize = 1 << 20;

/// Longest token, in bytes.
const TOKEN: usize = 512;

/// Most merges.
const MERGES: usize = 1 << 21;

/// Most parts (normalizers, pre-tokenizers, decoders, post-processors) together.
const PARTS: usize = 64;

/// Longest pattern, in bytes.
const PATTERN: usize = 2000;

/// Times that a text may grow while it is normalized.
const GROWTH: usize = 64;

/// Deepest nesting of parts.
const DEPTH: usize = 16;

/// Reads a tokenizer whose structure has bounds.
pub(super) fn parse(text: &str) -> Result<Json, String> {
    let json: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    check(&json)?;
    drop(json);
    caught(|| text.parse::<Json>())
}

/// Turns a panic of the library into an error.
pub(super) fn caught<T, E: std::fmt::Display>(
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, String> {
    match arkor_types::caught(work) {
        Some(result) => result.map_err(|error| error.to_string()),
        None => Err("the tokenizer library panicked".into()),
    }
}

fn check(json: &Value) -> Result<(), String> {
    let model = json.get("model").unwrap_or(&Value::Null);
    if model
        .get("dropout")
        .is_some_and(|dropout| !dropout.is_null())
    {
        return Err("model.dropout is set, and a run would not repeat".into());
    }
    vocabulary(model)?;
    added(json)?;
    let merges = model.get("merges").and_then(Value::as_array);
    expect("merges", merges.map_or(0, Vec::len), MERGES)?;
    let mut parts = Parts::default();
    for name in ["normalizer", "pre_tokenizer", "post_processor", "decoder"] {
        parts.growth = 1;
        parts.look(json.get(name).unwrap_or(&Value::Null), 0)?;
    }
    Ok(())
}

fn expect(what: &str, count: usize, most: usize) -> Result<(), String> {
    if count <= most {
        return Ok(());
    }
    Err(format!(
        "it has {count} {what}, and at most {most} are taken"
    ))
}

fn token(text: &str) -> Result<(), String> {
    expect("bytes in one token", text.len(), TOKEN)
}

fn id(value: &Value) -> Result<(), String> {
    match value.as_u64() {
        Some(id) if id >= TOKENS as u64 => Err(format!(
            "it has a token with id {id}, which must be below {TOKENS}"
        )),
        _ => Ok(()),
    }
}

fn vocabulary(model: &Value) -> Result<(), String> {
    match model.get("vocab") {
        Some(Value::Object(vocab)) => {
            expect("tokens", vocab.len(), TOKENS)?;
            vocab.iter().try_for_each(|(text, number)| {
                token(text)?;
                id(number)
            })
        }
        // Unigram has pairs of a token and its score.
        Some(Value::Array(vocab)) => {
            expect("tokens", vocab.len(), TOKENS)?;
            let texts = vocab.iter().filter_map(|pair| pair.get(0)?.as_str());
            texts.into_iter().try_for_each(token)
        }
        _ => Ok(()),
    }
}

fn added(json: &Value) -> Result<(), String> {
    let Some(Value::Array(added)) = json.get("added_tokens") else {
        return Ok(());
    };
    expect("added tokens", added.len(), TOKENS)?;
    added.iter().try_for_each(|one| {
        token(one.get("content").and_then(Value::as_str).unwrap_or(""))?;
        id(one.get("id").unwrap_or(&Value::Null))
    })
}

#[derive(Default)]
struct Parts {
    seen: usize,
    growth: usize,
}

impl Parts {
    /// Looks at a part and those in it. Whatever has a `type` is one.
    fn look(&mut self, part: &Value, depth: usize) -> Result<(), String> {
        expect("levels of parts", depth, DEPTH)?;
        match part {
            Value::Object(fields) => {
                if let Some(Value::String(kind)) = fields.get("type") {
                    self.seen += 1;
                    expect("parts", self.seen, PARTS)?;
                    self.grow(kind, part)?;
                }
                for (name, inner) in fields {
                    match inner {
                        // Data, not parts.
                        _ if matches!(name.as_str(), "vocab" | "special_tokens") => {}
                        Value::String(text) if name != "precompiled_charsmap" => {
                            expect("bytes in a pattern", text.len(), PATTERN)?;
                        }
                        _ => self.look(inner, depth + 1)?,
                    }
                }
                Ok(())
            }
            Value::Array(list) => list.iter().try_for_each(|part| self.look(part, depth + 1)),
            _ => Ok(()),
        }
    }

    /// How much larger a part makes a text, at worst.
    fn grow(&mut self, kind: &str, part: &Value) -> Result<(), String> {
        let text = |name: &str| part.get(name).and_then(Value::as_str).map_or(0, str::len);
        let times = match kind {
            "Replace" => {
                let pattern = part.get("pattern");
                let plain = pattern.and_then(|pattern| pattern.get("String"));
                let at_least = plain.and_then(Value::as_str).map_or(1, str::len).max(1);
                // A pattern that matches nothing puts its text between all letters.
                let between = usize::from(plain.is_none());
                (text("content").div_ceil(at_least) + between).max(1)
            }
            "Prepend" => text("prepend").max(1),
            "Metaspace" => text("replacement").max(1),
            // One byte may become two; a compatibility form 18 letters, of which texts have few.
            "ByteLevel" | "NFD" | "NFKD" | "NFKC" => 2,
            _ => 1,
        };
        self.growth = self.growth.saturating_mul(times);
        if self.growth > GROWTH {
            return Err(format!(
                "its parts make a text {} times as long, and at most {GROWTH} times is allowed",
                self.growth
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tokenizer of two tokens with these fields.
    fn json(fields: &str, model: &str) -> String {
        format!(
            r#"{{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],
            "normalizer":null,"pre_tokenizer":null,"post_processor":null,"decoder":null,
            "model":{{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,
            "end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,
            "vocab":{{"a":0,"b":1}},"merges":[]{model}}}{fields}}}"#
        )
    }

    fn refused(fields: &str, model: &str, words: &str) {
        let error = parse(&json(fields, model)).err().unwrap_or_default();
        assert!(error.contains(words), "{error}");
    }

    fn replace(from: &str, to: &str) -> String {
        format!(r#"{{"type":"Replace","pattern":{{"String":"{from}"}},"content":"{to}"}}"#)
    }

    fn sequence(parts: &[String]) -> String {
        let list = parts.join(",");
        format!(r#","normalizer":{{"type":"Sequence","normalizers":[{list}]}}"#)
    }

    #[test]
    fn normalizers_that_grow_a_text_without_end_are_refused() {
        assert!(parse(&json("", "")).is_ok());
        assert!(parse(&json(&sequence(&[replace("a", "bb")]), "")).is_ok());
        let doubling = vec![replace("a", "aaaa"); 8];
        refused(&sequence(&doubling), "", "times as long");
        refused(
            &sequence(&[replace("a", &"a".repeat(1000))]),
            "",
            "times as long",
        );
        let between =
            r#","normalizer":{"type":"Replace","pattern":{"Regex":""},"content":"CONTENT"}"#;
        refused(
            &between.replace("CONTENT", &"a".repeat(100)),
            "",
            "times as long",
        );
        let prepend = r#"{"type":"Prepend","prepend":"PRE"}"#.replace("PRE", &"a".repeat(30));
        refused(&sequence(&vec![prepend; 2]), "", "times as long");
        refused(&sequence(&vec![replace("a", "b"); 100]), "", "parts");
    }

    #[test]
    fn vocabularies_have_bounds() {
        let id = r#","added_tokens":[{"id":4294967295,"content":"x","single_word":false,"lstrip":false,
            "rstrip":false,"normalized":false,"special":true}]"#;
        refused(id, "", "id 4294967295");
        let long = r#","added_tokens":[{"id":2,"content":"LONG","single_word":false,"lstrip":false,
            "rstrip":false,"normalized":false,"special":true}]"#;
        refused(
            &long.replace("LONG", &"x".repeat(1000)),
            "",
            "bytes in one token",
        );
        refused("", r#","vocab":{"a":0,"b":1048576}"#, "must be below");
    }

    #[test]
    fn what_does_not_repeat_or_is_too_long_a_pattern_is_refused() {
        refused("", r#","dropout":0.1"#, "dropout");
        let split = r#","pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a|b)*"},
            "behavior":"Isolated","invert":false}"#;
        refused(
            &split.replace("(a|b)*", &"(a|b)*".repeat(1000)),
            "",
            "bytes in a pattern",
        );
        refused(",\"normalizer\":[", "", "");
    }

    #[test]
    fn a_panic_of_the_library_is_an_error() {
        let result = caught(|| -> Result<(), String> { panic!("no") });
        assert_eq!(result, Err("the tokenizer library panicked".into()));
    }
}
