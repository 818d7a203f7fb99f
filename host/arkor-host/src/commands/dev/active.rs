//! The run in flight, as the session knows it.

use std::time::Duration;

use arkor_project::Project;
use arkor_runtime::{
    CodeIdentity, ReloadOutcome, RunControl, RunRequest, Ticket, TrainerComponent,
};
use arkor_types::{Fault, RunId, Spec};
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
    pub(super) ticket: Ticket,
    /// An error if the code could not be started, of which the run knows nothing.
    pub(super) outcome: Result<ReloadOutcome, Box<Fault>>,
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
    /// The newest swap that was asked for, until it is known what became of it.
    pub(super) swapping: Option<(Ticket, CodeIdentity)>,
    /// The same when the log has told that it is in place.
    placed: Option<Ticket>,
    /// Whose callbacks handle the events, as the log tells.
    pub(super) generation: u32,
    /// Code that the run did not take; only another save or a person tries it again.
    pub(super) refused: Option<CodeIdentity>,
    /// When the run is cut off, if it is to end for another configuration.
    pub(super) stopping: Option<Instant>,
    /// Whether a run with the newest code takes its place when it is over.
    pub(super) replace: bool,
    /// Whether it was asked to end for good: then nothing takes its place.
    pub(super) told_to_end: bool,
    /// Its last callback is at work.
    pub(super) is_ending: bool,
    generations: Vec<Generation>,
    /// Code that was sent on its way; the log tells which of it took over.
    offered: Vec<(Ticket, Swapping)>,
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
            placed: None,
            generation: 1,
            refused: None,
            stopping: None,
            replace: false,
            told_to_end: false,
            is_ending: false,
            generations: vec![first],
            offered: Vec::new(),
            swapped,
        }
    }

    /// Begins a swap; its outcome comes through the session's channel, so that nothing waits for it.
    pub(super) fn swap(&mut self, code: Swapping) {
        let run = self.control.id().clone();
        let (reloader, swapped) = (self.control.reloader(), self.swapped.clone());
        // What is asked for later comes later, however long this takes to start.
        let ticket = reloader.promise();
        self.swapping = Some((ticket, code.identity.clone()));
        self.placed = None;
        self.refused = None;
        self.offered.push((ticket, code.kept()));
        forget(&mut self.offered, |(_, code)| &code.component);
        let offered = code
            .started
            .take()
            .map(|trainer| reloader.offer(ticket, trainer));
        tokio::spawn(async move {
            let outcome = match offered {
                Some(outcome) => Ok(outcome.await),
                None => match code.started.again(&code.component, &code.project).await {
                    Ok(trainer) => Ok(reloader.offer(ticket, trainer).await),
                    Err(fault) => Err(fault),
                },
            };
            // A session that has ended does not want to know.
            let _ = swapped
                .send(Swapped {
                    run,
                    ticket,
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

    /// Whether this is the newest swap that was asked for and not taken back.
    pub(super) fn is_newest(&self, ticket: Ticket) -> bool {
        let is_swapping = |(newest, _): &(Ticket, _)| *newest == ticket;
        self.placed == Some(ticket) || self.swapping.as_ref().is_some_and(is_swapping)
    }

    /// Code on its way into the run that has not come to its turn. Of what has, the word may be on its way still.
    pub(super) fn unsettled(&self) -> Option<&CodeIdentity> {
        let (ticket, identity) = self.swapping.as_ref()?;
        match self.control.reloader().outcome(*ticket) {
            Some(ReloadOutcome::Swapped(_) | ReloadOutcome::Rejected(_)) => None,
            _ => Some(identity),
        }
    }

    /// Code that took over, as the log tells.
    pub(super) fn took_over(&mut self, generation: u32) {
        self.generation = generation;
        let ticket = self.control.reloader().placed(generation);
        let is_newest = |(newest, _): &mut (Ticket, _)| Some(*newest) == ticket;
        if self.swapping.take_if(is_newest).is_some() {
            self.placed = ticket;
        }
        let mut offered = self.offered.iter();
        let code = offered.find(|(offered, _)| Some(*offered) == ticket);
        let Some((_, code)) = code.cloned() else {
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
        self.generation = generation;
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

    /// It is to end, and nothing is to take its place. Whoever wanted it to end sooner wants that no more.
    pub(super) fn end_for_good(&mut self) {
        self.told_to_end = true;
        self.keep();
        self.withdraw();
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
