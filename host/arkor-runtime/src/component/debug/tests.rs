//! Debug information that is small in a file and large once it is read.

use wasm_encoder::{CustomSection, Module};

use crate::component::bounds::tests::problem;

fn module(sections: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut module = Module::new();
    for (name, data) in sections {
        module.section(&CustomSection {
            name: (*name).into(),
            data: data.into(),
        });
    }
    module.finish()
}

/// What has its length before it.
fn long(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap();
    [&length.to_le_bytes(), content].concat()
}

/// A unit in version 4 with 32-bit addresses.
fn unit(abbreviations: u32, entries: &[u8]) -> Vec<u8> {
    let offset = abbreviations.to_le_bytes();
    long(&[&[4, 0], &offset[..], &[4], entries].concat())
}

/// Entries of kind 1: a unit with a table of lines. Kind 2: one with ranges. Kind 3: a block that has others in
/// it. Kind 4: a function with its name.
fn abbreviations() -> Vec<u8> {
    [
        &[1, 0x11, 0, 0x10, 0x17, 0, 0][..],
        &[2, 0x11, 0, 0x55, 0x17, 0, 0],
        &[3, 0x11, 1, 0, 0],
        &[4, 0x2e, 0, 0x03, 0x08, 0, 0],
        &[0],
    ]
    .concat()
}

fn lines(rows: usize) -> Vec<u8> {
    let header = [
        &[1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1][..],
        b"\0a.c\0\0\0\0\0",
    ];
    let header = header.concat();
    let program = [&vec![0x4b; rows][..], &[0, 1, 1]].concat();
    long(&[&[4, 0][..], &long(&header), &program].concat())
}

fn tables(units: usize, rows: usize) -> Vec<u8> {
    let one = unit(0, &[1, 0, 0, 0, 0]);
    module(&[
        (".debug_abbrev", abbreviations()),
        (".debug_info", one.repeat(units)),
        (".debug_line", lines(rows)),
    ])
}

#[test]
fn units_that_share_a_table_of_lines_are_counted_each() {
    assert_eq!(problem(&tables(10, 100_000)), "fine");
    let found = problem(&tables(200, 100_000));
    assert!(
        found.contains("bytes of tables and entries for debuggers"),
        "{found}"
    );
    let found = problem(&tables(1, 17 << 20));
    assert!(
        found.contains("bytes of tables and entries for debuggers"),
        "{found}"
    );
}

#[test]
fn so_are_ranges_and_abbreviations() {
    let one = unit(0, &[2, 0, 0, 0, 0]);
    let ranges = [1_u32.to_le_bytes(), 2_u32.to_le_bytes()].concat();
    let shared = |units: usize, count: usize| {
        module(&[
            (".debug_abbrev", abbreviations()),
            (".debug_info", one.repeat(units)),
            (".debug_ranges", [ranges.repeat(count), vec![0; 8]].concat()),
        ])
    };
    assert_eq!(problem(&shared(100, 100)), "fine");
    let found = problem(&shared(1000, 1000));
    assert!(found.contains("bytes of tables"), "{found}");

    let kinds = |code: u8| [code | 0x80, 1, 0x2e, 0, 0, 0];
    let many: Vec<u8> = (5..100).flat_map(kinds).collect();
    let table = [many.repeat(100), abbreviations()].concat();
    let found = problem(&module(&[
        (".debug_abbrev", table),
        (".debug_info", unit(0, &[1, 0, 0, 0, 0]).repeat(1000)),
    ]));
    assert!(found.contains("bytes of tables"), "{found}");
}

#[test]
fn nesting_and_names_have_bounds() {
    let deep = |levels: usize| {
        let entries = [vec![3; levels], vec![0; levels]].concat();
        module(&[
            (".debug_abbrev", abbreviations()),
            (".debug_info", unit(0, &entries)),
        ])
    };
    assert_eq!(problem(&deep(400)), "fine");
    let found = problem(&deep(1000));
    assert!(found.contains("levels of entries for debuggers"), "{found}");

    let name = [&[3, 4][..], &vec![b'a'; 20_000], &[0, 0]].concat();
    for sections in [
        vec![
            (".debug_abbrev", abbreviations()),
            (".debug_info", unit(0, &name)),
        ],
        vec![(".debug_str", vec![b'a'; 20_000])],
    ] {
        let found = problem(&module(&sections));
        assert!(
            found.contains("20000 bytes in a name for debuggers"),
            "{found}"
        );
    }
}

/// Version 5: indices of addresses, texts, ranges and locations in the first entry and in one below it.
#[test]
fn indices_that_no_table_can_have_are_refused() {
    for form in [0x1a, 0x1b, 0x22, 0x23] {
        // DW_AT_name with another form will do: the library takes the form at its word.
        for attribute in [0x03, 0x11, 0x55] {
            let kinds = [
                &[1, 0x11, 1, attribute, form, 0, 0][..],
                &[2, 0x2e, 0, attribute, form, 0, 0, 0],
            ];
            for largest in [0_usize, 1] {
                let index = |at: usize| match at == largest {
                    true => [&[0xff; 9][..], &[1]].concat(),
                    false => vec![0],
                };
                let entries = [&[1][..], &index(0), &[2], &index(1), &[0]].concat();
                let unit = long(&[&[5, 0, 1, 4, 0, 0, 0, 0], &entries[..]].concat());
                let found = problem(&module(&[
                    (".debug_abbrev", kinds.concat()),
                    (".debug_info", unit),
                    (".debug_rnglists", vec![0; 64]),
                    (".debug_loclists", vec![0; 64]),
                    (".debug_addr", vec![0; 64]),
                    (".debug_str_offsets", vec![0; 64]),
                ]));
                assert!(
                    found.contains("as an index for debuggers"),
                    "{form:x} {attribute:x} {largest}: {found}"
                );
            }
        }
    }
}

#[test]
fn the_64_bit_format_is_refused() {
    let content = [&[5, 0, 1, 4][..], &[0; 8], &[1]].concat();
    let length = u64::try_from(content.len()).unwrap().to_le_bytes();
    let unit = [&[0xff; 4][..], &length, &content].concat();
    let found = problem(&module(&[
        (".debug_abbrev", vec![1, 0x11, 0, 0, 0, 0]),
        (".debug_info", unit),
    ]));
    assert!(found.contains("64-bit format"), "{found}");
}

#[test]
fn what_cannot_be_read_is_passed_over() {
    let whole = tables(3, 10);
    for end in 12..whole.len() {
        let mut cut = whole.clone();
        cut[end] ^= 0xff;
        // Never a panic; most of it is no concern of a run.
        let _ = problem(&cut);
    }
}
