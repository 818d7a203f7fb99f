//! Whether a third-party crate is compiled twice by what a newcomer runs: the program, this one, the tests, and what
//! is measured. Cargo chooses the features of a crate by all that is built together.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::{command, host};

/// Fails if `cargo run --release`, `cargo xtask` or `cargo xtask bench` needs a third-party crate in another form than
/// the tests do. Builds what is not built yet.
pub(crate) fn check() -> Result<()> {
    let tests = files(&["test", "--release", "--workspace", "--no-run"])?;
    let ways: [&[&str]; 3] = [
        &["build", "--release"],
        &["build", "--release", "--package", "xtask"],
        &host::BENCHMARKS,
    ];
    for way in ways {
        let others = files(way)?;
        let twice: Vec<&str> = others.difference(&tests).map(String::as_str).collect();
        ensure!(
            twice.is_empty(),
            "cargo {} and the tests compile crates with different features: settle them in \
             xtask/workspace-hack/Cargo.toml\n  {}",
            way.join(" "),
            twice.join("\n  ")
        );
    }
    println!("each third-party crate is compiled once");
    Ok(())
}

/// What cargo says of what it made.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    package_id: String,
    #[serde(default)]
    filenames: Vec<String>,
}

/// What a cargo command makes of third-party crates; a file's name says with which features.
fn files(words: &[&str]) -> Result<BTreeSet<String>> {
    let mut cargo = command::cargo(words);
    let printed = command::output(cargo.args(["--quiet", "--message-format=json"]))?;
    let mut files = BTreeSet::new();
    for line in printed.lines().filter(|line| line.starts_with('{')) {
        let message: Message = serde_json::from_str(line).context("cargo printed no JSON")?;
        if message.reason == "compiler-artifact" && !message.package_id.starts_with("path+") {
            files.extend(message.filenames);
        }
    }
    ensure!(!files.is_empty(), "cargo {} made nothing", words.join(" "));
    Ok(files)
}
