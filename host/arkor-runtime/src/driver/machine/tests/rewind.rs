//! The way back from a loop that failed: what is undone with it, and what stays.

use super::*;

fn handled(event_seq: u64, actions: Vec<Action>) -> Input {
    Input::Handled {
        event_seq,
        answer: Ok(actions),
    }
}

fn hook(step: u64) -> Input {
    Input::Loop(LoopRequest::Checkpoint { step, tokens: step })
}

fn failed(function: GuestFunction) -> Box<Fault> {
    Box::new(Fault {
        function,
        ..*fault()
    })
}

/// A run whose loop is that of generation 2, which has not proved itself, and its progress at the hand-over.
fn handed_over(plan: Plan) -> (Machine, Progress) {
    let mut machine = Machine::new(plan);
    machine.apply(Input::Begin);
    machine.apply(handled(1, Vec::new()));
    machine.apply(Input::Offered(1));
    machine.apply(Input::StateSaved(Ok(())));
    machine.apply(Input::StateLoaded(Ok(())));
    machine.apply(hook(1));
    machine.apply(Input::StateSaved(Ok(())));
    let progress = machine.progress.clone();
    machine.apply(Input::CheckpointDone {
        id: "c".into(),
        seq: 2,
    });
    let effects = machine.apply(handled(2, Vec::new()));
    assert_eq!(effects, [Effect::AnswerLoop(LoopAnswer::HandOver)]);
    let effects = machine.apply(returned(1, Ok(())));
    assert_eq!(effects, [Effect::StartLoop { generation: 2 }]);
    (machine, progress)
}

fn loop_plan() -> Plan {
    Plan {
        owner: LoopOwner::Trainer,
        total_steps: None,
        save_steps: 0,
        ..plan(0)
    }
}

/// The new loop fails, and the run stands where it was handed over. What the machine does then.
fn goes_back(machine: &mut Machine, progress: Progress) -> Vec<Effect> {
    let effects = machine.apply(returned(9, Err(fault())));
    assert_eq!(effects.last(), Some(&Effect::Rewind));
    machine.apply(Input::Rewound(Box::new(progress)));
    machine.apply(Input::CallbacksStarted(Ok(())));
    machine.apply(handled(2, Vec::new()))
}

#[test]
fn an_early_stop_of_the_time_that_is_undone_is_undone_too() {
    let plan = Plan {
        patience: 1,
        ..loop_plan()
    };
    let (mut machine, progress) = handed_over(plan);
    for (step, loss) in [(2, 1.0), (3, 2.0)] {
        machine.apply(Input::Loop(LoopRequest::Evaluated {
            step,
            tokens: step,
            measured: Measurement {
                loss: Some(loss),
                metrics: Vec::new(),
            },
        }));
        machine.apply(handled(3, Vec::new()));
    }
    assert_eq!(machine.stop, Some(EndReason::EarlyStopping));
    let effects = goes_back(&mut machine, progress);
    assert_eq!(effects, [Effect::StartLoop { generation: 1 }]);
}

/// The new loop logs, and its callbacks answer this.
fn logs(machine: &mut Machine, actions: Vec<Action>) {
    machine.apply(Input::Loop(LoopRequest::Log {
        step: 2,
        tokens: 2,
        seconds: 0.1,
        told: LoopProgress::default(),
        metrics: Vec::new(),
    }));
    machine.apply(handled(3, actions));
}

#[test]
fn what_the_callbacks_of_failed_code_asked_for_is_undone_with_it() {
    let asked = [
        Action::Stop("enough".into()),
        Action::Pause,
        Action::SetLearningRate(0.5),
    ];
    for action in asked {
        let (mut machine, progress) = handed_over(loop_plan());
        logs(&mut machine, vec![action.clone()]);
        let effects = goes_back(&mut machine, progress);
        assert_eq!(effects, [Effect::StartLoop { generation: 1 }], "{action:?}");
        assert_eq!(machine.progress.learning_rate, None);
    }
}

#[test]
fn what_people_asked_for_stays_when_their_run_goes_back() {
    let with = |request: RunRequest| {
        let (mut machine, progress) = handed_over(loop_plan());
        machine.request(request, &mut Vec::new()).unwrap();
        logs(&mut machine, vec![Action::SetLearningRate(0.5)]);
        let effects = goes_back(&mut machine, progress);
        (machine, effects)
    };
    let (_, effects) = with(RunRequest::Save);
    assert_eq!(effects, [Effect::SaveState(Purpose::Checkpoint)]);
    let (machine, effects) = with(RunRequest::Pause);
    assert_eq!(machine.phase(), Phase::Paused);
    assert!(matches!(effects[..], [Effect::Append(Event::Paused(_))]));
    let (machine, _) = with(RunRequest::Stop(EndReason::User));
    assert_eq!(machine.phase(), Phase::Ending);
    let (machine, _) = with(RunRequest::SetLearningRate(0.25));
    assert_eq!(machine.progress.learning_rate, Some(0.25));
}

