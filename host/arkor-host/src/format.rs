//! Numbers and events as people read them.

use arkor_types::{
    Action, EndReason, Evaluation, Event, Fault, GUEST_MARK, Level, Measurement, Message,
    MessageSource, shown_line,
};

/// To the second, in UTC.
pub(crate) fn time(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut size = bytes as f64 / 1024.0;
    let mut unit = "KiB";
    for next in &UNITS[1..] {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = next;
    }
    format!("{size:.1} {unit}")
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn count(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        10_000..1_000_000 => format!("{:.1} k", count as f64 / 1e3),
        _ => format!("{:.2} M", count as f64 / 1e6),
    }
}

pub(crate) fn loss(loss: Option<f64>) -> String {
    loss.map_or_else(|| "-".into(), |loss| format!("{loss:.4}"))
}

/// A metric: whole numbers whole, others to some five digits.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if value == value.trunc() && size < 1e9 {
        format!("{value}")
    } else if (1e-3..1e6).contains(&size) {
        format!("{value:.4}")
    } else {
        format!("{value:.4e}")
    }
}

pub(crate) fn reason(reason: &EndReason) -> String {
    match reason {
        EndReason::Finished => "all steps are done".into(),
        EndReason::EarlyStopping => "the evaluations no longer improve".into(),
        EndReason::Trainer(reason) => format!("the trainer asked to stop: {}", reason.line()),
        EndReason::User => "a user asked to stop".into(),
        EndReason::Signal => "interrupted".into(),
        EndReason::TimeLimit => "the time limit was over".into(),
        EndReason::Replaced => "new code with another configuration takes over".into(),
    }
}

pub(crate) fn action(action: &Action) -> String {
    match action {
        Action::Stop(reason) => format!("to stop: {}", reason.line()),
        Action::Save => "for a checkpoint".into(),
        Action::Evaluate => "for an evaluation".into(),
        Action::Evaluated(measured) => format!("to keep {}", measurement(measured)),
        Action::SetLearningRate(rate) => format!("for the learning rate {rate:e}"),
        Action::FollowSchedule => "for the schedule's learning rate".into(),
        Action::Unknown(name) => format!("for `{}`, which is not known", name.line()),
        Action::Pause => "for a pause".into(),
        Action::LogMetric(metric) => {
            format!("to log {} {}", metric.name.line(), number(metric.value))
        }
    }
}

fn measurement(measured: &Measurement) -> String {
    let loss = measured.loss.map(|loss| format!("loss {loss:.4}"));
    let metrics = measured.metrics.iter();
    let metrics = metrics.map(|metric| format!("{} {}", metric.name.line(), number(metric.value)));
    loss.into_iter()
        .chain(metrics)
        .collect::<Vec<_>>()
        .join(", ")
}

fn evaluation(event: &Evaluation) -> String {
    let mut parts = Vec::new();
    if let Some(loss) = event.loss {
        parts.push(format!("loss {loss:.4}"));
    }
    if let Some(perplexity) = event.perplexity {
        parts.push(match perplexity {
            0.0..1e6 => format!("perplexity {perplexity:.2}"),
            // It is exp(loss), which no number is large enough for.
            f64::MAX.. => "perplexity infinite".into(),
            _ => format!("perplexity {perplexity:.2e}"),
        });
    }
    for metric in &event.metrics {
        parts.push(format!("{} {}", metric.name.line(), number(metric.value)));
    }
    match (&event.score, event.best_score) {
        (Some(score), Some(best)) if score.name == "loss" => parts.push(format!("best {best:.4}")),
        (Some(score), Some(best)) => {
            parts.push(format!("best {} {}", score.name.line(), number(best)));
        }
        // Without its score it is compared with none.
        _ => {}
    }
    format!("evaluation {}", parts.join(", "))
}

/// What the trainer wrote, each line of it marked; what the host says of it is a line of its own.
fn message(event: &Message) -> String {
    let text = event.text.block(GUEST_MARK);
    match (event.source, event.level) {
        (MessageSource::Host, Level::Warn) => format!("warning: {text}"),
        (MessageSource::Host, Level::Error) => format!("error: {text}"),
        (MessageSource::Host, _) => text.to_string(),
        (_, Level::Error) => format!("{GUEST_MARK}error: {text}"),
        (MessageSource::Message, Level::Warn) => format!("{GUEST_MARK}warning: {text}"),
        _ => format!("{GUEST_MARK}{text}"),
    }
}

/// What a guest did wrong, and where in it, a line for each frame.
fn failure(fault: &Fault) -> String {
    let mut text = fault.to_string();
    for frame in &fault.backtrace {
        text += &format!("\n{GUEST_MARK}in {}", frame.line());
    }
    text
}

/// An event in a line or a few; none for what the live line or the end of the run tells.
pub(crate) fn event(event: &Event, live: bool) -> Option<String> {
    let step = |step: u64| format!("step {step:>6}  ");
    Some(match event {
        Event::Started(event) => {
            let begin = match event.resumed_from {
                Some(step) => format!("resumed from step {step}"),
                None => "started".into(),
            };
            let steps = event
                .total_steps
                .map_or_else(String::new, |n| format!(", {n} steps"));
            format!("{begin}: {} weights{steps}", count(event.parameters))
        }
        Event::Log(_) if live => return None,
        Event::Log(event) => {
            let mut line = step(event.step) + &format!("loss {}", loss(event.loss));
            if let Some(rate) = event.learning_rate {
                line += &format!("  lr {rate:.2e}");
            }
            if let Some(norm) = event.grad_norm {
                line += &format!("  grad {norm:.2}");
            }
            if let Some(speed) = event.tokens_per_second {
                line += &format!("  {speed:.0} tokens/s");
            }
            for metric in &event.metrics {
                line += &format!("  {} {}", metric.name.line(), number(metric.value));
            }
            line
        }
        Event::Evaluation(event) => step(event.step) + &evaluation(event),
        Event::Checkpoint(event) => {
            step(event.step)
                + &format!(
                    "checkpoint {} ({})",
                    shown_line(&event.id),
                    bytes(event.size)
                )
        }
        Event::Artifact(event) => {
            step(event.step) + &format!("artifact {} ({})", event.name.line(), bytes(event.size))
        }
        Event::Message(event) => message(event),
        // The next log line shows it.
        Event::Action(event) if live && matches!(event.action, Action::LogMetric(_)) => {
            return None;
        }
        Event::Action(event) => {
            let by = event.callback.map_or("a user", |callback| callback.name());
            step(event.step) + &format!("{by} asked {}", action(&event.action))
        }
        Event::CallbackFailed(event) => format!("error: {}", failure(&event.fault)),
        Event::Swapped(event) => format!(
            "{}new code: generation {} in place of {}, with {} of state",
            step(event.step),
            event.generation,
            event.previous,
            event.state_size.map_or_else(|| "nothing".into(), bytes),
        ),
        Event::SwapRejected(event) => {
            format!(
                "{}new code was not taken: {}",
                step(event.step),
                failure(&event.fault)
            )
        }
        Event::RolledBack(event) => format!(
            "{}generation {} failed at its first events, {} is back: {}",
            step(event.step),
            event.failed,
            event.generation,
            failure(&event.fault)
        ),
        Event::Paused(event) => step(event.step) + "paused",
        Event::Continued(event) => step(event.step) + "continued",
        Event::Unknown(event) => {
            step(event.step()) + &format!("an event of the unknown type `{}`", event.kind().line())
        }
        Event::Ending(_)
        | Event::Completed(_)
        | Event::Stopped(_)
        | Event::Failed(_)
        | Event::Interrupted(_) => return None,
    })
}
