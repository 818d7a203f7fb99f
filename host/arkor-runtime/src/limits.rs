//! How much a guest may use.

use std::time::Duration;

use wasmtime::{ResourceLimiter, Result};

/// Bounds on what one instance of a trainer may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all linear memories together.
    pub memory: u64,
    /// Elements of all tables together.
    pub table_elements: u64,
    /// Core instances, memories and tables, each.
    pub instances: u32,
    /// Longest time a callback may take, with what it waits for in the host.
    pub callback_timeout: Duration,
    /// Longest time for instantiation, `describe`, `load-state`, each.
    pub start_timeout: Duration,
    /// Longest time a training loop may compute without calling the host.
    pub loop_timeout: Duration,
    /// Bytes of the answer of `save-state` and of a loop's checkpoint state.
    pub state_size: u64,
    /// Bytes of one artifact.
    pub artifact_size: u64,
    /// Messages and lines of output a second; more wait.
    pub messages_per_second: u32,
    /// Files, folders, sockets and streams held at once.
    pub resources: u32,
    /// Bytes of all artifacts that one attempt at a run writes.
    pub artifacts_total: u64,
    /// Number of these.
    pub artifacts_count: u32,
    /// Bytes of all messages and lines of output of one attempt at a run.
    pub messages_total: u64,
    /// Named states that a training loop saves, of one attempt at a run.
    pub saved_states: u32,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self {
            memory: 256 * MIB,
            table_elements: 100_000,
            instances: 32,
            callback_timeout: Duration::from_secs(30),
            start_timeout: Duration::from_secs(10),
            loop_timeout: Duration::from_secs(60),
            state_size: 16 * MIB,
            artifact_size: 64 * MIB,
            messages_per_second: 1000,
            resources: 160,
            artifacts_total: 1024 * MIB,
            artifacts_count: 10_000,
            messages_total: 256 * MIB,
            saved_states: 100,
        }
    }
}

impl Limits {
    /// Most bytes that one call may pass from guest to host, lists and strings together.
    pub(crate) fn hostcall_bytes(&self) -> usize {
        const OTHER: u64 = 16 << 20;
        usize::try_from(
            self.state_size
                .max(self.artifact_size)
                .saturating_add(OTHER),
        )
        .unwrap_or(usize::MAX)
    }
}

/// Counts what one Store has and refuses what is over the limit.
///
/// wasmtime's own limiter bounds each memory by itself; a component may have many, so the sum
/// is bounded here.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory_limit: u64,
    memory: u64,
    /// What the last growth that was granted added.
    growing: u64,
    table_limit: u64,
    table: u64,
    instances: usize,
    /// The size that a refused growth would have led to, for the message about a later trap.
    pub(crate) refused_memory: Option<u64>,
}

impl Limiter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory_limit: limits.memory,
            memory: 0,
            growing: 0,
            table_limit: limits.table_elements,
            table: 0,
            instances: usize::try_from(limits.instances).unwrap_or(usize::MAX),
            refused_memory: None,
        }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool> {
        let wanted = self
            .memory
            .saturating_add(desired.saturating_sub(current) as u64);
        let granted = wanted <= self.memory_limit;
        self.growing = 0;
        if granted {
            self.growing = wanted - self.memory;
            self.memory = wanted;
        } else {
            self.refused_memory = Some(wanted);
        }
        Ok(granted)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> Result<()> {
        self.memory -= std::mem::take(&mut self.growing);
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool> {
        let wanted = self
            .table
            .saturating_add(desired.saturating_sub(current) as u64);
        let granted = wanted <= self.table_limit;
        if granted {
            self.table = wanted;
        }
        Ok(granted)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.instances
    }

    fn memories(&self) -> usize {
        self.instances
    }
}
