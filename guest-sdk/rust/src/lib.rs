//! Write trainers for arkor-host in Rust.
//!
//! A trainer is a type with [`Trainer`]'s functions, exported by [`export!`]:
//!
//! ```no_run
//! use arkor_guest::prelude::*;
//!
//! #[derive(Default)]
//! struct Mine;
//!
//! impl Trainer for Mine {
//!     fn describe() -> Result<Spec> {
//!         Ok(Spec {
//!             tokenizer: Some(TokenizerSource::Bpe(1024)),
//!             hyperparameters: Hyperparameters {
//!                 max_steps: Some(300),
//!                 learning_rate: Some(1e-3),
//!                 ..Default::default()
//!             },
//!             ..Spec::new("mine", ModelShape::new(192, 4, 6), DatasetSource::file("data/text.txt"))
//!         })
//!     }
//!
//!     fn on_checkpoint(&mut self, event: &Checkpoint) -> Result<Actions> {
//!         let text = inference::generate("Once", &Sampling { max_tokens: Some(40), ..sampling() })?;
//!         println!("step {}: {}", event.at.step, text.text);
//!         Ok(vec![])
//!     }
//! }
//!
//! arkor_guest::export!(Mine);
//! # fn main() {}
//! ```
//!
//! A trainer that owns its training loop has [`TrainingLoop`] as well and is exported by
//! [`export_loop!`]. The loop drives [`session`] and offers [`hooks::checkpoint`] a place to stop:
//!
//! ```no_run
//! use arkor_guest::prelude::*;
//!
//! #[derive(Default)]
//! struct Mine;
//!
//! impl Trainer for Mine {
//!     fn describe() -> Result<Spec> {
//!         Ok(Spec::new("loop", ModelShape::new(64, 2, 4), DatasetSource::file("data/text.txt")))
//!     }
//! }
//!
//! impl TrainingLoop for Mine {
//!     fn run(spec: Spec) -> Result<()> {
//!         let steps = spec.hyperparameters.max_steps.unwrap_or(100);
//!         let first = hooks::resume_point()?.map_or(0, |point| point.step);
//!         for step in first..steps {
//!             let data: Vec<Datum> = dataset::batch(step)?.into_iter().map(Into::into).collect();
//!             let output = session::forward_backward(&data, &Loss::CrossEntropy, LogProbs::Omit)?;
//!             let done = session::optim_step(&Adam::new(1e-3))?.step;
//!             let loss = output.loss_sum / output.weight_sum;
//!             let progress = Progress { loss: Some(loss), ..Default::default() };
//!             hooks::log(done, progress, &[])?;
//!             if hooks::checkpoint(done, &[])? != Directive::Proceed {
//!                 break;
//!             }
//!         }
//!         Ok(())
//!     }
//! }
//!
//! arkor_guest::export_loop!(Mine);
//! # fn main() {}
//! ```
//!
//! The loop runs in an instance of its own: it shares no memory with the callbacks.
//!
//! Errors of any type leave a function by `?`. `println!` and `eprintln!` write to the run's log; a
//! panic ends the instance and is reported with its message and stack.
//!
//! # Memory
//!
//! Fields of a trainer last from call to call. For them to last over a stop and a change of the code too,
//! there are `save_state` and `load_state`, and with the feature `serde` one line that gives both,
//! `carry_state!`.
//!
//! # Building
//!
//! A trainer is a `cdylib`. `arkor-host` builds it on its own whenever it is needed; by hand,
//! `cargo build --release --target wasm32-wasip2` does the same. With `incremental = true` in
//! `[profile.release]`, a change is live in half the time.

#[doc(hidden)]
#[allow(missing_docs, clippy::all)]
pub mod bindings;
mod defaults;
mod error;
mod export;
#[cfg(feature = "serde")]
mod state;
mod trainer;

pub use bindings::arkor::trainer::{artifacts, dataset, hooks, inference, run, session, types};
pub use bindings::exports::arkor::trainer::{callbacks, definition};
pub use error::{Result, chain};
#[doc(hidden)]
pub use export::__text;
#[cfg(feature = "serde")]
#[doc(hidden)]
pub use state::{__load_state, __save_state};
pub use trainer::{Actions, Trainer, TrainingLoop};

/// Default values for generating text: 64 tokens at temperature 1.
pub fn sampling() -> types::Sampling {
    types::Sampling::default()
}

/// Leaves a line for people in the run's log: `message!(Level::Warn, "loss is {loss}")`.
#[macro_export]
macro_rules! message {
    ($level:expr, $($text:tt)+) => {
        $crate::hooks::message($level, &::std::format!($($text)+))
    };
}

/// What most trainers use.
pub mod prelude {
    pub use crate::callbacks::{
        Action, Checkpoint, Completed, EndReason, Evaluation, Failed, LogRecord, Started,
    };
    pub use crate::definition::{
        Dataset, DatasetFormat, DatasetSource, HeldOut, Hyperparameters, Lora, LrSchedulerType,
        ModelShape, ModelSource, Spec, TokenizerSource,
    };
    pub use crate::hooks::{Directive, Progress};
    pub use crate::session::{Adam, Datum, LogProbs, Loss};
    pub use crate::types::{Level, Measurement, Metric, Sampling, Setting, StopReason};
    pub use crate::{Actions, Result, Trainer, TrainingLoop};
    pub use crate::{artifacts, dataset, hooks, inference, run, sampling, session};
}
