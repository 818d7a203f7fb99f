//! `setTimeout` and its kin. Time passes only while a call waits for a promise.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use rquickjs::{Ctx, Function, Persistent, Result};

struct Timer {
    id: u32,
    due: Instant,
    every: Option<Duration>,
    call: Persistent<Function<'static>>,
}

#[derive(Default)]
struct Timers {
    last: u32,
    waiting: Vec<Timer>,
}

thread_local! {
    static TIMERS: RefCell<Timers> = RefCell::default();
}

pub(crate) fn set<'js>(
    ctx: &Ctx<'js>,
    call: Function<'js>,
    milliseconds: f64,
    repeat: bool,
) -> u32 {
    // Browsers do not wait longer than this either.
    let wait = Duration::from_millis(milliseconds.clamp(0.0, f64::from(i32::MAX)) as u64);
    TIMERS.with_borrow_mut(|timers| {
        timers.last += 1;
        timers.waiting.push(Timer {
            id: timers.last,
            due: Instant::now() + wait,
            every: repeat.then_some(wait.max(Duration::from_millis(1))),
            call: Persistent::save(ctx, call),
        });
        timers.last
    })
}

pub(crate) fn clear(id: u32) {
    TIMERS.with_borrow_mut(|timers| timers.waiting.retain(|timer| timer.id != id));
}

/// Waits for the timer that is due first, and calls it; whether there was one.
pub(crate) fn fire_next(ctx: &Ctx<'_>) -> Result<bool> {
    let next = TIMERS.with_borrow_mut(|timers| {
        let (index, _) = timers
            .waiting
            .iter()
            .enumerate()
            .min_by_key(|(_, timer)| (timer.due, timer.id))?;
        let timer = timers.waiting.swap_remove(index);
        let (due, call) = (timer.due, timer.call.clone());
        if let Some(every) = timer.every {
            timers.waiting.push(Timer {
                due: due + every,
                ..timer
            });
        }
        Some((due, call))
    });
    let Some((due, call)) = next else {
        return Ok(false);
    };
    std::thread::sleep(due.saturating_duration_since(Instant::now()));
    call.restore(ctx)?.call::<_, ()>(())?;
    Ok(true)
}
