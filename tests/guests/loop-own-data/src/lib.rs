//! A loop that declares no data and makes its own: it lets the model write, and rewards bytes that are
//! small. The losses are a policy's, and one of the loop's own by weights that may be negative.

use arkor_guest::prelude::*;

#[derive(Default)]
struct OwnData;

const PROMPTS: [&[u32]; 2] = [&[65], &[66, 67]];

impl Trainer for OwnData {
    fn describe() -> Result<Spec> {
        let mut spec = guest_common::spec("loop-own-data");
        spec.dataset = None;
        Ok(spec)
    }

    fn on_log(&mut self, event: &LogRecord) -> Result<Actions> {
        Ok(match event.at.step {
            2 => vec![Action::SetLearningRate(5e-4)],
            4 => vec![Action::FollowSchedule],
            6 => vec![Action::Other(Setting {
                name: "levitate".into(),
                value: "true".into(),
            })],
            _ => vec![],
        })
    }
}

/// What was written after a prompt, to be scored position by position.
fn datum(prompt: &[u32], written: &session::Sequence, advantage: f32) -> Datum {
    let mut tokens = prompt.to_vec();
    tokens.extend(&written.tokens);
    let targets = tokens.split_off(1);
    tokens.extend(&targets[..targets.len() - 1]);
    let known = prompt.len() - 1;
    let per_position = |value: &dyn Fn(usize) -> f32| {
        let written = (0..targets.len() - known).map(value);
        std::iter::repeat_n(0.0, known).chain(written).collect()
    };
    Datum {
        weights: per_position(&|_| 1.0),
        advantages: per_position(&|_| advantage),
        old_log_probs: per_position(&|n| written.sampling_log_probs[n]),
        tokens,
        targets,
        ..Datum::default()
    }
}

fn step(style: &Sampling, learning_rate: f64) -> Result<session::OptimOutput> {
    let prompts = PROMPTS.map(<[u32]>::to_vec);
    let answers = session::sample(&prompts, 3, style)?;
    let mut data = vec![];
    for (prompt, sequences) in PROMPTS.iter().zip(&answers) {
        for written in sequences {
            let reward = written.tokens.iter().filter(|token| **token < 128).count() as f32;
            data.push(datum(
                prompt,
                written,
                reward / written.tokens.len() as f32 - 0.5,
            ));
        }
    }
    session::forward_backward(&data, &Loss::ImportanceSampling, LogProbs::Omit)?;
    Ok(session::optim_step(&Adam::new(learning_rate))?)
}

impl TrainingLoop for OwnData {
    fn run(spec: Spec) -> Result<()> {
        let absent = dataset::info().unwrap_err();
        println!("dataset: {absent}");
        let style = Sampling {
            max_tokens: Some(8),
            stop_token_ids: vec![7],
            ..sampling()
        };
        let (mut done, mut rate) = match hooks::resume_point()? {
            Some(point) => (point.step, point.learning_rate),
            None => (0, None),
        };
        while done < spec.hyperparameters.max_steps.unwrap_or(12) {
            let output = step(&style, rate.unwrap_or(1e-3))?;
            done = output.step;
            let progress = Progress {
                learning_rate: Some(rate.unwrap_or(1e-3)),
                grad_norm: output.grad_norm,
                ..Progress::default()
            };
            let wishes = hooks::log(done, progress, &[])?;
            rate = wishes.learning_rate;
            if done == 3 {
                session::save_state("third")?;
            }
            if wishes.checkpoint && hooks::checkpoint(done, b"")? != Directive::Proceed {
                return Ok(());
            }
        }
        session::load_state("third")?;
        // A preference of the first byte over the second, by its own derivative.
        let pair = [65, 66].map(|target| Datum {
            tokens: vec![1],
            targets: vec![target],
            ..Datum::default()
        });
        let before = session::forward(&pair, &Loss::CrossEntropy, LogProbs::Give)?.log_probs;
        let weighted = |data: &[Datum; 2], weights: [f32; 2]| {
            let mut data = data.clone();
            for (datum, weight) in data.iter_mut().zip(weights) {
                datum.weights = vec![weight];
            }
            data
        };
        let data = weighted(&pair, [1.0, -1.0]);
        session::forward_backward(&data, &Loss::CrossEntropy, LogProbs::Omit)?;
        let step = session::optim_step(&Adam::new(1e-2))?.step;
        let after = session::forward(&pair, &Loss::CrossEntropy, LogProbs::Give)?.log_probs;
        let margin = |log_probs: &[Vec<f32>]| log_probs[0][0] - log_probs[1][0];
        println!("preferred: {}", margin(&after) > margin(&before));
        hooks::checkpoint(step, b"")?;
        Ok(())
    }
}

arkor_guest::export_loop!(OwnData);
