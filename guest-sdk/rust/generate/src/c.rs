//! The contract in C: what wit-bindgen makes of both worlds, for `guest-sdk/c`, and the worlds themselves as
//! custom sections, for every toolchain whose modules have none.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use wit_bindgen_c::Opts;
use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::{Resolve, WorldId};
use wit_component::{StringEncoding, metadata};

/// Names in C begin with this, whatever the world: a trainer is compiled for either of them.
const PREFIX: &str = "arkor";

/// What is generated for a world: names of files in `guest-sdk/c/generated`, and their text.
pub(crate) fn bindings(wit: &Path, world_name: &str) -> Result<Vec<(String, String)>> {
    let (mut resolve, world) = world(wit, world_name)?;
    let section = metadata::encode(&resolve, world, StringEncoding::UTF8, None)?;
    let options = Opts {
        // The section is part of the source, so that there is no object to link.
        no_object_file: true,
        rename_world: Some(PREFIX.into()),
        ..Opts::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files)?;
    let mut made = Vec::new();
    for (name, bytes) in files.iter() {
        let ending = name.rsplit('.').next().context("a file without ending")?;
        let mut text = String::from_utf8(bytes.to_vec())?
            // The header has the name of its world again, or the two would be mistaken.
            .replace(
                "#include \"arkor.h\"",
                &format!("#include \"{world_name}.h\""),
            );
        if ending == "c" {
            // What follows would ask for the object.
            let end = text
                .find("\n// Ensure that the *_component_type.o object is linked in")
                .context("the generated code ends otherwise")?;
            text.truncate(end);
            text += &section_in_c(world_name, &section)?;
        }
        let lines = text.lines().map(|line| line.trim_end().to_owned() + "\n");
        let text: String = lines.collect();
        made.push((format!("{world_name}.{ending}"), text));
    }
    Ok(made)
}

/// The custom section that tells a host, or `wasm-tools component new`, which world a core module is made for.
/// It can be appended to a finished module.
pub(crate) fn custom_section(wit: &Path, world_name: &str) -> Result<Vec<u8>> {
    let (resolve, world) = world(wit, world_name)?;
    let content = metadata::encode(&resolve, world, StringEncoding::UTF8, None)?;
    let name = section_name(world_name);
    let mut body = Vec::new();
    leb128(name.len(), &mut body);
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(&content);
    let mut section = vec![0];
    leb128(body.len(), &mut section);
    section.extend_from_slice(&body);
    Ok(section)
}

fn section_name(world_name: &str) -> String {
    format!("component-type:{world_name}")
}

fn world(wit: &Path, name: &str) -> Result<(Resolve, WorldId)> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_path(wit)
        .with_context(|| format!("could not read {}", wit.display()))?;
    let world = resolve.select_world(&[package], Some(name))?;
    Ok((resolve, world))
}

fn leb128(mut number: usize, to: &mut Vec<u8>) {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            to.push(low);
            return;
        }
        to.push(low | 0x80);
    }
}

/// The section as assembly, which every C compiler for wasm passes on: clang, and so wasi-sdk and zig.
fn section_in_c(world_name: &str, content: &[u8]) -> Result<String> {
    const BYTES_IN_A_LINE: usize = 24;
    let name = section_name(world_name);
    let mut text = format!(
        "\n// The world, for who makes a component of the module.\n__asm__(\n    \".section \
         \\\".custom_section.{name}\\\",\\\"\\\",@\\n\"\n"
    );
    for line in content.chunks(BYTES_IN_A_LINE) {
        text += "    \".ascii \\\"";
        for byte in line {
            match byte {
                b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' | b':' | b'/' | b'@' => {
                    text.push(char::from(*byte));
                }
                _ => write!(text, "\\\\{byte:03o}")?,
            }
        }
        text += "\\\"\\n\"\n";
    }
    text += "    \".text\\n\");\n";
    Ok(text)
}
