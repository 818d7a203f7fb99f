//! Writes what SDKs have of the contract in `wit/`: `src/bindings.rs` of `arkor-guest`, the types of
//! `guest-sdk/js` and `guest-sdk/python`, the bindings of `guest-sdk/c` and `guest-sdk/go`, and the worlds as
//! custom sections.
//!
//! The bindings are a file of the crate rather than the output of a macro, because the macro and
//! what it is made of take four times as long to compile as all the rest of a trainer.
//!
//! ```sh
//! cargo run --package generate            # write the file
//! cargo run --package generate -- --check # fail if it is not what would be written
//! ```

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use wit_bindgen_core::{Files, WorldGenerator, wit_parser::Resolve};
use wit_bindgen_rust::Opts;

mod c;
mod contract;
mod go;
mod python;
mod typescript;

fn main() -> Result<()> {
    let check = std::env::args().any(|argument| argument == "--check");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = folder.join("src/bindings.rs");
    let wit = folder.join("../../wit");

    // The managed world is the loop world without the loop: its types and interfaces are those
    // of the loop world, only what it exports is less.
    let text = bindings(&wit, "loop-trainer", "export_loop_trainer")?
        + &export_macro(&bindings(
            &wit,
            "managed-trainer",
            "export_managed_trainer",
        )?)?;

    // Generated errors show themselves as their debug text; people get sentences.
    const DEBUG_TEXT: &str = r#"write!(f, "{:?}", self)"#;
    ensure!(
        text.matches(DEBUG_TEXT).count() == 6,
        "there is a new error type, or one less: see src/error.rs"
    );
    let text = text.replace(DEBUG_TEXT, "crate::error::Explain::explain(self, f)");

    let mut resolve = Resolve::default();
    resolve
        .push_path(&wit)
        .with_context(|| format!("could not read {}", wit.display()))?;
    let js = folder.join("../js");
    let api = js.join("api.d.ts");
    let by_hand = std::fs::read_to_string(&api)
        .with_context(|| format!("could not read {}", api.display()))?;
    let types = typescript::types(&resolve, "loop-trainer")?;
    let script = format!("{HEADER}\n{types}{by_hand}");

    let python = (
        folder.join("../python/src/arkor/types.py"),
        python::types(&resolve, "loop-trainer")?,
    );

    let mut files: Vec<(_, Vec<u8>)> = [(target, text), (js.join("index.d.ts"), script), python]
        .map(|(target, text)| (target, text.into_bytes()))
        .into();
    let sdk = folder.join("..");
    for (name, text) in go::files(&resolve)? {
        files.push((sdk.join("go").join(name), text.into_bytes()));
    }
    for world in ["managed-trainer", "loop-trainer"] {
        for (name, text) in c::bindings(&wit, world)? {
            files.push((sdk.join("c/generated").join(name), text.into_bytes()));
        }
        let section = c::custom_section(&wit, world)?;
        // Go can embed only what lies beside its source.
        for place in ["component-type", "go/build"] {
            let target = sdk.join(place).join(format!("{world}.section"));
            files.push((target, section.clone()));
        }
    }

    for (target, text) in files {
        if check {
            let current = std::fs::read(&target).unwrap_or_default();
            ensure!(
                current == text,
                "{} does not match wit/: run `cargo run --package generate` in guest-sdk/rust",
                target.display()
            );
        } else {
            std::fs::write(&target, text)
                .with_context(|| format!("could not write {}", target.display()))?;
        }
    }
    Ok(())
}

const HEADER: &str = "\
// What a trainer in TypeScript or JavaScript gets from arkor-host: the module \"arkor\".
//
// Made from wit/ and api.d.ts by `cargo run --package generate` in guest-sdk/rust.
";

fn bindings(wit: &Path, world_name: &str, export_macro: &str) -> Result<String> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_path(wit)
        .with_context(|| format!("could not read {}", wit.display()))?;
    let world = resolve.select_world(&[package], Some(world_name))?;
    let options = Opts {
        format: true,
        generate_all: true,
        generate_unused_types: true,
        additional_derive_attributes: vec!["PartialEq".into()],
        // Records in which every field may be left out. The managed world has no session.
        additional_type_attributes: [
            "arkor:trainer/types@0.1.0/measurement",
            "arkor:trainer/types@0.1.0/sampling",
            "arkor:trainer/definition@0.1.0/hyperparameters",
            "arkor:trainer/hooks@0.1.0/progress",
            "arkor:trainer/session@0.1.0/datum",
        ]
        .into_iter()
        .filter(|name| world_name != "managed-trainer" || !name.contains("session"))
        .map(|name| (name.to_owned(), "#[derive(Default)]".to_owned()))
        .collect(),
        runtime_path: Some("::wit_bindgen::rt".into()),
        default_bindings_module: Some("$crate::bindings".into()),
        export_macro_name: Some(export_macro.into()),
        pub_export_macro: true,
        ..Opts::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files)?;
    let Some((_, bytes)) = files.iter().next() else {
        bail!("nothing was generated");
    };
    Ok(String::from_utf8(bytes.to_vec())?)
}

/// The macro that exports a world, with what stands before it.
fn export_macro(bindings: &str) -> Result<String> {
    let at = bindings
        .find("macro_rules! __export_managed_trainer_impl")
        .context("the export macro is missing")?;
    let start = bindings[..at]
        .rfind("\n/// Generates")
        .context("its documentation is missing")?;
    let end = bindings[at..]
        .find("pub use __export_managed_trainer_impl as export_managed_trainer;")
        .context("its name is missing")?;
    let line = bindings[at + end..].find('\n').unwrap_or_default();
    Ok(bindings[start..=at + end + line].to_owned())
}
