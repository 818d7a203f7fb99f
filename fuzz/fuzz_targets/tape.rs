//! Recorded events, as `arkor-host replay` reads them.
#![no_main]
#![allow(dead_code, unreachable_pub)]

use libfuzzer_sys::fuzz_target;

#[path = "../../host/arkor-host/src/commands/replay/tape.rs"]
mod tape;

fuzz_target!(|data: &[u8]| {
    let _ = tape::events(data);
});
