//! The wasm engine and the clock that interrupts guests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::functions::FunctionCache;
use wasmtime::{Config, Engine, OptLevel, WasmBacktraceDetails};

/// How often a running guest looks at its deadline.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Host frames run on the same stack as the guest that called them.
const HOST_STACK: usize = 512 << 10;

pub(super) fn configure(stack: usize) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .max_wasm_stack(stack)
        .async_stack_size(stack.saturating_add(HOST_STACK))
        .cranelift_opt_level(OptLevel::Speed)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        // Where a Python trainer stood is read from the memory that a trap leaves.
        .coredump_on_trap(true)
        // A guest sees the same NaN bits on every machine, as training is to be repeatable.
        .cranelift_nan_canonicalization(true)
        .enable_incremental_compilation(Arc::new(FunctionCache::default()))?;
    Engine::new(&config)
}

/// Moves the engine's epoch on from a thread of its own: an executor whose workers are all busy
/// with guests could not interrupt them.
pub(super) struct Ticker {
    stop: Arc<AtomicBool>,
}

impl Ticker {
    pub(super) fn start(engine: &Engine) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let engine = engine.weak();
        let stopped = Arc::clone(&stop);
        std::thread::Builder::new()
            .name("wasm-epoch".into())
            .spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    std::thread::sleep(TICK);
                    let Some(engine) = engine.upgrade() else {
                        return;
                    };
                    engine.increment_epoch();
                }
            })?;
        Ok(Self { stop })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
