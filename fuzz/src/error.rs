/// The variants of the runtime's error that are made of a component's bytes.
#[derive(Debug)]
pub(crate) enum RuntimeError {
    Invalid { name: String, problem: String },
    TooLarge { name: String, problem: String },
    Componentize { name: String, reason: String },
}
