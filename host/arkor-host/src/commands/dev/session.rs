//! Decides what becomes of code, runs and wishes, one after the other.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use arkor_engine::Priority;
use arkor_project::{Project, Restart};
use arkor_runtime::{
    CodeIdentity, Decision, ReloadOutcome, RunRequest, RuntimeError, changed_fields, decide,
};
use arkor_store::Store;
use arkor_studio::{
    BuiltCode, Command, DevAction, DevPhase, Hub, HubInbox, Refusal, RefusalKind, Request,
    RunAction,
};
use arkor_types::{EndReason, Event, RunId};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};

mod checking;
mod ending;
mod people;
mod tell;

use self::checking::{Checking, checked};
use self::tell::later;
use super::active::{Active, Swapped, Swapping};
use super::builder::{Builder, Built, Code};
use super::voice::Voice;
use crate::commands::replay::{Answer, replay_events, stored};
use crate::commands::run::unfinished_begins;
use crate::exit::Exit;
use crate::output::Printer;
use crate::settings;
use crate::time_limit::TimeLimit;
use crate::trust::Again;

/// How often it is looked whether there is room for what waits to be printed.
const CATCH_UP: Duration = Duration::from_millis(100);

/// Replays that are at work at once.
const REPLAYS: usize = 2;

/// Most answers of a replay that are kept for the page, and most bytes of them.
const ANSWERS: usize = 2_000;
const ANSWERS_BYTES: usize = 8 << 20;

pub(super) struct Session {
    project: Project,
    store: Store,
    printer: Printer,
    voice: Voice,
    hub: Hub,
    builder: Builder,
    newest: Option<Code>,
    run: Option<Active>,
    /// The code that the last run began with or took over: without a change no other begins.
    begun: Option<CodeIdentity>,
    /// The run that ended for another configuration.
    parent: Option<RunId>,
    /// When a change of arkor.toml takes effect that changes no code.
    later: Option<&'static str>,
    /// A person wants a run, and there is no code yet.
    wanted: bool,
    /// Code of another configuration, until it is known whether a run of it could begin.
    checking: Option<Checking>,
    swaps: (mpsc::Sender<Swapped>, mpsc::Receiver<Swapped>),
    signals: mpsc::Receiver<()>,
    /// Whether there is a Studio, in which a person can let a paused run go on.
    is_attended: bool,
    time_limit: TimeLimit,
    again: Again,
    told_to_end: u32,
    /// Each has an instance of its own.
    replays: Arc<Semaphore>,
    /// Why nothing can go on here: then this ends as soon as the run has.
    fatal: Option<anyhow::Error>,
}

enum Came {
    Build(Built),
    Progress(bool),
    Swapped(Box<Swapped>),
    Checked(Result<()>),
    Request(Request),
    Signal,
    TimeLimit,
    Deadline,
    /// There may be room for what waits to be printed.
    Room,
}

/// What brings a session to its end from outside, and how its run is gone on with then.
pub(super) struct Ends {
    pub(super) signals: mpsc::Receiver<()>,
    pub(super) time_limit: TimeLimit,
    pub(super) again: Again,
}

impl Session {
    pub(super) fn new(
        project: Project,
        store: Store,
        printer: Printer,
        hub: Hub,
        builder: Builder,
        is_attended: bool,
        ends: Ends,
    ) -> Self {
        Self {
            project,
            voice: Voice::new(&printer, store.clone()),
            // The session waits for no reader.
            printer: printer.without_waiting(),
            store,
            hub,
            builder,
            newest: None,
            run: None,
            begun: None,
            parent: None,
            later: None,
            wanted: false,
            checking: None,
            swaps: mpsc::channel(16),
            signals: ends.signals,
            is_attended,
            time_limit: ends.time_limit,
            again: ends.again,
            told_to_end: 0,
            replays: Arc::new(Semaphore::new(REPLAYS)),
            fatal: None,
        }
    }

    pub(super) async fn work(
        mut self,
        builds: mpsc::Receiver<Built>,
        requests: HubInbox,
    ) -> Result<Exit> {
        let exit = self.decide(builds, requests).await;
        let said = self.voice.finish().await;
        let exit = exit?;
        said.map(|()| exit)
    }

