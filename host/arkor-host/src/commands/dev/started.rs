//! The instance that described itself when its code was built: whoever needs one first has it.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use arkor_project::Project;
use arkor_runtime::{RuntimeError, Trainer, TrainerComponent};
use arkor_types::{Fault, FaultCause, GuestFunction};

use crate::settings;

/// A trainer that may have been taken.
#[derive(Clone, Default)]
pub(super) struct Started(Arc<Mutex<Option<Trainer>>>);

impl Started {
    pub(super) fn new(trainer: Trainer) -> Self {
        Self(Arc::new(Mutex::new(Some(trainer))))
    }

    pub(super) fn take(&self) -> Option<Trainer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The same, or another instance of the same code.
    pub(super) async fn take_or_start(
        &self,
        component: &TrainerComponent,
        project: &Project,
    ) -> Result<Trainer> {
        if let Some(trainer) = self.take() {
            return Ok(trainer);
        }
        let capabilities = settings::capabilities_aside(project).await?;
        Ok(Trainer::start(component, capabilities, settings::limits(project)).await?)
    }

    /// As [`Self::take_or_start`], with what went wrong as a fault of that code.
    pub(super) async fn again(
        &self,
        component: &TrainerComponent,
        project: &Project,
    ) -> Result<Trainer, Box<Fault>> {
        self.take_or_start(component, project)
            .await
            .map_err(|error| match error.downcast::<RuntimeError>() {
                Ok(RuntimeError::Guest(fault)) => fault,
                other => {
                    let error = other.map_or_else(|error| error, anyhow::Error::from);
                    Box::new(Fault {
                        trainer: component.name.as_str().into(),
                        generation: 0,
                        function: GuestFunction::Instantiate,
                        cause: FaultCause::Trap(format!("{error:#}").into()),
                        backtrace: Vec::new(),
                    })
                }
            })
    }
}
