//! Events as this version of the contract has them.

use super::bindings::exports::arkor::trainer::callbacks as wit;
use super::convert;
use crate::event::CallbackEvent;

pub(super) enum Wire {
    Started(wit::Started),
    Log(wit::LogRecord),
    Evaluation(wit::Evaluation),
    Checkpoint(wit::Checkpoint),
    Completed(wit::Completed),
    Failed(wit::Failed),
}

/// An event for the instance of this generation.
pub(super) fn wire(event: &CallbackEvent, generation: u32) -> Wire {
    let at = |seq: &u64, step: u64| wit::Position {
        seq: convert::count(*seq),
        step: convert::count(step),
    };
    match event {
        CallbackEvent::Started { seq, run, event } => Wire::Started(wit::Started {
            at: at(seq, event.step),
            run: run.as_str().into(),
            generation,
            resumed_from: event.resumed_from.map(convert::count),
            total_steps: event.total_steps.map(convert::count),
            parent: event.parent.as_ref().map(ToString::to_string),
            additional: Vec::new(),
        }),
        CallbackEvent::Log { seq, event } => Wire::Log(wit::LogRecord {
            at: at(seq, event.step),
            epoch: event.epoch,
            loss: event.loss,
            learning_rate: event.learning_rate,
            grad_norm: event.grad_norm,
            tokens: event.tokens as f64,
            metrics: convert::told_metrics(&event.metrics),
            additional: Vec::new(),
        }),
        CallbackEvent::Evaluation { seq, event } => Wire::Evaluation(wit::Evaluation {
            at: at(seq, event.step),
            loss: event.loss,
            perplexity: event.perplexity,
            best_loss: event.best_loss,
            score: event.score.as_ref().map(convert::told_metric),
            best_score: event.best_score,
            is_best: event.is_best,
            evaluations_without_improvement: event.evaluations_without_improvement,
            metrics: convert::told_metrics(&event.metrics),
            additional: Vec::new(),
        }),
        CallbackEvent::Checkpoint { seq, event } => Wire::Checkpoint(wit::Checkpoint {
            at: at(seq, event.step),
            id: event.id.clone(),
            eval_loss: event.eval_loss,
            score: event.score.as_ref().map(convert::told_metric),
            metrics: convert::told_metrics(&event.metrics),
            additional: Vec::new(),
        }),
        CallbackEvent::Completed { seq, event } => Wire::Completed(wit::Completed {
            at: at(seq, event.step),
            reason: convert::end_reason(&event.reason),
            checkpoint: event.checkpoint.clone(),
            loss: event.loss,
            eval_loss: event.eval_loss,
            best_score: event.best_score,
            best_checkpoint: event.best_checkpoint.clone(),
            metrics: convert::told_metrics(&event.metrics),
            additional: Vec::new(),
        }),
        CallbackEvent::Failed { seq, event } => Wire::Failed(wit::Failed {
            at: at(seq, event.step),
            message: event.message.as_str().into(),
            code: event.code.name().into(),
            hint: event.hint.as_ref().map(|hint| hint.as_str().into()),
            checkpoint: event.checkpoint.clone(),
            additional: Vec::new(),
        }),
    }
}
