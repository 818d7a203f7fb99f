//! Rows of a store that somebody else may have written: what was read once is written and read as the same.

use arkor_types::{EventRecord, Spec};

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(event) = EventRecord::from_json(text) {
        let text = serde_json::to_string(&event).unwrap();
        let again = EventRecord::from_json(&text).unwrap();
        // Fields of events of unknown types have no order.
        let value = |event: &EventRecord| serde_json::to_value(event).unwrap();
        assert_eq!(value(&again), value(&event));
    }
    if let Ok(spec) = serde_json::from_slice::<Spec>(data) {
        let _ = spec.config_hash();
    }
}
