//! The Studio in a headless Chromium, on a project that is edited while it trains.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "../cli/harness.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod harness;

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

/// A browser of the Chromium family.
fn browser() -> PathBuf {
    if let Some(path) = std::env::var_os("ARKOR_CHROMIUM") {
        return path.into();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    [
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ]
    .iter()
    .flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)))
    .find(|program| program.is_file())
    .expect("there is no Chromium on the PATH: `cargo xtask test` installs what tests need")
}

#[test]
fn the_page_shows_what_happens_to_an_edited_trainer() {
    let scripts = harness::repository().join("tests/browser");
    assert!(
        scripts.join("node_modules/playwright-core").is_dir(),
        "playwright-core is missing: `cargo xtask test` installs what tests need"
    );
    let project = harness::example("rust-quickstart");
    let mut dev = project
        .command(["dev", "--json", "--port", "0", "--max-steps", "1000000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(dev.stdout.take().unwrap()).lines();
    let studio = loop {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        if line["type"] == "studio" {
            break line;
        }
    };
    // Somebody has to read what it says.
    let reader = std::thread::spawn(move || lines.map_while(Result::ok).last());
    let file = std::fs::read_to_string(studio["token_file"].as_str().unwrap()).unwrap();
    let secret: Value = serde_json::from_str(&file).unwrap();
    let url = format!(
        "{}/#token={}",
        studio["url"].as_str().unwrap(),
        secret["token"].as_str().unwrap()
    );
    let node = Command::new("node")
        .arg(scripts.join("studio.mjs"))
        .arg(browser())
        .arg(url)
        .arg(project.path("src/lib.rs"))
        .stdin(Stdio::null())
        .output()
        .expect("node is on the PATH");
    let pid = dev.id().to_string();
    Command::new("kill").args(["-INT", &pid]).status().unwrap();
    dev.wait().unwrap();
    let last = reader.join().unwrap();
    let mut said = String::new();
    node.stdout.as_slice().read_to_string(&mut said).unwrap();
    node.stderr.as_slice().read_to_string(&mut said).unwrap();
    assert!(node.status.success(), "{said}\n{last:?}");
    assert!(said.contains("all of it was seen"), "{said}");
}
