//! `run`: what a trainer is part of.

use std::sync::atomic::Ordering;

use crate::contract::v0_1::bindings::arkor::trainer::run::{Host, RunError, RunInfo};
use crate::contract::v0_1::convert;
use crate::guest::{GuestState, Role};

impl Host for GuestState {
    async fn info(&mut self) -> wasmtime::Result<Result<RunInfo, RunError>> {
        let generation = match &self.role {
            Role::Callbacks(role) => Some(role.generation),
            Role::Starting | Role::Loop(_) => None,
        };
        let Some(run) = self.run() else {
            return Ok(Err(RunError::NotReady));
        };
        let identity = &run.identity;
        Ok(Ok(RunInfo {
            id: identity.id.as_str().into(),
            name: run.spec.name.as_str().into(),
            parent: identity.parent.as_ref().map(|id| id.as_str().into()),
            generation: generation.unwrap_or_else(|| run.generation.load(Ordering::Acquire)),
            attempt: identity.attempt,
            step: convert::count(run.step.load(Ordering::Acquire)),
            total_steps: identity.total_steps.map(convert::count),
            additional: Vec::new(),
        }))
    }
}
