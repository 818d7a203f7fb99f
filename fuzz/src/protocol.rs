//! What the progress of a checkpoint refers to, as in host/arkor-runtime/src/protocol.rs.
#![allow(dead_code)]

pub(crate) struct LoopProgress {
    pub(crate) loss: Option<f64>,
    pub(crate) learning_rate: Option<f64>,
    pub(crate) grad_norm: Option<f64>,
    pub(crate) epoch: Option<f64>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct LoopState {
    pub(crate) step: u64,
    pub(crate) generated: u64,
    pub(crate) state: Vec<u8>,
}
