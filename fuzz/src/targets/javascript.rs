//! The translator of JavaScript and TypeScript, in process: the first byte chooses the kind of file.

const NAMES: [&str; 7] = [
    "a.ts",
    "a.js",
    "a.mjs",
    "a.cjs",
    "node_modules/a/a.js",
    "a.mts",
    "a.json",
];

pub(crate) fn run(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    let name = NAMES[usize::from(*kind) % NAMES.len()];
    arkor_project::fuzzing::javascript(name, crate::text(rest));
}
