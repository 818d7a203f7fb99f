//! The interpreter of this instance, and calls into the trainer.

use std::cell::RefCell;

use rquickjs::function::This;
use rquickjs::object::Filter;
use rquickjs::{Context, Ctx, Function, Object, Persistent, Promise, Runtime, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::arkor::trainer::diagnostics::Frame;
use crate::bindings::arkor::trainer::source;
use crate::bindings::exports::arkor::trainer::callbacks::Action;
use crate::bindings::exports::arkor::trainer::definition::Spec;
use crate::failure::Failure;
use crate::modules::{self, ProgramLoader};
use crate::value::{bytes, from_js, to_js};
use crate::{host, interruption, jobs, timers};

/// Bytes of the interpreter's stack: endless recursion is an exception of the trainer's before it is
/// a trap of the host's.
const STACK: usize = 768 << 10;

/// The interpreter, with `arkor.js` evaluated.
struct Interpreter {
    context: Context,
    /// Must outlive what it made.
    runtime: Runtime,
}

/// Everything outside of it is the trainer's.
struct Engine {
    context: Context,
    trainer: Persistent<Object<'static>>,
    /// Must outlive what it made.
    _runtime: Runtime,
}

enum Booted {
    Ready(Engine),
    /// The modules could not be evaluated, and will not be by the next call either.
    Broken(String),
}

thread_local! {
    static ENGINE: RefCell<Option<Booted>> = const { RefCell::new(None) };
    static INTERPRETER: RefCell<Option<Interpreter>> = const { RefCell::new(None) };
}

/// Calls `work` with the trainer, which is evaluated before if it has not been.
fn with_trainer<T>(
    work: impl for<'js> FnOnce(&Ctx<'js>, &Object<'js>) -> Result<T, Failure>,
) -> Result<T, String> {
    ENGINE.with_borrow_mut(|engine| {
        let booted = engine.get_or_insert_with(|| match boot() {
            Ok(engine) => Booted::Ready(engine),
            Err(message) => Booted::Broken(message),
        });
        match booted {
            Booted::Broken(message) => Err(message.clone()),
            Booted::Ready(engine) => engine.context.with(|ctx| {
                let result = engine
                    .trainer
                    .clone()
                    .restore(&ctx)
                    .map_err(|error| Failure::of(&ctx, error))
                    .and_then(|trainer| work(&ctx, &trainer))
                    .and_then(interruption::checked);
                let result = result.map_err(Failure::report);
                host::tell_unhandled(&ctx);
                result
            }),
        }
    })
}

/// Makes the interpreter. Done once, when this component is made: its memory is kept as it is then, and each instance
/// begins with that. So nothing here may depend on a program, a clock, random numbers or anything else of a host.
///
/// # Errors
///
/// What went wrong, in `arkor.js` for instance.
pub(crate) fn prepare() -> Result<(), String> {
    let broken = |error: rquickjs::Error| error.to_string();
    let runtime = Runtime::new().map_err(broken)?;
    runtime.set_max_stack_size(STACK);
    runtime.set_host_promise_rejection_tracker(Some(Box::new(host::track_rejection)));
    runtime.set_loader(ProgramLoader, ProgramLoader);
    let context = Context::full(&runtime).map_err(broken)?;
    context.with(|ctx| {
        host::install(&ctx).map_err(|error| Failure::of(&ctx, error).report())
    })?;
    INTERPRETER.set(Some(Interpreter { context, runtime }));
    Ok(())
}

fn boot() -> Result<Engine, String> {
    if INTERPRETER.with_borrow(Option::is_none) {
        prepare()?;
    }
    let Some(Interpreter { context, runtime }) = INTERPRETER.take() else {
        return Err("there is no interpreter".into());
    };
    let program = source::read();
    let entry = program.entry.clone();
    modules::take_over(program);
    // It asks the host.
    runtime.set_interrupt_handler(Some(Box::new(interruption::is_due)));
    let trainer = context.with(|ctx| {
        let result = evaluate(&ctx, &entry)
            .and_then(interruption::checked)
            .map(|trainer| Persistent::save(&ctx, trainer));
        let result = result.map_err(Failure::report);
        host::tell_unhandled(&ctx);
        result
    });
    match trainer {
        Ok(trainer) => Ok(Engine {
            context,
            trainer,
            _runtime: runtime,
        }),
        Err(message) => {
            // Modules, timers and promises that were evaluated before it failed hold values of this
            // interpreter, which asserts that there are none when it is freed. The instance is
            // dropped soon, and all of its memory with it.
            std::mem::forget((context, runtime));
            Err(message)
        }
    }
}

/// Evaluates the entry module; its default export is the trainer.
fn evaluate<'js>(ctx: &Ctx<'js>, entry: &str) -> Result<Object<'js>, Failure> {
    let js = |error| Failure::of(ctx, error);
    let promise = modules::import(ctx, entry).map_err(js)?;
    let namespace: Object<'js> = settle(ctx, promise)?;
    let value: Value<'js> = namespace.get("default").map_err(js)?;
    let at_fault = |problem: String| Failure::new(format!("{entry}: {problem}"));
    if value.is_undefined() {
        return Err(at_fault(
            "there is no default export: export default defineTrainer({ ... })".into(),
        ));
    }
    let trainer = match value.as_object() {
        Some(object) if !object.is_function() && !object.is_array() => object.clone(),
        _ => {
            return Err(at_fault(
                "the default export is no trainer: export default defineTrainer({ ... })".into(),
            ));
        }
    };
    if method(ctx, &trainer, "describe")?.is_none() {
        return Err(at_fault(
            "the trainer has no describe(), which says what to train".into(),
        ));
    }
    const NAMES: [&str; 10] = [
        "describe",
        "run",
        "onStarted",
        "onLog",
        "onEvaluate",
        "onCheckpoint",
        "onCompleted",
        "onFailed",
        "saveState",
        "loadState",
    ];
    for name in NAMES {
        method(ctx, &trainer, name)?;
    }
    // A callback whose name is a little off would never be called, in silence.
    for key in names_of(&trainer).map_err(js)? {
        if NAMES.contains(&key.as_str()) {
            continue;
        }
        let plain = |name: &str| name.replace(['_', '-'], "").to_lowercase();
        if let Some(name) = NAMES.iter().find(|name| plain(name) == plain(&key)) {
            return Err(at_fault(format!(
                "the trainer has {key}, which is never called; is {name} meant?"
            )));
        }
        let is_callback =
            key.starts_with("on") && key.chars().nth(2).is_some_and(char::is_uppercase);
        if is_callback {
            return Err(at_fault(format!(
                "the trainer has a callback {key}, and there is none of this name; there are {}",
                NAMES.get(2..8).unwrap_or_default().join(", ")
            )));
        }
    }
    Ok(trainer)
}

