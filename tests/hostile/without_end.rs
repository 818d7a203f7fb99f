//! Small files that mean very much: what they ask for is bounded, and the host stays small.

use crate::program::{Place, text, trainer};

/// A section of a module or component.
fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id][..], &number(content.len()), content].concat()
}

/// Unsigned LEB128.
fn number(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let part = u8::try_from(value & 0x7f).unwrap();
        value >>= 7;
        if value == 0 {
            bytes.push(part);
            return bytes;
        }
        bytes.push(part | 0x80);
    }
}

const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

fn component(bytes: &[u8]) -> Place {
    let place = Place::new();
    place.write("arkor.toml", "[trainer]\ncomponent = \"t.wasm\"\n");
    place.write("t.wasm", bytes);
    place
}

/// All commands say the same of it.
fn refused(bytes: &[u8], expected: &str) {
    let place = component(bytes);
    for command in ["run", "inspect", "build"] {
        let done = place.arkor(&[command, "--untrusted", "."]);
        done.expect(2).ended_in_order(command);
        assert!(done.err.contains(expected), "{}", done.err);
    }
    let done = place.dev(&["--untrusted"]);
    done.ended_in_order("dev");
    let all = format!("{}{}", done.out, done.err);
    assert!(all.contains(expected), "{all}");
}

#[test]
fn types_of_components_nest_so_far() {
    for kind in [0x41, 0x42] {
        let mut types = vec![kind, 0];
        let level = [kind, 1, 1];
        types = [level.repeat(200_000), types].concat();
        let section = section(7, &[&[1][..], &types].concat());
        refused(
            &[COMPONENT, &section].concat(),
            "bytes that may begin a level of types",
        );
    }
}

#[test]
fn tables_are_not_filled_by_the_compiler() {
    // 100 tables of a million functions.
    let table = [&[0x70, 0][..], &number(1 << 20)].concat();
    let tables = section(4, &[number(100), table.repeat(100)].concat());
    refused(
        &[MODULE, &tables].concat(),
        "elements that tables begin with",
    );
}

#[test]
fn elements_of_a_segment_are_counted() {
    let types = section(1, &[1, 0x60, 0, 0]);
    let functions = section(3, &[1, 0]);
    let elements = [&[1, 1, 0][..], &number(400_000), &vec![0; 400_000]].concat();
    let elements = section(9, &elements);
    let code = section(10, &[1, 2, 0, 0x0b]);
    let module = [MODULE, &types, &functions, &elements, &code].concat();
    refused(&module, "elements in segments");
}

#[test]
fn instances_of_instances_are_compiled_in_a_process_of_bounded_memory() {
    let mut bytes = COMPONENT.to_vec();
    // Each level has two instances of the one below.
    for _ in 0..40 {
        let inner = section(4, &bytes);
        let two = section(5, &[2, 0, 0, 0, 0, 0, 0]);
        bytes = [COMPONENT, &inner, &two].concat();
    }
    let place = component(&bytes);
    let done = place.arkor(&["inspect", "--untrusted", "."]);
    done.expect(2).ended_in_order("inspect");
    assert!(
        done.err
            .contains("what compiles it may take 4 GiB of memory"),
        "{}",
        done.err
    );
}

#[test]
fn exports_of_exports_are_counted() {
    // Each instance exports the one before twice: 2^16 exports at the last.
    let mut bytes = [
        COMPONENT,
        &section(4, COMPONENT),
        &section(5, &[1, 0, 0, 0]),
    ]
    .concat();
    for before in 0..16 {
        let two = [0, 1, b'a', 5, before, 0, 1, b'b', 5, before];
        bytes.extend(section(5, &[&[1, 1, 2][..], &two].concat()));
    }
    bytes.extend(section(11, &[1, 0, 1, b'z', 5, 16, 0]));
    refused(&bytes, "it has 20001 exports, with those of instances");
}

#[test]
fn modules_that_are_links_to_links_come_to_an_end() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    place.write("arkor.toml", "");
    for file in ["trainer.py", "__init__.py"] {
        place.write(file, "from . import a, b\n");
    }
    for link in ["a", "b"] {
        symlink(".", place.project().join(link)).unwrap();
    }
    let done = place.arkor(&["run", "--untrusted", "."]);
    done.expect(2).ended_in_order("links");
    assert!(done.err.contains("more than 20000 files"), "{}", done.err);
}

