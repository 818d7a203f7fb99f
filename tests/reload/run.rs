//! A run in this process, with everything a test wants to know of it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arkor_engine::{EmbeddedEngine, Priority};
use arkor_runtime::{
    Capabilities, Limits, OnCallbackError, ReloadOutcome, Reloader, RunControl, RunOutcome,
    RunRequest, RunSettings, Runtime, RuntimeError, RuntimeOptions, Trainer, TrainerComponent,
};
use arkor_store::{Store, StoreOptions};
use arkor_types::{EndReason, Event, EventRecord, RunId};
use tempfile::TempDir;

use crate::harness::guest;

pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new(RuntimeOptions::default()).unwrap())
}

pub(crate) fn component(name: &str) -> TrainerComponent {
    runtime().load(guest(name)).unwrap()
}

pub(crate) struct Run {
    pub(crate) control: RunControl,
    pub(crate) store: Store,
    limits: Limits,
    capabilities: Capabilities,
    id: RunId,
    _folder: TempDir,
}

impl Run {
    /// A run of this guest that logs every step and does not end by itself.
    pub(crate) async fn start(name: &str) -> Self {
        Self::with_limits(name, Limits::default()).await
    }

    pub(crate) async fn with_limits(name: &str, limits: Limits) -> Self {
        Self::granted(name, limits, |_| Capabilities::default()).await
    }

    /// The same, with what is granted in the run's folder.
    pub(crate) async fn granted(
        name: &str,
        limits: Limits,
        grants: impl FnOnce(&Path) -> Capabilities,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = "In the beginning was the Word, and the Word was with God. ".repeat(40);
        std::fs::write(folder.path().join("text.txt"), text).unwrap();
        let store = Store::open(&folder.path().join(".arkor"), StoreOptions::default()).unwrap();
        let capabilities = grants(folder.path());
        let trainer = Trainer::start(&component(name), capabilities.clone(), limits.clone())
            .await
            .unwrap();
        let spec = trainer
            .spec(|draft| {
                draft.hyperparameters.max_steps = Some(1_000_000);
                draft.hyperparameters.logging_steps = Some(1);
                draft.hyperparameters.eval_steps = Some(0);
                draft.hyperparameters.save_steps = Some(0);
            })
            .unwrap();
        let settings = RunSettings {
            engine: Arc::new(EmbeddedEngine::new(Some(1), Priority::Normal).unwrap()),
            project: folder.path().to_path_buf(),
            on_callback_error: OnCallbackError::Continue,
            parent: None,
            warm: false,
            is_attended: true,
        };
        let control = trainer.run(spec, &store, &settings).await.unwrap();
        let id = control.id().clone();
        Self {
            control,
            store,
            limits,
            capabilities,
            id,
            _folder: folder,
        }
    }

    pub(crate) async fn swap(&self, name: &str) -> ReloadOutcome {
        swap_within(
            &self.control.reloader(),
            &component(name),
            self.capabilities.clone(),
            self.limits.clone(),
        )
        .await
    }

    pub(crate) fn events(&self) -> Vec<EventRecord> {
        let mut events = Vec::new();
        loop {
            let more = self
                .store
                .events(&self.id, events.len() as u64, 10_000)
                .unwrap();
            if more.is_empty() {
                return events;
            }
            events.extend(more);
        }
    }

    pub(crate) fn of<T>(&self, pick: impl Fn(&EventRecord) -> Option<T>) -> Vec<T> {
        self.events().iter().filter_map(pick).collect()
    }

    /// Waits until so many log events more were written.
    pub(crate) async fn logs(&self, more: usize) {
        let count = || {
            self.of(|record| matches!(record.event, Event::Log(_)).then_some(()))
                .len()
        };
        let wanted = count() + more;
        let mut progress = self.control.progress();
        while count() < wanted {
            progress.changed().await.expect("the run goes on");
        }
    }

    /// Waits until there is a log event that this generation was the first to be given.
    pub(crate) async fn log_in_generation(&self, generation: u32) {
        let given = || {
            let events = self.events();
            let mut rest = events.iter().skip_while(|record| {
                !matches!(&record.event, Event::Swapped(swap) if swap.generation == generation)
            });
            rest.any(|record| matches!(record.event, Event::Log(_)))
        };
        let mut progress = self.control.progress();
        while !given() {
            progress.changed().await.expect("the run goes on");
        }
    }

    /// Waits until there are so many events of a kind.
    pub(crate) async fn count(&self, wanted: usize, is: impl Fn(&Event) -> bool) {
        let mut progress = self.control.progress();
        let count = || self.of(|record| is(&record.event).then_some(())).len();
        while count() < wanted {
            progress.changed().await.expect("the run goes on");
        }
    }

    /// Waits until the log has a message with this in it.
    pub(crate) async fn message(&self, part: &str) {
        let is = |event: &Event| match event {
            Event::Message(message) => message.text.as_str().contains(part),
            _ => false,
        };
        self.count(1, is).await;
    }

    pub(crate) async fn ask(&self, request: RunRequest) {
        self.control.requests().ask(request).await.unwrap();
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self._folder.path().join(relative)
    }

    /// Drops all that can ask something of the run.
    pub(crate) fn abandon(self) -> TempDir {
        self._folder
    }

    /// Ends the run, and says how.
    pub(crate) async fn stop(self) -> (RunOutcome, Vec<EventRecord>) {
        let requests = self.control.requests();
        let _ = requests.ask(RunRequest::Stop(EndReason::User)).await;
        let Self {
            control,
            store,
            id,
            _folder: folder,
            ..
        } = self;
        let outcome = control.finish().await.unwrap();
        let events = store.events(&id, 0, 1_000_000).unwrap();
        drop(folder);
        (outcome, events)
    }
}

/// Starts code and brings it into the run. It is promised before anything is awaited.
pub(crate) fn swap(
    reloader: &Reloader,
    component: &TrainerComponent,
) -> impl Future<Output = ReloadOutcome> + use<> {
    swap_within(
        reloader,
        component,
        Capabilities::default(),
        Limits::default(),
    )
}

fn swap_within(
    reloader: &Reloader,
    component: &TrainerComponent,
    capabilities: Capabilities,
    limits: Limits,
) -> impl Future<Output = ReloadOutcome> + use<> {
    let ticket = reloader.promise();
    let (reloader, component) = (reloader.clone(), component.clone());
    async move {
        match Trainer::start(&component, capabilities, limits).await {
            Ok(trainer) => reloader.offer(ticket, trainer).await,
            Err(RuntimeError::Guest(fault)) => ReloadOutcome::Rejected(fault),
            Err(error) => panic!("{error}"),
        }
    }
}

/// What the callbacks said after an event: which log event was theirs, in which order.
pub(crate) fn metrics(events: &[EventRecord], name: &str) -> Vec<f64> {
    let value = |record: &EventRecord| match &record.event {
        Event::Action(taken) => match &taken.action {
            arkor_types::Action::LogMetric(metric) if metric.name == name => Some(metric.value),
            _ => None,
        },
        _ => None,
    };
    events.iter().filter_map(value).collect()
}

/// Every log event was handled once, by one generation after the other: the counters go on where
/// the one before stopped.
pub(crate) fn counted_without_a_gap(counted: &[f64]) {
    for (index, value) in counted.iter().enumerate() {
        assert_eq!(*value, index as f64 + 1.0, "{counted:?}");
    }
}
