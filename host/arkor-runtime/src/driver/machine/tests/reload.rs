//! New code at every moment, faults at every call: whatever happens, no event is lost and the run ends.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// What an instance knows: the events that it answered, and those that it answered with an error.
#[derive(Debug, Clone, Default, PartialEq)]
struct Memory {
    handled: Vec<u64>,
    refused: BTreeSet<u64>,
}

impl Memory {
    fn knows(&self, seq: u64) -> bool {
        self.handled.contains(&seq) || self.refused.contains(&seq)
    }
}

/// What is in flight, and comes back as an input when its time has come.
#[derive(Debug, Clone)]
enum Flying {
    Handle { seq: u64, mode: Mode },
    SaveState(Purpose),
    LoadState { with_memory: bool },
    Start { generation: u32, with_memory: bool },
    Engine(Input),
}

/// Where the loop stands.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Loop {
    None,
    Working,
    InHook,
    Told,
}

struct Rig {
    machine: Machine,
    dice: std::vec::IntoIter<u8>,
    /// No more faults and no more new code: what is left goes its way.
    is_calm: bool,
    events: Vec<Event>,
    instances: BTreeMap<u32, Memory>,
    candidate: Option<Memory>,
    carried: Option<Memory>,
    /// Callbacks' memory as of the last save, and as of the last checkpoint with its event.
    saved: Option<Memory>,
    checkpoint: Option<(Progress, Option<Memory>, u64)>,
    writing: Option<(Progress, Option<Memory>)>,
    callbacks: Option<Flying>,
    engine: Option<Flying>,
    training_loop: Loop,
    /// Whose it is.
    loop_code: u32,
    /// Code that did something wrong.
    faulty: BTreeSet<u32>,
    step: u64,
    /// Callback events since the memory of the instance at work began.
    delivered: BTreeSet<u64>,
    offers: u64,
    offered: BTreeSet<u64>,
    terminals: usize,
    is_over: bool,
    is_cancelled: bool,
    log: Vec<String>,
}

impl Rig {
    fn new(plan: Plan, dice: Vec<u8>) -> Self {
        Self {
            machine: Machine::new(plan),
            dice: dice.into_iter(),
            is_calm: false,
            events: Vec::new(),
            instances: BTreeMap::from([(1, Memory::default())]),
            candidate: None,
            carried: None,
            saved: None,
            checkpoint: None,
            writing: None,
            callbacks: None,
            engine: None,
            training_loop: Loop::None,
            loop_code: 0,
            faulty: BTreeSet::new(),
            step: 0,
            delivered: BTreeSet::new(),
            offers: 0,
            offered: BTreeSet::new(),
            terminals: 0,
            is_over: false,
            is_cancelled: false,
            log: Vec::new(),
        }
    }

    fn roll(&mut self) -> u8 {
        match self.dice.next() {
            Some(rolled) => rolled,
            None => {
                self.is_calm = true;
                255
            }
        }
    }

    fn trap() -> Box<Fault> {
        Box::new(Fault {
            cause: FaultCause::Trap("no".into()),
            ..*fault()
        })
    }

    /// Ok, an error of its own, or a trap.
    fn result(&mut self) -> Result<(), Box<Fault>> {
        match self.roll() {
            0..=29 => Err(fault()),
            30..=49 => Err(Self::trap()),
            _ => Ok(()),
        }
    }

