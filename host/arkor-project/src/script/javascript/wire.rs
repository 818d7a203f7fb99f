//! What host and parser process say to each other.
//!
//! A frame is two lengths in little endian (four bytes each), a header in JSON, and bytes that it is about:
//! the text of a file one way, what it became the other. Neither side trusts the other with sizes.

use std::io::{Error, ErrorKind, Read, Result, Write};

use arkor_types::ModuleFormat;
use serde::{Deserialize, Serialize};

use super::translate::{Import, Translated};
use super::{FILE_SIZE, PROBLEMS, Wanted};

/// First said by the process, so that a program of another version is not taken for one that fell over a file.
pub(super) const READY: &str = concat!("arkor parser ", env!("CARGO_PKG_VERSION"));

/// Most bytes of a header: an answer has all imports of a file.
const HEADER: usize = 32 << 20;

/// Most bytes of the code and the source map that a file becomes.
const BODY: usize = 256 << 20;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) name: String,
    pub(super) is_module: bool,
}

/// An answer without its bytes.
#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    Translated {
        common_js: bool,
        /// Bytes of the code; none if it is the text of the file.
        code: Option<usize>,
        /// Whether what follows the code is a source map.
        has_map: bool,
        /// Specifier, whether `require` asks, offset, length.
        imports: Vec<(String, bool, usize, usize)>,
    },
    Problems(Vec<String>),
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

pub(super) fn write_frame(to: &mut impl Write, header: &[u8], parts: &[&[u8]]) -> Result<()> {
    let body: usize = parts.iter().map(|part| part.len()).sum();
    if header.len() > HEADER || body > BODY {
        return Err(invalid("it becomes too large"));
    }
    let length = |bytes: usize| u32::try_from(bytes).map_err(Error::other);
    let mut start = Vec::with_capacity(8 + header.len());
    start.extend(length(header.len())?.to_le_bytes());
    start.extend(length(body)?.to_le_bytes());
    start.extend(header);
    to.write_all(&start)?;
    for part in parts {
        to.write_all(part)?;
    }
    to.flush()
}

pub(super) fn read_frame(from: &mut impl Read) -> Result<(Vec<u8>, Vec<u8>)> {
    let mut length = |limit: usize| {
        let mut bytes = [0; 4];
        from.read_exact(&mut bytes)?;
        let length = u32::from_le_bytes(bytes) as usize;
        if length > limit {
            return Err(invalid("a frame is too large"));
        }
        Ok(length)
    };
    let (header, body) = (length(HEADER)?, length(BODY)?);
    // What comes is what is held, whatever was announced.
    let mut exactly = |length: usize| {
        let mut bytes = Vec::with_capacity(length.min(1 << 20));
        from.take(length as u64).read_to_end(&mut bytes)?;
        if bytes.len() == length {
            Ok(bytes)
        } else {
            Err(Error::from(ErrorKind::UnexpectedEof))
        }
    };
    Ok((exactly(header)?, exactly(body)?))
}

pub(super) fn write_request(to: &mut impl Write, request: &Request, text: &str) -> Result<()> {
    write_frame(to, &serde_json::to_vec(request)?, &[text.as_bytes()])
}

/// A request and its text.
pub(super) fn read_request(frame: (Vec<u8>, Vec<u8>)) -> Result<(Request, String)> {
    let (header, text) = frame;
    if text.len() as u64 > FILE_SIZE {
        return Err(invalid("a file is too large"));
    }
    let request = serde_json::from_slice(&header)?;
    Ok((request, String::from_utf8(text).map_err(Error::other)?))
}

pub(super) fn write_answer(
    to: &mut impl Write,
    answer: std::result::Result<Translated, Vec<String>>,
) -> Result<()> {
    let translated = match answer {
        Ok(translated) => translated,
        Err(problems) => {
            let header = serde_json::to_vec(&Answer::Problems(problems))?;
            return write_frame(to, &header, &[]);
        }
    };
    let imports = translated.imports.into_iter().map(|import| {
        let is_require = import.wanted == Wanted::Require;
        (import.specifier, is_require, import.offset, import.length)
    });
    let header = serde_json::to_vec(&Answer::Translated {
        common_js: translated.format == ModuleFormat::CommonJs,
        code: translated.content.as_ref().map(Vec::len),
        has_map: translated.source_map.is_some(),
        imports: imports.collect(),
    })?;
    let code = translated.content.unwrap_or_default();
    let map = translated.source_map.unwrap_or_default();
    write_frame(to, &header, &[&code, map.as_bytes()])
}

