//! Callbacks that begin again, memory that cannot be saved, and loops that hang while newer code waits.

use super::*;

fn trap(function: GuestFunction) -> Box<Fault> {
    Box::new(Fault {
        cause: FaultCause::Trap("no".into()),
        function,
        ..*fault()
    })
}

fn handled(result: Result<(), Box<Fault>>) -> Input {
    Input::Handled {
        event_seq: 1,
        answer: result.map(|()| Vec::new()),
    }
}

/// The next step, whose event waits for its answer.
fn step(machine: &mut Machine) -> Vec<Effect> {
    machine.apply(Input::StepDone(StepReport {
        loss_sum: 1.0,
        tokens: 1,
        learning_rate: 0.1,
        grad_norm: None,
        epoch: 0.0,
        seconds: 0.1,
    }))
}

/// A run that logs each step, and has begun.
fn begun() -> Machine {
    let mut machine = Machine::new(Plan {
        logging_steps: 1,
        eval_steps: 0,
        save_steps: 0,
        ..plan(1000)
    });
    machine.apply(Input::Begin);
    machine.apply(handled(Ok(())));
    machine
}

fn begin_again(effects: &[Effect]) -> bool {
    matches!(
        effects.last(),
        Some(Effect::StartCallbacks {
            generation: 1,
            with_memory: true
        })
    )
}

fn told(effects: &[Effect], words: &str) -> bool {
    effects.iter().any(|effect| {
        matches!(effect, Effect::Append(Event::Message(message)) if message.text.as_str().contains(words))
    })
}

/// What a trap of `on-log` leads to.
fn traps(machine: &mut Machine) -> Vec<Effect> {
    step(machine);
    machine.apply(handled(Err(trap(GuestFunction::OnLog))))
}

#[test]
fn callbacks_whose_instance_failed_begin_again_and_handle_the_next_event() {
    let mut machine = begun();
    let effects = traps(&mut machine);
    assert!(
        told(&effects, "begin again") && begin_again(&effects),
        "{effects:?}"
    );
    assert_eq!(machine.at_work(), None);
    let effects = machine.apply(Input::CallbacksStarted(Ok(())));
    assert!(matches!(effects[..], [Effect::Step { .. }]), "{effects:?}");
    assert_eq!(machine.at_work(), Some(1));
}

#[test]
fn those_that_fail_again_and_again_are_given_up_which_is_said_once() {
    let mut machine = begun();
    for _ in 0..2 {
        assert!(begin_again(&traps(&mut machine)));
        machine.apply(Input::CallbacksStarted(Ok(())));
    }
    let effects = traps(&mut machine);
    assert!(told(&effects, "failed 3 times"), "{effects:?}");
    assert!(matches!(effects.last(), Some(Effect::Step { .. })));
    step(&mut machine);
    let effects = machine.apply(handled(Ok(())));
    assert!(matches!(effects[..], [Effect::Step { .. }]), "{effects:?}");
    // Other code has all of its chances.
    machine.apply(Input::Offered(1));
    machine.apply(Input::StateLoaded(Ok(())));
    assert_eq!(machine.at_work(), Some(2));
}

#[test]
fn those_that_proved_themselves_in_between_are_not_given_up() {
    let mut machine = begun();
    for _ in 0..10 {
        assert!(begin_again(&traps(&mut machine)));
        machine.apply(Input::CallbacksStarted(Ok(())));
        for _ in 0..3 {
            step(&mut machine);
            machine.apply(handled(Ok(())));
        }
    }
}

#[test]
fn memory_that_cannot_be_saved_keeps_the_next_code_out_once() {
    let mut machine = begun();
    let refusal = || Input::StateSaved(Err(fault()));
    machine.apply(Input::Offered(1));
    let effects = machine.apply(refusal());
    assert!(
        matches!(effects[0], Effect::Reject { offer: 1, .. }),
        "{effects:?}"
    );
    assert!(told(&effects, "the next code that comes"));
    machine.apply(Input::Offered(2));
    let effects = machine.apply(refusal());
    assert!(
        matches!(
            effects.last(),
            Some(Effect::LoadState {
                offer: 2,
                with_memory: false,
                ..
            })
        ),
        "{effects:?}"
    );
    machine.apply(Input::StateLoaded(Ok(())));
    assert_eq!(machine.at_work(), Some(2));
    // For the code that took over it begins anew.
    machine.apply(Input::Offered(3));
    let effects = machine.apply(refusal());
    assert!(
        matches!(effects[0], Effect::Reject { offer: 3, .. }),
        "{effects:?}"
    );
    // And once it could be saved.
    machine.apply(Input::Offered(4));
    machine.apply(Input::StateSaved(Ok(())));
    machine.apply(Input::StateLoaded(Err(fault())));
    machine.apply(Input::Offered(5));
    let effects = machine.apply(refusal());
    assert!(
        matches!(effects[0], Effect::Reject { offer: 5, .. }),
        "{effects:?}"
    );
}

#[test]
fn a_loop_that_fails_while_newer_code_waits_gives_way_to_it() {
    let mut machine = Machine::new(Plan {
        owner: LoopOwner::Trainer,
        total_steps: None,
        save_steps: 1,
        ..plan(0)
    });
    machine.apply(Input::Begin);
    machine.apply(handled(Ok(())));
    machine.apply(Input::Loop(LoopRequest::Checkpoint { step: 1, tokens: 1 }));
    machine.apply(Input::StateSaved(Ok(())));
    let progress = machine.progress.clone();
    let written = Input::CheckpointDone {
        id: "c".into(),
        seq: 2,
    };
    machine.apply(written);
    machine.apply(handled(Ok(())));
    let before = machine.clone();
    machine.apply(Input::Offered(1));
    machine.apply(Input::StateSaved(Ok(())));
    machine.apply(Input::StateLoaded(Ok(())));
    let effects = machine.apply(returned(5, Err(trap(GuestFunction::Run))));
    assert_eq!(effects.last(), Some(&Effect::Rewind), "{effects:?}");
    machine.apply(Input::Rewound(Box::new(progress)));
    machine.apply(Input::CallbacksStarted(Ok(())));
    let effects = machine.apply(handled(Ok(())));
    assert_eq!(effects, [Effect::StartLoop { generation: 2 }]);
    // Where nothing newer waits the run is over.
    let mut alone = before;
    alone.apply(returned(5, Err(trap(GuestFunction::Run))));
    assert_eq!(alone.phase(), Phase::Ending);
}

/// `save-state` killed the instance: the checkpoint is written without it, and whoever begins again is told of it.
#[test]
fn a_checkpoint_that_nobody_was_there_for_is_handed_to_those_who_begin_again() {
    let mut machine = begun();
    machine.request(RunRequest::Save, &mut Vec::new()).unwrap();
    step(&mut machine);
    machine.apply(handled(Ok(())));
    let effects = machine.apply(Input::StateSaved(Err(trap(GuestFunction::SaveState))));
    assert!(
        matches!(effects.last(), Some(Effect::WriteCheckpoint(_))),
        "{effects:?}"
    );
    let effects = machine.apply(Input::CheckpointDone {
        id: "c".into(),
        seq: 7,
    });
    assert!(begin_again(&effects), "{effects:?}");
    let effects = machine.apply(Input::CallbacksStarted(Ok(())));
    let told = Effect::DeliverAgain {
        seq: 7,
        mode: Mode::Live,
    };
    assert_eq!(effects, [told]);
    let effects = machine.apply(handled(Ok(())));
    assert!(matches!(effects[..], [Effect::Step { .. }]), "{effects:?}");
}
