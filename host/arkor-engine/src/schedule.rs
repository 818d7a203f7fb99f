//! How many steps a run has, and the learning rate of each.

use arkor_types::{Hyperparameters, LrSchedulerType};

/// The learning rate over a run: a linear rise over `warmup-steps`, then the chosen shape.
///
/// The formulas are those of `transformers`' `get_linear_schedule_with_warmup`,
/// `get_cosine_schedule_with_warmup` (half a period) and `get_constant_schedule_with_warmup`. As
/// there, the first step of a run with a warm-up has the rate 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    peak: f64,
    shape: LrSchedulerType,
    warmup_steps: u64,
    planned_steps: u64,
}

impl Schedule {
    /// The schedule of a run of `planned_steps` optimizer steps, see [`planned_steps`].
    pub fn new(hyperparameters: &Hyperparameters, planned_steps: u64) -> Self {
        Self {
            peak: hyperparameters.learning_rate,
            shape: hyperparameters.lr_scheduler_type,
            warmup_steps: hyperparameters.warmup_steps.into(),
            planned_steps,
        }
    }

    /// The rate of the optimizer step that makes `step` finished steps one more; the first has
    /// `step` 0. Past the planned end it stays as at the end.
    #[expect(clippy::cast_precision_loss, reason = "steps are far below 2^53")]
    pub fn learning_rate(&self, step: u64) -> f64 {
        if step < self.warmup_steps {
            return self.peak * (step as f64 / self.warmup_steps as f64);
        }
        let total = self.planned_steps.saturating_sub(self.warmup_steps).max(1) as f64;
        let done = ((step - self.warmup_steps) as f64 / total).min(1.0);
        let factor = match self.shape {
            LrSchedulerType::Linear => 1.0 - done,
            LrSchedulerType::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * done).cos()),
            LrSchedulerType::Constant => 1.0,
        };
        self.peak * factor.clamp(0.0, 1.0)
    }
}

/// Optimizer steps of a run: `max-steps`, or as many as `num-train-epochs` passes over
/// `train_examples` need, rounded up; at least 1.
///
/// Batches run on across the ends of epochs, so an epoch that is no multiple of the batch does not
/// end in a smaller one.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded up and not negative; saturates at the largest step"
)]
pub fn planned_steps(hyperparameters: &Hyperparameters, train_examples: u64) -> u64 {
    if hyperparameters.max_steps > 0 {
        return hyperparameters.max_steps.into();
    }
    let examples = hyperparameters.num_train_epochs * train_examples as f64;
    let steps = (examples / examples_per_step(hyperparameters) as f64).ceil();
    // The contract counts steps with 32 bits.
    (steps as u64).clamp(1, u32::MAX.into())
}

/// Training examples of one optimizer step.
pub(crate) fn examples_per_step(hyperparameters: &Hyperparameters) -> u64 {
    u64::from(hyperparameters.per_device_train_batch_size).max(1)
        * u64::from(hyperparameters.gradient_accumulation_steps).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::data::tests::{small, spec};

    fn schedule(shape: LrSchedulerType, warmup_steps: u64, planned_steps: u64) -> Schedule {
        Schedule {
            peak: 2.0,
            shape,
            warmup_steps,
            planned_steps,
        }
    }

    #[test]
    fn warms_up_from_zero_and_falls_to_zero() {
        let linear = schedule(LrSchedulerType::Linear, 4, 12);
        let rates: Vec<f64> = (0..=13).map(|step| linear.learning_rate(step)).collect();
        assert_eq!(
            rates,
            [
                0.0, 0.5, 1.0, 1.5, 2.0, 1.75, 1.5, 1.25, 1.0, 0.75, 0.5, 0.25, 0.0, 0.0
            ]
        );
        let cosine = schedule(LrSchedulerType::Cosine, 0, 4);
        let expected = [2.0, 1.0 + 0.5f64.sqrt(), 1.0, 1.0 - 0.5f64.sqrt(), 0.0];
        for (step, expected) in (0..).zip(expected) {
            assert!((cosine.learning_rate(step) - expected).abs() < 1e-12);
        }
        assert_eq!(
            schedule(LrSchedulerType::Constant, 2, 4).learning_rate(100),
            2.0
        );
    }

    #[test]
    fn epochs_round_up_to_steps() {
        let mut h = spec(arkor_types::TokenizerSource::Bytes, small()).hyperparameters;
        (h.per_device_train_batch_size, h.gradient_accumulation_steps) = (3, 2);
        (h.max_steps, h.num_train_epochs) = (0, 1.5);
        assert_eq!(planned_steps(&h, 100), 25);
        assert_eq!(planned_steps(&h, 101), 26);
        assert_eq!(planned_steps(&h, 0), 1);
        h.max_steps = 7;
        assert_eq!(planned_steps(&h, 100), 7);
    }

    proptest! {
        #[test]
        fn stays_between_zero_and_the_peak(
            shape in prop_oneof![
                Just(LrSchedulerType::Linear),
                Just(LrSchedulerType::Cosine),
                Just(LrSchedulerType::Constant),
            ],
            warmup in 0u64..1000,
            planned in 0u64..1000,
            step in any::<u64>(),
        ) {
            let rate = schedule(shape, warmup, planned).learning_rate(step);
            prop_assert!((0.0..=2.0).contains(&rate));
        }
    }
}
