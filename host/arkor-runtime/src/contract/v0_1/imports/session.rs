//! `session`: the training session that a loop drives.

use arkor_engine::EngineError;
use arkor_types::{LogProbs as EngineLogProbs, LossFunction};
use tokio::sync::oneshot;

use crate::contract::v0_1::bindings::arkor::trainer::session::{
    Adam, Datum, Evaluation, ForwardOutput, Host, LogProbs, Loss, ModelInfo, OptimOutput,
    RenderedChat, Sequence, SessionError,
};
use crate::contract::v0_1::bindings::arkor::trainer::types::{Measurement, Sampling, Setting};
use crate::contract::v0_1::convert;
use crate::guest::{GuestState, LoopRole, Role};
use crate::protocol::{GuestRequest, LoopReply, NamedState};
use crate::words;
use crate::worker::Work;

/// Bytes of a text that is tokenized in one call.
const TEXT: usize = 1 << 20;

/// Tokens that become text in one call.
const TOKENS: usize = 1 << 17;

/// Most names of states that a message has.
const NAMES: usize = 20;

fn no_such_state(name: &str, names: &[String]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(NAMES)
        .map(|name| format!("`{name}`"))
        .collect();
    let saved = match names.len() {
        0 => "the run has none yet".into(),
        n if n > NAMES => format!("saved are {} and {} more", shown.join(", "), n - NAMES),
        _ => format!("saved are {}", shown.join(", ")),
    };
    format!("no state is saved under the name `{name}`: {saved}")
}

fn error(error: EngineError) -> SessionError {
    match error {
        EngineError::Invalid { .. } => SessionError::Invalid(error.to_string()),
        EngineError::Diverged { .. } => SessionError::Diverged(error.to_string()),
        EngineError::Unsupported { .. } => SessionError::Unsupported(error.to_string()),
        EngineError::Lost { .. } => SessionError::Lost(error.to_string()),
        EngineError::Rejected { .. } => SessionError::Rejected(error.to_string()),
        EngineError::OutOfMemory { .. } => SessionError::OutOfMemory(error.to_string()),
        EngineError::Unavailable { .. } => SessionError::Unavailable(error.to_string()),
        _ => SessionError::Other(error.to_string()),
    }
}

impl GuestState {
    fn session(&mut self) -> Result<&mut LoopRole, SessionError> {
        match &mut self.role {
            Role::Loop(role) if role.ended => Err(SessionError::Ended),
            Role::Loop(role) => Ok(role),
            Role::Starting | Role::Callbacks(_) => Err(SessionError::OutsideLoop),
        }
    }

    /// Runs `job` on the engine's thread; the time it takes is not the loop's own.
    async fn work<T: Send + 'static>(
        &mut self,
        job: impl FnOnce(&mut Work) -> Result<T, EngineError> + Send + 'static,
    ) -> wasmtime::Result<Result<T, SessionError>> {
        let worker = match self.session() {
            Ok(role) => role.run.worker.clone(),
            Err(error) => return Ok(Err(error)),
        };
        let _waits = self.wait_for_host();
        let result = worker
            .call(move |work| {
                let result = job(work);
                if matches!(result, Err(EngineError::Diverged { .. })) {
                    work.drop_gradients();
                }
                result
            })
            .await;
        Ok(match result {
            Ok(result) => result.map_err(error),
            Err(_) => Err(SessionError::Other("the training engine is gone".into())),
        })
    }

    /// Asks the driver, which owns the store and the run's events.
    async fn ask_driver<T>(
        &mut self,
        request: impl FnOnce(oneshot::Sender<T>) -> GuestRequest,
    ) -> Result<T, SessionError> {
        let _waits = self.wait_for_host();
        let role = self.session()?;
        let (reply, answer) = oneshot::channel();
        let _ = role.run.requests.send(request(reply)).await;
        answer
            .await
            .map_err(|_| SessionError::Other("the run is over".into()))
    }
}

fn forward_output(output: arkor_types::ForwardOutput) -> ForwardOutput {
    ForwardOutput {
        loss_sum: output.loss_sum,
        weight_sum: output.weight_sum,
        log_probs: output.log_probs,
        metrics: Vec::new(),
        additional: Vec::new(),
    }
}

fn wanted(log_probs: LogProbs) -> EngineLogProbs {
    match log_probs {
        LogProbs::Omit => EngineLogProbs::Omit,
        LogProbs::Give => EngineLogProbs::Return,
    }
}