    fn input(&mut self, input: Input) {
        self.log.push(format!("> {input:?}"));
        let effects = self.machine.apply(input);
        self.perform(effects);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        let mut waiting = std::collections::VecDeque::from(effects);
        while let Some(effect) = waiting.pop_front() {
            self.log.push(format!("  {effect:?}"));
            assert!(self.terminals == 0 || effect == Effect::Finish);
            match effect {
                Effect::AnnounceStart => {
                    self.append(Event::Paused(At { step: 0 }));
                    self.call();
                }
                Effect::Append(event) => {
                    self.append(event);
                }
                Effect::Deliver(event) => {
                    self.append(event);
                    self.call();
                }
                Effect::DeliverCheckpointAgain => {
                    let seq = self.checkpoint.as_ref().unwrap().2;
                    self.hand(seq, Mode::Live);
                }
                Effect::DeliverAgain { seq, mode } => self.hand(seq, mode),
                Effect::SaveState(purpose) => {
                    assert!(self.callbacks.is_none());
                    self.callbacks = Some(Flying::SaveState(purpose));
                }
                Effect::LoadState { with_memory, .. } => {
                    assert!(self.callbacks.is_none());
                    self.callbacks = Some(Flying::LoadState { with_memory });
                }
                Effect::TakeUp {
                    offer,
                    generation,
                    had_memory,
                    ..
                } => {
                    assert!(self.offered.remove(&offer), "answered once");
                    let memory = self.candidate.take().unwrap();
                    if !had_memory {
                        self.delivered.clear();
                    }
                    assert!(self.instances.insert(generation, memory).is_none());
                }
                Effect::Reject { offer, .. } => {
                    assert!(self.offered.remove(&offer), "answered once");
                }
                Effect::GoBack { failed, .. } => {
                    assert!(self.faulty.contains(&failed), "{failed}: {:#?}", self.log);
                }
                Effect::Rewind => {
                    assert!(self.engine.is_none());
                    let progress = self.checkpoint.as_ref().unwrap().0.clone();
                    self.engine = Some(Flying::Engine(Input::Rewound(Box::new(progress))));
                }
                Effect::StartCallbacks {
                    generation,
                    with_memory,
                } => {
                    assert!(self.callbacks.is_none());
                    self.callbacks = Some(Flying::Start {
                        generation,
                        with_memory,
                    });
                }
                Effect::Step { step, .. } => self.fly(Input::StepDone(StepReport {
                    loss_sum: step as f64,
                    tokens: 1,
                    learning_rate: 0.1,
                    grad_norm: None,
                    epoch: 0.0,
                    seconds: 0.1,
                })),
                Effect::Evaluate => self.fly(Input::EvaluationDone { loss: 1.0 }),
                Effect::WriteCheckpoint(_) => {
                    self.writing = Some((self.machine.progress.clone(), self.saved.clone()));
                    self.fly(Input::CheckpointDone {
                        id: String::new(),
                        seq: 0,
                    });
                }
                Effect::ScoreCheckpoint { .. } => {}
                Effect::StartLoop { generation } => {
                    assert!(matches!(self.training_loop, Loop::None));
                    self.loop_code = generation;
                    self.training_loop = Loop::Working;
                    self.step = self.machine.step();
                }
                Effect::AnswerLoop(answer) => {
                    assert_eq!(self.training_loop, Loop::InHook, "{:#?}", self.log);
                    self.training_loop = match answer {
                        LoopAnswer::Stop | LoopAnswer::HandOver => Loop::Told,
                        _ => Loop::Working,
                    };
                }
                Effect::Finish => self.is_over = true,
            }
        }
        let machine = &self.machine;
        self.instances
            .retain(|generation, _| machine.needs_instance(*generation));
        if machine.phase() == Phase::Ending {
            self.training_loop = Loop::None;
        }
    }

    fn fly(&mut self, input: Input) {
        assert!(self.engine.is_none());
        self.engine = Some(Flying::Engine(input));
    }

    fn append(&mut self, event: Event) {
        self.terminals += usize::from(event.is_terminal());
        self.events.push(event);
    }

    fn call(&mut self) {
        let seq = self.events.len() as u64;
        self.hand(seq, Mode::Live);
    }

    fn hand(&mut self, seq: u64, mode: Mode) {
        assert!(self.callbacks.is_none());
        if self.machine.at_work().is_some() {
            self.delivered.insert(seq);
        }
        self.callbacks = Some(Flying::Handle { seq, mode });
    }

    fn loop_failed(&mut self) {
        self.training_loop = Loop::None;
        self.faulty.insert(self.loop_code);
        self.input(returned(self.step, Err(fault())));
    }

