//! The engine that trains in this process.

mod data;
mod priority;
mod sampling;
mod session;
mod state;

use std::sync::Arc;

use arkor_types::{HubRepository, ModelShape, ModelSource, TokenizerSource};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::tokenizer::Tokenizer;
use crate::{Engine, EngineError, SessionRequest, TrainingSession};
use session::Session;

pub(crate) use data::PASS_TOKENS;
pub use priority::Priority;

/// Trains transformers of the Llama architecture on the CPU, from new weights.
///
/// Its sessions share one pool of threads. Results do not depend on how many there are.
#[derive(Debug, Clone)]
pub struct EmbeddedEngine {
    pool: Arc<ThreadPool>,
}

impl EmbeddedEngine {
    /// Computes with this many threads; `None` stands for as many as the machine runs at once.
    ///
    /// # Errors
    ///
    /// [`EngineError::Io`] if threads cannot be started.
    pub fn new(threads: Option<usize>, priority: Priority) -> Result<Self, EngineError> {
        // A pool of its own: compiling guests keeps rayon's global one busy.
        let pool = ThreadPoolBuilder::new()
            // rayon takes 0 for its own count, which honours the limits of containers.
            .num_threads(threads.unwrap_or(0))
            .thread_name(|index| format!("engine-{index}"))
            .start_handler(move |_| priority.apply())
            .build()
            .map_err(|e| {
                EngineError::io("start the threads that train", std::io::Error::other(e))
            })?;
        Ok(Self {
            pool: Arc::new(pool),
        })
    }
}

impl Engine for EmbeddedEngine {
    fn name(&self) -> &str {
        "embedded"
    }

    fn open(&self, request: SessionRequest) -> Result<Box<dyn TrainingSession>, EngineError> {
        let shape = supported(&request)?;
        let context = request.spec.hyperparameters.max_length;
        let seed = request.spec.hyperparameters.seed.into();
        let pool = Arc::clone(&self.pool);
        let session = if let Some(path) = &request.saved {
            Session::restore(pool, shape, context, path)?
        } else if let Some(path) = &request.weights {
            let mut session = Session::restore(pool, shape, context, path)?;
            session.forget_optimizer();
            session
        } else {
            let tokenizer = self.pool.install(|| tokenizer(&request))?;
            Session::create(pool, shape, context, tokenizer, seed)?
        };
        Ok(Box::new(session))
    }
}

/// The shape of the model, if this engine can train what the spec says.
fn supported(request: &SessionRequest) -> Result<&ModelShape, EngineError> {
    let unsupported = |what: String| Err(EngineError::Unsupported { what });
    if request.spec.lora.is_some() {
        return unsupported("train LoRA adapters".into());
    }
    match &request.spec.tokenizer {
        TokenizerSource::Model => {
            return unsupported("use a pretrained model's tokenizer".into());
        }
        TokenizerSource::Hub(HubRepository { name, .. }) => {
            return unsupported(format!("load the tokenizer of `{name}`"));
        }
        TokenizerSource::Other(source) => {
            return unsupported(format!("use a tokenizer of the kind `{}`", source.name));
        }
        TokenizerSource::Bytes | TokenizerSource::Bpe(_) | TokenizerSource::File(_) => {}
    }
    match &request.spec.model {
        ModelSource::Scratch(shape) => Ok(shape),
        ModelSource::File(name) | ModelSource::Hub(HubRepository { name, .. }) => {
            unsupported(format!("load the pretrained model `{name}`"))
        }
        ModelSource::Other(source) => {
            unsupported(format!("load a model of the kind `{}`", source.name))
        }
    }
}

fn tokenizer(request: &SessionRequest) -> Result<Tokenizer, EngineError> {
    match &request.spec.tokenizer {
        // What cannot be had was refused before.
        TokenizerSource::Bytes
        | TokenizerSource::Model
        | TokenizerSource::Hub(_)
        | TokenizerSource::Other(_) => Ok(Tokenizer::Bytes),
        TokenizerSource::Bpe(vocab) => match &request.tokenizer_text {
            Some(text) => Tokenizer::train(text, *vocab),
            None => Err(EngineError::tokenizer(
                "is to be trained, but there is no text for it",
            )),
        },
        TokenizerSource::File(name) => match &request.tokenizer_file {
            Some(path) => Tokenizer::from_file(path),
            None => Err(EngineError::tokenizer(format!(
                "file `{name}` was not found"
            ))),
        },
    }
}