/// An error if the loss or a column is one that the engine does not have.
fn wanted_pass(
    data: Vec<Datum>,
    loss: &Loss,
) -> Result<(Vec<arkor_types::Datum>, LossFunction), SessionError> {
    let Some(function) = convert::loss(loss) else {
        let name = match loss {
            Loss::Other(named) => named.name.as_str(),
            _ => "",
        };
        let name: String = words::cut(name, words::NAME);
        let what = format!("the engine has no loss {name:?}");
        return Err(SessionError::Unsupported(what));
    };
    if let Some(column) = data.iter().find_map(|datum| datum.additional.first()) {
        let name: String = words::cut(column.name.as_str(), words::NAME);
        let what = format!("no loss of the engine reads {name:?}");
        return Err(SessionError::Unsupported(what));
    }
    let data = data.into_iter().map(|datum| arkor_types::Datum {
        tokens: datum.tokens,
        targets: datum.targets,
        weights: datum.weights,
        advantages: datum.advantages,
        old_log_probs: datum.old_log_probs,
    });
    Ok((data.collect(), function))
}

impl Host for GuestState {
    async fn model(&mut self) -> wasmtime::Result<Result<ModelInfo, SessionError>> {
        Ok(self.session().map(|role| {
            let model = &role.run.model;
            ModelInfo {
                name: model.name.clone(),
                architecture: Some(model.architecture.clone()),
                parameters: Some(model.parameters as f64),
                trainable_parameters: Some(model.trainable_parameters as f64),
                vocab_size: Some(model.vocab_size),
                context_length: Some(model.context_length),
                bos_token_id: model.bos_token_id,
                eos_token_ids: model.eos_token_ids.clone(),
                pad_token_id: model.pad_token_id,
                has_chat_template: model.has_chat_template,
                features: model.features.iter().map(|&name| name.into()).collect(),
                additional: Vec::new(),
            }
        }))
    }

    async fn forward_backward(
        &mut self,
        list: Vec<Datum>,
        loss: Loss,
        log_probs: LogProbs,
    ) -> wasmtime::Result<Result<ForwardOutput, SessionError>> {
        let (list, loss) = match wanted_pass(list, &loss) {
            Ok(pass) => pass,
            Err(error) => return Ok(Err(error)),
        };
        self.work(move |work| {
            let output = work
                .session
                .forward_backward(&list, loss, wanted(log_probs));
            if output.is_ok() {
                let tokens: usize = list.iter().map(|datum| datum.tokens.len()).sum();
                work.pending_tokens += tokens as u64;
            }
            output.map(forward_output)
        })
        .await
    }

    async fn forward(
        &mut self,
        list: Vec<Datum>,
        loss: Loss,
        log_probs: LogProbs,
    ) -> wasmtime::Result<Result<ForwardOutput, SessionError>> {
        let (list, loss) = match wanted_pass(list, &loss) {
            Ok(pass) => pass,
            Err(error) => return Ok(Err(error)),
        };
        self.work(move |work| {
            work.session
                .forward(&list, loss, wanted(log_probs))
                .map(forward_output)
        })
        .await
    }

    async fn optim_step(
        &mut self,
        adam: Adam,
    ) -> wasmtime::Result<Result<OptimOutput, SessionError>> {
        let adam = match convert::adam(&adam) {
            Ok(adam) => adam,
            Err(name) => {
                let what = format!("the engine's optimizer has no setting {name:?}");
                return Ok(self.session().and(Err(SessionError::Unsupported(what))));
            }
        };
        let done = self
            .work(move |work| {
                let output = work.session.optim_step(&adam)?;
                Ok(OptimOutput {
                    step: convert::count(work.finish_step()),
                    grad_norm: output.grad_norm,
                    metrics: Vec::new(),
                    additional: Vec::new(),
                })
            })
            .await;
        if let (Role::Loop(role), Ok(Ok(_))) = (&mut self.role, &done) {
            role.generated = 0;
        }
        done
    }

