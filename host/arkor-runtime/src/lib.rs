//! runtime
mod bindings;
