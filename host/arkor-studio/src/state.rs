//! What `arkor-host dev` is doing.

use arkor_types::RunId;
use serde::Serialize;

/// What the session did last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DevPhase {
    /// Sources changed, and are built.
    Building,
    /// The code was built, and a run of it has begun or can begin.
    Ready,
    /// New code handles the run's callbacks.
    Swapped,
    /// What was built changes nothing.
    Unchanged,
    /// The configuration is that of the run again: it is not stopped after all.
    Stays,
    /// The configuration changed: the run stops, and another takes its place.
    Restarting,
    /// No run is in flight; the next save or a person begins one.
    Waiting,
    /// Something failed; what was there goes on.
    Error,
}

/// Code that was built, loaded and has described itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuiltCode {
    /// Digest of the component.
    pub component: String,
    /// Hash of the configuration.
    pub config: String,
    /// Name of the training job.
    pub name: String,
}

/// How long the parts of a reload took, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Timings {
    /// From the notice of a change to the component.
    pub build_ms: f64,
    /// The compiler's own time, or the build command's, of that.
    pub compiler_ms: f64,
    /// Reading and hashing the component.
    pub hash_ms: f64,
    /// Compiling, or taking from the cache, and linking.
    pub load_ms: f64,
    /// Instantiating and describing, to decide.
    pub describe_ms: f64,
}

/// A state of the session, whole: whoever comes late needs no other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DevState {
    /// One more for each state.
    pub revision: u64,
    /// Since when.
    pub time: jiff::Timestamp,
    /// What was done last.
    pub state: DevPhase,
    /// The same for people.
    pub text: String,
    /// The run in flight.
    pub run: Option<RunId>,
    /// The newest code that can be used.
    pub code: Option<BuiltCode>,
    /// Why the newest sources are not in use, or what code at work did wrong last; stays until the next good build.
    pub error: Option<String>,
    /// What the newest code took until it was judged.
    pub timings: Option<Timings>,
}

impl DevState {
    pub(crate) fn first() -> Self {
        Self {
            revision: 0,
            time: jiff::Timestamp::now(),
            state: DevPhase::Building,
            text: "the first build begins".into(),
            run: None,
            code: None,
            error: None,
            timings: None,
        }
    }
}
