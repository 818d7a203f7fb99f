//! Values of the contract as JavaScript values, and back.
//!
//! The mapping is that of the component model's JavaScript tools: records are objects with names in
//! camelCase, a variant is `{ tag, val }`, an enum a string, an absent option `undefined`. On the way
//! in it is more lenient: a list may be left out when it is empty, a case without a value may be
//! its bare name, and arrays may be typed arrays. Metrics, settings and models, which have names, may be
//! an object of these names, where the value of a setting is any value that JSON can hold. A source may
//! stand for a dataset and for what is held out, and a number for a share.

mod from_js;
mod to_js;

pub(crate) use from_js::{bytes, from_js};
pub(crate) use to_js::to_js;

use std::cell::RefCell;
use std::collections::HashMap;

thread_local! {
    static NAMES: RefCell<HashMap<&'static str, &'static str>> = RefCell::default();
}

/// `max_steps` as `maxSteps`. There are only as many names as the contract has.
pub(crate) fn camel(name: &'static str) -> &'static str {
    NAMES.with_borrow_mut(|names| {
        *names.entry(name).or_insert_with(|| {
            let mut text = String::with_capacity(name.len());
            let mut upper = false;
            for letter in name.chars() {
                if letter == '_' {
                    upper = true;
                } else if upper {
                    text.extend(letter.to_uppercase());
                    upper = false;
                } else {
                    text.push(letter);
                }
            }
            if text == name { name } else { text.leak() }
        })
    })
}

/// `EarlyStopping` as `early-stopping`.
pub(crate) fn kebab(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.extend(letter.to_lowercase());
    }
    text
}
