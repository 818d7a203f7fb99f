//! A trainer's memory as JSON: what [`carry_state!`](crate::carry_state) is made of.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Result;

/// Carries a trainer's memory over a stop and to new code: in `impl Trainer`, in the place of `save_state` and
/// `load_state`. Needs the feature `serde`.
///
/// ```
/// use arkor_guest::prelude::*;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Default, Serialize, Deserialize)]
/// #[serde(default)]
/// struct Mine {
///     logs: u32,
///     best: Option<f64>,
/// }
///
/// impl Trainer for Mine {
///     arkor_guest::carry_state!();
///
///     fn describe() -> Result<Spec> {
///         Ok(Spec::new("mine", ModelShape::new(64, 2, 4), DatasetSource::file("data/text.txt")))
///     }
/// }
/// # let old = br#"{"logs":7,"gone":true}"#;
/// # let mut new = Mine::default();
/// # new.load_state(old).unwrap();
/// # assert_eq!((new.logs, new.best), (7, None));
/// ```
///
/// The memory is the trainer itself, as JSON. With `#[serde(default)]`, fields that new code adds begin at their
/// default, and what it no longer has is passed over. A field of another type is an error, and then the code
/// before stays. JSON has no infinite numbers and no NaN: an `Option<f64>` says what they are to say.
#[macro_export]
macro_rules! carry_state {
    () => {
        fn save_state(&self) -> $crate::Result<::std::vec::Vec<u8>> {
            $crate::__save_state(self)
        }

        fn load_state(&mut self, state: &[u8]) -> $crate::Result<()> {
            $crate::__load_state(self, state)
        }
    };
}

#[doc(hidden)]
pub fn __save_state<T: Serialize + DeserializeOwned>(trainer: &T) -> Result<Vec<u8>> {
    let state = serde_json::to_vec(trainer)?;
    // What cannot be read is told now, and not when a run is to go on with it.
    serde_json::from_slice::<T>(&state).map_err(|why| {
        format!(
            "the trainer's memory cannot be read back: {why}; JSON has no infinite numbers and no NaN, an \
             Option<f64> may say the same"
        )
    })?;
    Ok(state)
}

#[doc(hidden)]
pub fn __load_state<T: DeserializeOwned>(trainer: &mut T, state: &[u8]) -> Result<()> {
    // Code that carries nothing leaves nothing.
    if !state.is_empty() {
        *trainer = serde_json::from_slice(state).map_err(|why| {
            format!(
                "the memory of the code before does not fit: {why}; with #[serde(default)] on the trainer, fields \
                 that are new begin at their default"
            )
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::{__load_state as load, __save_state as save};

    #[derive(Default, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    struct Old {
        logs: u32,
        seen: Vec<String>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    struct New {
        logs: u32,
        patience: u32,
    }

    impl Default for New {
        fn default() -> Self {
            Self {
                logs: 0,
                patience: 3,
            }
        }
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Strict {
        logs: u32,
        patience: u32,
    }

    #[derive(Serialize, Deserialize)]
    struct Best {
        loss: f64,
    }

    fn old() -> Old {
        Old {
            logs: 7,
            seen: vec!["a".into()],
        }
    }

    #[test]
    fn what_is_saved_comes_back() {
        let state = save(&old()).unwrap();
        let mut found = Old::default();
        load(&mut found, &state).unwrap();
        assert_eq!(found, old());
    }

    #[test]
    fn new_fields_begin_at_their_default_and_old_ones_are_passed_over() {
        let mut found = New {
            logs: 1,
            patience: 1,
        };
        load(&mut found, &save(&old()).unwrap()).unwrap();
        assert_eq!(
            found,
            New {
                logs: 7,
                patience: 3
            }
        );
    }

    #[test]
    fn nothing_saved_changes_nothing() {
        let mut found = old();
        load(&mut found, &[]).unwrap();
        assert_eq!(found, old());
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_changes_nothing() {
        let mut found = Strict {
            logs: 1,
            patience: 1,
        };
        let error = load(&mut found, &save(&old()).unwrap()).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("missing field `patience`") && text.contains("#[serde(default)]"),
            "{text}"
        );
        assert_eq!(found.logs, 1);
        let text = load(&mut Old::default(), br#"{"logs":"many"}"#).unwrap_err();
        assert!(text.to_string().contains("invalid type: string"), "{text}");
    }

    #[test]
    fn an_infinite_number_is_told_when_it_is_saved() {
        let text = save(&Best {
            loss: f64::INFINITY,
        })
        .unwrap_err()
        .to_string();
        assert!(text.contains("Option<f64>"), "{text}");
        assert!(save(&Best { loss: 2.5 }).is_ok());
    }
}