    fn callbacks_done(&mut self) {
        let at_work = self.machine.at_work();
        match self.callbacks.take().unwrap() {
            Flying::Handle { seq, mode } => {
                let answer = match at_work {
                    None => Ok(()),
                    Some(_) => self.result(),
                };
                self.faulty.extend(at_work.filter(|_| answer.is_err()));
                if let Some(memory) = at_work.and_then(|it| self.instances.get_mut(&it)) {
                    match &answer {
                        Ok(()) => {
                            let last = memory.handled.last().copied().unwrap_or(0);
                            // What it did not know yet comes in order; nothing comes twice.
                            assert!(
                                seq > last,
                                "{seq} after {last} as {mode:?}: {:#?}",
                                self.log
                            );
                            memory.handled.push(seq);
                        }
                        Err(_) => {
                            memory.refused.insert(seq);
                        }
                    }
                }
                let actions = match self.roll() {
                    50..=59 => vec![Action::Save],
                    60..=62 => vec![Action::Pause],
                    63..=66 => vec![Action::Evaluate],
                    67..=69 => vec![Action::Evaluated(Measurement::default())],
                    _ => Vec::new(),
                };
                self.input(Input::Handled {
                    event_seq: seq,
                    answer: answer.map(|()| actions),
                });
            }
            Flying::SaveState(purpose) => {
                let result = self.result();
                self.faulty.extend(at_work.filter(|_| result.is_err()));
                if result.is_ok() {
                    let memory = Some(self.instances[&at_work.unwrap()].clone());
                    match purpose {
                        Purpose::Checkpoint => self.saved = memory,
                        Purpose::Swap { .. } => self.carried = memory,
                    }
                }
                self.input(Input::StateSaved(result));
            }
            Flying::LoadState { with_memory } => {
                let result = self.result();
                if result.is_ok() {
                    let carried = self.carried.take().filter(|_| with_memory);
                    self.candidate = Some(carried.unwrap_or_default());
                }
                self.input(Input::StateLoaded(result));
            }
            Flying::Start {
                generation,
                with_memory,
            } => {
                let mut result = self.result();
                if let Err(fault) = &mut result
                    && with_memory
                    && self.roll().is_multiple_of(2)
                {
                    fault.function = GuestFunction::LoadState;
                }
                let memory = self.saved.clone();
                let memory = memory.filter(|_| with_memory).unwrap_or_default();
                self.delivered.retain(|seq| memory.knows(*seq));
                if result.is_ok() {
                    self.instances.insert(generation, memory);
                } else {
                    self.delivered.clear();
                }
                self.input(Input::CallbacksStarted(result));
            }
            Flying::Engine(_) => unreachable!(),
        }
    }

    fn engine_done(&mut self) {
        let Some(Flying::Engine(mut input)) = self.engine.take() else {
            unreachable!()
        };
        if let Input::Rewound(_) = &input {
            self.saved = self.checkpoint.as_ref().unwrap().1.clone();
        }
        if let Input::CheckpointDone { id, seq } = &mut input {
            let step = self.machine.step();
            self.append(Event::Checkpoint(arkor_types::CheckpointWritten {
                step,
                id: "c".into(),
                size: 1,
                eval_loss: None,
                score: None,
                metrics: Vec::new(),
            }));
            (*id, *seq) = ("c".into(), self.events.len() as u64);
            let (progress, memory) = self.writing.take().unwrap();
            self.checkpoint = Some((progress, memory, *seq));
        }
        self.input(input);
    }

    fn hook(&mut self) {
        let rolled = self.roll();
        self.training_loop = Loop::InHook;
        let (step, tokens) = (self.step, self.step);
        let request = if rolled.is_multiple_of(2) || self.is_calm {
            LoopRequest::Checkpoint { step, tokens }
        } else {
            LoopRequest::Log {
                step,
                tokens,
                seconds: 0.1,
                told: LoopProgress::default(),
                metrics: Vec::new(),
            }
        };
        self.step += 1;
        self.input(Input::Loop(request));
    }

    fn ask(&mut self, request: RunRequest) {
        self.log.push(format!("? {request:?}"));
        let cancels = request == RunRequest::Cancel;
        let mut effects = Vec::new();
        if self.machine.request(request, &mut effects).is_ok() && cancels {
            self.is_cancelled = true;
            (self.callbacks, self.engine) = (None, None);
            self.training_loop = Loop::None;
        }
        self.perform(effects);
    }