    async fn decide(
        &mut self,
        mut builds: mpsc::Receiver<Built>,
        mut requests: HubInbox,
    ) -> Result<Exit> {
        loop {
            let deadline = self.run.as_ref().and_then(|run| run.stopping);
            let is_behind = self.voice.is_behind();
            let came = tokio::select! {
                Some(()) = self.signals.recv() => Came::Signal,
                () = self.time_limit.over() => {
                    self.printer.note("the time limit is over");
                    Came::TimeLimit
                }
                more = progress(&mut self.run) => Came::Progress(more),
                Some(swapped) = self.swaps.1.recv() => Came::Swapped(Box::new(swapped)),
                can_begin = checked(&mut self.checking) => Came::Checked(can_begin),
                Some(built) = builds.recv() => Came::Build(built),
                Some(request) = requests.recv() => Came::Request(request),
                () = at(deadline) => Came::Deadline,
                () = tokio::time::sleep(CATCH_UP), if is_behind => Came::Room,
            };
            let exit = match self.take(came).await {
                // Nobody would know of the run any more; what it has is kept.
                Err(error) => self.end_for(error).await?,
                Ok(exit) => exit,
            };
            if let Some(exit) = exit {
                return Ok(exit);
            }
        }
    }

    async fn take(&mut self, came: Came) -> Result<Option<Exit>> {
        match came {
            Came::Build(Built::Begun) => self.building(),
            Came::Build(Built::Done(code)) => match *code {
                Ok(code) => return self.built(code).await,
                Err(error) => self.say_error(&error),
            },
            Came::Build(Built::Over(error)) => return self.end_for(error).await,
            Came::Progress(true) => self.show()?,
            Came::Progress(false) => return self.ended().await,
            Came::Swapped(swapped) => self.swapped(*swapped).await?,
            Came::Checked(can_begin) => {
                if let Some(checking) = self.checking.take() {
                    self.restart(checking.code.clone(), can_begin).await;
                }
            }
            Came::Request(request) => return self.serve(request).await,
            Came::Deadline => {
                self.say(
                    DevPhase::Restarting,
                    "no checkpoint came in time; the run is cut off",
                );
                if let Some(run) = &mut self.run {
                    run.stopping = None;
                    // One that has just ended is noticed as such.
                    let _ = run.ask(RunRequest::Cancel).await;
                }
            }
            Came::Room => self.voice.catch_up()?,
            Came::Signal => return Ok(self.end(EndReason::Signal).await),
            Came::TimeLimit => return Ok(self.end(EndReason::TimeLimit).await),
        }
        Ok(None)
    }

    async fn built(&mut self, code: Code) -> Result<Option<Exit>> {
        let (info, timings) = (
            BuiltCode {
                component: code.identity.component.clone(),
                config: code.identity.config.clone(),
                name: code.spec.name.as_str().into(),
            },
            code.timings,
        );
        self.hub.publish(|state| {
            state.code = Some(info);
            state.timings = Some(timings);
            state.error = None;
        });
        let identity = code.identity.clone();
        self.later = later(self.project.config(), code.project.config());
        self.project = code.project.clone();
        self.newest = Some(code);
        if self.run.is_some() {
            if let Some(run) = &mut self.run {
                // A save, or a person, tries it again.
                run.refused = None;
            }
            self.consider().await;
            if let Some(text) = self.later.take() {
                self.printer.note(text);
            }
            return Ok(None);
        }
        let is_known = self.begun.as_ref() == Some(&identity);
        if is_known && !self.wanted {
            let text = self.later.take();
            let text = text.unwrap_or("the last run had this code already");
            self.say(DevPhase::Unchanged, text);
            return Ok(None);
        }
        self.begin().await
    }

