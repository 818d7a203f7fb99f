//! `inference`: text from the model as it is.

use arkor_engine::EngineError;
use arkor_types::StopReason as EngineStop;

use crate::bindings::arkor::trainer::inference::{Generation, Host, InferenceError};
use crate::bindings::arkor::trainer::types::{Sampling, StopReason};
use crate::driver::machine::Mode;
use crate::guest::{GuestState, Role};
use crate::instance::convert;

pub(super) fn stop_reason(reason: EngineStop) -> StopReason {
    match reason {
        EngineStop::Length => StopReason::Length,
        EngineStop::Stop => StopReason::Stop,
    }
}

/// The end of a prompt in which the last `tokens` tokens are, so that a long one is not tokenized whole
/// to be cut then.
fn end_of(prompt: &str, tokens: usize) -> &str {
    /// Tokens are shorter on average, in every vocabulary that is of use.
    const BYTES: usize = 16;
    let keep = tokens.saturating_mul(BYTES);
    let at = prompt.ceil_char_boundary(prompt.len().saturating_sub(keep));
    prompt.get(at..).unwrap_or(prompt)
}

impl Host for GuestState {
    async fn generate(
        &mut self,
        prompt: String,
        sampling: Sampling,
    ) -> wasmtime::Result<Result<Generation, InferenceError>> {
        let Some(seed) = self.next_seed() else {
            return Ok(Err(InferenceError::NotReady));
        };
        let Some(worker) = self.run().map(|run| run.worker.clone()) else {
            return Ok(Err(InferenceError::NotReady));
        };
        let parameters = match convert::sampling(sampling, seed) {
            Ok(parameters) => parameters,
            Err(what) => return Ok(Err(InferenceError::Invalid(what))),
        };
        if matches!(&self.role, Role::Callbacks(role) if role.mode != Mode::Live) {
            return Ok(Err(InferenceError::Unavailable(
                "the weights of this event are gone: it is handed over again, to code that takes the \
                 place of other code"
                    .into(),
            )));
        }
        let _waits = self.wait_for_engine();
        let generated = worker
            .call(move |work| {
                let session = &mut work.session;
                let room = session.model().context_length.saturating_sub(1) as usize;
                // The end of a long prompt matters most, and some room is left to write.
                let keep = room
                    .saturating_sub(parameters.max_tokens as usize)
                    .max(room / 2)
                    .max(1);
                let mut tokens = session.tokenize(end_of(&prompt, keep))?;
                if tokens.len() > keep {
                    tokens.drain(..tokens.len() - keep);
                }
                if tokens.is_empty() {
                    let end = session.model().eos_token_ids.first().copied();
                    tokens.extend(end.or(Some(0)));
                }
                let sequence = session.sample(&[tokens], 1, &parameters)?;
                let sequence = sequence.into_iter().flatten().next();
                let sequence = sequence.ok_or_else(|| EngineError::Unsupported {
                    what: "sample nothing".into(),
                })?;
                let text = session.detokenize(&sequence.tokens)?;
                Ok::<_, EngineError>((text, sequence))
            })
            .await;
        Ok(match generated {
            Ok(Ok((text, sequence))) => Ok(Generation {
                text,
                tokens: u32::try_from(sequence.tokens.len()).unwrap_or(u32::MAX),
                stop_reason: stop_reason(sequence.stop_reason),
                additional: Vec::new(),
            }),
            Ok(Err(error)) => {
                let text = error.to_string();
                Err(match error {
                    EngineError::Invalid { .. } => InferenceError::Invalid(text),
                    EngineError::Unsupported { .. } => InferenceError::Unsupported(text),
                    EngineError::Unavailable { .. } => InferenceError::Unavailable(text),
                    _ => InferenceError::Other(text),
                })
            }
            Err(_) => Err(InferenceError::Other("the training engine is gone".into())),
        })
    }
}
