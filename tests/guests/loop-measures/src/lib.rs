//! A loop that evaluates itself when it is asked to, and looks at what it samples.

use arkor_guest::prelude::*;

#[derive(Default)]
struct LoopMeasures;

impl Trainer for LoopMeasures {
    fn describe() -> Result<Spec> {
        let mut spec = guest_common::spec("loop-measures");
        spec.dataset = None;
        spec.hyperparameters.metric_for_best_model = Some("errors".into());
        spec.hyperparameters.greater_is_better = Some(false);
        Ok(spec)
    }

    fn on_log(&mut self, event: &LogRecord) -> Result<Actions> {
        Ok(match event.at.step {
            2 => vec![Action::Evaluate],
            _ => vec![],
        })
    }

    fn on_evaluate(&mut self, event: &Evaluation) -> Result<Actions> {
        let told = event
            .score
            .as_ref()
            .map(|score| (score.value, event.is_best));
        println!("told {told:?}");
        Ok(vec![])
    }
}

/// The sums of both kinds of log-probabilities of a sample.
fn sums(style: Sampling) -> Result<(f32, f32)> {
    let sampled = session::sample(&[vec![65]], 1, &style)?;
    let one = &sampled[0][0];
    assert_eq!(one.log_probs.len(), one.tokens.len());
    assert_eq!(one.sampling_log_probs.len(), one.tokens.len());
    Ok((
        one.log_probs.iter().sum(),
        one.sampling_log_probs.iter().sum(),
    ))
}

impl TrainingLoop for LoopMeasures {
    fn run(spec: Spec) -> Result<()> {
        let model = session::model()?;
        println!("features {}", model.features.join(" "));
        let info = run::info()?;
        println!("run {} {} {:?}", info.name, info.step, info.total_steps);
        let all = sums(Sampling {
            max_tokens: Some(8),
            ..sampling()
        })?;
        println!("alike {}", (all.0 - all.1).abs() < 1e-3);
        let few = sums(Sampling {
            max_tokens: Some(8),
            top_k: Some(2),
            ..sampling()
        })?;
        println!("likelier {}", few.1 > few.0);
        let greedy = sums(Sampling {
            max_tokens: Some(8),
            temperature: Some(0.0),
            ..sampling()
        })?;
        println!("certain {}", greedy.1 == 0.0);
        for kept in [false, true] {
            let style = Sampling {
                max_tokens: Some(200),
                stop: (0..128u8)
                    .map(|byte| char::from(byte).to_string())
                    .collect(),
                keep_stop: Some(kept),
                ..sampling()
            };
            match session::sample(&[vec![65]], 1, &style) {
                Ok(_) => println!("taken"),
                // More than are allowed: the message says how many are.
                Err(error) => println!("refused {error}"),
            }
            let style = Sampling {
                stop: vec!["A".into(), "e".into(), " ".into()],
                ..style
            };
            let sampled = session::sample(&[vec![65]], 1, &style)?;
            let text = session::detokenize(&sampled[0][0].tokens)?;
            let ends = ["A", "e", " "].iter().any(|stop| text.ends_with(stop));
            let stopped = sampled[0][0].stop_reason == StopReason::Stop;
            println!("kept {kept} {}", !stopped || ends == kept);
        }
        let mut adam = Adam::new(1e-3);
        adam.additional = vec![Setting {
            name: "amsgrad".into(),
            value: "true".into(),
        }];
        let refused = session::optim_step(&adam).unwrap_err();
        println!("adam {refused}");
        let empty = Measurement::default();
        println!("empty {}", hooks::evaluated(0, &empty).unwrap_err());
        let steps = spec.hyperparameters.max_steps.unwrap_or(4);
        let data = [Datum {
            tokens: vec![1, 2],
            targets: vec![2, 3],
            ..Datum::default()
        }];
        for _ in 0..steps {
            session::forward_backward(&data, &Loss::CrossEntropy, LogProbs::Omit)?;
            let step = session::optim_step(&Adam::new(1e-3))?.step;
            let wishes = hooks::log(step, Progress::default(), &[])?;
            if wishes.evaluate {
                let errors = Measurement::metric("errors", f64::from(step));
                let wishes = hooks::evaluated(step, &errors)?;
                println!("still wanted {}", wishes.evaluate);
            }
            if hooks::checkpoint(step, b"")? != Directive::Proceed {
                break;
            }
        }
        Ok(())
    }
}

arkor_guest::export_loop!(LoopMeasures);
