//! Text to token ids and back.

use std::path::Path;
use std::sync::Arc;

use arkor_types::TokenId;
use rayon::prelude::*;
use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, Tokenizer as Json};

use crate::EngineError;
use crate::memory;

mod check;

/// Ends a text, in vocabularies trained here.
const END_OF_TEXT: &str = "<|endoftext|>";

/// Names under which tokenizers of well-known models keep their end of text. A `tokenizer.json`
/// does not say which of its tokens has this role.
const KNOWN_ENDS: [&str; 7] = [
    END_OF_TEXT,
    "<|end_of_text|>",
    "<|im_end|>",
    "<|eot_id|>",
    "</s>",
    "<eos>",
    "[EOS]",
];

/// The end of a text among the byte tokens.
const BYTES_END: TokenId = 256;

/// Text is tokenized in pieces of about this many bytes: the time stays linear in the length of the
/// text, and pieces can be done side by side.
const PIECE: usize = 1 << 15;

/// Pieces that are done before the next ones begin.
const PIECES: usize = 64;

/// A tokenizer with what a session needs to know of it.
#[derive(Debug, Clone)]
pub(crate) enum Tokenizer {
    /// Ids 0 to 255 are bytes, 256 ends a text.
    Bytes,
    /// Any tokenizer of the Hugging Face library.
    Json {
        /// The tokenizer itself.
        inner: Box<Json>,
        /// One more than the largest id.
        vocab: usize,
        /// Ends a text, if there is such a token.
        end: Option<TokenId>,
        /// The text that it was read from. It is kept, since the library prints what it finds odd when it
        /// writes one.
        source: Option<Arc<str>>,
    },
}

impl Tokenizer {
    /// Trains a byte-level BPE vocabulary of at most `vocab` tokens; a short text gives fewer.
    /// The same text gives the same vocabulary: merges are ordered by count and then by id.
    pub(crate) fn train(text: &str, vocab: u32) -> Result<Self, EngineError> {
        let mut inner = Json::new(BPE::default());
        inner.with_pre_tokenizer(Some(ByteLevel::new(false, true, true)));
        inner.with_decoder(Some(ByteLevel::default()));
        let mut trainer: TrainerWrapper = BpeTrainerBuilder::new()
            .vocab_size(vocab as usize)
            .min_frequency(2)
            .show_progress(false)
            .special_tokens(vec![AddedToken::from(END_OF_TEXT, true)])
            .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
            .build()
            .into();
        inner
            .train(&mut trainer, pieces(text).into_iter())
            .map_err(|e| EngineError::tokenizer(format!("could not be trained: {e}")))?;
        Self::json(inner, None)
    }

    /// Reads a `tokenizer.json`.
    pub(crate) fn from_file(path: &Path) -> Result<Self, EngineError> {
        let unreadable = |e: &dyn std::fmt::Display| {
            EngineError::tokenizer(format!("file `{}` cannot be read: {e}", path.display()))
        };
        let bytes = memory::read(path, memory::TOKENIZER, memory::JSON_COPIES)
            .map_err(|e| unreadable(&e))?;
        let text = String::from_utf8(bytes).map_err(|e| unreadable(&e))?;
        let inner = check::parse(&text).map_err(|what| unreadable(&what))?;
        Self::json(inner, Some(text.into()))
    }

    /// The inverse of [`saved`](Self::saved).
    pub(crate) fn from_saved(saved: Option<&str>) -> Result<Self, EngineError> {
        match saved {
            None => Ok(Self::Bytes),
            Some(json) => {
                let inner = check::parse(json)
                    .map_err(|e| EngineError::state(format!("has a broken tokenizer: {e}")))?;
                Self::json(inner, Some(json.into()))
            }
        }
    }

    /// The text of its `tokenizer.json`; the byte tokenizer has none.
    pub(crate) fn saved(&self) -> Result<Option<String>, EngineError> {
        match self {
            Self::Bytes => Ok(None),
            Self::Json {
                source: Some(source),
                ..
            } => Ok(Some(source.to_string())),
            Self::Json { inner, .. } => inner
                .to_string(false)
                .map(Some)
                .map_err(|e| EngineError::tokenizer(format!("cannot be saved: {e}"))),
        }
    }

    fn json(mut inner: Json, source: Option<Arc<str>>) -> Result<Self, EngineError> {
        // Either would make the ids of a text depend on where it is cut.
        inner.with_padding(None);
        inner
            .with_truncation(None)
            .map_err(|e| EngineError::tokenizer(format!("cannot be used: {e}")))?;
        let largest = inner.get_vocab(true).into_values().max();
        let Some(largest) = largest else {
            return Err(EngineError::tokenizer("has an empty vocabulary"));
        };
        let end = KNOWN_ENDS.iter().find_map(|name| inner.token_to_id(name));
        Ok(Self::Json {
            inner: Box::new(inner),
            source,
            vocab: largest as usize + 1,
            end,
        })
    }

    /// Ids are below this.
    pub(crate) fn vocab_size(&self) -> usize {
        match self {
            Self::Bytes => 257,
            Self::Json { vocab, .. } => *vocab,
        }
    }

    /// The token that ends a text.
    pub(crate) fn end_of_sequence(&self) -> Option<TokenId> {
        match self {
            Self::Bytes => Some(BYTES_END),
            Self::Json { end, .. } => *end,
        }
    }

