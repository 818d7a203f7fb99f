//! What the interpreter gets from its host: the natives that `arkor.js` is written on.

use std::cell::RefCell;

use rquickjs::function::Rest;
use rquickjs::{Ctx, Exception, Function, Object, Persistent, Promise, Result, TypedArray, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::arkor::trainer::{artifacts, dataset, hooks, inference, run, session, types};
use crate::failure::Failure;
use crate::timers;
use crate::value::{bytes, from_js, to_js};
use crate::{interruption, modules};

/// Where `arkor.js` finds the natives; it takes them away from there.
const NATIVES: &str = "__arkor";

/// Makes the natives, and evaluates `arkor.js` on them, which sets up the globals.
pub(crate) fn install<'js>(ctx: &Ctx<'js>) -> Result<()> {
    let natives = Object::new(ctx.clone())?;
    let set = |name: &str, function: Result<Function<'js>>| natives.set(name, function?);
    set("call", Function::new(ctx.clone(), call))?;
    set("message", Function::new(ctx.clone(), message))?;
    set("setTimer", Function::new(ctx.clone(), set_timer))?;
    set("clearTimer", Function::new(ctx.clone(), timers::clear))?;
    set("encode", Function::new(ctx.clone(), encode))?;
    set("decode", Function::new(ctx.clone(), decode))?;
    set("random", Function::new(ctx.clone(), random))?;
    set("locate", Function::new(ctx.clone(), locate))?;
    ctx.globals().set(NATIVES, natives)?;
    modules::import(ctx, modules::API)?.finish::<()>()
}

fn message(level: String, text: String) {
    let level = match level.as_str() {
        "debug" => types::Level::Debug,
        "warn" => types::Level::Warn,
        "error" => types::Level::Error,
        _ => types::Level::Info,
    };
    hooks::message(level, &text);
}

fn set_timer<'js>(ctx: Ctx<'js>, call: Function<'js>, milliseconds: f64, repeat: bool) -> u32 {
    timers::set(&ctx, call, milliseconds, repeat)
}

fn encode(ctx: Ctx<'_>, text: String) -> Result<TypedArray<'_, u8>> {
    TypedArray::new(ctx, text.into_bytes())
}

fn decode(ctx: Ctx<'_>, data: Value<'_>, fatal: bool) -> Result<String> {
    let data = bytes(&data)
        .ok_or_else(|| Exception::throw_type(&ctx, "expected a Uint8Array or an ArrayBuffer"))?;
    match String::from_utf8(data) {
        Ok(text) => Ok(text),
        Err(error) if fatal => Err(Exception::throw_type(&ctx, &error.to_string())),
        Err(error) => Ok(String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }
}

/// Random bytes from the host.
fn random(ctx: Ctx<'_>, count: u32) -> Result<TypedArray<'_, u8>> {
    let mut data = vec![0; count as usize];
    getrandom::fill(&mut data)
        .map_err(|error| Exception::throw_message(&ctx, &error.to_string()))?;
    TypedArray::new(ctx, data)
}

/// An error as it is shown to people: with the places in the user's files.
fn locate(value: Value<'_>) -> String {
    Failure::thrown(&value).with_places()
}

/// Arguments of a call of the host.
struct Arguments<'js> {
    ctx: Ctx<'js>,
    name: String,
    values: std::vec::IntoIter<Value<'js>>,
}

impl<'js> Arguments<'js> {
    fn raw(&mut self) -> Value<'js> {
        self.values
            .next()
            .unwrap_or_else(|| Value::new_undefined(self.ctx.clone()))
    }

    fn next<T: DeserializeOwned>(&mut self, name: &str) -> Result<T> {
        let value = self.raw();
        from_js(&self.ctx, value).map_err(|error| {
            let error = error.within(format!(".{name}"));
            Exception::throw_type(&self.ctx, &format!("{}: {error}", self.name))
        })
    }

    fn bytes(&mut self, name: &str) -> Result<Vec<u8>> {
        let value = self.raw();
        bytes(&value).ok_or_else(|| {
            let what = format!("{}: {name}: expected a string or a Uint8Array", self.name);
            Exception::throw_type(&self.ctx, &what)
        })
    }

    /// `{ ok }`, or `{ error, message }` with the contract's name of the error.
    fn answer<T: Serialize, E: Serialize>(
        &self,
        result: std::result::Result<T, E>,
    ) -> Result<Object<'js>> {
        let wrong = |error: String| Exception::throw_message(&self.ctx, &error);
        let object = Object::new(self.ctx.clone())?;
        match result {
            Ok(value) => {
                let value = to_js(&self.ctx, &value).map_err(|error| wrong(error.to_string()))?;
                object.set("ok", value)?;
            }
            Err(error) => {
                let value = to_js(&self.ctx, &error).map_err(|error| wrong(error.to_string()))?;
                object.set("error", value)?;
            }
        }
        Ok(object)
    }
}