/// The checkpoint may hold the memory of the code that failed: the code before lives without it rather than not at
/// all.
#[test]
fn callbacks_that_do_not_take_the_memory_of_the_checkpoint_begin_without_it() {
    let (mut machine, progress) = handed_over(loop_plan());
    machine.apply(returned(9, Err(fault())));
    let starts = |with_memory| Effect::StartCallbacks {
        generation: 1,
        with_memory,
    };
    let effects = machine.apply(Input::Rewound(Box::new(progress)));
    assert_eq!(effects, [starts(true)]);
    let refused = failed(GuestFunction::LoadState);
    let effects = machine.apply(Input::CallbacksStarted(Err(refused.clone())));
    assert_eq!(effects.last(), Some(&starts(false)));
    assert!(effects.iter().any(|effect| matches!(
        effect,
        Effect::Append(Event::Message(message)) if message.text.as_str().contains("without memory")
    )));
    let mut hopeless = machine.clone();
    machine.apply(Input::CallbacksStarted(Ok(())));
    assert_eq!(machine.at_work(), Some(1));
    // Not for ever: the loop goes on without them.
    let mut tries = 0;
    loop {
        let effects = hopeless.apply(Input::CallbacksStarted(Err(refused.clone())));
        match effects.last() {
            Some(Effect::StartCallbacks { .. }) => tries += 1,
            last => {
                assert_eq!(last, Some(&Effect::StartLoop { generation: 1 }));
                break;
            }
        }
        assert!(tries < 10);
    }
}

/// Cutting a loop off ends its run, unless older code takes it up again.
#[test]
fn a_loop_is_cut_off_for_a_stop_and_not_for_a_pause_or_newer_code() {
    let mut proved = Machine::new(loop_plan());
    proved.apply(Input::Begin);
    proved.apply(handled(1, Vec::new()));
    proved.apply(hook(1));
    let (unproved, _) = handed_over(loop_plan());
    let with = |machine: &Machine, request| {
        let mut machine = machine.clone();
        machine.request(request, &mut Vec::new()).unwrap();
        assert!(machine.waits_for_hook().is_some());
        machine.may_cut_loop()
    };
    let replaced = || RunRequest::Stop(EndReason::Replaced);
    for reason in [EndReason::User, EndReason::Signal, EndReason::TimeLimit] {
        let stop = RunRequest::Stop(reason);
        assert!(with(&proved, stop.clone()) && with(&unproved, stop));
    }
    assert!(!with(&proved, RunRequest::Pause) && !with(&unproved, RunRequest::Pause));
    assert!(!with(&proved, replaced()) && with(&unproved, replaced()));
    let with_newer = |machine: &Machine| {
        let mut machine = machine.clone();
        machine.apply(Input::Offered(2));
        machine.apply(Input::StateSaved(Ok(())));
        machine.apply(Input::StateLoaded(Ok(())));
        assert!(machine.waits_for_hook().is_some());
        machine.may_cut_loop()
    };
    assert!(!with_newer(&proved) && with_newer(&unproved));
    assert!(!proved.may_cut_loop() && !unproved.may_cut_loop());
    // One that was told to return has its checkpoint, or has handed over.
    let mut told = proved.clone();
    told.apply(Input::Request(replaced()));
    told.apply(hook(2));
    told.apply(Input::StateSaved(Ok(())));
    told.apply(Input::CheckpointDone {
        id: "c".into(),
        seq: 3,
    });
    let effects = told.apply(handled(3, Vec::new()));
    assert_eq!(effects, [Effect::AnswerLoop(LoopAnswer::Stop)]);
    assert!(told.may_cut_loop());
}

#[test]
fn a_loop_that_returns_is_told_with_all_that_it_trained() {
    let mut machine = Machine::new(loop_plan());
    machine.apply(Input::Begin);
    machine.apply(handled(1, Vec::new()));
    machine.apply(hook(1));
    machine.apply(returned(7, Ok(())));
    assert_eq!((machine.progress.step, machine.progress.tokens), (7, 7));
}
