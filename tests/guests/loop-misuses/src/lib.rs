//! A loop that uses the session wrongly and is told so, each time.

use arkor_guest::prelude::*;

#[derive(Default)]
struct LoopMisuses;

impl Trainer for LoopMisuses {
    fn describe() -> Result<Spec> {
        Ok(guest_common::spec("loop-misuses"))
    }
}

impl TrainingLoop for LoopMisuses {
    fn run(_: Spec) -> Result<()> {
        use session::{Adam, Datum, LogProbs, Loss};
        let say = |what: &str, error: String| println!("{what}: {error}");
        let datum = |tokens: Vec<u32>, targets: Vec<u32>| Datum {
            tokens,
            targets,
            ..Datum::default()
        };
        let forward =
            |datum| session::forward_backward(&[datum], &Loss::CrossEntropy, LogProbs::Omit);
        let step = session::optim_step(&Adam::new(0.1)).unwrap_err();
        say("no gradients", step.to_string());
        say(
            "lengths",
            forward(datum(vec![1, 2], vec![1])).unwrap_err().to_string(),
        );
        say(
            "id",
            forward(datum(vec![1, 99_999], vec![1, 1]))
                .unwrap_err()
                .to_string(),
        );
        forward(datum(vec![1, 2], vec![2, 3]))?;
        say(
            "unapplied",
            hooks::checkpoint(0, &[]).unwrap_err().to_string(),
        );
        say(
            "saved",
            session::save_state("mine").unwrap_err().to_string(),
        );
        let named = Loss::Other(session::NamedLoss {
            name: "cispo".into(),
            parameters: vec![],
        });
        let data = [datum(vec![1, 2], vec![2, 3])];
        let loss = session::forward(&data, &named, LogProbs::Omit).unwrap_err();
        say("loss", loss.to_string());
        let nothing = session::sample(&[], 1, &sampling()).unwrap_err();
        say("prompts", nothing.to_string());
        let progress = Progress {
            loss: Some(f64::NAN),
            ..Progress::default()
        };
        let finite = hooks::log(0, progress, &[]).unwrap_err();
        say("finite", finite.to_string());
        session::optim_step(&Adam::new(1e-3))?;
        say("step", hooks::checkpoint(9, &[]).unwrap_err().to_string());
        say(
            "state",
            session::load_state("nothing").unwrap_err().to_string(),
        );
        session::save_state("mine")?;
        session::load_state("mine")?;
        let chat = session::render_chat("[]", &[]).unwrap_err();
        say("chat", chat.to_string());
        say(
            "name",
            artifacts::write("../up", b"x").unwrap_err().to_string(),
        );
        match hooks::checkpoint(1, b"state")? {
            hooks::Directive::Proceed => Ok(()),
            other => Err(format!("{other:?}").into()),
        }
    }
}

arkor_guest::export_loop!(LoopMisuses);
