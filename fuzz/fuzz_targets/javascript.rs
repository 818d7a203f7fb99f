//! The translator of JavaScript and TypeScript, in process: the first byte chooses the kind of file.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(
    // A panic in the parser is an error of the file; libFuzzer's own hook would end the process.
    init: std::panic::set_hook(Box::new(|_| {})),
    |data: &[u8]| {
        let Some((kind, rest)) = data.split_first() else {
            return;
        };
        let Ok(text) = std::str::from_utf8(rest) else {
            return;
        };
        let names = ["a.ts", "a.js", "a.mjs", "a.cjs", "node_modules/a/a.js", "a.mts"];
        let name = names[usize::from(*kind) % names.len()];
        arkor_project::fuzzing::javascript(name, text);
    }
);
