//! In which fields two configurations differ.

use arkor_types::{Spec, UntrustedText};

/// Longest text of a value that is told.
const VALUE: usize = 100;

/// The fields in which two specs train differently, each with both values.
pub fn changed_fields(before: &Spec, after: &Spec) -> Vec<String> {
    let mut found = Vec::new();
    compare("", &trained(before), &trained(after), &mut found);
    found
}

/// The same, the length of the run left aside.
pub(super) fn differences(stored: &Spec, described: &Spec) -> Vec<String> {
    let endless = |spec: &Spec| {
        let mut spec = spec.clone();
        spec.hyperparameters.max_steps = 0;
        spec
    };
    changed_fields(&endless(stored), &endless(described))
}

/// What of a spec reaches training.
fn trained(spec: &Spec) -> serde_json::Value {
    let spec = Spec {
        dry_run: false,
        description: UntrustedText::default(),
        tags: Vec::new(),
        ..spec.clone()
    };
    serde_json::to_value(spec).unwrap_or_default()
}

/// A value as JSON, if it is not long.
fn shown(value: &serde_json::Value) -> String {
    UntrustedText::cut(value.to_string(), VALUE).into_string()
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
        (a, b) if a != b => {
            found.push(format!("{path} was {} and is {}", shown(a), shown(b)));
        }
        _ => {}
    }
}
