//! Recorded events, as `arkor-host replay` reads them.
#![allow(dead_code)]

#[path = "../../../host/arkor-host/src/commands/replay/tape.rs"]
mod tape;

pub(crate) fn run(data: &[u8]) {
    let _ = tape::events(data);
}
