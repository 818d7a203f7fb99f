//! What a project's `cargo build` prints on standard output.

pub(crate) fn run(data: &[u8]) {
    arkor_project::fuzzing::cargo_messages(crate::text(data));
}
