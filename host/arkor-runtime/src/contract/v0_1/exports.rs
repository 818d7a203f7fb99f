//! What a trainer exports: its functions found once for a component, and called for an instance.

use arkor_types::{Action, GuestFunction, Spec, SpecDraft};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use super::bindings::exports::arkor::trainer as generated;
use super::convert;
use super::event::{Wire, wire};
use crate::event::CallbackEvent;
use crate::guest::GuestState;

/// A call's outcome: it trapped or was cut off; or the trainer's own error; or its answer.
type Called<T> = wasmtime::Result<Result<T, String>>;

/// Where a component's functions are.
#[derive(Clone)]
pub(crate) struct Exported {
    definition: generated::definition::GuestIndices,
    callbacks: generated::callbacks::GuestIndices,
    training_loop: Option<generated::training_loop::GuestIndices>,
}

impl Exported {
    /// Finds them.
    ///
    /// # Errors
    ///
    /// If one is missing or has another type.
    pub(crate) fn find(pre: &InstancePre<GuestState>, has_loop: bool) -> wasmtime::Result<Self> {
        Ok(Self {
            definition: generated::definition::GuestIndices::new(pre)?,
            callbacks: generated::callbacks::GuestIndices::new(pre)?,
            training_loop: has_loop
                .then(|| generated::training_loop::GuestIndices::new(pre))
                .transpose()?,
        })
    }

    /// The functions of an instance.
    ///
    /// # Errors
    ///
    /// If it is none of this component.
    pub(crate) fn load(
        &self,
        store: &mut Store<GuestState>,
        instance: &Instance,
    ) -> wasmtime::Result<Functions> {
        Ok(Functions {
            definition: self.definition.load(&mut *store, instance)?,
            callbacks: self.callbacks.load(&mut *store, instance)?,
            training_loop: self
                .training_loop
                .as_ref()
                .map(|indices| indices.load(&mut *store, instance))
                .transpose()?,
        })
    }
}

/// The functions of one instance.
pub(crate) struct Functions {
    definition: generated::definition::Guest,
    callbacks: generated::callbacks::Guest,
    training_loop: Option<generated::training_loop::Guest>,
}

/// Actions as the trainer gave them.
pub(crate) struct Answered(Vec<super::bindings::exports::arkor::trainer::callbacks::Action>);

impl Answered {
    /// As the host has them.
    ///
    /// # Errors
    ///
    /// Which is out of its range.
    pub(crate) fn check(self, function: GuestFunction) -> Result<Vec<Action>, String> {
        convert::actions(function, self.0)
    }
}

impl Functions {
    pub(crate) async fn describe(&self, store: &mut Store<GuestState>) -> Called<SpecDraft> {
        let exports_loop = self.training_loop.is_some();
        let described = self.definition.call_describe(store).await?;
        Ok(described.map(|spec| convert::spec_draft(spec, exports_loop)))
    }

    pub(crate) async fn load_state(
        &self,
        store: &mut Store<GuestState>,
        state: &[u8],
    ) -> Called<()> {
        self.callbacks.call_load_state(store, state).await
    }

    pub(crate) async fn save_state(&self, store: &mut Store<GuestState>) -> Called<Vec<u8>> {
        self.callbacks.call_save_state(store).await
    }

    pub(crate) async fn handle(
        &self,
        store: &mut Store<GuestState>,
        event: &CallbackEvent,
        generation: u32,
    ) -> Called<Answered> {
        let callbacks = &self.callbacks;
        let answer = match wire(event, generation) {
            Wire::Started(event) => callbacks.call_on_started(store, &event).await,
            Wire::Log(event) => callbacks.call_on_log(store, &event).await,
            Wire::Evaluation(event) => callbacks.call_on_evaluate(store, &event).await,
            Wire::Checkpoint(event) => callbacks.call_on_checkpoint(store, &event).await,
            Wire::Completed(event) => callbacks.call_on_completed(store, &event).await,
            Wire::Failed(event) => callbacks.call_on_failed(store, &event).await,
        };
        Ok(answer?.map(Answered))
    }

    /// None if the trainer has no loop.
    pub(crate) async fn run(
        &self,
        store: &mut Store<GuestState>,
        spec: &Spec,
    ) -> Option<Called<()>> {
        let training_loop = self.training_loop.as_ref()?;
        Some(training_loop.call_run(store, &convert::spec(spec)).await)
    }
}
