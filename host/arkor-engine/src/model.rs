//! The model: where its weights lie, how they begin, how it computes.

mod decode;
mod layout;
mod transformer;

pub(crate) use decode::{Cache, Decoder, Work};
pub(crate) use layout::Layout;
pub(crate) use transformer::{Batch, Grad, Transformer};
