//! `arkor-host dev`: watch, build, and bring what was built into the run.
//!
//! ```text
//! watcher ──changed──▶ builder (a thread) ──code or error──▶ session ──▶ run: swap, stay, stop
//!                                                              ▲  │
//!                                    the run's end ────────────┘  └──▶ the next run
//! ```
//!
//! One session decides, so one save makes one decision. What was built last counts: a build is not
//! begun before the one before it was handed over.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use arkor_project::{Project, ProjectWatcher};
use arkor_runtime::{
    CodeIdentity, Decision, ReloadOutcome, RunControl, RunRequest, Runtime, Trainer,
    TrainerComponent, decide,
};
use arkor_store::Store;
use arkor_types::{EndReason, RunId, RunStatus, Spec};
use tokio::sync::mpsc;

use super::run::{Follower, finished, signals};
use crate::arguments::DevArguments;
use crate::exit::Exit;
use crate::output::Printer;
use crate::{commands, settings};

/// A run that is to end for another configuration is cut off after this time without a checkpoint.
const STOP_DEADLINE: Duration = Duration::from_secs(5 * 60);

/// How often the thread that watches looks whether it is still wanted.
const WATCH_TICK: Duration = Duration::from_millis(500);

pub(crate) fn dev(arguments: &DevArguments, printer: &Printer) -> Result<Exit> {
    let project = settings::project(&arguments.path)?;
    let _only_one = lock(&project)?;
    let executor = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .enable_io()
        .build()
        .context("the executor's threads cannot be started")?;
    executor.block_on(async {
        let store = Store::open(&project.store_dir(), settings::store(&project))?;
        for run in store.mark_interrupted()? {
            printer.note(&format!(
                "run {run} was interrupted; `arkor-host run --resume {run}` goes on with it"
            ));
        }
        let builds = watch(&project, arguments.max_steps, printer)?;
        Session {
            project,
            store,
            printer: printer.clone(),
            newest: None,
            run: None,
            begun: None,
            parent: None,
        }
        .work(builds)
        .await
    })
}

/// Held as long as this process lives, however it ends.
fn lock(project: &Project) -> Result<std::fs::File> {
    let folder = project.store_dir();
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create `{}`", folder.display()))?;
    let path = folder.join("dev.lock");
    let file = std::fs::File::create(&path)
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    if file.try_lock().is_err() {
        bail!(
            "another `arkor-host dev` is at work on `{}`",
            project.root().display()
        );
    }
    Ok(file)
}

/// Code that was built and loaded and has said what it wants to train.
struct Code {
    component: TrainerComponent,
    identity: CodeIdentity,
    spec: Spec,
}

/// Builds once, and again after every change, on a thread of its own.
fn watch(
    project: &Project,
    max_steps: Option<u32>,
    printer: &Printer,
) -> Result<mpsc::Receiver<Result<Code>>> {
    let mut watcher = ProjectWatcher::start(project)?;
    if let Some(reason) = watcher.polls() {
        printer.note(&format!(
            "files are looked at twice a second, for the system does not tell of changes: {reason}"
        ));
    }
    let runtime = Arc::new(settings::runtime()?);
    let (found, builds) = mpsc::channel(1);
    let (root, printer) = (project.root().to_path_buf(), printer.clone());
    let prebuilt = project.config_file().is_none().then(|| project.clone());
    let executor = tokio::runtime::Handle::current();
    std::thread::Builder::new()
        .name("build".into())
        .spawn(move || {
            loop {
                let build = || {
                    let project = match &prebuilt {
                        Some(project) => project.clone(),
                        // The project file may be what was changed.
                        None => Project::load(&root)?,
                    };
                    build(&project, max_steps, &runtime, &executor, &printer)
                };
                let code = build();
                if found.blocking_send(code).is_err() {
                    return;
                }
                while !watcher.changed(WATCH_TICK) {
                    if found.is_closed() {
                        return;
                    }
                }
            }
        })
        .context("the thread that builds cannot be started")?;
    Ok(builds)
}

