//! In the place of `writes-lines`: the same, and traps at the third log event.

use std::io::Write;

use arkor_guest::prelude::*;

#[derive(Default)]
struct WritesAndTraps {
    logs: u64,
}

fn append(seq: u32) -> std::io::Result<()> {
    let mut open = std::fs::OpenOptions::new();
    let mut file = open.create(true).append(true).open("/out/lines.txt")?;
    writeln!(file, "{seq}")
}

impl Trainer for WritesAndTraps {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("writes-lines"))
    }

    fn on_log(&mut self, event: &LogRecord) -> Result<Actions> {
        self.logs += 1;
        if self.logs == 3 {
            panic!("not ready for event {}", event.at.seq);
        }
        let written = append(event.at.seq);
        let heard = std::fs::read("/out/lines.txt").is_ok();
        println!(
            "event {} written {} read {heard}",
            event.at.seq,
            written.is_ok()
        );
        Ok(vec![])
    }

    fn save_state(&self) -> Result<Vec<u8>> {
        Ok(vec![])
    }
}

arkor_guest::export!(WritesAndTraps);
