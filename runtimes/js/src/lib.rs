//! The language runtime for JavaScript: QuickJS-ng in a component that exports the trainer's world
//! and runs the modules that its host hands it.
//!
//! One instance is one generation of a trainer. The modules are evaluated by the first call, which is
//! `describe`, so that a syntax error or an exception at module level is an answer, with its place, and
//! not a trap. The interpreter itself is there before: what `initialize` leaves in memory when the component is made is
//! what each instance begins with (`cargo xtask runtime javascript`), and nobody calls that function again.

mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit", "wit"],
        world: "arkor:javascript/unprepared-runtime",
        generate_all,
        additional_derives: [serde::Serialize, serde::Deserialize],
    });
}

mod engine;
mod failure;
mod host;
mod interruption;
mod jobs;
mod link;
mod modules;
mod source_map;
mod timers;
mod value;

use bindings::exports::arkor::trainer::callbacks::{
    Action, Checkpoint, Completed, Evaluation, Failed, LogRecord, Started,
};
use bindings::exports::arkor::trainer::{callbacks, definition, training_loop};

struct Runtime;

impl definition::Guest for Runtime {
    fn describe() -> Result<definition::Spec, String> {
        engine::describe()
    }
}

impl callbacks::Guest for Runtime {
    fn on_started(event: Started) -> Result<Vec<Action>, String> {
        engine::callback("onStarted", &event)
    }

    fn on_log(event: LogRecord) -> Result<Vec<Action>, String> {
        engine::callback("onLog", &event)
    }

    fn on_evaluate(event: Evaluation) -> Result<Vec<Action>, String> {
        engine::callback("onEvaluate", &event)
    }

    fn on_checkpoint(event: Checkpoint) -> Result<Vec<Action>, String> {
        engine::callback("onCheckpoint", &event)
    }

    fn on_completed(event: Completed) -> Result<Vec<Action>, String> {
        engine::callback("onCompleted", &event)
    }

    fn on_failed(event: Failed) -> Result<Vec<Action>, String> {
        engine::callback("onFailed", &event)
    }

    fn save_state() -> Result<Vec<u8>, String> {
        engine::save_state()
    }

    fn load_state(state: Vec<u8>) -> Result<(), String> {
        engine::load_state(&state)
    }
}

impl training_loop::Guest for Runtime {
    fn run(spec: definition::Spec) -> Result<(), String> {
        engine::run(&spec)
    }
}

impl bindings::Guest for Runtime {
    #[expect(clippy::panic, reason = "there is nobody to answer to while the component is made")]
    fn initialize() {
        if let Err(error) = engine::prepare() {
            panic!("{error}");
        }
    }
}

bindings::export!(Runtime with_types_in bindings);
