//! Asks for files that nobody granted.

use arkor_guest::prelude::*;

#[derive(Default)]
struct AsksFile;

impl Trainer for AsksFile {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("asks-file"))
    }

    fn on_started(&mut self, _: &Started) -> Result<Actions> {
        for path in ["/etc/passwd", "../../../etc/passwd", "arkor.toml", "."] {
            if std::fs::read(path).is_ok() || std::fs::read_dir(path).is_ok() {
                println!("ESCAPED: {path}");
            }
        }
        if std::fs::write("/tmp/arkor-escaped", "x").is_ok() {
            println!("ESCAPED: wrote a file");
        }
        let text = std::fs::read_to_string("/etc/passwd")?;
        println!("ESCAPED: {text}");
        Ok(vec![])
    }
}

arkor_guest::export!(AsksFile);
