//! The run in flight, as the session knows it.

use std::time::Duration;

use arkor_project::Project;
use arkor_runtime::{CodeIdentity, ReloadOutcome, RunControl, RunRequest, TrainerComponent};
use arkor_types::{RunId, Spec};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::builder::Code;
use super::started::Started;
use crate::commands::run::Follower;
use crate::output::Printer;

/// Generations whose code is kept, so that a person can go back to it.
const KEPT: usize = 50;

/// Those that are kept whatever their size: each may be on its way into the run.
const ALWAYS: usize = 4;

/// Most bytes of code of all that are kept beyond these.
const KEPT_BYTES: u64 = 512 << 20;

/// Forgets the oldest, if there are too many or they are too large.
fn forget<T>(kept: &mut Vec<T>, component: impl Fn(&T) -> &TrainerComponent) {
    let mut bytes = 0_u64;
    let newest = kept.iter().rev().take(KEPT).enumerate();
    let stay = newest
        .take_while(|(index, one)| {
            bytes = bytes.saturating_add(component(one).memory());
            *index < ALWAYS || bytes <= KEPT_BYTES
        })
        .count();
    kept.drain(..kept.len().saturating_sub(stay));
}

/// Code that handles, or handled, the run's callbacks.
struct Generation {
    number: u32,
    code: Swapping,
}

/// How a swap that was asked for went.
pub(super) struct Swapped {
    pub(super) run: RunId,
    /// Which of the run's swaps.
    pub(super) number: u64,
    pub(super) outcome: ReloadOutcome,
    pub(super) code: Swapping,
}

/// Code on its way into the run.
#[derive(Clone)]
pub(super) struct Swapping {
    pub(super) component: TrainerComponent,
    pub(super) identity: CodeIdentity,
    pub(super) project: Project,
    /// The instance that described itself, if no run has it yet.
    pub(super) started: Started,
}

impl Swapping {
    /// The code as it is kept: instances are not.
    fn kept(&self) -> Self {
        Self {
            started: Started::default(),
            ..self.clone()
        }
    }
}

impl From<&Code> for Swapping {
    fn from(code: &Code) -> Self {
        Self {
            component: code.component.clone(),
            identity: code.identity.clone(),
            project: code.project.clone(),
            started: code.started.clone(),
        }
    }
}

pub(super) struct Active {
    pub(super) control: RunControl,
    pub(super) follower: Follower,
    /// The code that handles the callbacks.
    pub(super) running: CodeIdentity,
    /// What it trains.
    pub(super) spec: Spec,
    /// The newest swap that was asked for and has not come back.
    pub(super) swapping: Option<(u64, CodeIdentity)>,
    /// Code that the run did not take; only another save or a person tries it again.
    pub(super) refused: Option<CodeIdentity>,
    /// When the run is cut off, if it is to end for another configuration.
    pub(super) stopping: Option<Instant>,
    /// Whether a run with the newest code takes its place when it is over.
    pub(super) replace: bool,
    /// Whether a person asked it to end: then nothing takes its place.
    pub(super) told_to_end: bool,
    generations: Vec<Generation>,
    /// Code that was sent on its way; the log tells which of it took over.
    offered: Vec<Swapping>,
    swaps: u64,
    swapped: mpsc::Sender<Swapped>,
}

impl Active {
    pub(super) fn new(
        control: RunControl,
        code: &Code,
        printer: &Printer,
        swapped: mpsc::Sender<Swapped>,
    ) -> Self {
        let first = Generation {
            number: 1,
            code: Swapping::from(code).kept(),
        };
        Self {
            follower: Follower::new(&control, printer),
            control,
            running: code.identity.clone(),
            spec: code.spec.clone(),
            swapping: None,
            refused: None,
            stopping: None,
            replace: false,
            told_to_end: false,
            generations: vec![first],
            offered: Vec::new(),
            swaps: 0,
            swapped,
        }
    }

    /// Begins a swap; its outcome comes through the session's channel, so that nothing waits for it.
    pub(super) fn swap(&mut self, code: Swapping) {
        self.swaps += 1;
        let number = self.swaps;
        self.swapping = Some((number, code.identity.clone()));
        self.refused = None;
        self.offered.retain(|known| known.identity != code.identity);
        self.offered.push(code.kept());
        forget(&mut self.offered, |code| &code.component);
        let run = self.control.id().clone();
        let (reloader, swapped) = (self.control.reloader(), self.swapped.clone());
        // What is asked for later comes later, however long this takes to start.
        let ticket = reloader.promise();
        let offered = code
            .started
            .take()
            .map(|trainer| reloader.offer(ticket, trainer));
        tokio::spawn(async move {
            let outcome = match offered {
                Some(outcome) => outcome.await,
                None => match code.started.again(&code.component, &code.project).await {
                    Ok(trainer) => reloader.offer(ticket, trainer).await,
                    Err(fault) => ReloadOutcome::Rejected(fault),
                },
            };
            // A session that has ended does not want to know.
            let _ = swapped
                .send(Swapped {
                    run,
                    number,
                    outcome,
                    code,
                })
                .await;
        });
    }

    /// New code that is not in place yet is not wanted any more.
    pub(super) fn withdraw(&mut self) {
        if self.swapping.take().is_some() {
            self.control.reloader().withdraw();
        }
    }

    /// Code that took over, as the log tells. The newest that was offered comes first: the same code may
    /// have been offered with other grants before.
    pub(super) fn took_over(&mut self, generation: u32, component: &str) {
        let Some(code) = self
            .offered
            .iter()
            .rev()
            .find(|code| code.identity.component == component)
            .cloned()
        else {
            return;
        };
        self.running = code.identity.clone();
        self.generations.push(Generation {
            number: generation,
            code,
        });
        forget(&mut self.generations, |generation| {
            &generation.code.component
        });
    }

    /// Code that failed, and which generation is back for it.
    pub(super) fn rolled_back(&mut self, generation: u32) {
        self.refused = Some(self.running.clone());
        if let Some(back) = self.generation(generation) {
            self.running = back.identity;
        }
    }

    /// The code of a generation, if it is still kept.
    pub(super) fn generation(&self, number: u32) -> Option<Swapping> {
        self.generations
            .iter()
            .find(|generation| generation.number == number)
            .map(|generation| generation.code.clone())
    }

    /// Numbers of the generations whose code is kept.
    pub(super) fn kept(&self) -> Vec<u32> {
        self.generations.iter().map(|kept| kept.number).collect()
    }

    /// It is to end for another configuration.
    pub(super) fn replace_within(&mut self, deadline: Duration) {
        self.replace = true;
        self.stopping = Some(Instant::now() + deadline);
    }

    /// It is not, after all.
    pub(super) fn keep(&mut self) {
        self.replace = false;
        self.stopping = None;
    }

    /// Asks the run for something; an error says why it does not take it.
    pub(super) async fn ask(&self, request: RunRequest) -> Result<(), String> {
        self.control.requests().ask(request).await
    }
}
