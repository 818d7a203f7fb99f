//! Generated from `wit/`; nothing here is written by hand.
#![allow(missing_docs, unreachable_pub)]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "language-runtime",
    imports: { default: async | trappable },
    exports: { default: async },
});
