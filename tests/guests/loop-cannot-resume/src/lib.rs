//! In the place of `loop-own-data`: trains a step with what it took over, and then gives up.

use arkor_guest::prelude::*;

#[derive(Default)]
struct CannotResume;

impl Trainer for CannotResume {
    fn describe() -> Result<Spec> {
        let mut spec = guest_common::spec("loop-own-data");
        spec.dataset = None;
        Ok(spec)
    }
}

impl TrainingLoop for CannotResume {
    fn run(_: Spec) -> Result<()> {
        let from = hooks::resume_point()?.map_or(0, |point| point.step);
        let datum = Datum {
            tokens: vec![1, 2],
            targets: vec![2, 3],
            ..Datum::default()
        };
        session::forward_backward(&[datum], &Loss::CrossEntropy, LogProbs::Omit)?;
        session::optim_step(&Adam::new(1.0))?;
        Err(format!("the state of step {from} is in no form I know").into())
    }
}

arkor_guest::export_loop!(CannotResume);
