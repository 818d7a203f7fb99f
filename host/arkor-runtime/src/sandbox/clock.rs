//! Clocks that are too coarse to measure what others do on the same machine.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

const RESOLUTION: Duration = Duration::from_millis(10);

fn coarse(time: Duration) -> Duration {
    let step = RESOLUTION.as_nanos();
    let whole = time.as_nanos() / step * step;
    u64::try_from(whole).map_or(time, Duration::from_nanos)
}

pub(super) struct CoarseWallClock;

impl HostWallClock for CoarseWallClock {
    fn resolution(&self) -> Duration {
        RESOLUTION
    }

    fn now(&self) -> Duration {
        coarse(
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        )
    }
}

pub(super) struct CoarseMonotonicClock {
    start: Instant,
}

impl CoarseMonotonicClock {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl HostMonotonicClock for CoarseMonotonicClock {
    fn resolution(&self) -> u64 {
        u64::try_from(RESOLUTION.as_nanos()).unwrap_or(u64::MAX)
    }

    fn now(&self) -> u64 {
        // Never 0, which Go takes for a clock that does not work.
        let time = coarse(self.start.elapsed()) + RESOLUTION;
        u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
    }
}
