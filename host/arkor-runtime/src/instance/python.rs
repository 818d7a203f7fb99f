//! Where a Python trainer stood when its instance was cut off or trapped.
//!
//! The dead instance is not entered again: what stands in its memory is read, as debuggers do it. CPython
//! describes its structures in a table for this purpose (`_Py_DebugOffsets`, since 3.13), which begins with
//! a cookie. All of this memory is the guest's, which may have put anything there, so that no address is
//! trusted, and whatever cannot be read ends the list.

use arkor_types::{Program, UntrustedText};
use wasmtime::{Error, Store, WasmCoreDump};

use crate::guest::GuestState;
use crate::words;

const COOKIE: &[u8] = b"xdebugpy";

/// Major and minor version whose table is laid out as it is read here.
const VERSION: u64 = 0x030e;

/// Most frames that are looked at.
const FRAMES: usize = 5000;

/// Longest text and table that are read.
const LENGTH: u32 = 1 << 16;

/// Frames with an owner from here on are the interpreter's own.
const OWNED_BY_INTERPRETER: u8 = 3;

/// The places in the trainer's files, innermost first; empty if there is no Python inside.
pub(super) fn backtrace(error: &Error, store: &Store<GuestState>) -> Vec<UntrustedText> {
    let Some(dump) = error.downcast_ref::<WasmCoreDump>() else {
        return Vec::new();
    };
    let program = store.data().program.as_deref();
    let memories = dump.memories().iter();
    let mut found = memories.filter_map(|memory| places(memory.data(store), program));
    found.next().unwrap_or_default()
}

fn places(memory: &[u8], program: Option<&Program>) -> Option<Vec<UntrustedText>> {
    let table = find_table(memory)?;
    let memory = Memory(memory);
    let offset = |index: u32| memory.u32(table.checked_add(8 + index * 8)?);
    // Indices in the table, in 64-bit words behind the cookie.
    let interpreters_head = offset(4)?;
    let (threads_head, threads_main) = (offset(8)?, offset(9)?);
    let current_frame = offset(25)?;
    let (previous, executable, instruction, owner) =
        (offset(31)?, offset(32)?, offset(33)?, offset(35)?);
    let [filename, _, qualname, linetable, firstlineno] = [
        offset(39)?,
        offset(40)?,
        offset(41)?,
        offset(42)?,
        offset(43)?,
    ];
    let code_begin = offset(47)?;

    let interpreter = memory.pointer(table, interpreters_head)?;
    let thread = memory
        .pointer(interpreter, threads_main)
        .or_else(|| memory.pointer(interpreter, threads_head))?;
    let mut frame = memory.pointer(thread, current_frame);
    // Frames of a recursion have the same place, and finding a column reads the file.
    let mut known: Option<(String, u32, u32, usize)> = None;
    let mut looked_at = 0;
    // One after the other, for as many as are told.
    let lines = std::iter::from_fn(|| {
        loop {
            looked_at += 1;
            let at = frame.filter(|_| looked_at <= FRAMES)?;
            frame = memory.pointer(at, previous);
            if memory.u8(at.checked_add(owner)?)? >= OWNED_BY_INTERPRETER {
                continue;
            }
            let place = || {
                // The lowest bits of a reference on the interpreter's stack are marks.
                let code = memory.pointer(at, executable)? & !3;
                let file = memory.text(memory.pointer(code, filename)?)?;
                let instruction = memory.pointer(at, instruction)?;
                let unit = instruction.checked_sub(code.checked_add(code_begin)?)? / 2;
                let table = memory.bytes(memory.pointer(code, linetable)?)?;
                let first = memory.u32(code.checked_add(firstlineno)?)?;
                let (line, column) = position(table, first, unit)?;
                let function = memory.text(memory.pointer(code, qualname)?)?;
                Some((function, file, line, column))
            };
            if let Some((function, file, line, column)) = place()
                && is_of_trainer(&file, program)
            {
                let column = match &known {
                    Some((same, at, byte, found))
                        if (same, *at, *byte) == (&file, line, column) =>
                    {
                        *found
                    }
                    _ => {
                        let found = characters(program, &file, line, column);
                        known = Some((file.clone(), line, column, found));
                        found
                    }
                };
                let (function, file): (String, String) = (
                    words::cut(function, words::NAME),
                    words::cut(file, words::NAME),
                );
                return Some(format!("{function} at {file}:{line}:{column}"));
            }
        }
    });
    Some(crate::words::fold(lines))
}