    /// Compares the newest code with that of the run, and does what follows.
    async fn consider(&mut self) {
        let (Some(run), Some(newest)) = (&mut self.run, &self.newest) else {
            return;
        };
        if run.told_to_end || run.refused.as_ref() == Some(&newest.identity) {
            return;
        }
        let on_its_way = run
            .swapping
            .as_ref()
            .is_some_and(|(_, identity)| *identity == newest.identity);
        let decision = decide(&run.running, &newest.identity, run.replace);
        let code = Swapping::from(newest);
        let is_checked = self
            .checking
            .as_ref()
            .is_some_and(|checking| checking.code.identity == newest.identity);
        if !is_checked {
            self.checking = None;
        }
        match decision {
            Decision::Nothing if !run.replace => {
                // Code that an earlier save sent on its way was taken back by this one.
                run.withdraw();
                let text = self.later.take();
                let text = text.unwrap_or("nothing that matters to the run changed");
                self.say(DevPhase::Unchanged, text);
            }
            Decision::Nothing => self.say(
                DevPhase::Restarting,
                "the run stops already; the next one begins with the newest code",
            ),
            Decision::Stay | Decision::StayAndSwap => {
                if let Err(why) = run.ask(RunRequest::Stay).await {
                    // It ends in any case; one of the same configuration follows.
                    self.say(
                        DevPhase::Restarting,
                        &format!(
                            "the configuration is again that of the run, but {why}: another one begins"
                        ),
                    );
                    return;
                }
                run.keep();
                if decision == Decision::StayAndSwap {
                    run.swap(code);
                }
                self.say(
                    DevPhase::Stays,
                    "the configuration is again that of the run: it goes on",
                );
            }
            Decision::Swap if on_its_way => {
                self.say(DevPhase::Unchanged, "this code is on its way already");
            }
            Decision::Swap => run.swap(code),
            Decision::Restart if is_checked => {}
            Decision::Restart => {
                run.withdraw();
                self.checking = Some(Checking::begin(newest.clone()));
            }
        }
    }

    /// Asks the run to stop for code of another configuration, if that can begin.
    async fn restart(&mut self, newest: Code, can_begin: Result<()>) {
        let Some(run) = self.run.as_mut().filter(|run| !run.told_to_end) else {
            return;
        };
        if self.told_to_end > 0 {
            return;
        }
        if let Err(error) = can_begin {
            // The run goes on with what it has, until another save is better.
            run.refused = Some(newest.identity);
            self.say_error(&error);
            return;
        }
        let what = if run.running.config == newest.identity.config {
            "a file that the configuration names changed".to_owned()
        } else {
            let changed = changed_fields(&run.spec, &newest.spec).join(", ");
            format!("the configuration changed ({changed})")
        };
        run.replace_within(self.project.config().run.early_stop_deadline);
        // One that is ending is replaced as well.
        let _ = run.ask(RunRequest::Stop(EndReason::Replaced)).await;
        let text = format!("{what}: the run stops with a checkpoint, and a new one begins");
        self.say(DevPhase::Restarting, &text);
    }

    async fn swapped(&mut self, swapped: Swapped) -> Result<()> {
        let of_this_run = |run: &&mut Active| *run.control.id() == swapped.run;
        let Some(run) = self.run.as_mut().filter(of_this_run) else {
            return Ok(());
        };
        let is_newest = run.is_newest(swapped.ticket);
        if is_newest && swapped.outcome != Ok(ReloadOutcome::Ended) {
            run.swapping = None;
        }
        match swapped.outcome {
            Ok(ReloadOutcome::Swapped(generation)) => {
                // The log tells what became of it since: a rollback may be in it by now.
                self.show()?;
                if self.run.as_ref().map(|run| run.generation) == Some(generation) {
                    let text = format!("generation {generation} handles the callbacks");
                    self.say(DevPhase::Swapped, &text);
                    self.say_timings(&swapped.code);
                }
                let is_wanted =
                    |run: &Active| run.swapping.is_none() && !run.replace && run.refused.is_none();
                if self.run.as_ref().is_some_and(is_wanted) && !is_newest {
                    // It came too late to be taken back.
                    self.consider().await;
                }
            }
            Ok(ReloadOutcome::Rejected(fault)) => {
                if is_newest {
                    run.refused = Some(swapped.code.identity);
                    self.say_failure(&format!("the new code was not taken: {fault}"));
                }
            }
            Err(fault) => {
                if is_newest {
                    run.refused = Some(swapped.code.identity);
                    let error = anyhow::Error::from(RuntimeError::Guest(fault));
                    self.say_error(&error.context("the new code was not taken"));
                }
            }
            // What came too late for a run is looked at when that is over.
            Ok(ReloadOutcome::Superseded | ReloadOutcome::Ended) => {}
        }
        Ok(())
    }