fn build(
    project: &Project,
    max_steps: Option<u32>,
    runtime: &Runtime,
    executor: &tokio::runtime::Handle,
    printer: &Printer,
) -> Result<Code> {
    let (artifact, _) = commands::build_trainer(project, printer)?;
    let component = runtime.load(&artifact)?;
    let capabilities = settings::capabilities(project)?;
    let limits = settings::limits(project);
    let trainer = executor.block_on(Trainer::start(&component, capabilities, limits))?;
    let spec = trainer.spec(|draft| {
        if max_steps.is_some() {
            draft.hyperparameters.max_steps = max_steps;
        }
    })?;
    let identity = CodeIdentity {
        component: component.digest.clone(),
        config: spec.config_hash()?,
    };
    Ok(Code {
        component,
        identity,
        spec,
    })
}

/// The run in flight.
struct Active {
    control: RunControl,
    follower: Follower,
    running: CodeIdentity,
    /// When it is cut off, if it is to end for another configuration.
    stopping: Option<tokio::time::Instant>,
}

struct Session {
    project: Project,
    store: Store,
    printer: Printer,
    newest: Option<Code>,
    run: Option<Active>,
    /// The code that the last run began with or took over: without a change no other begins.
    begun: Option<CodeIdentity>,
    /// The run that ended for another configuration.
    parent: Option<RunId>,
}

enum Came {
    Code(Box<Result<Code>>),
    Progress(bool),
    Signal,
    Deadline,
}

impl Session {
    async fn work(mut self, mut builds: mpsc::Receiver<Result<Code>>) -> Result<Exit> {
        let (mut told, mut signals) = (0, signals()?);
        loop {
            let deadline = self.run.as_ref().and_then(|run| run.stopping);
            let came = tokio::select! {
                Some(code) = builds.recv() => Came::Code(Box::new(code)),
                more = progress(&mut self.run) => Came::Progress(more),
                () = at(deadline) => Came::Deadline,
                Some(()) = signals.recv() => Came::Signal,
            };
            match came {
                Came::Code(code) => match *code {
                    Ok(code) => self.built(code).await?,
                    Err(error) => self.say_error(&error),
                },
                Came::Progress(true) => self.show()?,
                Came::Progress(false) => {
                    if let Some(exit) = self.ended(told > 0).await? {
                        return Ok(exit);
                    }
                }
                Came::Deadline => {
                    self.say(
                        "restarting",
                        "no checkpoint came in time; the run is cut off",
                    );
                    self.ask(RunRequest::Cancel).await;
                }
                Came::Signal => {
                    told += 1;
                    if self.run.is_none() {
                        return Ok(Exit::Interrupted);
                    }
                    self.ask(if told == 1 {
                        self.printer
                            .note("stopping with a checkpoint; Ctrl-C again stops at once");
                        RunRequest::Stop(EndReason::Signal)
                    } else {
                        RunRequest::Cancel
                    })
                    .await;
                }
            }
        }
    }

    async fn built(&mut self, code: Code) -> Result<()> {
        let Some(run) = &mut self.run else {
            let is_known = self.begun.as_ref() == Some(&code.identity);
            self.newest = Some(code);
            if is_known {
                self.say("unchanged", "the last run had this code already");
                return Ok(());
            }
            return self.begin().await;
        };
        let decision = decide(&run.running, &code.identity, run.stopping.is_some());
        let component = code.component.clone();
        let identity = code.identity.clone();
        self.newest = Some(code);
        match decision {
            Decision::Stay | Decision::StayAndSwap => {
                run.stopping = None;
                self.ask(RunRequest::Stay).await;
            }
            Decision::Restart => {
                run.stopping = Some(tokio::time::Instant::now() + STOP_DEADLINE);
            }
            Decision::Nothing | Decision::Swap => {}
        }
        match decision {
            Decision::Nothing => self.say("unchanged", "nothing that matters to the run changed"),
            Decision::Stay => self.say("stays", "the configuration is again that of the run"),
            Decision::Swap | Decision::StayAndSwap => self.swap(component, identity).await?,
            Decision::Restart => {
                self.say(
                    "restarting",
                    "the configuration changed: the run stops with a checkpoint, and a new one begins",
                );
                self.ask(RunRequest::Stop(EndReason::Replaced)).await;
            }
        }
        Ok(())
    }

