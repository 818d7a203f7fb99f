//! A loop that takes old weights back after its last checkpoint, and returns with gradients that it
//! never applied.

use arkor_guest::prelude::*;
use session::{Adam, Datum, LogProbs, Loss};

#[derive(Default)]
struct LoopUnapplied;

impl Trainer for LoopUnapplied {
    fn describe() -> Result<Spec> {
        let mut spec = guest_common::spec("loop-unapplied");
        spec.hyperparameters.save_steps = Some(1);
        Ok(spec)
    }
}

fn evaluated() -> Result<f64> {
    let loss = session::evaluate()?.measured.loss;
    Ok(loss.ok_or("there is no loss")?)
}

fn forward() -> Result<()> {
    let data: Vec<Datum> = dataset::batch(0)?
        .into_iter()
        .map(|example| Datum {
            tokens: example.tokens,
            targets: example.targets,
            ..Datum::default()
        })
        .collect();
    session::forward_backward(&data, &Loss::CrossEntropy, LogProbs::Omit)?;
    Ok(())
}

impl TrainingLoop for LoopUnapplied {
    fn run(_: Spec) -> Result<()> {
        session::save_state("untrained")?;
        println!("untrained: {}", evaluated()?);
        forward()?;
        let step = session::optim_step(&Adam::new(0.1))?.step;
        println!("trained: {}", evaluated()?);
        hooks::checkpoint(step, b"")?;
        session::load_state("untrained")?;
        forward()
    }
}

arkor_guest::export_loop!(LoopUnapplied);
