//! The thread that watches and builds.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use arkor_project::{Artifact, BuildLimits, InputRecorder, Project, ProjectWatcher, WatchWaker};
use arkor_runtime::{CodeIdentity, CodeSource, Runtime, Trainer, TrainerComponent};
use arkor_studio::Timings;
use arkor_types::{DatasetSource, HeldOut, Spec, TokenizerSource};
use tokio::sync::mpsc;

use super::started::Started;
use crate::commands::{self, build_line};
use crate::output::Printer;
use crate::settings;

/// How often the thread looks whether it is still wanted.
const TICK: Duration = Duration::from_millis(500);

/// For so long nothing must change before the error of a build is told: a file that is being written, or a folder
/// that is being checked out, looks broken.
const QUIET: Duration = Duration::from_millis(30);

/// For so long it is held back at most, while things change and no build succeeds.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long the end of a build is waited for when the program ends.
const GOODBYE: Duration = Duration::from_secs(2);

/// Code that was built and loaded and has said what it wants to train.
#[derive(Clone)]
pub(super) struct Code {
    pub(super) component: TrainerComponent,
    pub(super) identity: CodeIdentity,
    pub(super) spec: Spec,
    /// The instance that said so.
    pub(super) started: Started,
    pub(super) timings: Timings,
    /// The project as it was then: its file may change too.
    pub(super) project: Project,
}

/// What the builder tells.
pub(super) enum Built {
    /// A build begins.
    Begun,
    /// It is over.
    Done(Box<Result<Code>>),
    /// No more builds come, and this is why.
    Over(anyhow::Error),
}

/// A handle to the thread. When it is dropped, a build on its way is ended, and the thread ends.
pub(super) struct Builder {
    waker: WatchWaker,
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Drop for Builder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.waker.wake();
        // A compiler that it started must be gone when this process ends; code that is compiled in
        // this process goes with it.
        let end = Instant::now() + GOODBYE;
        while !self.thread.is_finished() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Builder {
    /// Builds once, and again after every change.
    pub(super) fn start(
        project: &Project,
        max_steps: Option<u32>,
        printer: &Printer,
    ) -> Result<(Self, mpsc::Receiver<Built>)> {
        let mut watcher = ProjectWatcher::new();
        let stop: Arc<AtomicBool> = Arc::default();
        let (found, builds) = mpsc::channel(1);
        let waker = watcher.waker();
        let work = Work {
            project: project.clone(),
            max_steps,
            runtime: settings::runtime(!project.is_untrusted())?,
            executor: tokio::runtime::Handle::current(),
            printer: printer.clone(),
            stop: Arc::clone(&stop),
        };
        let thread = std::thread::Builder::new()
            .name("build".into())
            .spawn(move || {
                let work = AssertUnwindSafe(|| work.go_on(&mut watcher, &found));
                // The session would wait for builds for ever if it were not told.
                if let Err(panic) = catch_unwind(work) {
                    let _ = found.blocking_send(Built::Over(panicked("watching", panic.as_ref())));
                }
            })
            .context("the thread that builds cannot be started")?;
        let builder = Self {
            waker,
            stop,
            thread,
        };
        Ok((builder, builds))
    }

    /// Builds now, though no file may have changed.
    pub(super) fn build_now(&self) {
        self.waker.wake();
    }
}

/// What the files hold that a spec names, in one text.
fn data(spec: &Spec, project: &Project, inputs: &InputRecorder) -> String {
    let mut named = Vec::new();
    if let Some(dataset) = &spec.dataset {
        let held_out = match &dataset.held_out {
            HeldOut::Source(source) => Some(source),
            HeldOut::Share(_) => None,
        };
        for source in [Some(&dataset.source), held_out].into_iter().flatten() {
            if let DatasetSource::File(path) = source {
                named.push(path);
            }
        }
    }
    if let TokenizerSource::File(path) = &spec.tokenizer {
        named.push(path);
    }
    let mut text = String::new();
    for path in named {
        // One that leads elsewhere is refused when the run begins.
        if project.resolve(path).is_ok() {
            let digest = inputs.file(&project.root().join(path));
            text.push_str(&format!("{path} {digest}\n"));
        }
    }
    text
}

struct Work {
    project: Project,
    max_steps: Option<u32>,
    runtime: Runtime,
    executor: tokio::runtime::Handle,
    printer: Printer,
    stop: Arc<AtomicBool>,
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// What a panic said, as an error.
fn panicked(what: &str, panic: &(dyn Any + Send)) -> anyhow::Error {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    anyhow!(
        "{what} the project failed: {}; this is an error of arkor-host",
        text.unwrap_or("it panicked")
    )
}

impl Work {
    /// Builds, and again after each change, until nobody wants that any more.
    fn go_on(&self, watcher: &mut ProjectWatcher, found: &mpsc::Sender<Built>) {
        let mut knows_functions = false;
        let mut is_told = false;
        loop {
            if found.blocking_send(Built::Begun).is_err() {
                return;
            }
            let built = self.build_until_settled(watcher);
            if let Some(reason) = watcher.polls().filter(|_| !is_told) {
                self.printer.note(&format!(
                    "files are looked at twice a second, for the system does not tell of changes: {reason}"
                ));
                is_told = true;
            }
            let (code, artifact) = match built {
                Ok((code, artifact)) => (Ok(code), Some(artifact)),
                Err(error) => (Err(error), None),
            };
            let is_compiled = code
                .as_ref()
                .is_ok_and(|code| code.component.code == CodeSource::Compiled);
            if found.blocking_send(Built::Done(Box::new(code))).is_err() {
                return;
            }
            // The first edit of a session would be compiled as a whole otherwise. What fails
            // here costs that time, and nothing else.
            knows_functions |= is_compiled;
            if let Some(Artifact::Wasm(artifact)) = artifact.filter(|_| !knows_functions) {
                knows_functions = self.runtime.learn_functions(&artifact).is_ok();
            }
            while !watcher.changed(TICK) {
                if found.is_closed() {
                    return;
                }
            }
            if self.stop.load(Ordering::Acquire) {
                return;
            }
        }
    }