/// Where a loop goes on, with the state as bytes rather than as a list of numbers.
fn resume_point<'js>(arguments: &Arguments<'js>) -> Result<Object<'js>> {
    let ctx = &arguments.ctx;
    let point = match hooks::resume_point() {
        Ok(Some(point)) => point,
        Ok(None) => return arguments.answer::<(), hooks::HookError>(Ok(())),
        Err(error) => return arguments.answer::<(), _>(Err(error)),
    };
    let info = Object::new(ctx.clone())?;
    info.set("step", point.step)?;
    info.set("state", TypedArray::<u8>::new(ctx.clone(), point.state)?)?;
    info.set("learningRate", point.learning_rate)?;
    let additional = to_js(ctx, &point.additional)
        .map_err(|error| Exception::throw_message(ctx, &error.to_string()))?;
    info.set("additional", additional)?;
    let answer = Object::new(ctx.clone())?;
    answer.set("ok", info)?;
    Ok(answer)
}

fn call<'js>(ctx: Ctx<'js>, name: String, values: Rest<Value<'js>>) -> Result<Object<'js>> {
    let mut a = Arguments {
        ctx,
        values: values.0.into_iter(),
        name,
    };
    let name = a.name.clone();
    match name.as_str() {
        "hooks.checkpoint" => {
            let (step, state) = (a.next("step")?, a.raw());
            let state = if state.is_undefined() {
                Vec::new()
            } else {
                bytes(&state).ok_or_else(|| {
                    let what = "hooks.checkpoint: state: expected a string or a Uint8Array";
                    Exception::throw_type(&a.ctx, what)
                })?
            };
            a.answer(hooks::checkpoint(step, &state))
        }
        "hooks.log" => {
            let step = a.next("step")?;
            let progress: hooks::Progress = a.next("progress")?;
            let metrics: Vec<types::Metric> = a.next("metrics")?;
            a.answer(hooks::log(step, progress, &metrics))
        }
        "hooks.evaluated" => {
            let step = a.next("step")?;
            let measurement: types::Measurement = a.next("measurement")?;
            a.answer(hooks::evaluated(step, &measurement))
        }
        "hooks.resumePoint" => resume_point(&a),
        "dataset.info" => a.answer(dataset::info()),
        "dataset.read" => {
            let (split, start, count) = (a.next("split")?, a.next("start")?, a.next("count")?);
            a.answer(dataset::read(split, start, count))
        }
        "dataset.batch" => {
            let step = a.next("step")?;
            a.answer(dataset::batch(step))
        }
        "inference.generate" => {
            let prompt: String = a.next("prompt")?;
            let sampling: Option<types::Sampling> = a.next("sampling")?;
            a.answer(inference::generate(
                &prompt,
                &sampling.unwrap_or_else(plain),
            ))
        }
        "artifacts.write" => {
            let name: String = a.next("name")?;
            let content = a.bytes("content")?;
            a.answer(artifacts::write(&name, &content))
        }
        "run.info" => a.answer(run::info()),
        "session.model" => a.answer(session::model()),
        "session.forwardBackward" | "session.forward" => {
            let data: Vec<session::Datum> = a.next("data")?;
            let loss: session::Loss = a.next("loss")?;
            let log_probs: Option<session::LogProbs> = a.next("logProbs")?;
            let log_probs = log_probs.unwrap_or(session::LogProbs::Omit);
            a.answer(if name == "session.forward" {
                session::forward(&data, &loss, log_probs)
            } else {
                session::forward_backward(&data, &loss, log_probs)
            })
        }
        "session.optimStep" => {
            let adam: session::Adam = a.next("adam")?;
            a.answer(session::optim_step(&adam))
        }
        "session.evaluate" => a.answer(session::evaluate()),
        "session.sample" => {
            let prompts: Vec<Vec<u32>> = a.next("prompts")?;
            let count = a.next("count")?;
            let sampling: Option<types::Sampling> = a.next("sampling")?;
            a.answer(session::sample(
                &prompts,
                count,
                &sampling.unwrap_or_else(plain),
            ))
        }
        "session.saveState" => {
            let name: String = a.next("name")?;
            a.answer(session::save_state(&name))
        }
        "session.loadState" => {
            let name: String = a.next("name")?;
            a.answer(session::load_state(&name))
        }
        "session.tokenize" => {
            let text: String = a.next("text")?;
            a.answer(session::tokenize(&text))
        }
        "session.detokenize" => {
            let tokens: Vec<u32> = a.next("tokens")?;
            a.answer(session::detokenize(&tokens))
        }
        "session.renderChat" => {
            let messages: String = a.next("messages")?;
            let options: Vec<types::Setting> = a.next("options")?;
            a.answer(session::render_chat(&messages, &options))
        }
        other => Err(Exception::throw_internal(&a.ctx, other)),
    }
}

