//! The types of guest-sdk/js, by the compiler that users have.

use std::process::Command;

use crate::harness::repository;

#[test]
fn tsc_accepts_what_is_right_and_refuses_what_is_wrong() {
    let folder = repository().join("guest-sdk/js");
    let tsc = folder.join("node_modules/typescript/bin/tsc");
    assert!(
        tsc.exists(),
        "npm ci in guest-sdk/js; `cargo xtask test` does that"
    );
    let mut node = Command::new("node");
    let done = node
        .arg(tsc)
        .args(["--project", "test"])
        .current_dir(folder);
    let done = done.output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}");
}
