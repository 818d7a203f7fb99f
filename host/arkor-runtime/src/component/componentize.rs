//! A core module becomes a component.

use std::borrow::Cow;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{Parser, Validator};
use wit_component::ComponentEncoder;

use super::bounds;
use crate::error::RuntimeError;

/// Whether the preview 1 adapter is or will be in these bytes: they are a core module, or among the names at
/// the component's end is that of the adapter.
pub(super) fn is_adapted(bytes: &[u8]) -> bool {
    const END: usize = 64 << 10;
    const NAME: &[u8] = b"wit-component:adapter:wasi_snapshot_preview1";
    let end = bytes.len().saturating_sub(END);
    let end = bytes.get(end..).unwrap_or_default();
    Parser::is_core_wasm(bytes) || end.windows(NAME.len()).any(|window| window == NAME)
}

/// The bytes as a component: as they are, or wrapped with the preview 1 adapter.
///
/// A core module carries its world in a custom section that `wit-bindgen` leaves there.
pub(super) fn component_bytes<'a>(
    name: &str,
    bytes: &'a [u8],
) -> Result<Cow<'a, [u8]>, RuntimeError> {
    bounds::check(name, bytes)?;
    if !Parser::is_core_wasm(bytes) {
        // It is validated as it is compiled.
        return Ok(Cow::Borrowed(bytes));
    }
    // What wraps it takes it for valid, and panics where it is not.
    Validator::new()
        .validate_all(bytes)
        .map_err(|error| bounds::invalid(name, &error))?;
    super::wrapper::wrap(name, bytes).map(Cow::Owned)
}

/// Wraps a core module; it must have been validated. Why not, if that cannot be done.
pub(super) fn encode(module: &[u8]) -> Result<Vec<u8>, String> {
    ComponentEncoder::default()
        .module(module)
        .and_then(|encoder| {
            encoder.adapter(
                WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
                WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
            )
        })
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| format!("{error:#}"))
}
