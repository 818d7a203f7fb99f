//! The wasm engine and the clock that interrupts guests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::functions::FunctionCache;
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    WasmBacktraceDetails,
};

/// How often a running guest looks at its deadline.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Host frames run on the same stack as the guest that called them.
const HOST_STACK: usize = 512 << 10;

/// Instances that are there at once; a run in `dev` has seldom more than four.
const INSTANCES: u32 = 32;

/// Core instances of a component, in the mean.
const CORE_INSTANCES: u32 = 32;

/// Elements of one table: the most that `limits.table-elements` may be.
const TABLE_ELEMENTS: usize = 10_000_000;

/// Of memories, tables and stacks that wait with their pages so many are left to their last component when another comes.
const WARM: u32 = 2;

/// Bytes of a memory that are set back by copying, page for page. All of Python's interpreter.
const KEPT_MEMORY: usize = 40 << 20;

/// What an engine is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Making machine code.
    Compile,
    /// Making it and running it.
    Run,
}

/// An engine. One that compiles only and one that runs take each other's machine code.
pub(super) fn configure(stack: usize, used_to: Use) -> wasmtime::Result<Engine> {
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
    if used_to == Use::Run {
        config.allocation_strategy(pool());
        match Engine::new(&config) {
            Ok(engine) => return Ok(engine),
            // Where address space is short (a limit of the shell, a container's) each instance maps its own.
            Err(error) => tracing::debug!("no pool for instances: {error:#}"),
        }
        config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    }
    Engine::new(&config)
}

/// Memories, tables and stacks for instances, mapped once: what one instance leaves is set back to what it was and taken
/// by the next. A page that is there is a fault of some microseconds that does not happen, and Python touches two
/// thousand of them while it starts. Room in it is address space, which costs nothing until it is touched.
///
/// Its bounds are those of all instances together, and are far from what trainers have: one with dozens of memories or
/// tables is refused in words of wasmtime's, though `limits.instances` may allow it.
fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(INSTANCES)
        .total_core_instances(INSTANCES * CORE_INSTANCES)
        // Fewer than would be dealt out by thread: what one left warm is for whoever comes next.
        .total_memories(INSTANCES * 3)
        .total_tables(INSTANCES * 8)
        .total_stacks(INSTANCES * 2)
        .max_component_instance_size(16 << 20)
        .max_core_instance_size(16 << 20)
        .max_tables_per_module(CORE_INSTANCES)
        .max_memories_per_module(CORE_INSTANCES)
        .table_elements(TABLE_ELEMENTS)
        .max_unused_warm_slots(WARM)
        .linear_memory_keep_resident(KEPT_MEMORY)
        .table_keep_resident(1 << 20)
        .async_stack_keep_resident(64 << 10);
    pool
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
