//! The types of guest-sdk/python, by the checker that users have.

use std::process::Command;

use crate::harness::repository;

#[test]
fn pyright_accepts_what_is_right_and_refuses_what_is_wrong() {
    let pyright = repository().join("guest-sdk/js/node_modules/pyright/index.js");
    assert!(
        pyright.exists(),
        "npm ci in guest-sdk/js; `cargo xtask test` does that"
    );
    let mut node = Command::new("node");
    node.arg(pyright)
        .current_dir(repository().join("guest-sdk/python"));
    let done = node.output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}");
}
