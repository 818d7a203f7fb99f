//! Panics while it is asked what to train.

use arkor_guest::prelude::*;

#[derive(Default)]
struct PanicsInDescribe;

impl Trainer for PanicsInDescribe {
    fn describe() -> Result<Spec> {
        panic!("no idea what to train");
    }
}

arkor_guest::export!(PanicsInDescribe);
