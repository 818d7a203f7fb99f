//! `requirements.txt`.

pub(crate) fn run(data: &[u8]) {
    arkor_project::fuzzing::requirements(data);
}
