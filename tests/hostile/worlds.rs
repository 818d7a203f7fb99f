//! Core modules whose custom section, the world they say they were built for, ends whoever reads it.

use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::program::Place;

/// A core module for a world of packages, each of which uses the one before.
fn module(packages: &[&str]) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let mut last = None;
    for (index, name) in packages.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| packages[before]);
        let (used, ty) = match before {
            Some(before) => (
                format!("use {before}/i.{{t{}}};", index - 1),
                format!("t{}", index - 1),
            ),
            None => (String::new(), "u32".into()),
        };
        let text = format!(
            "package {name}; interface i {{ {used} type t{index} = {ty}; f: func() -> t{index}; }} world w {{ import i; }}"
        );
        last = Some(resolve.push_str("w.wit", &text).unwrap());
    }
    let world = resolve.select_world(&[last.unwrap()], Some("w")).unwrap();
    let mut module = wat::parse_str("(module)").unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    module
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let mut at = 0;
    while let Some(found) = bytes[at..]
        .windows(from.len())
        .position(|window| window == from.as_bytes())
    {
        at += found;
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

#[test]
fn packages_that_depend_on_each_other_are_an_error_of_the_file() {
    let three = module(&["x:aa", "x:bb", "x:cc"]);
    let two = module(&["x:aa", "x:bb"]);
    for (what, bytes) in [
        ("a ring of two", replaced(&three, "x:cc", "x:aa")),
        ("one that is its own", replaced(&two, "x:bb", "x:aa")),
        ("two of a name", replaced(&three, "x:bb", "x:aa")),
        (
            "the last is the middle one",
            replaced(&three, "x:cc", "x:bb"),
        ),
        ("cut", three[..three.len() - 40].to_vec()),
    ] {
        let place = Place::new();
        place.write("arkor.toml", "[trainer]\ncomponent = \"t.wasm\"\n");
        place.write("t.wasm", bytes);
        for arguments in [
            &["run", "--untrusted", "."][..],
            &["run"],
            &["inspect", "--untrusted", "t.wasm"],
            &["build"],
        ] {
            let done = place.arkor(arguments);
            done.ended_in_order(&format!("{what}: {arguments:?}"));
            assert_eq!(
                done.status.code(),
                Some(2),
                "{what}: {arguments:?}: {}",
                done.err
            );
            assert!(done.err.contains("error: "), "{what}: {}", done.err);
        }
    }
}
