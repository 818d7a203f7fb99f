//! Has more memory than fits a checkpoint.

use arkor_guest::prelude::*;

#[derive(Default)]
struct RemembersTooMuch;

impl Trainer for RemembersTooMuch {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("remembers-too-much"))
    }

    fn save_state(&self) -> Result<Vec<u8>> {
        Ok(vec![7; 20 << 20])
    }
}

arkor_guest::export!(RemembersTooMuch);