    /// One thing that may happen now happens.
    fn turn(&mut self) {
        let accepts = self.machine.accepts();
        let rolled = self.roll();
        if self.is_calm {
            self.ask(RunRequest::Continue);
            self.ask(RunRequest::Stop(EndReason::User));
            if self.is_over {
                return;
            }
        }
        match rolled {
            0..=19 => {
                let request = match self.roll() % 8 {
                    0 => RunRequest::Stop(EndReason::Replaced),
                    1 | 2 => RunRequest::Stay,
                    3 => RunRequest::Pause,
                    4 | 5 => RunRequest::Continue,
                    6 => RunRequest::Save,
                    _ => RunRequest::SetLearningRate(0.5),
                };
                return self.ask(request);
            }
            20..=21 => return self.ask(RunRequest::Cancel),
            22..=23 => return self.ask(RunRequest::Stop(EndReason::User)),
            24..=69 if accepts.offers => {
                self.offers += 1;
                self.offered.insert(self.offers);
                return self.input(Input::Offered(self.offers));
            }
            _ => {}
        }
        let accepts = self.machine.accepts();
        let loop_moves = accepts.hooks && self.engine.is_none();
        let prefers_engine = rolled.is_multiple_of(2);
        if self.engine.is_some() && accepts.engine && (prefers_engine || self.callbacks.is_none()) {
            self.engine_done();
        } else if self.callbacks.is_some() {
            self.callbacks_done();
        } else if loop_moves && self.training_loop == Loop::Working {
            match self.roll() {
                0..=9 => self.loop_failed(),
                10..=12 => {
                    self.training_loop = Loop::None;
                    self.input(returned(self.step, Ok(())));
                }
                _ => self.hook(),
            }
        } else if loop_moves && self.training_loop == Loop::Told {
            self.training_loop = Loop::None;
            let result = match self.roll() {
                0..=30 => Err(fault()),
                _ => Ok(()),
            };
            self.input(returned(self.machine.step(), result));
        } else if self.machine.phase() == Phase::Paused {
            self.ask(RunRequest::Continue);
        } else {
            panic!(
                "nothing can happen: {:?} {:?}\n{:#?}",
                self.machine, self.training_loop, self.log
            );
        }
    }

    fn run(mut self) -> Self {
        self.input(Input::Begin);
        for _ in 0..20_000 {
            if self.is_over {
                return self;
            }
            self.turn();
        }
        panic!(
            "it does not end: {:#?}",
            self.log.iter().rev().take(60).collect::<Vec<_>>()
        );
    }
}

fn check(rig: &Rig) -> Result<(), TestCaseError> {
    prop_assert_eq!(rig.terminals, 1, "{:#?}", rig.log);
    prop_assert!(rig.events.last().unwrap().is_terminal());
    // A cancellation cuts everything off.
    if rig.is_cancelled {
        return Ok(());
    }
    prop_assert!(rig.offered.is_empty(), "no offer is without an answer");
    if let Some(memory) = rig.machine.at_work().and_then(|it| rig.instances.get(&it)) {
        for seq in &rig.delivered {
            prop_assert!(memory.knows(*seq), "{} is lost: {:#?}", seq, rig.log);
        }
    }
    Ok(())
}

fn loop_plan() -> Plan {
    Plan {
        owner: LoopOwner::Trainer,
        total_steps: None,
        save_steps: 0,
        ..plan(0)
    }
}

#[test]
fn a_loop_that_was_told_to_stop_and_is_not_to_any_more_begins_again() {
    let mut world = World::new(Machine::new(loop_plan()), silent);
    world.input(Input::Begin);
    world.input(Input::Request(RunRequest::Stop(EndReason::Replaced)));
    world.input(Input::Loop(LoopRequest::Checkpoint { step: 1, tokens: 1 }));
    assert_eq!(world.trace.last().unwrap(), "Stop");
    world.input(Input::Request(RunRequest::Stay));
    world.input(returned(1, Ok(())));
    assert_eq!(world.trace.last().unwrap(), "loop 1");
    world.input(Input::Loop(LoopRequest::Checkpoint { step: 2, tokens: 2 }));
    assert_eq!(world.trace.last().unwrap(), "Proceed");
    assert!(!world.finished);
}

#[test]
fn the_same_if_that_is_said_while_its_last_checkpoint_is_written() {
    let mut machine = Machine::new(loop_plan());
    let handled = Input::Handled {
        event_seq: 1,
        answer: Ok(Vec::new()),
    };
    machine.apply(Input::Begin);
    machine.apply(handled.clone());
    machine.apply(Input::Request(RunRequest::Stop(EndReason::Replaced)));
    machine.apply(Input::Loop(LoopRequest::Checkpoint { step: 1, tokens: 1 }));
    machine.apply(Input::StateSaved(Ok(())));
    let written = Input::CheckpointDone {
        id: "c".into(),
        seq: 2,
    };
    machine.apply(written.clone());
    let effects = machine.apply(handled.clone());
    assert_eq!(effects, [Effect::AnswerLoop(LoopAnswer::Stop)]);
    machine.apply(Input::Request(RunRequest::Save));
    machine.apply(returned(1, Ok(())));
    assert_eq!(machine.phase(), Phase::Saving);
    machine.apply(Input::Request(RunRequest::Stay));
    machine.apply(Input::StateSaved(Ok(())));
    machine.apply(written);
    let effects = machine.apply(handled);
    assert_eq!(effects, [Effect::StartLoop { generation: 1 }]);
}

