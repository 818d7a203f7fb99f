//! What comes when the run has gone on: code, answers, and the end of a loop.

use super::*;

fn handled(seq: u64) -> Input {
    Input::Handled {
        event_seq: seq,
        answer: Ok(Vec::new()),
    }
}

fn trapped() -> Box<Fault> {
    Box::new(Fault {
        cause: FaultCause::Trap("no".into()),
        ..*fault()
    })
}

/// Code takes its place, with the memory of that before.
fn takes_over(machine: &mut Machine, offer: u64) {
    machine.apply(Input::Offered(offer));
    machine.apply(Input::StateSaved(Ok(())));
    machine.apply(Input::StateLoaded(Ok(())));
}

#[test]
fn code_that_came_after_that_whose_loop_failed_stays() {
    let plan = Plan {
        owner: LoopOwner::Trainer,
        total_steps: None,
        save_steps: 0,
        ..plan(0)
    };
    let mut machine = Machine::new(plan);
    machine.apply(Input::Begin);
    machine.apply(handled(1));
    takes_over(&mut machine, 1);
    machine.apply(Input::Loop(LoopRequest::Checkpoint { step: 1, tokens: 1 }));
    machine.apply(Input::StateSaved(Ok(())));
    machine.apply(Input::CheckpointDone {
        id: "c".into(),
        seq: 2,
    });
    let effects = machine.apply(handled(2));
    assert_eq!(effects, [Effect::AnswerLoop(LoopAnswer::HandOver)]);
    let effects = machine.apply(returned(1, Ok(())));
    assert_eq!(effects, [Effect::StartLoop { generation: 2 }]);
    let progress = machine.progress.clone();
    takes_over(&mut machine, 2);
    let effects = machine.apply(returned(1, Err(fault())));
    assert!(
        !effects
            .iter()
            .any(|effect| matches!(effect, Effect::GoBack { .. }))
    );
    assert_eq!(effects.last(), Some(&Effect::Rewind));
    assert!(
        machine.needs_code(1),
        "it comes back if the newer loop fails too"
    );
    let effects = machine.apply(Input::Rewound(Box::new(progress.clone())));
    let again = Effect::StartCallbacks {
        generation: 3,
        with_memory: true,
    };
    assert_eq!(effects, [again]);
    machine.apply(Input::CallbacksStarted(Ok(())));
    let effects = machine.apply(handled(2));
    assert_eq!(effects, [Effect::StartLoop { generation: 3 }]);
    let effects = machine.apply(returned(1, Err(fault())));
    let back = effects.iter().find_map(|effect| match effect {
        Effect::GoBack {
            failed, generation, ..
        } => Some((*failed, *generation)),
        _ => None,
    });
    assert_eq!(back, Some((3, 1)));
}

#[test]
fn why_a_run_failed_is_told_though_its_last_callback_is_cut_off() {
    let mut machine = Machine::new(plan(4));
    machine.apply(Input::Begin);
    machine.apply(handled(1));
    machine.apply(Input::Broke {
        message: "the loss is no number".into(),
        code: FailureCode::Diverged,
        hint: None,
    });
    let mut effects = Vec::new();
    machine.request(RunRequest::Cancel, &mut effects).unwrap();
    let Some(Effect::Append(Event::Failed(failed))) = effects.first() else {
        panic!("{effects:?}")
    };
    assert_eq!(failed.code, FailureCode::Diverged);
    assert_eq!(effects.last(), Some(&Effect::Finish));
}

fn step_done() -> Input {
    Input::StepDone(StepReport {
        loss_sum: 1.0,
        tokens: 1,
        learning_rate: 0.1,
        grad_norm: None,
        epoch: 0.0,
        seconds: 0.1,
    })
}

/// A machine that trains, whose new code answered event 2 with an error: the code before is to answer it late.
fn with_a_late_event() -> Machine {
    let mut machine = Machine::new(plan(12));
    machine.apply(Input::Begin);
    machine.apply(handled(1));
    takes_over(&mut machine, 1);
    machine.apply(step_done());
    machine.apply(step_done());
    assert_eq!(machine.phase(), Phase::Logging);
    machine.apply(Input::Handled {
        event_seq: 2,
        answer: Err(fault()),
    });
    assert_eq!(machine.phase(), Phase::Training);
    machine
}

