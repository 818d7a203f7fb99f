//! Describes what nobody can train.

use arkor_guest::prelude::*;

#[derive(Default)]
struct GarbageSpec;

impl Trainer for GarbageSpec {
    fn describe() -> Result<Spec> {
        let mut spec = guest_common::spec("garbage-spec");
        spec.name = "not a name".into();
        spec.dataset = Some(Dataset::file("text.txt").with_held_out(1.5));
        spec.hyperparameters.learning_rate = Some(f64::NAN);
        spec.hyperparameters.per_device_train_batch_size = Some(0);
        spec.additional = vec![Setting {
            name: "hyperparameters.telepathy".into(),
            value: "true".into(),
        }];
        spec.extras = Some("[1, 2]".into());
        Ok(spec)
    }
}

arkor_guest::export!(GarbageSpec);
