//! `arkor.toml`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| arkor_project::fuzzing::project_file(text));
