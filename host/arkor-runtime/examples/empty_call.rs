//! Times what a call into a component costs at the least: a function that takes nothing, does nothing and returns
//! nothing, called as an asynchronous host calls it, by wasmtime alone. Prints the microseconds as JSON; `cargo xtask
//! bench languages` compares callbacks with it.
#![expect(clippy::print_stdout, reason = "what it measures is its output")]

use std::time::{Duration, Instant};

use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Result, Store};

const EMPTY: &str = r#"
    (component
        (core module $m (func (export "empty")))
        (core instance $i (instantiate $m))
        (func (export "empty") (canon lift (core func $i "empty"))))
"#;

/// Times that are taken, and the calls of each: a single call is too short for the clock.
const TIMES: usize = 200;
const CALLS: u32 = 1000;

fn main() -> Result<()> {
    let engine = Engine::new(&Config::new())?;
    let component = Component::new(
        &engine,
        wat::parse_str(EMPTY).map_err(wasmtime::Error::new)?,
    )?;
    let executor = tokio::runtime::Builder::new_current_thread().build()?;
    let time = executor.block_on(async {
        let mut store = Store::new(&engine, ());
        let linker = Linker::new(&engine);
        let instance = linker.instantiate_async(&mut store, &component).await?;
        let empty = instance.get_typed_func::<(), ()>(&mut store, "empty")?;
        let mut times = Vec::with_capacity(TIMES);
        for _ in 0..TIMES {
            let begin = Instant::now();
            for _ in 0..CALLS {
                empty.call_async(&mut store, ()).await?;
            }
            times.push(begin.elapsed() / CALLS);
        }
        wasmtime::error::Ok(median(times))
    })?;
    println!("{{\"median_us\": {}}}", time.as_secs_f64() * 1e6);
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
