//! Runs a component's function `initialize` and writes a component whose instances begin with what it left in memory.
//! Nothing calls that function again. `cargo xtask runtime javascript` prepares the JavaScript runtime with it:
//!
//!     snapshot COMPONENT RESULT
//!
//! The same component gives the same result: clocks stand still while it runs, and random numbers are all zero. A
//! function that asks for anything else of its host is a trap.

use std::time::Duration;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Instance, Lift, Linker, ResourceTable, WasmList};
use wasmtime::{Config, Engine, Result, Store, bail, format_err};
use wasmtime_wasi::random::Deterministic;
use wasmtime_wasi::{
    HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView,
};
use wasmtime_wizer::{ComponentInstanceState, Wizer};

const INITIALIZE: &str = "initialize";

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

struct StandsStill;

impl HostMonotonicClock for StandsStill {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        0
    }
}

impl HostWallClock for StandsStill {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

fn main() -> Result<()> {
    let [_, component, result] = &std::env::args().collect::<Vec<_>>()[..] else {
        bail!("usage: snapshot COMPONENT RESULT");
    };
    let executor = tokio::runtime::Builder::new_current_thread().build()?;
    let prepared = executor.block_on(prepare(&std::fs::read(component)?))?;
    std::fs::write(result, prepared)?;
    Ok(())
}

async fn prepare(component: &[u8]) -> Result<Vec<u8>> {
    let mut wizer = Wizer::new();
    wizer.init_func(INITIALIZE).keep_init_func(true);
    let (context, instrumented) = wizer.instrument_component(component)?;

    let engine = Engine::new(&Config::new())?;
    let component = Component::new(&engine, instrumented)?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    refuse(&engine, &component, &mut linker)?;
    let state = State {
        wasi: WasiCtxBuilder::new()
            .wall_clock(StandsStill)
            .monotonic_clock(StandsStill)
            .secure_random(Deterministic::new(vec![0]))
            .insecure_random(Deterministic::new(vec![0]))
            .insecure_random_seed(0)
            .inherit_stderr()
            .build(),
        table: ResourceTable::new(),
    };
    let mut store = Store::new(&engine, state);
    let instance = linker.instantiate_async(&mut store, &component).await?;
    let initialize = instance.get_typed_func::<(), ()>(&mut store, INITIALIZE)?;
    initialize.call_async(&mut store, ()).await?;
    let mut state = Snapshot { store, instance };
    wizer.snapshot_component(&context, &mut state).await
}

/// Answers all functions of the contract that it imports with a trap.
fn refuse(engine: &Engine, component: &Component, linker: &mut Linker<State>) -> Result<()> {
    for (name, import) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(interface) = import.ty else {
            continue;
        };
        if name.starts_with("wasi:") {
            continue;
        }
        let mut instance = linker.instance(name)?;
        for (function, export) in interface.exports(engine) {
            if let ComponentItem::ComponentFunc(_) = export.ty {
                let asked = format!("{name}#{function}");
                instance.func_new(function, move |_, _, _, _| {
                    bail!("it asks for {asked}, which depends on a run")
                })?;
            }
        }
    }
    Ok(())
}

/// Reads memories and globals through the functions that the instrumented component has for that.
struct Snapshot {
    store: Store<State>,
    instance: Instance,
}

impl Snapshot {
    async fn call<R, U>(
        &mut self,
        instance: &str,
        function: &str,
        take: impl FnOnce(&mut Store<State>, R) -> U,
    ) -> Result<U>
    where
        R: Lift + 'static,
    {
        let missing = || format_err!("{instance}#{function} is missing");
        let store = &mut self.store;
        let (_, exports) = self
            .instance
            .get_export(&mut *store, None, instance)
            .ok_or_else(missing)?;
        let (_, function) = self
            .instance
            .get_export(&mut *store, Some(&exports), function)
            .ok_or_else(missing)?;
        let function = self
            .instance
            .get_typed_func::<(), (R,)>(&mut *store, function)?;
        let (value,) = function.call_async(&mut *store, ()).await?;
        Ok(take(store, value))
    }
}

/// These functions are the instrumented component's own: that they answer is not for us to prove.
#[expect(clippy::expect_used, reason = "the trait has no way to say an error")]
impl ComponentInstanceState for Snapshot {
    async fn call_func_ret_list_u8(
        &mut self,
        instance: &str,
        function: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) {
        self.call(instance, function, |store, list: WasmList<u8>| {
            contents(list.as_le_slice(&*store));
        })
        .await
        .expect("memory is read");
    }

    async fn call_func_ret_s32(&mut self, instance: &str, function: &str) -> i32 {
        self.call(instance, function, |_, value| value)
            .await
            .expect("a global is read")
    }

    async fn call_func_ret_s64(&mut self, instance: &str, function: &str) -> i64 {
        self.call(instance, function, |_, value| value)
            .await
            .expect("a global is read")
    }

    async fn call_func_ret_f32(&mut self, instance: &str, function: &str) -> u32 {
        self.call(instance, function, |_, value: f32| value.to_bits())
            .await
            .expect("a global is read")
    }

    async fn call_func_ret_f64(&mut self, instance: &str, function: &str) -> u64 {
        self.call(instance, function, |_, value: f64| value.to_bits())
            .await
            .expect("a global is read")
    }
}