/// The last callbacks of a run that ends itself have all of their time.
#[test]
fn only_what_somebody_asked_for_is_waited_for() {
    let with = |reason: EndReason| Machine {
        stop: Some(reason),
        phase: Phase::Logging,
        ..Machine::new(plan(4))
    };
    for reason in [EndReason::User, EndReason::Signal, EndReason::Replaced] {
        assert!(with(reason.clone()).is_waited_for(), "{reason:?}");
    }
    for reason in [EndReason::EarlyStopping, EndReason::Trainer("it".into())] {
        assert!(!with(reason.clone()).is_waited_for(), "{reason:?}");
    }
    assert!(!Machine::new(plan(4)).is_waited_for());
    // Nor is the last callback's answer of a run that is done, until somebody asks for its end.
    let ending = |reason: EndReason| {
        let mut machine = Machine::new(plan(4));
        machine.end(Outcome::Good(reason), &mut Vec::new());
        machine
    };
    assert!(ending(EndReason::Signal).is_waited_for());
    assert!(!ending(EndReason::Trainer("it".into())).is_waited_for());
    let mut finished = ending(EndReason::Finished);
    assert!(!finished.is_waited_for());
    let refused = finished.request(RunRequest::Stop(EndReason::Signal), &mut Vec::new());
    assert!(refused.is_err() && finished.is_waited_for());
}

#[test]
fn a_run_that_is_ending_refuses_to_stay() {
    let mut machine = Machine::new(plan(4));
    machine.apply(Input::Begin);
    machine.apply(Input::Broke {
        message: "no".into(),
        code: FailureCode::Internal,
        hint: None,
    });
    for request in [RunRequest::Stay, RunRequest::Pause, RunRequest::Save] {
        let refused = machine.request(request, &mut Vec::new());
        assert!(refused.unwrap_err().contains("is ending"));
    }
}

#[test]
fn a_generation_that_fails_on_what_it_missed_is_told_and_the_one_before_it_follows() {
    let mut rig = Rig::new(plan(100), Vec::new());
    rig.is_calm = false;
    rig.faulty.extend([1, 2, 3]);
    rig.input(Input::Begin);
    rig.callbacks_done();
    for offer in [1, 2] {
        rig.offered.insert(offer);
        rig.input(Input::Offered(offer));
        rig.callbacks_done();
        rig.callbacks_done();
        // An event, which each of them answers well.
        while rig.callbacks.is_none() {
            rig.engine_done();
        }
        rig.callbacks_done();
    }
    while rig.callbacks.is_none() {
        rig.engine_done();
    }
    let Some(Flying::Handle { seq, .. }) = rig.callbacks.take() else {
        panic!("an event")
    };
    let trapped = |seq| Input::Handled {
        event_seq: seq,
        answer: Err(Rig::trap()),
    };
    rig.input(trapped(seq));
    assert_eq!(rig.machine.at_work(), Some(2));
    let Some(Flying::Handle { seq: missed, mode }) = rig.callbacks.take() else {
        panic!("the event that it missed")
    };
    assert_eq!(mode, Mode::Missed);
    rig.input(trapped(missed));
    assert_eq!(rig.machine.at_work(), Some(1));
    let told = rig
        .log
        .iter()
        .filter(|line| line.contains("GoBack"))
        .count();
    assert_eq!(told, 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn no_event_is_lost_and_each_run_ends_whatever_code_comes(
        total in 1u64..20,
        dice in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        check(&Rig::new(plan(total), dice).run())?;
    }

    #[test]
    fn the_same_with_a_loop_of_the_trainers_own(
        dice in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let plan = Plan { owner: LoopOwner::Trainer, total_steps: None, ..plan(0) };
        check(&Rig::new(plan, dice).run())?;
    }
}
