//! `[limits]`: what one instance of a trainer may use.

use std::time::Duration;

use super::reader::Table;
use super::{HOUR, small};
use crate::ProjectError;

/// What one instance of a trainer may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all linear memories together. Default: 256 MiB.
    pub memory: u64,
    /// Elements of all tables together. Default: 100,000.
    pub table_elements: u64,
    /// Core instances, memories and tables, each. Default: 32.
    pub instances: u32,
    /// Longest time for one callback. Default: 30 s.
    pub callback_timeout: Duration,
    /// Longest time for instantiation, `describe` and `load-state`, each. Default: 10 s.
    pub start_timeout: Duration,
    /// Longest time a training loop may compute between two calls of the host. Default: 60 s.
    pub loop_timeout: Duration,
    /// Bytes of the trainer's saved state. Default: 16 MiB.
    pub state_size: u64,
    /// Bytes of one artifact. Default: 64 MiB.
    pub artifact_size: u64,
    /// Messages and lines of output a second. Default: 1000.
    pub messages_per_second: u32,
    /// Files, folders, sockets and streams held at once. Default: 160.
    pub resources: u32,
    /// Bytes of all artifacts of one attempt at a run. Default: 1 GiB.
    pub artifacts_total: u64,
    /// Number of these. Default: 10,000.
    pub artifacts_count: u32,
    /// Bytes of all messages and lines of output of one attempt at a run. Default: 256 MiB.
    pub messages_total: u64,
    /// Named states that a training loop saves during one attempt at a run. Default: 100.
    pub saved_states: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 256 << 20,
            table_elements: 100_000,
            instances: 32,
            callback_timeout: Duration::from_secs(30),
            start_timeout: Duration::from_secs(10),
            loop_timeout: Duration::from_secs(60),
            state_size: 16 << 20,
            artifact_size: 64 << 20,
            messages_per_second: 1000,
            resources: 160,
            artifacts_total: 1 << 30,
            artifacts_count: 10_000,
            messages_total: 256 << 20,
            saved_states: 100,
        }
    }
}

/// What is done with every limit.
macro_rules! every_limit {
    ($($field:ident $key:literal $nothing_said:expr,)*) => {
        impl Limits {
            /// Each larger than any value it can be set to: nothing was said about it.
            pub(crate) const NOTHING_SAID: Self = Self { $($field: $nothing_said),* };

            /// With the defaults for what nothing was said about.
            pub(super) fn or_default(&self) -> Self {
                let default = Self::default();
                Self {
                    $($field: if self.$field == Self::NOTHING_SAID.$field {
                        default.$field
                    } else {
                        self.$field
                    }),*
                }
            }

            /// The smaller of each, so that nothing is allowed that either forbids.
            #[must_use]
            pub(crate) fn tightened(&self, other: &Self) -> Self {
                Self { $($field: self.$field.min(other.$field)),* }
            }

            /// Keys of those that were said to be more than is granted.
            pub(crate) fn beyond(&self, granted: &Self) -> Vec<&'static str> {
                let mut keys = Vec::new();
                $(if self.$field != Self::NOTHING_SAID.$field && self.$field > granted.$field {
                    keys.push(concat!("[limits] ", $key));
                })*
                keys
            }
        }
    };
}

every_limit! {
    memory "memory" u64::MAX,
    table_elements "table-elements" u64::MAX,
    instances "instances" u32::MAX,
    callback_timeout "callback-timeout" Duration::MAX,
    start_timeout "start-timeout" Duration::MAX,
    loop_timeout "loop-timeout" Duration::MAX,
    state_size "state-size" u64::MAX,
    artifact_size "artifact-size" u64::MAX,
    messages_per_second "messages-per-second" u32::MAX,
    resources "resources" u32::MAX,
    artifacts_total "artifacts-total" u64::MAX,
    artifacts_count "artifacts-count" u32::MAX,
    messages_total "messages-total" u64::MAX,
    saved_states "saved-states" u32::MAX,
}

/// What is said about limits.
pub(super) fn limits(mut table: Table<'_>) -> Result<Limits, ProjectError> {
    let mut limits = Limits::NOTHING_SAID;
    let long = Duration::from_millis(1)..=HOUR * 24;
    if let Some(value) = table.take("memory") {
        limits.memory = value.size(64 << 10..=4 << 30)?;
    }
    if let Some(value) = table.take("table-elements") {
        limits.table_elements = value.integer(1..=10_000_000)?;
    }
    if let Some(value) = table.take("instances") {
        limits.instances = small(value.integer(1..=1000)?);
    }
    if let Some(value) = table.take("callback-timeout") {
        limits.callback_timeout = value.duration(long.clone())?;
    }
    if let Some(value) = table.take("start-timeout") {
        limits.start_timeout = value.duration(long.clone())?;
    }
    if let Some(value) = table.take("loop-timeout") {
        limits.loop_timeout = value.duration(long)?;
    }
    if let Some(value) = table.take("state-size") {
        limits.state_size = value.size(0..=1 << 30)?;
    }
    if let Some(value) = table.take("artifact-size") {
        limits.artifact_size = value.size(0..=1 << 30)?;
    }
    if let Some(value) = table.take("messages-per-second") {
        limits.messages_per_second = small(value.integer(1..=1_000_000)?);
    }
    if let Some(value) = table.take("resources") {
        limits.resources = small(value.integer(16..=10_000)?);
    }
    if let Some(value) = table.take("artifacts-total") {
        limits.artifacts_total = value.size(0..=1 << 50)?;
    }
    if let Some(value) = table.take("artifacts-count") {
        limits.artifacts_count = small(value.integer(0..=1_000_000)?);
    }
    if let Some(value) = table.take("messages-total") {
        limits.messages_total = value.size(0..=1 << 50)?;
    }
    if let Some(value) = table.take("saved-states") {
        limits.saved_states = small(value.integer(0..=1_000_000)?);
    }
    table.finish()?;
    Ok(limits)
}
