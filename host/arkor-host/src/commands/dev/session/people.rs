//! What people ask of the session, and what they are told.

use super::*;

type Answered = Result<Value, Refusal>;

fn accepted(text: &str) -> Answered {
    Ok(json!({ "accepted": true, "text": text }))
}

fn conflict(text: impl Into<String>) -> Refusal {
    Refusal::new(RefusalKind::Conflict, text)
}

/// What a run said to a request.
fn taken(answer: Result<(), String>) -> Result<(), Refusal> {
    answer.map_err(conflict)
}

impl Session {
    pub(super) async fn serve(&mut self, request: Request) -> Result<Option<Exit>> {
        let Request { command, reply } = request;
        if reply.is_closed() {
            // Whoever asked was told that no answer came in time.
            return Ok(None);
        }
        let mut exit = None;
        let answer = match command {
            Command::Dev(DevAction::Start) => match &self.run {
                Some(run) if run.replace => {
                    accepted("a run with the newest code begins when this one has stopped")
                }
                Some(run) => Err(conflict(format!(
                    "run {} is in flight, and one project trains one run at a time",
                    run.control.id()
                ))
                .hint("stop it first")),
                None if self.newest.is_none() => {
                    self.wanted = true;
                    accepted("a run begins when the code is built")
                }
                None => {
                    exit = self.begin().await?;
                    match (&self.run, self.hub_error()) {
                        (Some(_), _) => accepted("the run has begun"),
                        (None, Some(error)) => Err(conflict(error)),
                        (None, None) => Err(conflict("arkor-host dev is about to end")),
                    }
                }
            },
            Command::Dev(DevAction::Reload) => {
                self.builder.build_now();
                accepted("the code is being built")
            }
            Command::Run(run, action) => self.act(&run, action).await,
            Command::Replay { run, last } => {
                self.replay(run, last, reply);
                return Ok(None);
            }
        };
        // Whoever asked may be gone.
        let _ = reply.send(answer);
        Ok(exit)
    }

    async fn act(&mut self, wanted: &RunId, action: RunAction) -> Answered {
        let Some(run) = self.run.as_mut().filter(|run| run.control.id() == wanted) else {
            return Err(conflict(format!("run {wanted} is not in flight here"))
                .hint("only the run that this arkor-host dev trains can be steered"));
        };
        match action {
            RunAction::Stop | RunAction::Cancel => {
                let (request, text) = match action {
                    RunAction::Stop => (
                        RunRequest::Stop(EndReason::User),
                        "it stops with a checkpoint at the next boundary",
                    ),
                    _ => (RunRequest::Cancel, "it stops at once"),
                };
                let answer = run.ask(request).await;
                // One that is ending already does not take it, but another would begin after it.
                let is_followed =
                    run.replace || self.checking.is_some() || run.unsettled().is_some();
                if !is_followed {
                    taken(answer.clone())?;
                }
                run.end_for_good();
                accepted(match answer {
                    Ok(()) => text,
                    Err(_) => "it is ending, and no other takes its place",
                })
            }
            RunAction::Pause => {
                taken(run.ask(RunRequest::Pause).await)?;
                accepted("it waits at the next boundary")
            }
            RunAction::Continue => {
                taken(run.ask(RunRequest::Continue).await)?;
                accepted("it goes on")
            }
            RunAction::Save => {
                taken(run.ask(RunRequest::Save).await)?;
                accepted("a checkpoint is written at the next boundary")
            }
            RunAction::SetLearningRate(rate) => {
                taken(run.ask(RunRequest::SetLearningRate(rate)).await)?;
                // What a loop of the trainer's own makes of it is its own affair.
                accepted(if run.spec.own_loop {
                    "the training loop is told when it logs next"
                } else {
                    "the next step trains with it"
                })
            }
            RunAction::RollBack(number) => match run.generation(number) {
                Some(_) if run.replace || run.told_to_end || run.is_ending => {
                    Err(conflict("the run is about to end"))
                }
                Some(code) => {
                    run.swap(code);
                    accepted(match &self.checking {
                        Some(_) => {
                            "its code takes over between two events, unless a run with the newest configuration \
                             takes the place of this one first"
                        }
                        None => "its code takes over between two events",
                    })
                }
                None => {
                    let kept: Vec<String> = run.kept().iter().map(u32::to_string).collect();
                    Err(
                        conflict(format!("the code of generation {number} is not kept"))
                            .hint(format!("these are: {}", kept.join(", "))),
                    )
                }
            },
        }
    }

    /// On a thread of its own: the session goes on.
    fn replay(
        &self,
        wanted: RunId,
        last: Option<u64>,
        reply: tokio::sync::oneshot::Sender<Answered>,
    ) {
        let Some(code) = self.newest.clone() else {
            let _ = reply.send(Err(conflict("no code is built yet")));
            return;
        };
        let Ok(turn) = Arc::clone(&self.replays).try_acquire_owned() else {
            let busy = Refusal::new(RefusalKind::Busy, "other replays are at work");
            let _ = reply.send(Err(busy.hint("ask again when one of them has answered")));
            return;
        };
        let (project, store) = (self.project.clone(), self.store.clone());
        let executor = tokio::runtime::Handle::current();
        // The store is read here and there, and the executor's threads are few.
        let work = async move {
            let _turn = turn;
            let (mut answers, mut bytes) = (Vec::new(), 0);
            let replayed = async {
                let run = store.run(&wanted)?;
                let see = |replayed: &arkor_runtime::Replayed| {
                    if answers.len() < ANSWERS && bytes < ANSWERS_BYTES {
                        let answer = json!(Answer::from(replayed));
                        bytes += answer.to_string().len();
                        answers.push(answer);
                    }
                };
                let events = stored(&store, &run, last)?;
                replay_events(&code.component, &project, events, see).await
            };
            let replayed = tokio::time::timeout(Duration::from_secs(50), replayed).await;
            let answer = match replayed {
                Ok(Ok(summary)) => Ok(json!({
                    "run": wanted,
                    "component": code.identity.component,
                    "events": summary.handled,
                    "differing": summary.differing,
                    "failed": summary.failed,
                    "skipped": summary.skipped,
                    "milliseconds": summary.time.as_secs_f64() * 1e3,
                    "answers": answers,
                })),
                Ok(Err(error)) => Err(conflict(format!("{error:#}"))),
                Err(_) => Err(conflict("the callbacks took too long")
                    .hint("ask for fewer events, or use `arkor-host replay`")),
            };
            let _ = reply.send(answer);
        };
        tokio::task::spawn_blocking(move || {
            // Its timers end with it: those of the program's executor end with `dev`, under whoever still waits for one.
            let own = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            match own {
                Ok(own) => own.block_on(work),
                Err(_) => executor.block_on(work),
            }
        });
    }
}
