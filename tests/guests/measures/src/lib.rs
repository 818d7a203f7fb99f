//! Measures the model itself at its checkpoints, with nothing held out, and says what it is part of. It
//! generates at an event for longer than a callback may take.

use arkor_guest::prelude::*;

#[derive(Default)]
struct Measures;

impl Trainer for Measures {
    fn describe() -> Result<Spec> {
        let mut spec = guest_common::spec("measures");
        spec.dataset = Some(Dataset::file("text.txt").with_held_out(0.0));
        spec.hyperparameters.metric_for_best_model = Some("accuracy".into());
        spec.hyperparameters.save_total_limit = Some(2);
        spec.hyperparameters.max_length = Some(4096);
        if let Ok(info) = run::info() {
            return Err(format!("there is a run already: {}", info.id).into());
        }
        Ok(spec)
    }

    fn on_log(&mut self, event: &LogRecord) -> Result<Actions> {
        let info = run::info()?;
        println!(
            "{} {} {} {} {:?}",
            info.name, info.generation, info.attempt, info.step, info.total_steps
        );
        Ok(match event.at.step {
            // Both are none of this answer's actions.
            2 => vec![Action::Evaluate, Action::metric("left-out", 1.0)],
            10 => {
                let style = Sampling {
                    max_tokens: Some(4000),
                    temperature: Some(0.0),
                    ..sampling()
                };
                let written = inference::generate("a", &style)?;
                vec![Action::metric("written", f64::from(written.tokens))]
            }
            _ => vec![],
        })
    }

    fn on_checkpoint(&mut self, event: &Checkpoint) -> Result<Actions> {
        let accuracy = match event.at.step {
            4 => 0.75,
            _ => 0.5,
        };
        Ok(vec![Action::evaluated(Measurement::metric(
            "accuracy", accuracy,
        ))])
    }

    fn on_evaluate(&mut self, event: &Evaluation) -> Result<Actions> {
        Ok(match event.at.step {
            8 => vec![Action::evaluated(Measurement::loss(1.0))],
            _ => vec![],
        })
    }

    fn on_completed(&mut self, event: &Completed) -> Result<Actions> {
        println!("best {:?}", event.best_score);
        Ok(vec![])
    }
}

arkor_guest::export!(Measures);
