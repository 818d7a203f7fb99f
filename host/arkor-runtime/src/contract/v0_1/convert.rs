//! Between the contract's types and the host's.

mod spec;

pub(super) use spec::{spec, spec_draft};

use arkor_types::{
    Action, AdamParameters, EndReason, GuestFunction, Level, LossFunction, Measurement, Metric,
    SamplingParameters, UntrustedText,
};

use crate::contract::v0_1::bindings::arkor::trainer::{hooks, session, types};
use crate::contract::v0_1::bindings::exports::arkor::trainer::callbacks;
use crate::protocol::LoopProgress;
use crate::words;

/// Longest name of a metric.
const NAME: usize = 100;
/// Most texts, and most tokens, that end a generated text.
const STOPS: usize = 64;
/// Bytes of such a text.
const STOP_LENGTH: usize = 1000;
/// Most actions of one answer, and most metrics of one log event.
const COUNT: usize = 1000;

/// A step, a sequence number or a count as the contract has it. A run that outgrew 32 bits would
/// have trained for centuries.
pub(crate) fn count(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

pub(crate) fn level(level: hooks::Level) -> Level {
    match level {
        hooks::Level::Debug => Level::Debug,
        hooks::Level::Info => Level::Info,
        hooks::Level::Warn => Level::Warn,
        hooks::Level::Error => Level::Error,
    }
}

fn metric(name: String, value: f64) -> Result<Metric, String> {
    let fits = !name.is_empty()
        && name.len() <= NAME
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./:@".contains(c));
    if !fits {
        return Err(format!(
            "the metric's name `{}` must have 1 to {NAME} letters, digits or any of -_./:@",
            words::cut::<UntrustedText>(name, NAME).line()
        ));
    }
    if !value.is_finite() {
        return Err(format!("the metric {name} is {value}, but must be finite"));
    }
    Ok(Metric {
        name: name.into(),
        value,
    })
}

/// An error if a number is not finite: JSON, and so the run's log, has none of these.
pub(crate) fn progress(told: &hooks::Progress) -> Result<LoopProgress, String> {
    let finite = |name: &str, value: Option<f64>| match value {
        Some(value) if !value.is_finite() => Err(format!("{name} is {value}, but must be finite")),
        value => Ok(value),
    };
    Ok(LoopProgress {
        loss: finite("loss", told.loss)?,
        learning_rate: finite("learning-rate", told.learning_rate)?,
        grad_norm: finite("grad-norm", told.grad_norm)?,
        epoch: finite("epoch", told.epoch)?,
    })
}

pub(crate) fn metrics(list: Vec<types::Metric>) -> Result<Vec<Metric>, String> {
    if list.len() > COUNT {
        return Err(format!(
            "{} metrics at once, but at most {COUNT} are taken",
            list.len()
        ));
    }
    list.into_iter()
        .map(|one| metric(one.name, one.value))
        .collect()
}

/// An error if there is nothing in it, or a number that is not finite.
pub(crate) fn measurement(told: types::Measurement) -> Result<Measurement, String> {
    if let Some(loss) = told.loss.filter(|loss| !loss.is_finite()) {
        return Err(format!("loss is {loss}, but must be finite"));
    }
    if told.loss.is_none() && told.metrics.is_empty() {
        return Err("the measurement has neither a loss nor a metric".into());
    }
    Ok(Measurement {
        loss: told.loss,
        metrics: metrics(told.metrics)?,
    })
}

/// Of an answer, what can have an effect: to stop for the first reason, and of what is set or asked for without more
/// the last time. Metrics are all kept.
fn that_count(list: Vec<Action>) -> Vec<Action> {
    let is_metric = |action: &Action| matches!(action, Action::LogMetric(_));
    let is_stop = |action: &Action| matches!(action, Action::Stop(_));
    let kind = std::mem::discriminant::<Action>;
    let mut kept: Vec<Action> = Vec::new();
    for action in list {
        if is_metric(&action) {
            kept.push(action);
            continue;
        }
        let same = kept.iter().position(|known| match (known, &action) {
            (Action::Unknown(known), Action::Unknown(new)) => known == new,
            (known, new) => kind(known) == kind(new),
        });
        match same {
            Some(_) if is_stop(&action) => {}
            Some(at) => {
                kept.remove(at);
                kept.push(action);
            }
            None => kept.push(action),
        }
    }
    kept
}

/// The host's metrics as the contract has them.
pub(crate) fn told_metrics(list: &[Metric]) -> Vec<types::Metric> {
    list.iter().map(told_metric).collect()
}

pub(crate) fn told_metric(metric: &Metric) -> types::Metric {
    types::Metric {
        name: metric.name.as_str().into(),
        value: metric.value,
    }
}

/// What the callback of `event` asks for. That the trainer evaluated the model itself is no answer to an
/// evaluation: there would be no end.
pub(crate) fn actions(
    event: GuestFunction,
    list: Vec<callbacks::Action>,
) -> Result<Vec<Action>, String> {
    if list.len() > COUNT {
        return Err(format!(
            "{} actions at once, but at most {COUNT} are taken",
            list.len()
        ));
    }
    let evaluated = list
        .iter()
        .filter(|action| matches!(action, callbacks::Action::Evaluated(_)))
        .count();
    if evaluated > 1 {
        return Err(format!(
            "evaluated: {evaluated} times in one answer, but must be at most once"
        ));
    }
    if evaluated == 1 && event == GuestFunction::OnEvaluate {
        return Err(
            "evaluated: must not be asked for by on-evaluate, which would be called again".into(),
        );
    }
    let actions: Result<Vec<Action>, String> = list
        .into_iter()
        .map(|action| {
            Ok(match action {
                callbacks::Action::Evaluated(told) => Action::Evaluated(
                    measurement(told).map_err(|what| format!("evaluated: {what}"))?,
                ),
                callbacks::Action::Stop(reason) => Action::Stop(words::cut(reason, words::WORDS)),
                callbacks::Action::Save => Action::Save,
                callbacks::Action::Evaluate => Action::Evaluate,
                callbacks::Action::SetLearningRate(rate) if !(0.0..=10.0).contains(&rate) => {
                    return Err(format!(
                        "set-learning-rate({rate}): must be between 0 and 10"
                    ));
                }
                callbacks::Action::SetLearningRate(rate) => Action::SetLearningRate(rate),
                callbacks::Action::FollowSchedule => Action::FollowSchedule,
                callbacks::Action::Pause => Action::Pause,
                callbacks::Action::LogMetric(one) => {
                    Action::LogMetric(metric(one.name, one.value)?)
                }
                callbacks::Action::Other(setting) => {
                    Action::Unknown(words::cut(setting.name, NAME))
                }
            })
        })
        .collect();
    actions.map(that_count)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "temperatures need no double's precision"
)]
pub(crate) fn sampling(sampling: types::Sampling, seed: u64) -> Result<SamplingParameters, String> {
    let max_tokens = sampling.max_tokens.unwrap_or(64);
    if max_tokens == 0 {
        return Err("max-tokens is 0, but must be at least 1".into());
    }
    if let Some(setting) = sampling.additional.first() {
        return Err(format!(
            "{:?} is no setting of sampling that this host knows",
            words::cut::<String>(setting.name.as_str(), NAME)
        ));
    }
    let long = sampling.stop.iter().any(|stop| stop.len() > STOP_LENGTH);
    if long || sampling.stop.len() > STOPS || sampling.stop_token_ids.len() > STOPS {
        return Err(format!(
            "there are {} stop texts and {} stop tokens: at most {STOPS} of each are taken, and texts \
             of at most {STOP_LENGTH} bytes",
            sampling.stop.len(),
            sampling.stop_token_ids.len()
        ));
    }
    Ok(SamplingParameters {
        max_tokens,
        temperature: sampling.temperature.unwrap_or(1.0) as f32,
        top_k: sampling.top_k.unwrap_or(0),
        top_p: sampling.top_p.unwrap_or(1.0) as f32,
        stop: sampling.stop,
        keep_stop: sampling.keep_stop.unwrap_or(false),
        stop_token_ids: sampling.stop_token_ids,
        seed: sampling.seed.map_or(seed, u64::from),
    })
}

