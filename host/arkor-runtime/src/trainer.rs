//! A started trainer: instantiated, and it has said what to train.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arkor_types::{Fault, Spec, SpecDraft};
use tokio::sync::mpsc;

use crate::component::TrainerComponent;
use crate::console::Console;
use crate::decision::CodeIdentity;
use crate::error::RuntimeError;
use crate::instance::{Instance, Surroundings};
use crate::limits::Limits;
use crate::protocol::{GuestRequest, GuestText};
use crate::sandbox::Capabilities;

/// Requests of a guest that can wait for the driver.
const QUEUE: usize = 64;

/// A trainer that is instantiated and has said what to train.
pub struct Trainer {
    pub(crate) code: TrainerCode,
    pub(crate) draft: SpecDraft,
    pub(crate) said: Vec<GuestText>,
    pub(crate) requests: mpsc::Sender<GuestRequest>,
    pub(crate) queue: mpsc::Receiver<GuestRequest>,
}

/// An instance that has described itself, and what others of its code are started with.
pub(crate) struct TrainerCode {
    pub(crate) component: TrainerComponent,
    pub(crate) surroundings: Surroundings,
    pub(crate) instance: Instance,
    /// How long it took to start and describe itself.
    pub(crate) start_time: Duration,
}

impl TrainerComponent {
    /// An instance outside of any run, for tools that call a trainer's functions one by one. What it
    /// writes is lost.
    ///
    /// # Errors
    ///
    /// What the trainer did wrong.
    pub async fn instantiate(
        &self,
        capabilities: &Arc<Capabilities>,
        limits: &Arc<Limits>,
    ) -> Result<Instance, Box<Fault>> {
        let (requests, _) = mpsc::channel(1);
        let surroundings = Surroundings {
            console: Console::new(requests, limits.messages_per_second),
            capabilities: Arc::clone(capabilities),
            limits: Arc::clone(limits),
        };
        Instance::start(self, &surroundings, 1).await
    }
}

impl Trainer {
    /// Instantiates a trainer and asks it what to train.
    ///
    /// # Errors
    ///
    /// What the trainer did wrong.
    pub async fn start(
        component: &TrainerComponent,
        capabilities: Capabilities,
        limits: Limits,
    ) -> Result<Self, RuntimeError> {
        let (requests, mut queue) = mpsc::channel(QUEUE);
        let surroundings = Surroundings {
            console: Console::new(requests.clone(), limits.messages_per_second),
            capabilities: Arc::new(capabilities),
            limits: Arc::new(limits),
        };
        let begin = Instant::now();
        let start = async {
            let mut instance = Instance::start(component, &surroundings, 1).await?;
            let draft = instance.describe().await?;
            Ok((instance, draft))
        };
        let (result, said) = listen(start, &mut queue).await;
        let (mut instance, draft) = result.map_err(RuntimeError::Guest)?;
        instance.rename(&draft.name);
        Ok(Self {
            code: TrainerCode {
                component: component.clone(),
                surroundings,
                instance,
                start_time: begin.elapsed(),
            },
            draft,
            said,
            requests,
            queue,
        })
    }

    /// What it is made of, for a run whose text goes there, and what it said so far.
    pub(crate) fn into_code(
        self,
        requests: &mpsc::Sender<GuestRequest>,
    ) -> (TrainerCode, Vec<GuestText>) {
        self.code.instance.speak_to(requests.clone());
        self.code.surroundings.console.redirect(requests.clone());
        (self.code, self.said)
    }

    /// What it wants to train, not yet checked.
    pub fn draft(&self) -> &SpecDraft {
        &self.draft
    }

    /// By what it is compared with other code, given the hash of its configuration. What the files hold that the
    /// configuration names is the caller's affair.
    pub fn identity(&self, config: String) -> CodeIdentity {
        let Surroundings {
            capabilities,
            limits,
            ..
        } = &self.code.surroundings;
        let mut capabilities = Capabilities::clone(capabilities);
        capabilities.network.sort();
        if !capabilities.names.is_empty() {
            // What a name leads to may be told in any order, and another part of it each time.
            capabilities
                .network
                .iter_mut()
                .for_each(|address| address.set_ip(std::net::Ipv4Addr::UNSPECIFIED.into()));
            capabilities.network.sort();
            capabilities.network.dedup();
        }
        // Plain data, which is compared in this process only.
        let grants = format!("{capabilities:?} {limits:?}");
        CodeIdentity {
            component: self.code.component.digest.clone(),
            grants: blake3::hash(grants.as_bytes()).to_hex().to_string(),
            config,
            data: String::new(),
        }
    }

    /// What it said while it started.
    pub fn said(&self) -> &[GuestText] {
        &self.said
    }

    /// What it wants to train, checked, after `change` had its way with it.
    ///
    /// # Errors
    ///
    /// [`RuntimeError::Spec`] with all problems.
    pub fn spec(&self, change: impl FnOnce(&mut SpecDraft)) -> Result<Spec, RuntimeError> {
        let mut draft = self.draft.clone();
        change(&mut draft);
        draft.resolve().map_err(|problems| RuntimeError::Spec {
            trainer: self.code.component.name.clone(),
            problems,
        })
    }
}

/// Waits for `work` and takes down what the guest says meanwhile.
pub(crate) async fn listen<T>(
    work: impl Future<Output = T>,
    queue: &mut mpsc::Receiver<GuestRequest>,
) -> (T, Vec<GuestText>) {
    let mut said = Vec::new();
    let mut work = std::pin::pin!(work);
    let mut take = |request| {
        if let GuestRequest::Text(text) = request {
            said.push(text);
        }
    };
    let result = loop {
        tokio::select! {
            biased;
            Some(request) = queue.recv() => take(request),
            result = &mut work => break result,
        }
    };
    while let Ok(request) = queue.try_recv() {
        take(request);
    }
    (result, said)
}
