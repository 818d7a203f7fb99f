//! `hooks`: where a running loop meets its host.

use tokio::sync::{mpsc, oneshot};

use crate::contract::v0_1::bindings::arkor::trainer::hooks::{
    Directive, HookError, Host, Level, Measurement, Metric, Progress, ResumeInfo, Wishes,
};
use crate::contract::v0_1::convert;
use crate::guest::{GuestState, LoopRole, Role};
use crate::protocol::LoopState;
use crate::protocol::LoopWishes;
use crate::protocol::{GuestRequest, LoopReply};
use crate::worker::Worker;

impl GuestState {
    /// The loop this instance runs, while it may still call the host.
    fn hooked(&mut self) -> Result<&mut LoopRole, HookError> {
        match &mut self.role {
            Role::Loop(role) if role.ended => Err(HookError::Ended),
            Role::Loop(role) => Ok(role),
            Role::Starting | Role::Callbacks(_) => Err(HookError::OutsideLoop),
        }
    }
}

/// Asks the driver and waits for its answer.
async fn ask(
    requests: &mpsc::Sender<GuestRequest>,
    request: impl FnOnce(oneshot::Sender<LoopReply>) -> GuestRequest,
) -> Result<LoopReply, HookError> {
    let (reply, answer) = oneshot::channel();
    let _ = requests.send(request(reply)).await;
    answer
        .await
        .map_err(|_| HookError::Other("the run is over".into()))
}

/// The step that a loop claims must be the one that the session counted.
async fn check_step(worker: &Worker, step: u64, for_checkpoint: bool) -> Result<(), HookError> {
    let (counted, pending) = worker
        .call(|work| (work.step(), work.session.has_gradients()))
        .await
        .map_err(|_| HookError::Other("the training engine is gone".into()))?;
    if counted != step {
        return Err(HookError::Invalid(format!(
            "step is {step}, but the session has finished {counted} optimizer steps"
        )));
    }
    if for_checkpoint && pending {
        return Err(HookError::Invalid(
            "there are gradients that were not applied; call optim-step first".into(),
        ));
    }
    Ok(())
}

impl GuestState {
    async fn checkpoint_hook(&mut self, step: u64, state: Vec<u8>) -> Result<Directive, HookError> {
        let limit = self.limits.state_size;
        let role = self.hooked()?;
        if state.len() as u64 > limit {
            return Err(HookError::Invalid(format!(
                "state has {} bytes, and limits.state-size is {limit}",
                state.len()
            )));
        }
        check_step(&role.run.worker, step, true).await?;
        let at = LoopState {
            step,
            generated: role.generated,
            state,
        };
        let request = |reply| GuestRequest::Checkpoint { at, reply };
        match ask(&role.run.requests, request).await? {
            LoopReply::Stop => {
                role.ended = true;
                Ok(Directive::Stop)
            }
            LoopReply::HandOver => {
                role.ended = true;
                Ok(Directive::HandOver)
            }
            _ => Ok(Directive::Proceed),
        }
    }

    async fn log_hook(
        &mut self,
        step: u64,
        told: Progress,
        metrics: Vec<Metric>,
    ) -> Result<Wishes, HookError> {
        let console = self.console.clone();
        let role = self.hooked()?;
        let told = convert::progress(&told).map_err(HookError::Invalid)?;
        let metrics = convert::metrics(metrics).map_err(HookError::Invalid)?;
        check_step(&role.run.worker, step, false).await?;
        // A log event is a line like others.
        let bytes = metrics.iter().map(|one| one.name.as_str().len() + 20).sum();
        console.pace(bytes).await;
        let request = |reply| GuestRequest::Log {
            step,
            told,
            metrics,
            reply,
        };
        match ask(&role.run.requests, request).await? {
            LoopReply::Wishes(wanted) => Ok(wishes(wanted)),
            _ => Err(HookError::Other("the run is over".into())),
        }
    }

    async fn evaluated_hook(&mut self, step: u64, told: Measurement) -> Result<Wishes, HookError> {
        let console = self.console.clone();
        let role = self.hooked()?;
        let measured = convert::measurement(told).map_err(HookError::Invalid)?;
        check_step(&role.run.worker, step, false).await?;
        let names = measured.metrics.iter();
        console
            .pace(names.map(|one| one.name.as_str().len() + 20).sum())
            .await;
        let request = |reply| GuestRequest::Evaluated {
            step,
            measured,
            reply,
        };
        match ask(&role.run.requests, request).await? {
            LoopReply::Wishes(wanted) => Ok(wishes(wanted)),
            _ => Err(HookError::Other("the run is over".into())),
        }
    }
}

fn wishes(wanted: LoopWishes) -> Wishes {
    Wishes {
        checkpoint: wanted.checkpoint,
        evaluate: wanted.evaluate,
        learning_rate: wanted.learning_rate,
        additional: Vec::new(),
    }
}

impl Host for GuestState {
    async fn checkpoint(
        &mut self,
        step: u32,
        state: Vec<u8>,
    ) -> wasmtime::Result<Result<Directive, HookError>> {
        let _waits = self.wait_for_host();
        Ok(self.checkpoint_hook(step.into(), state).await)
    }

    async fn log(
        &mut self,
        step: u32,
        progress: Progress,
        metrics: Vec<Metric>,
    ) -> wasmtime::Result<Result<Wishes, HookError>> {
        let _waits = self.wait_for_host();
        Ok(self.log_hook(step.into(), progress, metrics).await)
    }

    async fn evaluated(
        &mut self,
        step: u32,
        measurement: Measurement,
    ) -> wasmtime::Result<Result<Wishes, HookError>> {
        let _waits = self.wait_for_host();
        Ok(self.evaluated_hook(step.into(), measurement).await)
    }

    async fn resume_point(&mut self) -> wasmtime::Result<Result<Option<ResumeInfo>, HookError>> {
        Ok(self.hooked().map(|role| {
            let resume = role.resume.as_ref();
            resume.map(|at| ResumeInfo {
                step: convert::count(at.step),
                state: at.state.clone(),
                learning_rate: role.learning_rate,
                additional: Vec::new(),
            })
        }))
    }

    async fn message(&mut self, level: Level, text: String) -> wasmtime::Result<()> {
        let _waits = self.wait_for_host();
        let console = self.console.clone();
        console.message(convert::level(level), text).await;
        Ok(())
    }
}
