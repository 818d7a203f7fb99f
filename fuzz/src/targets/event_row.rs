//! Rows of a store that somebody else may have written: what was read once is written and read as the same.

use arkor_types::{EventRecord, Spec};

pub(crate) fn run(data: &[u8]) {
    if let Ok(event) = serde_json::from_slice::<EventRecord>(data) {
        let text = serde_json::to_string(&event).unwrap();
        let again: EventRecord = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), text);
    }
    if let Ok(spec) = serde_json::from_slice::<Spec>(data) {
        let _ = spec.config_hash();
    }
}