    async fn swap(&mut self, component: TrainerComponent, identity: CodeIdentity) -> Result<()> {
        let Some(run) = &mut self.run else {
            return Ok(());
        };
        let reloader = run.control.reloader();
        let mut swap = std::pin::pin!(reloader.swap(component));
        // The run's events go on being shown, and so does its end.
        let outcome = loop {
            tokio::select! {
                outcome = &mut swap => break outcome,
                true = run.follower.changed() => run.follower.show(&self.store, &self.printer)?,
            }
        };
        if let ReloadOutcome::Swapped(_) = outcome {
            self.begun = Some(identity.clone());
            run.running = identity;
        }
        Ok(())
    }

    async fn begin(&mut self) -> Result<()> {
        let Some(code) = &self.newest else {
            return Ok(());
        };
        // The project file may have changed what the trainer may do.
        if self.project.config_file().is_some() {
            self.project = Project::load(self.project.root())?;
        }
        let capabilities = settings::capabilities(&self.project)?;
        let limits = settings::limits(&self.project);
        let mut run_settings = settings::run(&self.project)?;
        run_settings.parent = self.parent.take();
        let started = async {
            let trainer = Trainer::start(&code.component, capabilities, limits).await?;
            trainer
                .run(code.spec.clone(), &self.store, &run_settings)
                .await
        };
        match started.await {
            Ok(control) => {
                self.begun = Some(code.identity.clone());
                let follower = Follower::new(&control, &self.printer);
                self.run = Some(Active {
                    running: code.identity.clone(),
                    follower,
                    control,
                    stopping: None,
                });
            }
            Err(error) => self.say_error(&error.into()),
        }
        Ok(())
    }

    /// The run is over; the next begins if one was to take its place.
    async fn ended(&mut self, told_to_end: bool) -> Result<Option<Exit>> {
        self.show()?;
        let Some(run) = self.run.take() else {
            return Ok(None);
        };
        run.follower.end(&self.printer);
        let outcome = run.control.finish().await?;
        finished(&outcome, &self.printer);
        if told_to_end {
            return Ok(Some(Exit::of(&outcome)));
        }
        let replaced = outcome.reason == Some(EndReason::Replaced)
            || (run.stopping.is_some() && outcome.status == RunStatus::Interrupted);
        if replaced {
            self.parent = Some(outcome.run);
            self.begin().await?;
        } else {
            self.say("waiting", "the next save begins a new run");
        }
        Ok(None)
    }

    fn show(&mut self) -> Result<()> {
        match &mut self.run {
            Some(run) => run.follower.show(&self.store, &self.printer),
            None => Ok(()),
        }
    }

    async fn ask(&self, request: RunRequest) {
        if let Some(run) = &self.run {
            // A run that has just ended needs nothing any more.
            let _ = run.control.requests().send(request).await;
        }
    }

    fn say(&self, state: &str, text: &str) {
        if self.printer.json() {
            self.printer.object(&serde_json::json!({
                "type": "dev", "state": state, "text": text,
            }));
        } else {
            self.printer.note(text);
        }
    }

    /// What was there goes on; the next good build clears it.
    fn say_error(&self, error: &anyhow::Error) {
        if self.printer.json() {
            self.printer.object(&serde_json::json!({
                "type": "dev", "state": "error", "text": format!("{error:#}"),
            }));
        } else {
            crate::failure::report(error, &self.printer);
        }
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
