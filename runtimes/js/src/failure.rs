//! What went wrong in the trainer's code, and where in the user's files.

use rquickjs::{Ctx, Value};

use crate::bindings::arkor::trainer::diagnostics::{self, Frame};
use crate::{interruption, link, modules};

/// Most frames that are told.
const FRAMES: usize = 32;

#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    frames: Vec<Frame>,
    /// The interpreter was interrupted, since the call has used up its time.
    overdue: bool,
}

impl Failure {
    pub(crate) fn new(message: String) -> Self {
        Self {
            message,
            frames: Vec::new(),
            overdue: false,
        }
    }

    /// Of an error that a call of the interpreter returned: most often, that something was thrown.
    pub(crate) fn of(ctx: &Ctx<'_>, error: rquickjs::Error) -> Self {
        if error.is_exception() {
            Self::thrown(&ctx.catch())
        } else {
            Self::new(error.to_string())
        }
    }

    /// Of whatever was thrown.
    pub(crate) fn thrown(value: &Value<'_>) -> Self {
        let (message, frames) = explain(value);
        Self {
            message,
            frames,
            overdue: interruption::happened() || diagnostics::is_overdue(),
        }
    }

    /// Of a call that was interrupted, and went on.
    pub(crate) fn interrupted() -> Self {
        Self {
            message: "interrupted".into(),
            frames: Vec::new(),
            overdue: true,
        }
    }

    pub(crate) fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// With a place, if there is one.
    pub(crate) fn at(mut self, frame: Option<Frame>) -> Self {
        self.frames.extend(frame);
        self
    }

    /// With what was tried.
    pub(crate) fn within(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// Tells the host where, and returns what; does not return if the call's time is over.
    pub(crate) fn report(mut self) -> String {
        if interruption::happened() {
            interruption::note(&self);
            self.frames = interruption::place();
        }
        if !self.frames.is_empty() {
            diagnostics::failed_at(&self.frames);
        }
        if self.overdue {
            std::process::abort();
        }
        self.text()
    }

    /// In one text, with the innermost place at its beginning, as compilers do it.
    pub(crate) fn text(&self) -> String {
        match self.frames.first() {
            Some(at) => format!("{}:{}:{}: {}", at.file, at.line, at.column, self.message),
            None => self.message.clone(),
        }
    }

    /// The same with all places, a line each.
    pub(crate) fn with_places(&self) -> String {
        let mut text = self.message.clone();
        for frame in &self.frames {
            let place = format!("{}:{}:{}", frame.file, frame.line, frame.column);
            text += &match &frame.function {
                Some(function) => format!("\n    at {function} ({place})"),
                None => format!("\n    at {place}"),
            };
        }
        text
    }
}

fn explain(value: &Value<'_>) -> (String, Vec<Frame>) {
    let Some(object) = value.as_object().filter(|object| object.is_error()) else {
        return (format!("{} was thrown", shown(value)), Vec::new());
    };
    let text = |name: &str| object.get::<_, Option<String>>(name).ok().flatten();
    let name = text("name").unwrap_or_else(|| "Error".into());
    let message = text("message").unwrap_or_default();
    let frames = text("stack").map_or_else(Vec::new, |stack| frames(&stack));
    if frames.is_empty()
        && let Some((text, at)) = link::explain(&message)
    {
        return (format!("{name}: {text}"), vec![at]);
    }
    let message = match message.as_str() {
        "" => name,
        message => format!("{name}: {message}"),
    };
    (message, frames)
}

fn shown(value: &Value<'_>) -> String {
    if let Some(text) = value.as_string().and_then(|text| text.to_string().ok()) {
        return format!("\"{text}\"");
    }
    value
        .ctx()
        .json_stringify(value.clone())
        .ok()
        .flatten()
        .and_then(|text| text.to_string().ok())
        .unwrap_or_else(|| format!("a value of type {}", value.type_name()))
}

/// The places in a stack as QuickJS writes it: `    at name (file:line:column)`.
fn frames(stack: &str) -> Vec<Frame> {
    stack
        .lines()
        .filter_map(|line| {
            let line = line.trim().strip_prefix("at ")?;
            // Names of functions and of files may have a parenthesis: the file must be one of the program's.
            let inner = line.strip_suffix(')').unwrap_or_default();
            let splits = inner.match_indices(" (").filter_map(|(at, between)| {
                Some((inner.get(..at), inner.get(at + between.len()..)?))
            });
            let (function, file, line, column) =
                splits.chain([(None, line)]).find_map(|(function, place)| {
                    let (rest, column) = place.rsplit_once(':')?;
                    let (file, line) = rest.rsplit_once(':')?;
                    let (line, column) =
                        modules::original(file, line.parse().ok()?, column.parse().ok()?)?;
                    Some((function, file, line, column))
                })?;
            Some(Frame {
                function: function
                    .filter(|name| *name != "<anonymous>" && *name != "<eval>")
                    .map(Into::into),
                file: file.into(),
                line,
                column,
            })
        })
        .take(FRAMES)
        .collect()
}