/// An answer about a text of this many bytes. Whoever wrote it may have been taken over by the file.
pub(super) fn read_answer(
    frame: (Vec<u8>, Vec<u8>),
    size: usize,
) -> Result<std::result::Result<Translated, Vec<String>>> {
    let (header, mut body) = frame;
    let (common_js, code, has_map, imports) = match serde_json::from_slice(&header)? {
        Answer::Problems(mut problems) => {
            problems.truncate(PROBLEMS + 1);
            if problems.is_empty() {
                return Err(invalid("it has problems, and none is named"));
            }
            return Ok(Err(problems));
        }
        Answer::Translated {
            common_js,
            code,
            has_map,
            imports,
        } => (common_js, code, has_map, imports),
    };
    let code_size = code.unwrap_or(0);
    if code_size > body.len() {
        return Err(invalid("code is missing"));
    }
    let map = body.split_off(code_size);
    if !has_map && !map.is_empty() {
        return Err(invalid("there is more than code"));
    }
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(Error::other);
    let imports = imports
        .into_iter()
        .map(|(specifier, is_require, offset, length)| Import {
            specifier,
            wanted: if is_require {
                Wanted::Require
            } else {
                Wanted::Import
            },
            offset: offset.min(size),
            length: length.min(size),
        });
    Ok(Ok(Translated {
        format: if common_js {
            ModuleFormat::CommonJs
        } else {
            ModuleFormat::EcmaScript
        },
        content: match code {
            Some(_) => Some(text(body)?.into_bytes()),
            None => None,
        },
        source_map: if has_map { Some(text(map)?) } else { None },
        imports: imports.collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(answer: std::result::Result<Translated, Vec<String>>) -> (Vec<u8>, Vec<u8>) {
        let mut bytes = Vec::new();
        write_answer(&mut bytes, answer).unwrap();
        read_frame(&mut bytes.as_slice()).unwrap()
    }

    #[test]
    fn answers_come_back_as_they_were() {
        let translated = Translated {
            format: ModuleFormat::EcmaScript,
            content: Some(b"let x = 1;".to_vec()),
            source_map: Some("{}".into()),
            imports: vec![Import {
                specifier: "./a".into(),
                wanted: Wanted::Require,
                offset: 3,
                length: 5,
            }],
        };
        for answer in [
            Ok(Translated {
                content: None,
                source_map: None,
                ..translated.clone()
            }),
            Ok(translated),
            Err(vec!["a.js:1:1: no".into()]),
        ] {
            assert_eq!(read_answer(through(answer.clone()), 99).unwrap(), answer);
        }
    }

    #[test]
    fn frames_that_lie_are_refused() {
        let huge = [0xff; 8];
        assert!(read_frame(&mut huge.as_slice()).is_err());
        let short = [1, 0, 0, 0, 200, 0, 0, 0, b'7'];
        assert!(read_frame(&mut short.as_slice()).is_err());
        let answer = |header: &str, body: &[u8]| read_answer((header.into(), body.to_vec()), 4);
        let head = r#"{"Translated":{"common_js":false,"imports":[],"#;
        for (rest, body) in [
            (r#""code":9,"has_map":false}}"#, &b"abc"[..]),
            (r#""code":1,"has_map":false}}"#, b"abc"),
            (r#""code":1,"has_map":true}}"#, b"a\xff"),
            (r#""code":2,"has_map":false}}"#, b"a\xff"),
        ] {
            assert!(answer(&format!("{head}{rest}"), body).is_err(), "{rest}");
        }
        assert!(answer(r#"{"Problems":[]}"#, b"").is_err());
        assert!(answer(&"[".repeat(100_000), b"").is_err());
        let far = r#"{"Translated":{"common_js":false,"imports":[["a",false,99,99]],"code":null,"has_map":false}}"#;
        let found = answer(far, b"").unwrap().unwrap();
        assert_eq!((found.imports[0].offset, found.imports[0].length), (4, 4));
    }
}