fn find_table(memory: &[u8]) -> Option<u32> {
    let mut from = 0;
    loop {
        let found = memory
            .get(from..)?
            .windows(COOKIE.len())
            .position(|window| window == COOKIE)?
            + from;
        let version = memory.get(found + 8..found + 16)?.first_chunk()?;
        if u64::from_le_bytes(*version) >> 16 == VERSION {
            return u32::try_from(found).ok();
        }
        from = found + 1;
    }
}

/// Files of the library and of the runtime have names in angle brackets, or absolute ones.
fn is_of_trainer(file: &str, program: Option<&Program>) -> bool {
    match program {
        Some(program) => program.modules.iter().any(|module| module.name == file),
        None => !file.starts_with(['<', '/']),
    }
}

/// A column in characters from 1, of one in bytes from 0.
fn characters(program: Option<&Program>, file: &str, line: u32, column: u32) -> usize {
    let before = || {
        let modules = &program?.modules;
        let module = modules.iter().find(|module| module.name == file)?;
        let text = std::str::from_utf8(&module.content).ok()?;
        let line = text.lines().nth(line.checked_sub(1)? as usize)?;
        line.get(..column as usize).map(|text| text.chars().count())
    };
    before().unwrap_or(column as usize) + 1
}

/// Little-endian values of wasm32 in a guest's memory.
#[derive(Clone, Copy)]
struct Memory<'a>(&'a [u8]);

impl<'a> Memory<'a> {
    fn slice(self, at: u32, length: u32) -> Option<&'a [u8]> {
        let end = at.checked_add(length)?;
        self.0.get(at as usize..end as usize)
    }

    fn u8(self, at: u32) -> Option<u8> {
        self.slice(at, 1)?.first().copied()
    }

    fn u32(self, at: u32) -> Option<u32> {
        let bytes = self.slice(at, 4)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    }

    /// A pointer in a structure; null is none.
    fn pointer(self, structure: u32, offset: u32) -> Option<u32> {
        let pointer = self.u32(structure.checked_add(offset)?)?;
        (pointer != 0).then_some(pointer)
    }

    /// The content of a `bytes`: reference count, type, length, hash, bytes.
    fn bytes(self, object: u32) -> Option<&'a [u8]> {
        let length = self.u32(object.checked_add(8)?)?;
        self.slice(object.checked_add(16)?, length.min(LENGTH))
    }

    /// A `str`: reference count, type, length, hash, state; then the characters, for which others than
    /// ASCII have two words more.
    fn text(self, object: u32) -> Option<String> {
        let length = self.u32(object.checked_add(8)?)?.min(LENGTH);
        // Two bits of how it is interned, three of the width, one of the form, one for ASCII.
        let state = self.u8(object.checked_add(16)?)?;
        let (kind, is_ascii) = (u32::from(state >> 2 & 7), state >> 6 & 1 == 1);
        let begin = object.checked_add(if is_ascii { 20 } else { 28 })?;
        let characters = self.slice(begin, length.checked_mul(kind)?)?;
        let wide = |size: usize| {
            let numbers = characters.chunks_exact(size).map(|chunk| {
                let number = chunk
                    .iter()
                    .rev()
                    .fold(0, |number, byte| number << 8 | u32::from(*byte));
                char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER)
            });
            numbers.collect()
        };
        match kind {
            1 | 2 | 4 => Some(wide(kind as usize)),
            _ => None,
        }
    }
}

