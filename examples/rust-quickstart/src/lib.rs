//! Trains a small language model on the gospels of the King James Bible, from nothing.
//!
//! At every checkpoint it shows what the model writes by now. It stops the run itself when three
//! evaluations in a row are no better than the best one before.

use arkor_guest::prelude::*;

/// Evaluations without improvement before the run is stopped.
const PATIENCE: u32 = 3;

#[derive(Default)]
struct Quickstart;

impl Trainer for Quickstart {
    fn describe() -> Result<Spec> {
        Ok(Spec {
            description: Some("A small Llama, trained on the four gospels".into()),
            tokenizer: Some(TokenizerSource::Bpe(1024)),
            hyperparameters: Hyperparameters {
                max_steps: Some(500),
                per_device_train_batch_size: Some(16),
                max_length: Some(128),
                learning_rate: Some(2e-3),
                lr_scheduler_type: Some(LrSchedulerType::Cosine),
                warmup_steps: Some(30),
                weight_decay: Some(0.1),
                logging_steps: Some(10),
                eval_steps: Some(25),
                save_steps: Some(100),
                save_total_limit: Some(3),
                ..Default::default()
            },
            ..Spec::new(
                "rust-quickstart",
                ModelShape::new(192, 4, 6),
                Dataset::file("data/gospels.txt").with_held_out(0.1),
            )
        })
    }

    fn on_started(&mut self, event: &Started) -> Result<Actions> {
        let data = dataset::info()?;
        println!(
            "{} tokens to train on, run {}",
            data.train_tokens, event.run
        );
        if let Some(entropy) = data.unigram_entropy {
            println!("a model that ignores all context would reach a loss of {entropy:.3}");
        }
        Ok(vec![])
    }

    fn on_evaluate(&mut self, event: &Evaluation) -> Result<Actions> {
        if event.evaluations_without_improvement >= PATIENCE {
            let best = event.best_score.unwrap_or_default();
            return Ok(vec![Action::stop(format!(
                "no evaluation since the best loss, {best:.4}, was better"
            ))]);
        }
        Ok(vec![])
    }

    fn on_checkpoint(&mut self, event: &Checkpoint) -> Result<Actions> {
        let style = Sampling {
            max_tokens: Some(60),
            temperature: Some(0.8),
            top_p: Some(0.95),
            ..Default::default()
        };
        let mut page = String::new();
        for prompt in ["And Jesus ", "Then said he unto them, "] {
            let text = inference::generate(prompt, &style)?.text;
            page += &format!("{prompt}{text}\n\n");
        }
        for line in page.lines().filter(|line| !line.is_empty()) {
            println!("  | {line}");
        }
        artifacts::write(
            &format!("samples/step-{}.txt", event.at.step),
            page.as_bytes(),
        )?;
        Ok(vec![])
    }

    fn on_completed(&mut self, event: &Completed) -> Result<Actions> {
        let entropy = dataset::info()?.unigram_entropy;
        if let (Some(loss), Some(entropy)) = (event.eval_loss, entropy) {
            println!("evaluation loss {loss:.3}, against {entropy:.3} without any context");
        }
        Ok(vec![])
    }
}

arkor_guest::export!(Quickstart);