    pub(crate) fn encode(&self, text: &str) -> Result<Vec<TokenId>, EngineError> {
        match self {
            Self::Bytes => Ok(text.bytes().map(TokenId::from).collect()),
            Self::Json { inner, .. } => {
                let mut tokens = Vec::new();
                // What the library makes of a piece is far larger than its ids.
                for group in pieces(text).chunks(PIECES) {
                    let encoded: Result<Vec<_>, _> = group
                        .par_iter()
                        .map(|piece| check::caught(|| inner.encode_fast(*piece, false)))
                        .collect();
                    let encoded = encoded
                        .map_err(|e| EngineError::tokenizer(format!("failed on the text: {e}")))?;
                    tokens.extend(encoded.iter().flat_map(|piece| piece.get_ids()).copied());
                }
                Ok(tokens)
            }
        }
    }

    /// Special tokens have no text.
    pub(crate) fn decode(&self, tokens: &[TokenId]) -> Result<String, EngineError> {
        match self {
            Self::Bytes => {
                let bytes: Vec<u8> = tokens
                    .iter()
                    .filter_map(|t| u8::try_from(*t).ok())
                    .collect();
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            }
            Self::Json { inner, .. } => check::caught(|| inner.decode(tokens, true))
                .map_err(|e| EngineError::tokenizer(format!("failed on token ids: {e}"))),
        }
    }
}

/// Cuts a text where no common pre-tokenizer joins what is on both sides: before the space of
/// ` word` that follows a letter or digit. The ids are those of the whole text.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.len() > PIECE {
        let at = seam(rest);
        let (piece, after) = rest.split_at(at);
        pieces.push(piece);
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

/// The first seam after [`PIECE`] bytes. A text without one (some scripts have no spaces) is cut
/// between two characters, so that no piece is much longer.
fn seam(text: &str) -> usize {
    let start = text.ceil_char_boundary(PIECE);
    let tail = text.get(start..).unwrap_or_default();
    let mut before = None::<char>;
    let mut chars = tail
        .char_indices()
        .take_while(|(at, _)| *at < 2 * PIECE)
        .peekable();
    while let Some((at, here)) = chars.next() {
        let after = chars.peek().map(|(_, c)| *c);
        let joins_neither = before.is_some_and(char::is_alphanumeric)
            && here == ' '
            && after.is_some_and(char::is_alphabetic);
        if joins_neither {
            return start + at;
        }
        before = Some(here);
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> String {
        let mut text = String::new();
        for i in 0..8000u32 {
            let word =
                ["naïve", "token's", "the", "  two", "(bits)", "日本語", "42"][i as usize % 7];
            text.push_str(word);
            text.push_str(if i % 11 == 0 { ".\n\n" } else { " " });
            text.push_str(&format!("w{} ", i * i % 97));
        }
        text
    }

    #[test]
    fn bytes_round_trip() {
        let tokens = Tokenizer::Bytes.encode("naïve").unwrap();
        assert_eq!(tokens, "naïve".bytes().map(u32::from).collect::<Vec<_>>());
        assert_eq!(Tokenizer::Bytes.decode(&tokens).unwrap(), "naïve");
        assert_eq!(Tokenizer::Bytes.decode(&[0xc3, 256]).unwrap(), "\u{fffd}");
    }

    #[test]
    fn two_trainings_give_the_same_vocabulary() {
        let one = Tokenizer::train(&text(), 400).unwrap();
        for _ in 0..4 {
            let other = Tokenizer::train(&text(), 400).unwrap();
            assert_eq!(one.saved().unwrap(), other.saved().unwrap());
        }
        assert!(one.vocab_size() > 300 && one.vocab_size() <= 400);
        assert_eq!(one.end_of_sequence(), Some(0));
    }

    #[test]
    fn bpe_survives_saving_and_round_trips_any_text() {
        let trained = Tokenizer::train(&text(), 400).unwrap();
        let again = Tokenizer::from_saved(trained.saved().unwrap().as_deref()).unwrap();
        let sample = "never seen: žluťoučký 🦀\tkůň\r\n  end ";
        let tokens = trained.encode(sample).unwrap();
        assert_eq!(tokens, again.encode(sample).unwrap());
        assert_eq!(again.decode(&tokens).unwrap(), sample);
    }

    #[test]
    fn pieces_do_not_change_the_ids() {
        let text = text();
        assert!(text.len() > 2 * PIECE, "{}", text.len());
        assert!(pieces(&text).len() > 1);
        assert_eq!(pieces(&text).concat(), text);
        let tokenizer = Tokenizer::train(&text, 400).unwrap();
        let Tokenizer::Json { inner, .. } = &tokenizer else {
            panic!("trained")
        };
        let whole = inner.encode_fast(text.as_str(), false).unwrap();
        assert_eq!(tokenizer.encode(&text).unwrap(), whole.get_ids());
    }

    #[test]
    fn a_text_without_spaces_is_cut_too() {
        let text = "語".repeat(3 * PIECE);
        let pieces = pieces(&text);
        assert_eq!(pieces.concat(), text);
        assert!(pieces.iter().all(|piece| piece.len() <= 3 * PIECE + 3));
    }
}
