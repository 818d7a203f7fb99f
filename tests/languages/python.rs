//! What is particular to trainers in Python.

mod errors;
mod packages;
mod sandbox;
mod types;