/// The names of what an object has, its own and those of its classes.
fn names_of(object: &Object<'_>) -> rquickjs::Result<Vec<String>> {
    let (mut names, mut next) = (Vec::new(), Some(object.clone()));
    // As long as chains are that anybody writes; a proxy's may have no end.
    for _ in 0..32 {
        let Some(object) = next.take() else { break };
        for name in object.own_keys::<String>(Filter::new().string()) {
            names.push(name?);
        }
        next = object.get_prototype();
    }
    Ok(names)
}

fn method<'js>(
    ctx: &Ctx<'js>,
    trainer: &Object<'js>,
    name: &str,
) -> Result<Option<Function<'js>>, Failure> {
    let value: Value<'js> = trainer.get(name).map_err(|error| Failure::of(ctx, error))?;
    if value.is_undefined() || value.is_null() {
        return Ok(None);
    }
    match value.as_function() {
        Some(function) => Ok(Some(function.clone())),
        None => Err(Failure::new(format!(
            "the trainer's {name} is not a function but of type {}",
            value.type_name()
        ))),
    }
}

/// Waits for a promise: runs what is ready, then waits for the next timer.
fn settle<'js, T: rquickjs::FromJs<'js>>(
    ctx: &Ctx<'js>,
    promise: Promise<'js>,
) -> Result<T, Failure> {
    loop {
        jobs::run(ctx)?;
        if let Some(result) = promise.result::<T>() {
            host::settled(&promise);
            return result.map_err(|error| Failure::of(ctx, error));
        }
        let fired = timers::fire_next(ctx).map_err(|error| Failure::of(ctx, error))?;
        if !fired {
            return Err(Failure::new(
                "a promise never settles: nothing is left that could do it".into(),
            ));
        }
    }
}

/// Calls a method, if there is one, and waits for what it promises.
fn invoke<'js>(
    ctx: &Ctx<'js>,
    trainer: &Object<'js>,
    name: &str,
    argument: Option<Value<'js>>,
) -> Result<Option<Value<'js>>, Failure> {
    let Some(function) = method(ctx, trainer, name)? else {
        return Ok(None);
    };
    let js = |error| Failure::of(ctx, error);
    let this = This(trainer.clone());
    let state: Value<'js> = trainer.get("state").map_err(js)?;
    let result: Result<Value<'js>, _> = match argument {
        Some(argument) => function.call((this, argument, state)),
        None => function.call((this, state)),
    };
    let value = result.map_err(js)?;
    let value = match value.as_promise() {
        Some(promise) => settle(ctx, promise.clone())?,
        None => {
            jobs::run(ctx)?;
            value
        }
    };
    Ok(Some(value))
}

