/// The variants of the runtime's error that are made of a component's bytes.
#[derive(Debug)]
#[allow(dead_code, reason = "what they say is not looked at")]
pub(crate) enum RuntimeError {
    Invalid { name: String, problem: String },
    TooLarge { name: String, problem: String },
    Componentize { name: String, reason: String },
    Setup(String),
}