/// None if the engine does not have it.
pub(crate) fn loss(loss: &session::Loss) -> Option<LossFunction> {
    Some(match loss {
        session::Loss::CrossEntropy => LossFunction::CrossEntropy,
        session::Loss::ImportanceSampling => LossFunction::ImportanceSampling,
        session::Loss::Ppo(clip) => LossFunction::Ppo {
            clip_low: clip.low,
            clip_high: clip.high,
        },
        session::Loss::Other(_) => return None,
    })
}

/// The name of a setting that the engine does not know, if there is one.
pub(crate) fn adam(adam: &session::Adam) -> Result<AdamParameters, String> {
    if let Some(setting) = adam.additional.first() {
        return Err(words::cut(setting.name.as_str(), NAME));
    }
    let default = AdamParameters::default();
    Ok(AdamParameters {
        learning_rate: adam.learning_rate,
        beta1: adam.beta1.unwrap_or(default.beta1),
        beta2: adam.beta2.unwrap_or(default.beta2),
        eps: adam.eps.unwrap_or(default.eps),
        weight_decay: adam.weight_decay.unwrap_or(default.weight_decay),
        max_grad_norm: adam.max_grad_norm.unwrap_or(default.max_grad_norm),
    })
}

pub(crate) fn end_reason(reason: &EndReason) -> callbacks::EndReason {
    match reason {
        EndReason::Finished => callbacks::EndReason::Finished,
        EndReason::EarlyStopping => callbacks::EndReason::EarlyStopping,
        EndReason::Trainer(reason) => callbacks::EndReason::Trainer(reason.as_str().into()),
        EndReason::User | EndReason::Signal | EndReason::TimeLimit => callbacks::EndReason::User,
        EndReason::Replaced => callbacks::EndReason::Replaced,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_answer_that_says_the_same_again_and_again_what_counts_is_kept() {
        let metric = |value| {
            Action::LogMetric(Metric {
                name: "m".into(),
                value,
            })
        };
        let kept = that_count(vec![
            Action::Stop("first".into()),
            Action::SetLearningRate(0.1),
            metric(1.0),
            Action::Stop("second".into()),
            metric(1.0),
            Action::FollowSchedule,
            Action::SetLearningRate(0.2),
            Action::Unknown("x".into()),
            Action::Unknown("x".into()),
        ]);
        assert_eq!(
            kept,
            [
                Action::Stop("first".into()),
                metric(1.0),
                metric(1.0),
                Action::FollowSchedule,
                Action::SetLearningRate(0.2),
                Action::Unknown("x".into()),
            ]
        );
    }
}