fn plain() -> types::Sampling {
    types::Sampling {
        max_tokens: None,
        temperature: None,
        top_k: None,
        top_p: None,
        stop: Vec::new(),
        keep_stop: None,
        stop_token_ids: Vec::new(),
        seed: None,
        additional: Vec::new(),
    }
}

/// A promise that was rejected, with the reason, until somebody handles it.
type Rejection = (Persistent<Value<'static>>, Persistent<Value<'static>>);

thread_local! {
    static UNHANDLED: RefCell<Vec<Rejection>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn track_rejection<'js>(
    ctx: Ctx<'js>,
    promise: Value<'js>,
    reason: Value<'js>,
    handled: bool,
) {
    if !handled {
        interruption::rejected_with(&reason);
    }
    if handled {
        forget(&ctx, &promise);
    } else {
        let saved = (
            Persistent::save(&ctx, promise),
            Persistent::save(&ctx, reason),
        );
        UNHANDLED.with_borrow_mut(|list| list.push(saved));
    }
}

fn forget<'js>(ctx: &Ctx<'js>, promise: &Value<'js>) {
    UNHANDLED.with_borrow_mut(|list| {
        list.retain(|(saved, _)| {
            saved
                .clone()
                .restore(ctx)
                .is_ok_and(|saved| saved != *promise)
        });
    });
}

/// The host itself looked at how a promise ended.
pub(crate) fn settled(promise: &Promise<'_>) {
    forget(promise.ctx(), promise.as_value());
}

/// Says which promises were rejected during a call, and nobody cared.
pub(crate) fn tell_unhandled(ctx: &Ctx<'_>) {
    for (_, reason) in UNHANDLED.with_borrow_mut(std::mem::take) {
        if let Ok(reason) = reason.restore(ctx) {
            let text = Failure::thrown(&reason).with_places();
            hooks::message(
                types::Level::Error,
                &format!("a promise was rejected, and nothing handles it: {text}"),
            );
        }
    }
}
