//! What a trainer can call. One file for each interface of the contract.

use wasmtime::Engine;
use wasmtime::component::{HasData, Linker};
use wasmtime_wasi::p2::bindings::{cli, filesystem, sockets};

use crate::contract::v0_1::bindings::arkor::trainer;
use crate::guest::GuestState;

mod artifacts;
mod dataset;
mod diagnostics;
mod files;
mod hooks;
mod inference;
mod run;
mod session;
mod source;
mod watched;

/// Imports work on the whole state of an instance.
struct Host;

impl HasData for Host {
    type Data<'a> = &'a mut GuestState;
}

/// WASI interfaces whose use is told if nothing is granted.
struct Watched;

impl HasData for Watched {
    type Data<'a> = watched::WatchedView<'a>;
}

/// Everything a trainer may import, and nothing else.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<GuestState>> {
    let mut linker = Linker::new(engine);
    let l = &mut linker;
    wasmtime_wasi::p2::add_to_linker_async(l)?;
    l.allow_shadowing(true);
    cli::environment::add_to_linker::<_, Watched>(l, |state| watched::WatchedView(state))?;
    filesystem::preopens::add_to_linker::<_, Watched>(l, |state| watched::WatchedView(state))?;
    sockets::ip_name_lookup::add_to_linker::<_, Watched>(l, |state| watched::WatchedView(state))?;
    sockets::tcp_create_socket::add_to_linker::<_, Watched>(l, |state| {
        watched::WatchedView(state)
    })?;
    sockets::udp_create_socket::add_to_linker::<_, Watched>(l, |state| {
        watched::WatchedView(state)
    })?;
    filesystem::types::add_to_linker::<_, Watched>(l, |state| watched::WatchedView(state))?;
    l.allow_shadowing(false);
    trainer::types::add_to_linker::<_, Host>(l, |state| state)?;
    trainer::hooks::add_to_linker::<_, Host>(l, |state| state)?;
    trainer::session::add_to_linker::<_, Host>(l, |state| state)?;
    trainer::dataset::add_to_linker::<_, Host>(l, |state| state)?;
    trainer::inference::add_to_linker::<_, Host>(l, |state| state)?;
    trainer::run::add_to_linker::<_, Host>(l, |state| state)?;
    trainer::artifacts::add_to_linker::<_, Host>(l, |state| state)?;
    trainer::source::add_to_linker::<_, Host>(l, |state| state)?;
    trainer::diagnostics::add_to_linker::<_, Host>(l, |state| state)?;
    Ok(linker)
}

impl trainer::types::Host for GuestState {}

/// Whether a text names an artifact or a state: see `artifacts.wit`.
fn is_name(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    name.len() <= 200 && name.split('/').all(part)
}