    /// Builds, and if that fails while files still change, again: only an error that is true for a moment is one.
    fn build_until_settled(&self, watcher: &mut ProjectWatcher) -> Result<(Code, Artifact)> {
        let mut failed = None;
        loop {
            let inputs = watcher.begin();
            // Whatever a save brings, the next one is built too.
            let built = catch_unwind(AssertUnwindSafe(|| self.build(&inputs)))
                .unwrap_or_else(|panic| Err(panicked("building", panic.as_ref())));
            let own = watcher.follow(inputs.finish(), built.is_err());
            self.say_own(&own);
            if built.is_ok() || self.stop.load(Ordering::Acquire) {
                return built;
            }
            let first = *failed.get_or_insert_with(Instant::now);
            if first.elapsed() >= PATIENCE || !watcher.settle(QUIET) {
                return built;
            }
        }
    }

    /// Once for each.
    fn say_own(&self, own: &[PathBuf]) {
        for path in own {
            let path = path.strip_prefix(self.project.root()).unwrap_or(path);
            self.printer.note(&format!(
                "each build changes `{}` itself, which would start the next: while a build is at work, changes of it \
                 count no more. Name what the build reads in arkor.toml: [trainer] inputs = [...]",
                path.display()
            ));
        }
    }

    fn build(&self, inputs: &InputRecorder) -> Result<(Code, Artifact)> {
        let begin = Instant::now();
        // The project file may be what was changed.
        let project = self.project.reload(inputs)?;
        let limits = BuildLimits {
            timeout: project.config().build_timeout,
            stop: Arc::clone(&self.stop),
            own_group: true,
        };
        for grant in &project.capabilities().files {
            inputs.presence(&project.root().join(&grant.path));
        }
        let built = project.build_recording(&limits, inputs, &mut |line| {
            build_line(&line, &self.printer);
        })?;
        let build_ms = milliseconds(begin);
        let component = commands::load_trainer(&self.runtime, &built.artifact, &self.printer)?;
        let hash_ms = component.hash_time.as_secs_f64() * 1e3;
        let load_ms = component.load_time.as_secs_f64() * 1e3 - hash_ms;
        let begin = Instant::now();
        let capabilities = settings::capabilities(&project)?;
        let start = Trainer::start(&component, capabilities, settings::limits(&project));
        let trainer = self.executor.block_on(start)?;
        let spec = trainer.spec(|draft| {
            if self.max_steps.is_some() {
                draft.hyperparameters.max_steps = self.max_steps;
            }
        })?;
        let mut identity = trainer.identity(spec.config_hash()?);
        identity.data = data(&spec, &project, inputs);
        let code = Code {
            component,
            identity,
            spec,
            started: Started::new(trainer),
            timings: Timings {
                build_ms,
                compiler_ms: built.compiler.as_secs_f64() * 1e3,
                hash_ms,
                load_ms,
                describe_ms: milliseconds(begin),
            },
            project,
        };
        Ok((code, built.artifact))
    }
}
