//! What the host reads from its parser process, which a file may have taken over, and the process from it.

pub(crate) fn run(data: &[u8]) {
    arkor_project::fuzzing::parser_frames(data);
}
