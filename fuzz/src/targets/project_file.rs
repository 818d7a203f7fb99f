//! `arkor.toml`.

pub(crate) fn run(data: &[u8]) {
    arkor_project::fuzzing::project_file(crate::text(data));
}
