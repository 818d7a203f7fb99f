//! Debug information of a component that is accepted and then read when it traps: a byte that names a section, its length in two
//! bytes, the section, and so on.

use super::component::debug::{Debug, Sections};
use addr2line::gimli::{Dwarf, EndianSlice, Error, LittleEndian};

const SECTIONS: [&str; 10] = [
    ".debug_abbrev",
    ".debug_info",
    ".debug_line",
    ".debug_str",
    ".debug_line_str",
    ".debug_ranges",
    ".debug_rnglists",
    ".debug_addr",
    ".debug_str_offsets",
    ".debug_aranges",
];

pub(crate) fn run(mut data: &[u8]) {
    let mut sections = [&[][..]; SECTIONS.len()];
    while let [kind, low, high, rest @ ..] = data {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (section, others) = rest.split_at(length);
        sections[usize::from(*kind) % SECTIONS.len()] = section;
        data = others;
    }
    let dwarf = Dwarf::load(|id| {
        let index = SECTIONS.iter().position(|name| *name == id.name());
        let section = index.map_or(&[][..], |index| sections[index]);
        Ok::<_, Error>(EndianSlice::new(section, LittleEndian))
    });
    let mut all = Sections::default();
    for (name, section) in SECTIONS.iter().zip(sections) {
        all.add(name, section);
    }
    if Debug::default().add(&all).is_err() {
        return;
    }
    let Ok(context) = addr2line::Context::from_dwarf(dwarf.unwrap()) else {
        return;
    };
    for address in [0, 1, 5, 100, 1000, 1 << 20, u64::from(u32::MAX)] {
        let Ok(mut frames) = context.find_frames(address).skip_all_loads() else {
            continue;
        };
        let mut seen = 0;
        while let Ok(Some(frame)) = frames.next() {
            if let Some(function) = frame.function {
                let _ = function.raw_name();
            }
            let _ = frame.location.map(|at| (at.file.map(str::len), at.line));
            seen += 1;
            assert!(seen <= 501);
        }
    }
}
