//! The trainer that every language has alike: it answers each event with all kinds of actions.

use arkor_guest::prelude::*;

#[derive(Default)]
struct Conformance {
    logs: u32,
    best: Option<f64>,
}

impl Trainer for Conformance {
    fn describe() -> Result<Spec> {
        Ok(Spec {
            description: Some("The same in every language".into()),
            tags: vec!["conformance".into(), "ünïcödé 🚀".into()],
            tokenizer: Some(TokenizerSource::Bpe(300)),
            extras: Some(r#"{"answer": 42}"#.into()),
            hyperparameters: Hyperparameters {
                max_steps: Some(40),
                per_device_train_batch_size: Some(2),
                max_length: Some(16),
                learning_rate: Some(1e-3),
                lr_scheduler_type: Some(LrSchedulerType::Cosine),
                warmup_steps: Some(5),
                logging_steps: Some(2),
                eval_steps: Some(5),
                save_steps: Some(10),
                save_total_limit: Some(2),
                seed: Some(7),
                ..Default::default()
            },
            ..Spec::new(
                "conformance",
                ModelShape::new(32, 1, 2),
                Dataset::file("text.txt").with_held_out(0.2),
            )
        })
    }

    fn on_started(&mut self, event: &Started) -> Result<Actions> {
        println!("{} steps are planned", event.total_steps.unwrap_or(0));
        Ok(vec![Action::metric(
            "generation",
            f64::from(event.generation),
        )])
    }

    fn on_log(&mut self, event: &LogRecord) -> Result<Actions> {
        self.logs += 1;
        let mut actions = vec![Action::metric("logs", f64::from(self.logs))];
        if let Some(loss) = event.loss {
            actions.push(Action::metric("loss-per-log", loss / f64::from(self.logs)));
        }
        match event.at.step {
            6 => actions.push(Action::SetLearningRate(5e-4)),
            12 => actions.push(Action::FollowSchedule),
            14 => actions.push(Action::Evaluate),
            18 => actions.push(Action::Save),
            30 => actions.push(Action::stop("thirty steps — enough")),
            _ => {}
        }
        Ok(actions)
    }

    fn on_evaluate(&mut self, event: &Evaluation) -> Result<Actions> {
        let (Some(loss), Some(best_loss)) = (event.loss, event.best_loss) else {
            return Ok(vec![]);
        };
        let best = self.best.map_or(loss, |best| best.min(loss));
        self.best = Some(best);
        Ok(vec![
            Action::metric("best", best),
            Action::metric("gap", loss - best_loss),
        ])
    }

    fn on_checkpoint(&mut self, event: &Checkpoint) -> Result<Actions> {
        let length = event.id.rsplit('.').next().map_or(0, str::len) as f64;
        Ok(vec![
            Action::metric("id-length", length),
            Action::evaluated(Measurement::metric("accuracy", 1.0 / length)),
        ])
    }

    fn on_completed(&mut self, event: &Completed) -> Result<Actions> {
        let told = match &event.reason {
            EndReason::Trainer(reason) => reason.chars().count(),
            _ => 0,
        };
        Ok(vec![Action::metric("reason-length", told as f64)])
    }

    fn save_state(&self) -> Result<Vec<u8>> {
        let best = self.best.map_or("null".into(), |best| format!("{best}"));
        Ok(format!(r#"{{"logs":{},"best":{best}}}"#, self.logs).into_bytes())
    }
}

arkor_guest::export!(Conformance);
