//! In which fields two configurations differ.

use arkor_types::{Spec, UntrustedText};

/// The fields in which two configurations differ, each with both values.
pub fn changed_fields(before: &Spec, after: &Spec) -> Vec<String> {
    let plain = |spec: &Spec| serde_json::to_value(spec).unwrap_or_default();
    let mut found = Vec::new();
    compare("", &plain(before), &plain(after), &mut found);
    found
}

/// The fields in which two specs train differently, the length of the run left aside.
pub(super) fn differences(stored: &Spec, described: &Spec) -> Vec<String> {
    let neutral = |spec: &Spec| {
        let mut spec = spec.clone();
        spec.hyperparameters.max_steps = 0;
        spec.dry_run = false;
        spec.description = UntrustedText::default();
        spec.tags = Vec::new();
        serde_json::to_value(spec).unwrap_or_default()
    };
    let mut found = Vec::new();
    compare("", &neutral(stored), &neutral(described), &mut found);
    found
}

fn compare(
    path: &str,
    stored: &serde_json::Value,
    described: &serde_json::Value,
    found: &mut Vec<String>,
) {
    use serde_json::Value::{Null, Object};
    match (stored, described) {
        (Object(a), Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                compare(
                    &path,
                    a.get(key).unwrap_or(&Null),
                    b.get(key).unwrap_or(&Null),
                    found,
                );
            }
        }
        (a, b) if a != b => found.push(format!("{path} was {a} and is {b}")),
        _ => {}
    }
}