/// Where a method begins; both from 1.
fn function_of(trainer: &Object<'_>, name: &str) -> Option<Frame> {
    let function: Object<'_> = trainer.get(name).ok()?;
    let file: String = function.get("fileName").ok()?;
    let (line, column) = (
        function.get("lineNumber").ok()?,
        function.get("columnNumber").ok()?,
    );
    let (line, column) = modules::original(&file, line, column)?;
    Some(Frame {
        function: Some(name.into()),
        file,
        line,
        column,
    })
}

fn returned<'js, T: DeserializeOwned>(
    ctx: &Ctx<'js>,
    trainer: &Object<'js>,
    name: &str,
    value: Value<'js>,
) -> Result<T, Failure> {
    from_js(ctx, value).map_err(|error| {
        Failure::new(format!("what {name} returned is wrong: {error}"))
            .at(function_of(trainer, name))
    })
}

pub(crate) fn describe() -> Result<Spec, String> {
    with_trainer(|ctx, trainer| {
        let value = invoke(ctx, trainer, "describe", None)?
            .unwrap_or_else(|| Value::new_undefined(ctx.clone()));
        let mut spec: Spec = returned(ctx, trainer, "describe", value)?;
        let has_loop = method(ctx, trainer, "run")?.is_some();
        if spec.own_loop == Some(true) && !has_loop {
            return Err(Failure::new(
                "the spec's ownLoop is true, and the trainer has no run()".into(),
            ));
        }
        spec.own_loop = Some(spec.own_loop.unwrap_or(has_loop));
        Ok(spec)
    })
}

pub(crate) fn callback(name: &str, event: &impl Serialize) -> Result<Vec<Action>, String> {
    with_trainer(|ctx, trainer| {
        if method(ctx, trainer, name)?.is_none() {
            return Ok(Vec::new());
        }
        let event = to_js(ctx, event).map_err(|error| Failure::new(error.to_string()))?;
        match invoke(ctx, trainer, name, Some(event))? {
            Some(one) if one.as_object().is_some_and(|object| !object.is_array()) => {
                Ok(vec![returned(ctx, trainer, name, one)?])
            }
            Some(value) => returned(ctx, trainer, name, value),
            None => Ok(Vec::new()),
        }
    })
}

pub(crate) fn run(spec: &Spec) -> Result<(), String> {
    with_trainer(|ctx, trainer| {
        let spec = to_js(ctx, spec).map_err(|error| Failure::new(error.to_string()))?;
        match invoke(ctx, trainer, "run", Some(spec))? {
            Some(_) => Ok(()),
            None => Err(Failure::new("the trainer has no run()".into())),
        }
    })
}

/// `saveState()`, or else `state` as JSON.
pub(crate) fn save_state() -> Result<Vec<u8>, String> {
    with_trainer(|ctx, trainer| {
        if let Some(value) = invoke(ctx, trainer, "saveState", None)? {
            if value.is_undefined() || value.is_null() {
                return Ok(Vec::new());
            }
            return bytes(&value).ok_or_else(|| {
                Failure::new("saveState() must return a string or a Uint8Array".into())
            });
        }
        let state: Value<'_> = trainer
            .get("state")
            .map_err(|error| Failure::of(ctx, error))?;
        if state.is_undefined() {
            return Ok(Vec::new());
        }
        let text = ctx
            .json_stringify(state)
            .and_then(|text| text.map(|text| text.to_string()).transpose())
            .map_err(|error| {
                Failure::of(ctx, error).within("the trainer's state cannot be JSON")
            })?;
        Ok(text.unwrap_or_default().into_bytes())
    })
}

/// `loadState()`, or else JSON, whose properties take the place of those that `state` begins with.
pub(crate) fn load_state(state: &[u8]) -> Result<(), String> {
    with_trainer(|ctx, trainer| {
        let js = |error| Failure::of(ctx, error);
        if method(ctx, trainer, "loadState")?.is_some() {
            let array = rquickjs::TypedArray::<u8>::new_copy(ctx.clone(), state).map_err(js)?;
            invoke(ctx, trainer, "loadState", Some(array.into_value()))?;
            return Ok(());
        }
        let saved: Value<'_> = ctx.json_parse(state.to_vec()).map_err(|error| {
            Failure::of(ctx, error).within("the saved state is not what this trainer saves (JSON)")
        })?;
        let begun: Value<'_> = trainer.get("state").map_err(js)?;
        match (begun.as_object(), saved.as_object()) {
            (Some(begun), Some(saved)) if !begun.is_array() && !saved.is_array() => {
                for property in saved.props::<String, Value<'_>>() {
                    let (key, value) = property.map_err(js)?;
                    begun.set(key, value).map_err(js)?;
                }
                Ok(())
            }
            _ => trainer.set("state", saved).map_err(js),
        }
    })
}
