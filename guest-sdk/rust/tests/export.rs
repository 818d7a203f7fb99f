//! Calls an exported trainer the way the host does, only without wasm in between.

use arkor_guest::callbacks::{Guest as _, Position};
use arkor_guest::definition::Guest as _;
use arkor_guest::prelude::*;

#[derive(Default)]
struct Counter {
    logs: u8,
}

impl Trainer for Counter {
    fn describe() -> Result<Spec> {
        let width = "sixty-four".parse::<u32>()?;
        Ok(Spec::new(
            "counter",
            ModelShape::new(width, 2, 4),
            DatasetSource::file("x.txt"),
        ))
    }

    fn on_log(&mut self, event: &LogRecord) -> Result<Actions> {
        self.logs += 1;
        if event.loss.is_some_and(f64::is_nan) {
            return Ok(vec![Action::stop("the loss is not a number")]);
        }
        Ok(vec![Action::metric("logs", self.logs.into())])
    }

    fn save_state(&self) -> Result<Vec<u8>> {
        Ok(vec![self.logs])
    }

    fn load_state(&mut self, state: &[u8]) -> Result<()> {
        self.logs = *state.first().ok_or("the state is empty")?;
        Ok(())
    }
}

arkor_guest::__component!(Counter);

fn log(loss: f64) -> LogRecord {
    LogRecord {
        at: Position { seq: 2, step: 10 },
        epoch: None,
        loss: Some(loss),
        learning_rate: None,
        grad_norm: None,
        tokens: 0.0,
        metrics: vec![],
        additional: vec![],
    }
}

#[test]
fn memory_lasts_from_call_to_call() {
    assert_eq!(
        Component::on_log(log(1.0)),
        Ok(vec![Action::metric("logs", 1.0)])
    );
    assert_eq!(
        Component::on_log(log(f64::NAN)),
        Ok(vec![Action::stop("the loss is not a number")])
    );
    assert_eq!(Component::save_state(), Ok(vec![2]));
    assert_eq!(Component::load_state(vec![7]), Ok(()));
    assert_eq!(
        Component::on_log(log(1.0)),
        Ok(vec![Action::metric("logs", 8.0)])
    );
}

#[test]
fn errors_become_text() {
    assert_eq!(
        Component::describe(),
        Err("invalid digit found in string".into())
    );
    assert_eq!(
        Component::load_state(vec![]),
        Err("the state is empty".into())
    );
}

#[test]
fn callbacks_ask_for_nothing_by_default() {
    let event = Failed {
        at: Position { seq: 3, step: 10 },
        message: "out of memory".into(),
        code: "internal".into(),
        hint: None,
        checkpoint: None,
        additional: vec![],
    };
    assert_eq!(Component::on_failed(event), Ok(vec![]));
}
