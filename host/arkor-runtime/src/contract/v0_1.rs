//! Version 0.1 of the contract: what is generated from `wit/`, and all that knows its types. Everything else speaks the
//! host's own types, so that another version is another folder.

mod bindings;
mod convert;
mod event;
mod exports;
mod imports;

pub(crate) use exports::{Exported, Functions};
pub(crate) use imports::linker;
