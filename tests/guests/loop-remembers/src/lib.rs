//! A loop whose callbacks have memory of the first form.

use arkor_guest::prelude::*;

#[derive(Default)]
struct Remembers {
    logs: u8,
}

impl Trainer for Remembers {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("loop-remembers"))
    }

    fn on_log(&mut self, _: &LogRecord) -> Result<Actions> {
        self.logs = self.logs.wrapping_add(1);
        Ok(vec![Action::metric("first", f64::from(self.logs))])
    }

    fn save_state(&self) -> Result<Vec<u8>> {
        Ok(vec![1, self.logs])
    }

    fn load_state(&mut self, state: &[u8]) -> Result<()> {
        match state {
            [1, logs] => self.logs = *logs,
            _ => return Err("a form of memory that this code does not know".into()),
        }
        Ok(())
    }
}

impl TrainingLoop for Remembers {
    fn run(_: Spec) -> Result<()> {
        loop {
            let wishes = hooks::log(0, Progress::default(), &[])?;
            if wishes.checkpoint && hooks::checkpoint(0, b"")? != Directive::Proceed {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

arkor_guest::export_loop!(Remembers);
