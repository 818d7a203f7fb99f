//! What is done with a component's bytes before they are compiled: counted, validated, and wrapped if they
//! are a core module.
#![allow(dead_code)]

#[path = "../../../host/arkor-runtime/src/component/bounds.rs"]
pub(crate) mod bounds;
#[path = "../../../host/arkor-runtime/src/component/componentize.rs"]
mod componentize;
#[path = "../../../host/arkor-runtime/src/component/debug.rs"]
pub(crate) mod debug;
#[path = "../../../host/arkor-runtime/src/component/process.rs"]
pub(crate) mod process;
#[path = "../../../host/arkor-runtime/src/component/work.rs"]
mod work;
#[path = "../../../host/arkor-runtime/src/component/wrapper.rs"]
pub(crate) mod wrapper;

/// The runtime does this on a thread whose panics are errors of the component.
pub(crate) fn run(data: &[u8]) {
    let _ = crate::caught(|| componentize::component_bytes("fuzz", data));
}
