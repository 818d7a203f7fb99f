//! The text that is trained on, cut into examples, and the order in which they are seen.

mod examples;
mod text;

pub use examples::{DatasetInfo, Example, Examples, Split};
pub use text::Text;

#[cfg(test)]
pub(crate) mod tests;