#[test]
fn one_large_module_by_many_names_is_counted_by_each() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    place.write("arkor.toml", "");
    place.write("m.py", format!("# {}\n", " ".repeat(8 << 20)));
    let mut source = String::new();
    for index in 0..100 {
        symlink("m.py", place.project().join(format!("m{index}.py"))).unwrap();
        source += &format!("import m{index}\n");
    }
    place.write("trainer.py", source);
    let done = place.arkor(&["run", "--untrusted", "."]);
    done.expect(2).ended_in_order("names");
    assert!(done.err.contains("268435456 bytes"), "{}", done.err);
}

#[test]
fn paths_of_a_million_parts_name_no_module() {
    let place = Place::new();
    place.write("arkor.toml", "");
    let path = vec!["a"; 2_000_000].join(".");
    place.write(
        "trainer.py",
        format!("from .{path} import b\nimport {path}\n"),
    );
    let done = place.arkor(&["run", "--untrusted", "."]);
    done.ended_in_order("parts");
}

#[test]
fn patterns_do_not_multiply() {
    let place = Place::new();
    place.write("arkor.toml", "");
    place.write("text.txt", text());
    let import = format!("import 'p/{}';\n", "a".repeat(3000));
    place.write("trainer.js", import + &trainer(""));
    let pattern = format!("./{}.js", "*".repeat(3_000_000));
    place.write(
        "node_modules/p/package.json",
        format!("{{\"exports\":{{\"./*\":\"{pattern}\"}}}}"),
    );
    let done = place.arkor(&["run", "--untrusted", "."]);
    done.expect(2).ended_in_order("stars");
    place.write("trainer.js", format!("import 'p/{}';\n", "a".repeat(5000)));
    let done = place.arkor(&["run", "--untrusted", "."]);
    done.expect(2);
    assert!(done.err.contains("at most 4096"), "{}", done.err);
}

#[test]
fn a_message_is_cut() {
    let place = Place::new();
    place.write("arkor.toml", "");
    place.write(
        "trainer.js",
        format!("import './{}';\n", "\\n".repeat(4_000)),
    );
    let done = place.arkor(&["run", "--untrusted", "."]);
    done.expect(2);
    assert!(
        done.err.lines().count() < 300,
        "{} lines",
        done.err.lines().count()
    );
    place.write("arkor.toml", format!("\"{}\" = 1\n", "\\n".repeat(400_000)));
    let done = place.arkor(&["run", "--untrusted", "."]);
    done.expect(2);
    assert!(done.err.len() < 100_000, "{} bytes", done.err.len());
}

#[test]
fn panics_of_the_tokenizer_library_are_errors_of_the_file() {
    let place = Place::new();
    place.write("arkor.toml", "");
    place.write("text.txt", text());
    place.write(
        "trainer.js",
        trainer("").replace(
            "dataset: file(\"text.txt\"),",
            "dataset: file(\"text.txt\"), tokenizer: file(\"t.json\"),",
        ),
    );
    for part in [
        r#""normalizer":{"type":"Precompiled","precompiled_charsmap":""}"#,
        r#""normalizer":{"type":"Precompiled","precompiled_charsmap":"CAAAAAAAAAAAAAAA"}"#,
        r#""pre_tokenizer":{"type":"FixedLength","length":0}"#,
    ] {
        place.write(
            "t.json",
            format!(
                r#"{{"version":"1.0",{part},"model":{{"type":"WordLevel","vocab":{{"a":0,"[UNK]":1}},"unk_token":"[UNK]"}}}}"#
            ),
        );
        let done = place.arkor(&["run", "--untrusted", "."]);
        done.ended_in_order(part);
        assert_ne!(done.status.code(), Some(0), "{part}");
        assert!(!done.err.contains("/src/"), "{part}: {}", done.err);
    }
}

#[test]
fn names_of_modules_count_as_text_does() {
    let place = Place::new();
    place.write("arkor.toml", "");
    let folders = vec!["a".repeat(230); 15].join("/");
    place.write(&format!("{folders}/m.js"), "");
    place.write(
        "package.json",
        format!("{{\"imports\":{{\"#*\":\"./{folders}/m.js\"}}}}"),
    );
    let imports: String = (0..9_000).map(|at| format!("import '#{at}';\n")).collect();
    let mut source = String::new();
    for index in 0..20 {
        place.write(&format!("f{index}.js"), &imports);
        source += &format!("import './f{index}.js';\n");
    }
    place.write("trainer.js", source);
    let done = place.arkor(&["run", "--untrusted", "."]);
    done.expect(2).ended_in_order("names");
    assert!(done.err.contains("256 MB"), "{}", done.err);
}
