//! The versions of the contract between host and trainers, a folder each.

pub(crate) mod v0_1;
