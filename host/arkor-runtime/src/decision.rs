//! What new code means for a run, as a pure function.

/// Code by what decides: its bytes, what it may do, and the configuration that it describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeIdentity {
    /// blake3 of the component.
    pub component: String,
    /// Hash of the capabilities and limits that it runs with.
    pub grants: String,
    /// Hash of the configuration, see [`arkor_types::Spec::config_hash`].
    pub config: String,
    /// What the files hold that the configuration names: another dataset is another configuration.
    pub data: String,
}

/// What is to be done with a run in flight, now that there is this code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The run has this code.
    Nothing,
    /// Put the code in place of the one that is there.
    Swap,
    /// Stop with a checkpoint, and begin a run of the new configuration.
    Restart,
    /// The run is on its way to a restart that nobody wants any more: it goes on with the code it has.
    Stay,
    /// The same, and the code takes its place.
    StayAndSwap,
}

/// Compares the code that a run has with the newest. `stopping` is whether the run is about to end so
/// that one with another configuration takes its place.
pub fn decide(running: &CodeIdentity, newest: &CodeIdentity, stopping: bool) -> Decision {
    let same_config = running.config == newest.config && running.data == newest.data;
    let same_code = running.component == newest.component && running.grants == newest.grants;
    match (same_config, same_code, stopping) {
        // A restart on its way takes the newest code when it begins.
        (false, _, true) => Decision::Nothing,
        (false, _, false) => Decision::Restart,
        (true, true, false) => Decision::Nothing,
        (true, true, true) => Decision::Stay,
        (true, false, false) => Decision::Swap,
        (true, false, true) => Decision::StayAndSwap,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code() -> impl Strategy<Value = CodeIdentity> {
        (0..3u8, 0..2u8, 0..2u8, 0..2u8).prop_map(|(component, grants, config, data)| {
            CodeIdentity {
                component: component.to_string(),
                grants: grants.to_string(),
                config: config.to_string(),
                data: data.to_string(),
            }
        })
    }

    proptest! {
        /// Whatever is saved in which order: a run that is not about to be replaced has the newest
        /// code, and one that is has another configuration than it. So an edit that is taken back
        /// restarts nothing, and two of them restart once.
        #[test]
        fn a_run_has_the_newest_code_or_is_about_to_be_replaced(
            first in code(),
            saves in prop::collection::vec(code(), 0..12),
        ) {
            let (mut running, mut stopping, mut stops) = (first, false, 0);
            for newest in &saves {
                match decide(&running, newest, stopping) {
                    Decision::Nothing => {}
                    Decision::Swap => running = newest.clone(),
                    Decision::Restart => {
                        prop_assert!(!stopping, "one stop is enough");
                        (stopping, stops) = (true, stops + 1);
                    }
                    Decision::Stay => stopping = false,
                    Decision::StayAndSwap => {
                        stopping = false;
                        running = newest.clone();
                    }
                }
                let is_other =
                    running.config != newest.config || running.data != newest.data;
                prop_assert_eq!(stopping, is_other);
                if !stopping {
                    prop_assert_eq!(&running, newest);
                }
            }
            prop_assert!(stops <= saves.len());
        }
    }
}
