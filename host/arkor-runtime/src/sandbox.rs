//! What a trainer may reach outside of its own memory: nothing, unless it was granted.
//!
//! Everything here is prepared per run and used to start each instance alike. Standard output and
//! error become messages of the run. Clocks are coarse and random numbers a function of the
//! trainer's code, so that a run repeats; both can be opened up by `arkor.toml`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};

use crate::console::Console;

mod clock;
mod denial;
mod output;
mod random;

pub(crate) use denial::{Denial, Denials, denial_hint};
use random::Seeded;

/// Whether granted files may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileAccess {
    /// Reading only.
    Read,
    /// Reading, writing, creating and removing.
    Write,
}

/// A folder that a trainer sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileGrant {
    /// The folder, resolved.
    pub host_path: PathBuf,
    /// Where the trainer finds it.
    pub guest_path: String,
    /// What it may do there.
    pub access: FileAccess,
}

/// How exactly a trainer can tell time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClockPrecision {
    /// To 10 ms, too coarse to spy on other processes by timing.
    #[default]
    Coarse,
    /// As the operating system tells it.
    Precise,
}

/// Where random numbers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RandomSource {
    /// From the trainer's digest: the same for each instance of the same code.
    #[default]
    Seeded,
    /// From the operating system.
    System,
}

/// What is granted to a trainer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// Folders it sees.
    pub files: Vec<FileGrant>,
    /// Environment variables it sees, with their values.
    pub environment: Vec<(String, String)>,
    /// Addresses it may connect to, resolved when the run was prepared.
    pub network: Vec<SocketAddr>,
    /// Names of hosts it may look up.
    pub names: Arc<[String]>,
    /// How exactly it can tell time.
    pub clock: ClockPrecision,
    /// Where its random numbers come from.
    pub random: RandomSource,
}

/// Most random bytes in one call.
const RANDOM_CALL: u64 = 1 << 20;

impl Capabilities {
    pub(crate) fn context(
        &self,
        digest: &str,
        console: &Console,
        denials: &Arc<Denials>,
        is_adapted: bool,
    ) -> wasmtime::Result<WasiCtx> {
        let mut stdout = output::Output::new(console.clone(), output::Stream::Stdout);
        let mut stderr = output::Output::new(console.clone(), output::Stream::Stderr);
        if is_adapted && self.files.is_empty() {
            stdout = stdout.explains(denials);
            stderr = stderr.explains(denials);
        }
        let mut builder = WasiCtxBuilder::new();
        builder
            .stdout(stdout)
            .stderr(stderr)
            .envs(&self.environment)
            .max_random_size(RANDOM_CALL)
            // With a grant sockets as such may be made, and the check below sees the addresses.
            .allow_tcp(!self.network.is_empty())
            .allow_udp(!self.network.is_empty())
            .allow_ip_name_lookup(!self.network.is_empty());
        for grant in &self.files {
            let access = match grant.access {
                FileAccess::Read => FsPerms::ReadOnly,
                FileAccess::Write => FsPerms::ReadWrite,
            };
            builder.preopened_dir(&grant.host_path, &grant.guest_path, access)?;
        }
        if self.clock == ClockPrecision::Coarse {
            builder.wall_clock(clock::CoarseWallClock);
            builder.monotonic_clock(clock::CoarseMonotonicClock::new());
        }
        if self.random == RandomSource::Seeded {
            builder.secure_random(Seeded::new(digest, "secure"));
            builder.insecure_random(Seeded::new(digest, "insecure"));
            let seed = u128::from_le_bytes(Seeded::new(digest, "seed").take());
            builder.insecure_random_seed(seed);
        }
        let granted: Vec<SocketAddr> = self.network.iter().copied().map(canonical).collect();
        let denials = Arc::clone(denials);
        let heard = console.clone();
        builder.socket_addr_check(move |address, purpose| {
            // An event that other code has handled already: what it did out there is not done again.
            if heard.is_muted() {
                return Box::pin(async { false });
            }
            // Connecting binds to "any address, any port" first; without leave to listen that
            // opens nothing, and refusing it would hide the address that is meant.
            // What comes to it from elsewhere is dropped: each datagram is checked.
            let implicit = !granted.is_empty()
                && matches!(purpose, SocketAddrUse::TcpBind | SocketAddrUse::UdpBind)
                && address.ip().is_unspecified()
                && address.port() == 0;
            let listens = matches!(purpose, SocketAddrUse::TcpListen | SocketAddrUse::TcpAccept);
            let allowed = implicit || (!listens && granted.contains(&canonical(address)));
            // Who sends something to it is not the guest's doing.
            if !allowed && !matches!(purpose, SocketAddrUse::UdpReceive) {
                denials.record(Denial::Network(address.to_string()));
            }
            Box::pin(async move { allowed })
        });
        Ok(builder.build())
    }
}

impl Capabilities {
    /// Whether a name may be looked up: one that is granted, or an address that is and needs no look-up.
    pub(crate) fn grants_name(&self, name: &str) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name);
        let address: Option<IpAddr> = name.parse().ok();
        match address.map(|address| address.to_canonical()) {
            Some(address) => {
                let mut granted = self.network.iter();
                granted.any(|granted| granted.ip().to_canonical() == address)
            }
            None => {
                let mut granted = self.names.iter();
                granted.any(|granted| granted.eq_ignore_ascii_case(name))
            }
        }
    }
}

/// `::ffff:127.0.0.1` is 127.0.0.1, whatever it calls itself.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_granted_names_are_looked_up() {
        let capabilities = Capabilities {
            network: vec!["[::ffff:127.0.0.1]:9".parse().unwrap()],
            names: ["Example.org".to_owned()].into(),
            ..Capabilities::default()
        };
        for name in [
            "example.org",
            "EXAMPLE.ORG.",
            "127.0.0.1",
            "::ffff:127.0.0.1",
        ] {
            assert!(capabilities.grants_name(name), "{name}");
        }
        for name in [
            "",
            "a.example.org",
            "example.org.evil",
            "127.0.0.2",
            "::1",
            "localhost",
        ] {
            assert!(!capabilities.grants_name(name), "{name}");
        }
        assert!(!Capabilities::default().grants_name("example.org"));
    }
}
