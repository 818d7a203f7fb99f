//! A trainer that owns its training loop: cosine with warm restarts (Loshchilov and Hutter 2017), a
//! schedule the host does not have.

use arkor_guest::prelude::*;
use serde::{Deserialize, Serialize};
use session::{Adam, Datum, LogProbs, Loss};

/// Steps of the first cycle; each further one is twice as long.
const FIRST_CYCLE: u32 = 30;
const PEAK: f64 = 2e-3;
const FLOOR: f64 = 2e-4;

/// What lasts over a stop, and over a change of this code.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Restarts {
    logs: u32,
}

/// The rate of the step that follows `step` finished ones.
fn learning_rate(step: u32) -> f64 {
    let (mut begin, mut length) = (0, FIRST_CYCLE);
    while step >= begin + length {
        begin += length;
        length *= 2;
    }
    let share = f64::from(step - begin) / f64::from(length);
    FLOOR + (PEAK - FLOOR) * 0.5 * (1.0 + (std::f64::consts::PI * share).cos())
}

/// Whether a cycle ends with this step.
fn ends_cycle(step: u32) -> bool {
    learning_rate(step) > learning_rate(step - 1)
}

impl Trainer for Restarts {
    arkor_guest::carry_state!();

    fn describe() -> Result<Spec> {
        Ok(Spec {
            tokenizer: Some(TokenizerSource::Bpe(512)),
            hyperparameters: Hyperparameters {
                max_steps: Some(90),
                per_device_train_batch_size: Some(8),
                max_length: Some(64),
                save_steps: Some(30),
                ..Default::default()
            },
            ..Spec::new(
                "rust-loop",
                ModelShape::new(96, 2, 4),
                DatasetSource::file("data/gospels.txt"),
            )
        })
    }

    fn on_log(&mut self, _event: &LogRecord) -> Result<Actions> {
        self.logs += 1;
        Ok(vec![Action::metric("logs-seen", f64::from(self.logs))])
    }
}

impl TrainingLoop for Restarts {
    fn run(spec: Spec) -> Result<()> {
        let steps = spec.hyperparameters.max_steps.unwrap_or_default();
        // Weights and optimizer are restored by the host; the rate's place in its cycle follows
        // from the step alone, so there is nothing else to take up.
        let mut step = hooks::resume_point()?.map_or(0, |point| point.step);
        while step < steps {
            let batch = dataset::batch(step)?;
            let tokens: usize = batch.iter().map(|example| example.tokens.len()).sum();
            let data: Vec<Datum> = batch
                .into_iter()
                .map(|example| Datum {
                    weights: vec![1.0 / tokens as f32; example.tokens.len()],
                    tokens: example.tokens,
                    targets: example.targets,
                    ..Datum::default()
                })
                .collect();
            let rate = learning_rate(step);
            let loss = session::forward_backward(&data, &Loss::CrossEntropy, LogProbs::Omit)?;
            let done = session::optim_step(&Adam::new(rate))?;
            step = done.step;
            if step % 5 == 0 {
                let progress = Progress {
                    loss: Some(loss.loss_sum),
                    learning_rate: Some(rate),
                    grad_norm: done.grad_norm,
                    epoch: None,
                };
                hooks::log(step, progress, &[])?;
            }
            if ends_cycle(step) {
                let loss = session::evaluate()?.measured.loss.unwrap_or(f64::NAN);
                println!("cycle ended at step {step}: evaluation loss {loss:.3}");
            }
            if hooks::checkpoint(step, &[])? != hooks::Directive::Proceed {
                break;
            }
        }
        Ok(())
    }
}

arkor_guest::export_loop!(Restarts);