/// Line from 1 and column in bytes from 0 of a code unit, by the table of locations of its code object
/// (Objects/locations.md of CPython).
fn position(table: &[u8], first_line: u32, unit: u32) -> Option<(u32, u32)> {
    let mut bytes = table.iter().copied();
    let mut line = i64::from(first_line);
    let mut begin = 0_u32;
    loop {
        let first = bytes.next()?;
        let (code, length) = (first >> 3 & 15, u32::from(first & 7) + 1);
        let mut column = None;
        match code {
            0..=9 => {
                let second = bytes.next()?;
                column = Some(u32::from(code) << 3 | u32::from(second >> 4 & 7));
            }
            10..=12 => {
                line += i64::from(code - 10);
                column = Some(u32::from(bytes.next()?));
                bytes.next()?;
            }
            13 => line += signed(&mut bytes)?,
            14 => {
                line += signed(&mut bytes)?;
                unsigned(&mut bytes)?;
                column = unsigned(&mut bytes)?.checked_sub(1);
                unsigned(&mut bytes)?;
            }
            _ => {}
        }
        begin = begin.checked_add(length)?;
        if unit < begin {
            return Some((u32::try_from(line).ok()?, column.unwrap_or(0)));
        }
    }
}

/// Six bits a byte, the lowest first; the seventh says that more follow.
fn unsigned(bytes: &mut impl Iterator<Item = u8>) -> Option<u32> {
    let mut number = 0_u32;
    for shift in (0..32).step_by(6) {
        let byte = bytes.next()?;
        number |= u32::from(byte & 63) << shift;
        if byte & 64 == 0 {
            return Some(number);
        }
    }
    None
}

/// The lowest bit is the sign.
fn signed(bytes: &mut impl Iterator<Item = u8>) -> Option<i64> {
    let number = unsigned(bytes)?;
    let size = i64::from(number >> 1);
    Some(if number & 1 == 1 { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_locations_is_read() {
        // Three units in a short form, one with another line, one without columns, one in full.
        let table = [
            0x80 | 2 << 3 | 2,
            0x35, // units 0 to 2, column 2*8+3
            0x80 | 11 << 3,
            7,
            9,              // unit 3, the next line, column 7
            0x80 | 15 << 3, // unit 4, nowhere
            0x80 | 13 << 3,
            0b11, // unit 5, one line back
            0x80 | 14 << 3 | 1,
            4,
            0,
            64 | 1,
            2,
            9, // units 6 and 7, two lines on, column 128
        ];
        let at = |unit| position(&table, 10, unit);
        assert_eq!(at(0), Some((10, 19)));
        assert_eq!(at(2), Some((10, 19)));
        assert_eq!(at(3), Some((11, 7)));
        assert_eq!(at(4), Some((11, 0)));
        assert_eq!(at(5), Some((10, 0)));
        assert_eq!(at(7), Some((12, 128)));
        assert_eq!(at(8), None);
    }

    #[test]
    fn any_memory_is_survived() {
        let mut memory = vec![0xff_u8; 4096];
        memory[100..108].copy_from_slice(COOKIE);
        memory[108..116].copy_from_slice(&(VERSION << 16).to_le_bytes());
        assert_eq!(places(&memory, None), None);
        for length in 100..600 {
            assert_eq!(places(&memory[..length], None), None);
        }
        // A list of frames that is a ring.
        memory[116..].fill(0);
        let word = |memory: &mut [u8], at: usize, value: u32| {
            memory[at..at + 4].copy_from_slice(&value.to_le_bytes());
        };
        word(&mut memory, 100 + 8 + 4 * 8, 1000);
        word(&mut memory, 100 + 1000, 100);
        word(&mut memory, 100, u32::from_le_bytes(*b"xdeb"));
        assert!(places(&memory, None).is_none_or(|lines| lines.is_empty()));
    }
}
