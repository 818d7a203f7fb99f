//! How much debug information makes of itself.
//!
//! It is read when a trainer traps, once for each frame, by the host and for as long as it takes. Its parts name
//! each other by offset: a hundred units may share one table of lines, and each of them makes its own copy, 24
//! bytes for a byte. So what is read is counted as it will be read, when the component is loaded.

use gimli::{
    AttributeValue, DebuggingInformationEntry, Dwarf, EndianSlice, Error, Format, LittleEndian,
    Result, Section, SectionId, UnitHeader,
};

use super::bounds::{Bound, FILE_SIZE};

type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// Work for a range of addresses, which is kept.
const RANGE: u64 = 32;

/// Work for an entry, and for each of its attributes.
const ENTRY: u64 = 2;

/// The sections of one module.
#[derive(Default)]
pub(crate) struct Sections<'a>(Vec<(&'a str, &'a [u8])>);

/// The limits.
pub(crate) struct Debug {
    work: Bound,
    depth: Bound,
    text: Bound,
    index: Bound,
}

impl Default for Debug {
    fn default() -> Self {
        Self {
            // A second and 400 MB at a trap.
            work: Bound::new("bytes of tables and entries for debuggers", 16 << 20),
            depth: Bound::new("levels of entries for debuggers", 500),
            text: Bound::new("bytes in a name for debuggers", 16 << 10),
            // More than a file has bytes.
            index: Bound::new("as an index for debuggers", FILE_SIZE),
        }
    }
}

impl<'a> Sections<'a> {
    /// Takes a custom section if it is of this kind.
    pub(crate) fn add(&mut self, name: &'a str, data: &'a [u8]) {
        if name.starts_with(".debug_") {
            self.0.push((name, data));
        }
    }
}

type Counted = std::result::Result<(), String>;

impl Debug {
    /// Adds what a module has.
    pub(crate) fn add(&mut self, sections: &Sections<'_>) -> Counted {
        if sections.0.is_empty() {
            return Ok(());
        }
        let load = |id: SectionId| {
            // Of two with a name the last is taken.
            let found = sections.0.iter().rfind(|(name, _)| *name == id.name());
            let data = found.map_or(&[][..], |(_, data)| data);
            Ok::<_, Error>(EndianSlice::new(data, LittleEndian))
        };
        let Ok(dwarf) = Dwarf::load(load) else {
            return Ok(());
        };
        for strings in [dwarf.debug_str.reader(), dwarf.debug_line_str.reader()] {
            for text in strings.slice().split(|byte| *byte == 0) {
                self.text.largest(text.len() as u64)?;
            }
        }
        let mut units = dwarf.units();
        // What cannot be read is passed over here as it is later.
        while let Ok(Some(header)) = units.next() {
            if let Ok(counted) = self.unit(&dwarf, header) {
                counted?;
            }
        }
        Ok(())
    }

    fn unit(&mut self, dwarf: &Dwarf<Slice<'_>>, header: UnitHeader<Slice<'_>>) -> Result<Counted> {
        let all = dwarf.debug_abbrev.reader().slice();
        let abbreviations = all.get(header.debug_abbrev_offset().0..);
        if let Err(problem) = self
            .work
            .add(table_length(abbreviations.unwrap_or_default()))
        {
            return Ok(Err(problem));
        }
        if header.format() == Format::Dwarf64 {
            return Ok(Err(format!(
                "it has debug information in the 64-bit format, which is not read: {}",
                "build it with the 32-bit one (`-gdwarf32`) or without"
            )));
        }
        // The first entry is looked into already to open the unit.
        let names = header.abbreviations(&dwarf.debug_abbrev)?;
        if let Some(first) = header.entries(&names).next_dfs()? {
            let counted = self.indices(first);
            if counted.is_err() {
                return Ok(counted);
            }
        }
        let unit = dwarf.unit(header)?;
        if let Some(program) = &unit.line_program {
            let header = program.header();
            let mut counted = self.work.add(header.unit_length() as u64);
            let files = header.file_names().iter().map(|file| file.path_name());
            for name in header.include_directories().iter().copied().chain(files) {
                if let AttributeValue::String(text) = name {
                    counted = counted.and_then(|()| self.text.largest(text.len() as u64));
                }
            }
            if counted.is_err() {
                return Ok(counted);
            }
        }
        let mut entries = unit.entries();
        while let Some(entry) = entries.next_dfs()? {
            let depth = u64::try_from(entry.depth()).unwrap_or(0);
            let counted = self
                .depth
                .largest(depth)
                .and_then(|()| self.entry(entry))
                .and_then(|()| self.indices(entry));
            if counted.is_err() {
                return Ok(counted);
            }
            for attribute in entry.attrs() {
                let counted = match attribute.name() {
                    gimli::DW_AT_low_pc => self.work.add(RANGE),
                    gimli::DW_AT_ranges => self.ranges(dwarf, &unit, attribute.value()),
                    _ => Ok(()),
                };
                if counted.is_err() {
                    return Ok(counted);
                }
            }
        }
        Ok(Ok(()))
    }

    /// Also entries that make no range are read, each time.
    fn ranges(
        &mut self,
        dwarf: &Dwarf<Slice<'_>>,
        unit: &gimli::Unit<Slice<'_>>,
        list: AttributeValue<Slice<'_>>,
    ) -> Counted {
        // Broken ones are not kept.
        if let Ok(Some(offset)) = dwarf.attr_ranges_offset(unit, list)
            && let Ok(mut entries) = dwarf.raw_ranges(unit, offset)
        {
            while let Ok(Some(_)) = entries.next() {
                self.work.add(RANGE)?;
            }
        }
        Ok(())
    }

    /// The library multiplies them by the size of what they count, whatever comes of it.
    fn indices(&mut self, entry: &DebuggingInformationEntry<Slice<'_>>) -> Counted {
        for attribute in entry.attrs() {
            let index = match attribute.value() {
                AttributeValue::DebugAddrIndex(index) => index.0,
                AttributeValue::DebugStrOffsetsIndex(index) => index.0,
                AttributeValue::DebugRngListsIndex(index) => index.0,
                AttributeValue::DebugLocListsIndex(index) => index.0,
                _ => 0,
            };
            self.index.largest(index as u64)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &DebuggingInformationEntry<Slice<'_>>) -> Counted {
        for attribute in entry.attrs() {
            if let AttributeValue::String(text) = attribute.value() {
                self.text.largest(text.len() as u64)?;
            }
        }
        self.work.add(ENTRY * (1 + entry.attrs().len() as u64))
    }
}

/// The form of an attribute whose value is in the table.
const IMPLICIT: u64 = 0x21;

/// Bytes of the table of abbreviations at the beginning.
fn table_length(bytes: &[u8]) -> u64 {
    let mut table = Table(bytes);
    while table.number() != 0 && !table.0.is_empty() {
        let (_tag, _has_children) = (table.number(), table.number());
        loop {
            let (name, form) = (table.number(), table.number());
            if form == IMPLICIT {
                table.number();
            }
            if (name == 0 && form == 0) || table.0.is_empty() {
                break;
            }
        }
    }
    (bytes.len() - table.0.len()) as u64
}

struct Table<'a>(&'a [u8]);

impl Table<'_> {
    /// The next number in LEB128, as far as it matters here: large ones are not what they are.
    fn number(&mut self) -> u64 {
        let mut value = 0_u64;
        while let [byte, rest @ ..] = self.0 {
            self.0 = rest;
            value |= u64::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                break;
            }
        }
        value
    }
}

#[cfg(test)]
mod tests;
