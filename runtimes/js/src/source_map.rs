//! Source maps, read when something went wrong.
//!
//! Format: ECMA-426, the `mappings` of a Source Map of version 3.

/// Looks up a place: from line and column of the code, to those of the source. All from 0.
///
/// The map has the lines and columns of one source.
pub(crate) fn lookup(map: &str, line: u32, column: u32) -> Option<(u32, u32)> {
    let mappings = map.split_once("\"mappings\":\"")?.1.split('"').next()?;
    // Source line and column go on over all lines of the code; its own column begins anew on each.
    let (mut source_line, mut source_column) = (0_i64, 0_i64);
    let mut best = None;
    for (number, segments) in mappings.split(';').enumerate() {
        let mut at = 0_i64;
        for segment in segments.split(',').filter(|segment| !segment.is_empty()) {
            let mut fields = Fields(segment.bytes());
            at += fields.next()?;
            let Some(_source) = fields.next() else {
                continue;
            };
            source_line += fields.next()?;
            source_column += fields.next()?;
            // The interpreter may tell a column before the first one that is mapped.
            if number as u32 == line && (best.is_none() || at <= i64::from(column)) {
                best = Some((source_line, source_column));
            }
        }
        if number as u32 == line {
            break;
        }
    }
    let (line, column) = best?;
    Some((u32::try_from(line).ok()?, u32::try_from(column).ok()?))
}

/// Numbers in base64 VLQ.
struct Fields<'a>(std::str::Bytes<'a>);

impl Iterator for Fields<'_> {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        let (mut value, mut shift) = (0_i64, 0);
        loop {
            let digit = i64::from(match self.0.next()? {
                letter @ b'A'..=b'Z' => letter - b'A',
                letter @ b'a'..=b'z' => letter - b'a' + 26,
                letter @ b'0'..=b'9' => letter - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            });
            value |= (digit & 31) << shift;
            if digit & 32 == 0 {
                return Some(if value & 1 == 1 {
                    -(value >> 1)
                } else {
                    value >> 1
                });
            }
            shift += 5;
            if shift > 40 {
                return None;
            }
        }
    }
}