#[test]
fn what_is_asked_for_late_is_done_at_the_next_boundary_or_refused() {
    let mut machine = with_a_late_event();
    machine.apply(Input::Offered(2));
    let effects = machine.apply(Input::StateSaved(Err(trapped())));
    let again = Effect::DeliverAgain {
        seq: 2,
        mode: Mode::Late,
    };
    assert!(effects.contains(&again), "{effects:?}");
    let effects = machine.apply(Input::Handled {
        event_seq: 2,
        answer: Ok(vec![
            Action::Evaluate,
            Action::Evaluated(Measurement::default()),
        ]),
    });
    let told: Vec<&Event> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Append(event) => Some(event),
            _ => None,
        })
        .collect();
    let [Event::Action(taken), Event::Message(refused)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(taken.action, Action::Evaluate);
    assert!(refused.text.as_str().contains("measured of other weights"));
    machine.apply(Input::StateSaved(Ok(())));
    machine.apply(Input::StateLoaded(Ok(())));
    // Step 3 would be evaluated in any case, but for what a plan says.
    machine.plan.eval_steps = 0;
    let effects = machine.apply(step_done());
    assert!(effects.contains(&Effect::Evaluate), "{effects:?}");
}

#[test]
fn nobody_is_in_such_a_hurry_that_memory_is_lost() {
    let mut machine = Machine::new(plan(4));
    machine.apply(Input::Begin);
    assert!(!machine.saves_state());
    machine.apply(handled(1));
    machine.apply(Input::Offered(1));
    assert!(machine.saves_state());
    assert!(machine.takes_code());
    machine.apply(Input::StateSaved(Ok(())));
    assert!(!machine.saves_state());
    machine.apply(Input::Broke {
        message: "no".into(),
        code: FailureCode::Internal,
        hint: None,
    });
    assert!(
        !machine.takes_code(),
        "code that waits then cuts nobody off"
    );
}

#[test]
fn evaluations_without_their_metric_are_told_once() {
    let mut rule = plan(12);
    rule.score.metric = "acuracy".into();
    let mut machine = Machine::new(rule);
    machine.apply(Input::Begin);
    machine.apply(handled(1));
    let mut told = Vec::new();
    let mut seq = 1;
    for _ in 0..40 {
        let effects = machine.apply(match machine.phase() {
            Phase::Training => step_done(),
            Phase::Evaluating => Input::EvaluationDone { loss: 1.0 },
            Phase::Saving if machine.saves_state() => Input::StateSaved(Ok(())),
            Phase::Saving => Input::CheckpointDone {
                id: "c".into(),
                seq: seq + 1,
            },
            Phase::Ended => break,
            _ => {
                seq += 1;
                handled(seq)
            }
        });
        told.extend(effects.into_iter().filter_map(|effect| match effect {
            Effect::Append(Event::Message(message)) => Some(message.text.as_str().to_owned()),
            _ => None,
        }));
    }
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("`acuracy`, which was not measured"),
        "{told:?}"
    );
}

/// A second evaluation of the same weights would only count against them.
#[test]
fn an_evaluation_that_is_asked_for_late_while_one_is_on_its_way_is_that_one() {
    let mut machine = with_a_late_event();
    machine.plan.patience = 2;
    let effects = machine.apply(step_done());
    assert_eq!(effects, [Effect::Evaluate]);
    machine.apply(Input::Offered(2));
    machine.apply(Input::StateSaved(Err(trapped())));
    machine.apply(Input::Handled {
        event_seq: 2,
        answer: Ok(vec![Action::Evaluate]),
    });
    machine.apply(Input::StateSaved(Ok(())));
    machine.apply(Input::StateLoaded(Ok(())));
    assert_eq!(machine.phase(), Phase::Evaluating);
    machine.apply(Input::EvaluationDone { loss: 1.0 });
    let effects = machine.apply(handled(3));
    assert!(!effects.contains(&Effect::Evaluate), "{effects:?}");
    assert_eq!(machine.phase(), Phase::Training);
}
