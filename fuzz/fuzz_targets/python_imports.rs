//! The scanner for import statements of Python.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| arkor_project::fuzzing::python_imports(text));
