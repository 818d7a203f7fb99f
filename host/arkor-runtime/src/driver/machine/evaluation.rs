//! What an evaluation means for the run: the best score, early stopping, the checkpoint of these weights.

use arkor_types::{EndReason, Evaluation, Event, Measurement, Metric, shown_line};

use super::super::progress::Best;
use super::{Effect, Machine, Phase, ScoreRule};

impl ScoreRule {
    /// The value that evaluations are compared by, if it was measured.
    fn score(&self, measured: &Measurement) -> Option<Metric> {
        // A metric may be called `loss` too, where the trainer has another in mind.
        let found = measured
            .metrics
            .iter()
            .rev()
            .find(|metric| metric.name == self.metric.as_str());
        found.cloned().or_else(|| {
            let value = measured.loss.filter(|_| self.metric == "loss")?;
            Some(Metric {
                name: self.metric.as_str().into(),
                value,
            })
        })
    }

    /// By how much `value` is better than `other`; negative if it is worse.
    fn gain(&self, value: f64, other: f64) -> f64 {
        if self.greater_is_better {
            value - other
        } else {
            other - value
        }
    }
}

impl Machine {
    /// The model was evaluated at this step, by the host or by the trainer.
    pub(super) fn evaluated(&mut self, measured: Measurement, effects: &mut Vec<Effect>) {
        let rule = &self.plan.score;
        let progress = &mut self.progress;
        let score = rule.score(&measured);
        let mut is_best = false;
        let mut unmeasured = None;
        if let Some(score) = &score {
            let gain = progress
                .best_score
                .map_or(f64::INFINITY, |best| rule.gain(score.value, best));
            is_best = gain > 0.0;
            if is_best {
                progress.best_score = Some(score.value);
                progress.best = Best::At(progress.step);
            }
            progress.without_improvement = if gain > rule.threshold {
                0
            } else {
                progress.without_improvement.saturating_add(1)
            };
        }
        if let Some(loss) = measured.loss {
            progress.best_loss = Some(progress.best_loss.map_or(loss, |best| best.min(loss)));
            progress.eval_loss = Some(loss);
            progress.eval_step = Some(progress.step);
        }
        let has_score = score.is_some();
        if !has_score && !std::mem::replace(&mut self.no_score_told, true) {
            unmeasured = Some(measured.metrics.clone());
        }
        let here = progress.measured_again(&measured, score.clone()).clone();
        self.phase = Phase::HandlingEvaluation;
        let event = Event::Evaluation(Evaluation {
            step: progress.step,
            loss: measured.loss,
            // An untrained model can be worse than what fits a number; infinity is none in JSON.
            perplexity: measured.loss.map(|loss| loss.exp().min(f64::MAX)),
            best_loss: progress.best_loss,
            score,
            best_score: progress.best_score,
            is_best,
            evaluations_without_improvement: progress.without_improvement,
            metrics: measured.metrics,
        });
        if let Some(metrics) = unmeasured {
            effects.push(self.warning(no_score(self.plan.score.metric.as_str(), &metrics)));
        }
        self.deliver(event, effects);
        if let Some(id) = self
            .last_checkpoint
            .clone()
            .filter(|_| !self.stands_unsaved())
        {
            if is_best {
                self.progress.best = Best::In(id.clone());
            }
            // The row is to be right before anyone hears of the evaluation.
            let measured = here;
            let at = effects.len().saturating_sub(1);
            effects.insert(at, Effect::ScoreCheckpoint { id, measured });
        }
        let exhausted = self.progress.without_improvement >= self.plan.patience;
        if has_score && self.plan.patience > 0 && exhausted {
            self.stop.get_or_insert(EndReason::EarlyStopping);
        }
    }

    /// The checkpoint whose weights have the best score, if one was kept.
    pub(crate) fn best_checkpoint(&self) -> Option<String> {
        match &self.progress.best {
            Best::In(id) => Some(id.clone()),
            Best::At(_) | Best::None => None,
        }
    }
}

/// An evaluation without the metric that evaluations are compared by counts for nothing.
fn no_score(wanted: &str, measured: &[Metric]) -> String {
    let names: Vec<String> = measured
        .iter()
        .map(|metric| metric.name.line().to_string())
        .collect();
    let others = match names.as_slice() {
        [] => "no metric was".into(),
        names => format!("measured: {}", names.join(", ")),
    };
    format!(
        "metric-for-best-model is `{}`, which was not measured ({others}): without it no evaluation is the best, and \
         early stopping does not count",
        shown_line(wanted)
    )
}
