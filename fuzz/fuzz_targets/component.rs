//! What is done with a component's bytes before they are compiled: counted, validated, and wrapped if they
//! are a core module.
#![no_main]
#![allow(dead_code, unreachable_pub, unused_imports)]

use libfuzzer_sys::fuzz_target;

#[path = "../../host/arkor-runtime/src/component/bounds.rs"]
mod bounds;
#[path = "../../host/arkor-runtime/src/component/componentize.rs"]
mod componentize;

/// The variants of the runtime's error that these two make.
mod error {
    #[derive(Debug)]
    pub(crate) enum RuntimeError {
        Invalid { name: String, problem: String },
        TooLarge { name: String, problem: String },
        Componentize { name: String, reason: String },
    }
}

fuzz_target!(
    // The runtime does this on a thread whose panics are errors of the component.
    init: std::panic::set_hook(Box::new(|_| {})),
    |data: &[u8]| {
        let work = || {
            let _ = componentize::component_bytes("fuzz", data);
        };
        let _ = std::panic::catch_unwind(work);
    }
);
