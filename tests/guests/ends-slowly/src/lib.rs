//! Its last callback takes some seconds.

use arkor_guest::prelude::*;

#[derive(Default)]
struct EndsSlowly;

impl Trainer for EndsSlowly {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("ends-slowly"))
    }

    fn on_completed(&mut self, _: &Completed) -> Result<Actions> {
        std::thread::sleep(std::time::Duration::from_secs(4));
        Ok(vec![])
    }
}

arkor_guest::export!(EndsSlowly);
