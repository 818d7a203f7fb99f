//! Returns what breaks the canonical ABI itself, in the way that the first word of its dataset
//! names.

use arkor_guest::prelude::*;

#[derive(Default)]
struct GarbageAbi;

fn first_word() -> Result<String> {
    let first = dataset::read(dataset::Split::Train, 0, 1)?;
    let bytes: Vec<u8> = first[0].tokens.iter().map(|token| *token as u8).collect();
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.split_whitespace().next().unwrap_or_default().into())
}

impl Trainer for GarbageAbi {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("garbage-abi"))
    }

    fn on_log(&mut self, _: &LogRecord) -> Result<Actions> {
        Ok(match first_word()?.as_str() {
            // SAFETY: none. This is what a buggy or hostile trainer would do.
            "not-utf8" => vec![Action::Stop(unsafe {
                String::from_utf8_unchecked(vec![0xff, 0xfe])
            })],
            "wild-pointer" => vec![Action::Stop(unsafe {
                String::from_raw_parts(0xffff_fff0_usize as *mut u8, 1000, 1000)
            })],
            _ => vec![Action::Save; 4_000_000],
        })
    }
}

arkor_guest::export!(GarbageAbi);
