//! Rows of a store that somebody else may have written: what was read once is written and read as the same.

use arkor_types::{EventRecord, Spec};

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(event) = EventRecord::from_json(text) {
        let text = serde_json::to_string(&event).unwrap();
        let again = EventRecord::from_json(&text).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), text);
    }
    if let Ok(spec) = serde_json::from_slice::<Spec>(data) {
        let _ = spec.config_hash();
    }
}
