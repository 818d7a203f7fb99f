//! The thread on which training happens.
//!
//! A session is used from one thread and computes for milliseconds to minutes, so it never runs on
//! the executor. Work is sent as closures over a bounded queue and answered one by one, in order.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arkor_engine::{EngineError, TrainingSession};
use tokio::sync::{mpsc, oneshot};

use crate::error::RuntimeError;

type Job = Box<dyn FnOnce(&mut Work) + Send>;

/// What the thread owns.
pub(crate) struct Work {
    pub(crate) session: Box<dyn TrainingSession>,
    /// Optimizer steps finished.
    pub(crate) steps: Arc<AtomicU64>,
    /// Tokens trained on.
    pub(crate) tokens: Arc<AtomicU64>,
    /// Tokens whose gradients wait for the next optimizer step.
    pub(crate) pending_tokens: u64,
    /// Whether whoever waits for the running job has gone.
    abandoned: Arc<AtomicBool>,
}

impl Work {
    /// Whether nobody waits for the running job any more: a callback was cut off, or the run ends at once.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    pub(crate) fn step(&self) -> u64 {
        self.steps.load(Ordering::Acquire)
    }

    pub(crate) fn finish_step(&mut self) -> u64 {
        let tokens = std::mem::take(&mut self.pending_tokens);
        self.tokens.fetch_add(tokens, Ordering::AcqRel);
        self.steps.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Whether there were any.
    pub(crate) fn drop_gradients(&mut self) -> bool {
        let pending = self.session.has_gradients();
        self.session.drop_gradients();
        self.pending_tokens = 0;
        pending
    }
}

/// A handle to the thread; it ends when the last handle is gone.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    jobs: mpsc::Sender<Job>,
}

/// The thread ended without an answer: the engine panicked.
#[derive(Debug)]
pub(crate) struct WorkerGone;

impl From<WorkerGone> for RuntimeError {
    fn from(_: WorkerGone) -> Self {
        Self::EngineGone("its thread panicked; the message is on standard error".into())
    }
}

/// Says at its end that nobody waits any more.
struct Gone(Arc<AtomicBool>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Worker {
    /// Starts the thread and opens the session on it.
    pub(crate) async fn start(
        steps: Arc<AtomicU64>,
        tokens: Arc<AtomicU64>,
        open: impl FnOnce() -> Result<Box<dyn TrainingSession>, EngineError> + Send + 'static,
    ) -> Result<Self, RuntimeError> {
        let (jobs, mut queue) = mpsc::channel::<Job>(4);
        let (opened, result) = oneshot::channel();
        std::thread::Builder::new()
            .name("training".into())
            .spawn(move || {
                let session = match open() {
                    Ok(session) => session,
                    Err(error) => {
                        let _ = opened.send(Err(error));
                        return;
                    }
                };
                let _ = opened.send(Ok(()));
                let mut work = Work {
                    session,
                    steps,
                    tokens,
                    pending_tokens: 0,
                    abandoned: Arc::default(),
                };
                while let Some(job) = queue.blocking_recv() {
                    // After a panic the session may be half-changed, so the thread ends with it;
                    // whoever waits sees its channel close.
                    if std::panic::catch_unwind(AssertUnwindSafe(|| job(&mut work))).is_err() {
                        return;
                    }
                }
            })
            .map_err(|error| RuntimeError::EngineGone(error.to_string()))?;
        result.await.map_err(|_| WorkerGone)??;
        Ok(Self { jobs })
    }

    /// Runs `job` on the thread and waits for its answer.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Work) -> T + Send + 'static,
    ) -> Result<T, WorkerGone> {
        let (reply, answer) = oneshot::channel();
        let abandoned = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&abandoned);
        let job: Job = Box::new(move |work| {
            if flag.load(Ordering::Acquire) {
                return;
            }
            work.session.interrupt_by(&flag);
            work.abandoned = flag;
            let _ = reply.send(job(work));
        });
        let _gone = Gone(abandoned);
        self.jobs.send(job).await.map_err(|_| WorkerGone)?;
        answer.await.map_err(|_| WorkerGone)
    }
}
