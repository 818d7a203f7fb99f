//! The world that a core module says it was built for, in a module that is valid. What reads it recurses without
//! bound, in a process of its own, as in the host: each input must get an answer, and this process must live.

use std::borrow::Cow;

use wasm_encoder::{CustomSection, ExportKind, ExportSection, MemorySection, MemoryType, Module};

pub(crate) fn run(data: &[u8]) {
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    let mut module = Module::new();
    module
        .section(&memories)
        .section(&exports)
        .section(&CustomSection {
            name: Cow::Borrowed("component-type:fuzz"),
            data: Cow::Borrowed(data),
        });
    super::component::run(&module.finish());
}