    async fn evaluate(&mut self) -> wasmtime::Result<Result<Evaluation, SessionError>> {
        let none = match self.session() {
            Ok(role) => role.run.examples.info().eval_examples == 0,
            Err(error) => return Ok(Err(error)),
        };
        if none {
            return Ok(Err(SessionError::Unsupported(
                "nothing is held out: dataset.held-out is 0".into(),
            )));
        }
        Ok(
            match self
                .ask_driver(|reply| GuestRequest::Evaluate { reply })
                .await
            {
                Ok(LoopReply::Evaluated { loss, tokens }) => Ok(Evaluation {
                    measured: Measurement {
                        loss: Some(loss),
                        metrics: Vec::new(),
                    },
                    tokens: Some(tokens as f64),
                    additional: Vec::new(),
                }),
                Ok(_) => Err(SessionError::Other("the run is over".into())),
                Err(error) => Err(error),
            },
        )
    }

    async fn sample(
        &mut self,
        prompts: Vec<Vec<u32>>,
        count: u32,
        sampling: Sampling,
    ) -> wasmtime::Result<Result<Vec<Vec<Sequence>>, SessionError>> {
        if let Err(error) = self.session() {
            return Ok(Err(error));
        }
        let seed = self.next_seed().unwrap_or_default();
        let parameters = match convert::sampling(sampling, seed) {
            Ok(parameters) => parameters,
            Err(what) => return Ok(Err(SessionError::Invalid(what))),
        };
        self.work(move |work| {
            let answers = work.session.sample(&prompts, count, &parameters)?;
            let sequence = |sampled: arkor_types::SampledSequence| Sequence {
                tokens: sampled.tokens,
                log_probs: sampled.log_probs,
                sampling_log_probs: sampled.sampling_log_probs,
                stop_reason: super::inference::stop_reason(sampled.stop_reason),
                additional: Vec::new(),
            };
            Ok(answers
                .into_iter()
                .map(|list| list.into_iter().map(sequence).collect())
                .collect())
        })
        .await
    }

    async fn save_state(&mut self, name: String) -> wasmtime::Result<Result<(), SessionError>> {
        if !super::is_name(&name) {
            let name: String = words::cut(name, words::NAME);
            return Ok(Err(SessionError::Invalid(format!(
                "{name:?} is not a name"
            ))));
        }
        match self.work(|work| Ok(work.session.has_gradients())).await? {
            Ok(false) => {}
            Ok(true) => {
                return Ok(Err(SessionError::Invalid(
                    "there are gradients that were not applied; call optim-step first".into(),
                )));
            }
            Err(error) => return Ok(Err(error)),
        }
        let saved = self
            .ask_driver(|reply| GuestRequest::SaveNamed { name, reply })
            .await;
        Ok(saved.and_then(|saved| saved.map_err(SessionError::Other)))
    }

    async fn load_state(&mut self, name: String) -> wasmtime::Result<Result<(), SessionError>> {
        if !super::is_name(&name) {
            let name: String = words::cut(name, words::NAME);
            let text = format!("no state can have the name `{name}`");
            return Ok(Err(SessionError::NoSuchState(text)));
        }
        let asked = name.clone();
        let loaded = self
            .ask_driver(|reply| GuestRequest::LoadNamed { name, reply })
            .await;
        Ok(match loaded {
            Ok(Ok(NamedState::Loaded)) => Ok(()),
            Ok(Ok(NamedState::Missing(names))) => {
                Err(SessionError::NoSuchState(no_such_state(&asked, &names)))
            }
            Ok(Err(what)) => Err(SessionError::Other(what)),
            Err(error) => Err(error),
        })
    }

    async fn tokenize(&mut self, text: String) -> wasmtime::Result<Result<Vec<u32>, SessionError>> {
        if text.len() > TEXT {
            return Ok(Err(SessionError::Invalid(format!(
                "the text has {} bytes, but at most {TEXT} are tokenized in one call",
                text.len()
            ))));
        }
        self.work(move |work| work.session.tokenize(&text)).await
    }

    async fn detokenize(
        &mut self,
        tokens: Vec<u32>,
    ) -> wasmtime::Result<Result<String, SessionError>> {
        if tokens.len() > TOKENS {
            return Ok(Err(SessionError::Invalid(format!(
                "there are {} tokens, but at most {TOKENS} become text in one call",
                tokens.len()
            ))));
        }
        self.work(move |work| work.session.detokenize(&tokens))
            .await
    }

    async fn render_chat(
        &mut self,
        _messages: String,
        _options: Vec<Setting>,
    ) -> wasmtime::Result<Result<RenderedChat, SessionError>> {
        Ok(self.session().and_then(|_| {
            Err(SessionError::Unsupported(
                "a model trained from scratch has no chat template".into(),
            ))
        }))
    }
}
