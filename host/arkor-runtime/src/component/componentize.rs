//! A core module becomes a component in process.

use std::borrow::Cow;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{Parser, Validator};
use wit_component::ComponentEncoder;

use super::bounds;
use crate::error::RuntimeError;

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
    let encoded = ComponentEncoder::default()
        .module(bytes)
        .and_then(|encoder| {
            encoder.adapter(
                WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
                WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
            )
        })
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| RuntimeError::Componentize {
            name: name.into(),
            reason: format!("{error:#}"),
        })?;
    Ok(Cow::Owned(encoded))
}
