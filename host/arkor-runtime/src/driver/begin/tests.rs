//! What is prepared at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};

use super::*;

/// An engine that takes until it is told to open a session, and then does not.
struct Slow {
    inside: AtomicUsize,
    most: AtomicUsize,
    began: mpsc::Sender<()>,
    goes_on: Mutex<mpsc::Receiver<()>>,
}

impl Engine for Slow {
    fn name(&self) -> &str {
        "slow"
    }

    fn open(&self, _: SessionRequest) -> Result<Box<dyn TrainingSession>, EngineError> {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
        self.began.send(()).unwrap();
        let goes_on = self.goes_on.lock().unwrap_or_else(PoisonError::into_inner);
        goes_on.recv().unwrap();
        self.inside.fetch_sub(1, Ordering::SeqCst);
        Err(EngineError::Lost { what: "no".into() })
    }
}

fn spec() -> Spec {
    let spec = serde_json::json!({
        "name": "tiny",
        "model": {"hub": {"name": "some/model", "revision": "main"}},
        "tokenizer": "bytes", "dataset": null, "own_loop": true, "lora": null,
        "hyperparameters": {
            "max_steps": 1, "num_train_epochs": 1.0, "learning_rate": 0.1,
            "per_device_train_batch_size": 1, "gradient_accumulation_steps": 1, "max_length": 8,
            "lr_scheduler_type": "linear", "warmup_steps": 0, "weight_decay": 0.0,
            "max_grad_norm": 1.0, "adam_beta1": 0.9, "adam_beta2": 0.999, "adam_epsilon": 1e-8,
            "logging_steps": 1, "eval_steps": 0, "save_steps": 0, "save_total_limit": 0,
            "seed": 1, "early_stopping_patience": 0, "early_stopping_threshold": 0.0
        }
    });
    serde_json::from_value(spec).unwrap()
}

#[tokio::test]
async fn checks_that_nobody_waits_for_any_more_do_not_pile_up() {
    let (began, begins) = mpsc::channel();
    let (go_on, goes_on) = mpsc::channel();
    let engine = Arc::new(Slow {
        inside: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
        began,
        goes_on: Mutex::new(goes_on),
    });
    let settings = RunSettings {
        engine: Arc::clone(&engine) as Arc<dyn Engine>,
        project: PathBuf::new(),
        on_callback_error: OnCallbackError::Continue,
        parent: None,
        warm: false,
        is_attended: false,
    };
    let begin = || {
        let settings = settings.clone();
        tokio::spawn(async move { check(&spec(), &settings).await })
    };
    let first = begin();
    tokio::task::yield_now().await;
    begins.recv().unwrap();
    first.abort();
    assert!(first.await.is_err());
    let second = begin();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    second.abort();
    assert!(second.await.is_err());
    let third = begin();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    for _ in 0..3 {
        go_on.send(()).unwrap();
    }
    assert!(third.await.unwrap().is_err());
    assert_eq!(engine.most.load(Ordering::SeqCst), 1);
    assert_eq!(begins.try_iter().count(), 1, "the second never began");
}
