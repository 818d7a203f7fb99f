//! runtime
#![allow(dead_code, missing_docs)]
mod bindings;
mod component;
mod console;
mod driver {
    pub(crate) mod machine;
    pub(crate) mod progress;
}
mod error;
mod guest;
mod imports;
mod instance;
mod limits;
mod sandbox;
mod slot;
mod worker;
pub use error::RuntimeError;