    async fn begin(&mut self) -> Result<Option<Exit>> {
        let Some(code) = self.newest.clone() else {
            self.wanted = true;
            return Ok(None);
        };
        self.wanted = false;
        let started = self.start(&code);
        let mut started = Box::pin(started);
        let started = tokio::select! {
            started = &mut started => started,
            // Data, tokenizer and model may take a while, and somebody will not wait for them.
            Some(()) = self.signals.recv() => return Ok(Some(Exit::Interrupted)),
            () = self.time_limit.over() => {
                self.printer.note("the time limit is over");
                return Ok(Some(Exit::StoppedEarly));
            }
        };
        match started {
            Ok(control) => {
                self.parent = None;
                self.begun = Some(code.identity.clone());
                self.hub.run_began(control.id(), control.begins_after());
                let id = control.id().clone();
                let swapped = self.swaps.0.clone();
                unfinished_begins(&control);
                self.run = Some(Active::new(control, &code, &self.printer, swapped));
                self.hub.publish(|state| state.run = Some(id.clone()));
                self.say(DevPhase::Ready, &format!("run {id} has begun"));
            }
            Err(error) => {
                // Code that the run before had can begin another one.
                self.begun = None;
                self.say_error(&error);
            }
        }
        Ok(None)
    }

    /// Prepares a run of this code, and starts it.
    fn start(
        &self,
        code: &Code,
    ) -> impl Future<Output = Result<arkor_runtime::RunControl>> + use<> {
        let (parent, code, store) = (self.parent.clone(), code.clone(), self.store.clone());
        let is_attended = self.is_attended;
        async move {
            let project = code.project;
            let mut run_settings = settings::run(&project, Priority::Background)?;
            run_settings.parent = parent;
            run_settings.is_attended = is_attended;
            run_settings.warm = project.config().reload.restart == Restart::Warm;
            let trainer = code
                .started
                .take_or_start(&code.component, &project)
                .await?;
            Ok(trainer.run(code.spec, &store, &run_settings).await?)
        }
    }

    /// Shows the run's new events, to people and to the Studio.
    fn show(&mut self) -> Result<()> {
        let Some(run) = &mut self.run else {
            return Ok(());
        };
        let (mut failed, mut waits) = (None, None);
        loop {
            let lines = run.follower.take(&self.store, &self.printer)?;
            if lines.is_empty() {
                break;
            }
            self.hub.events(&lines);
            self.voice.events(&lines)?;
            for line in &lines {
                match &line.record.event {
                    Event::Swapped(new) => {
                        run.took_over(new.generation);
                        self.begun = Some(run.running.clone());
                        failed = None;
                    }
                    Event::RolledBack(back) => {
                        run.rolled_back(back.generation);
                        failed = Some(format!(
                            "generation {} failed at its first events, {} is back: {}",
                            back.failed, back.generation, back.fault
                        ));
                    }
                    Event::Ending(_) => run.is_ending = true,
                    Event::Paused(_) => waits = Some(true),
                    Event::Continued(_) => waits = Some(false),
                    Event::CallbackFailed(event) => failed = Some(event.fault.to_string()),
                    _ => {}
                }
            }
        }
        let id = run.control.id().clone();
        match waits {
            Some(true) => self.say(DevPhase::Ready, &format!("run {id} is paused")),
            Some(false) => self.say(DevPhase::Ready, &format!("run {id} goes on")),
            None => {}
        }
        // What fails at each event is told once.
        if let Some(text) = failed.filter(|text| self.hub_error().as_ref() != Some(text)) {
            self.say_failure(&text);
        }
        Ok(())
    }
}

/// Whether the run goes on after its next event; waits for ever if there is no run.
async fn progress(run: &mut Option<Active>) -> bool {
    match run {
        Some(run) => run.follower.changed().await,
        None => std::future::pending().await,
    }
}

async fn at(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
