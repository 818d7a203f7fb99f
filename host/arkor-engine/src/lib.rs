//! Trains and samples transformer models on the CPU.
//!
//! Three things stand here, and none of them knows of wasm, databases or networks:
//!
//! - the contract [`Engine`] and [`TrainingSession`]: what a training loop may ask for;
//! - [`EmbeddedEngine`], which fulfils it in this process: decoder-only transformers of the Llama
//!   architecture, trained from new weights in `f32`;
//! - what a loop needs beside an engine: [`data`] (text, examples, the order they are seen in) and
//!   the learning rate's [`Schedule`].
//!
//! # Determinism
//!
//! The same calls give the same bits: weights, losses and samples do not depend on how threads were
//! scheduled or on how many there are, and a session that was saved and opened again in another
//! process goes on as if it had never stopped. Work is split by the shape of the data alone and
//! every sum has one order; random numbers come from streams named by seed and purpose. Another
//! processor model may round differently, since the widest vector instructions are used.
//!
//! # Layers
//!
//! `kernels` has the arithmetic on slices, `model` puts it together to a transformer, `embedded`
//! adds optimizer, tokenizer, sampling and saved states to make a session of it.

pub mod data;
mod embedded;
mod engine;
mod error;
mod kernels;
mod memory;
mod model;
mod rng;
mod schedule;
mod tokenizer;

pub use data::{DatasetInfo, Example, Examples, Split, Text};
pub use embedded::{EmbeddedEngine, Priority};
pub use engine::{Engine, ModelSummary, SessionRequest, TrainingSession};
pub use error::EngineError;
pub use schedule::{Schedule, planned_steps};
