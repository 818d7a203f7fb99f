//! From what a project says to what the runtime takes.

use std::net::ToSocketAddrs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use arkor_engine::{EmbeddedEngine, Priority};
use arkor_project::{self as project, Project, ProjectError};
use arkor_runtime::{
    Capabilities, ClockPrecision, FileAccess, FileGrant, Limits, OnCallbackError, RandomSource,
    RunSettings, Runtime, RuntimeOptions,
};
use arkor_store::StoreOptions;

/// For components from elsewhere; `for_edits` that its user makes, compiling is made fast instead.
pub(crate) fn runtime(for_edits: bool) -> Result<Runtime> {
    Ok(Runtime::new(RuntimeOptions {
        cache: cache_folder()?,
        is_contained: !for_edits,
        ..RuntimeOptions::default()
    })?)
}

const CACHE: &str = "ARKOR_CACHE_DIR";
const DATA: &str = "ARKOR_DATA_DIR";

/// `ARKOR_CACHE_DIR`, or the user's cache folder.
fn cache_folder() -> Result<Option<PathBuf>> {
    if let Some(folder) = named(CACHE)? {
        return Ok(Some(folder));
    }
    let folders = directories::ProjectDirs::from("", "", "arkor-host");
    Ok(folders.map(|folders| folders.cache_dir().join("compiled")))
}

/// `ARKOR_DATA_DIR`, or the user's data folder.
pub(crate) fn data_folder() -> Result<PathBuf> {
    if let Some(folder) = named(DATA)? {
        return Ok(folder);
    }
    let folders = directories::ProjectDirs::from("", "", "arkor-host");
    let folders = folders.context("there is no home folder; name one with ARKOR_DATA_DIR")?;
    Ok(folders.data_dir().to_path_buf())
}

/// A folder that a variable names.
fn named(variable: &str) -> Result<Option<PathBuf>> {
    let Some(folder) = std::env::var_os(variable) else {
        return Ok(None);
    };
    let folder = PathBuf::from(folder);
    // A relative one would be in the project, as a rule.
    anyhow::ensure!(
        folder.is_absolute(),
        "{variable} is {folder:?}, and must be an absolute path"
    );
    Ok(Some(folder))
}

/// Refuses folders of the user's that lie in a project: what is read from them is run, or believed.
pub(crate) fn check_folders(root: &Path) -> Result<()> {
    // Where all files of a user are the project, theirs are as well.
    let is_home = directories::BaseDirs::new()
        .and_then(|folders| arkor_project::resolved_as_far_as_possible(folders.home_dir()).ok())
        .is_some_and(|home| home == root);
    for (what, variable, default, found) in [
        ("compiled code", CACHE, "XDG_CACHE_HOME", cache_folder()?),
        ("what is yours", DATA, "XDG_DATA_HOME", data_folder().ok()),
    ] {
        let Some(folder) = found else {
            continue;
        };
        let is_named = std::env::var_os(variable).is_some();
        let place = arkor_project::resolved_as_far_as_possible(&folder)?;
        anyhow::ensure!(
            !place.starts_with(root) || (is_home && !is_named),
            "the folder for {what}, {folder:?}, lies in the project {root:?}: what is there is trusted, and a \
             project can bring it; name a place outside of it with {variable}{}",
            if is_named {
                String::new()
            } else {
                format!(", {default} or HOME")
            },
        );
    }
    Ok(())
}

pub(crate) fn limits(project: &Project) -> Limits {
    let limits = project.limits();
    Limits {
        memory: limits.memory,
        table_elements: limits.table_elements,
        instances: limits.instances,
        callback_timeout: limits.callback_timeout,
        start_timeout: limits.start_timeout,
        loop_timeout: limits.loop_timeout,
        state_size: limits.state_size,
        artifact_size: limits.artifact_size,
        messages_per_second: limits.messages_per_second,
        resources: limits.resources,
        artifacts_total: limits.artifacts_total,
        artifacts_count: limits.artifacts_count,
        messages_total: limits.messages_total,
        saved_states: limits.saved_states,
    }
}

/// The same beside the executor's threads: granted names are looked up, which can take its time.
pub(crate) async fn capabilities_aside(project: &Project) -> Result<Capabilities> {
    let project = project.clone();
    tokio::task::spawn_blocking(move || capabilities(&project)).await?
}

pub(crate) fn capabilities(project: &Project) -> Result<Capabilities> {
    let granted = project.capabilities();
    let mut files = Vec::with_capacity(granted.files.len());
    for grant in &granted.files {
        let host_path = project.granted(grant)?;
        if !host_path.exists() {
            let path = grant.path.clone();
            return Err(ProjectError::GrantMissing { path }.into());
        }
        if !host_path.is_dir() {
            anyhow::bail!(
                "capabilities.files: `{}` is no folder: grant the folder that it lies in",
                grant.path
            );
        }
        files.push(FileGrant {
            host_path,
            guest_path: grant.path.clone(),
            access: match grant.access {
                project::FileAccess::Read => FileAccess::Read,
                project::FileAccess::Write => FileAccess::Write,
            },
        });
    }
    for inner in files.iter().filter(|one| one.access == FileAccess::Read) {
        let is_around = |outer: &&FileGrant| {
            outer.access == FileAccess::Write && inner.host_path.starts_with(&outer.host_path)
        };
        if let Some(outer) = files.iter().find(is_around) {
            anyhow::bail!(
                "capabilities.files: `{}` is granted for reading and lies in `{}`, which is granted for writing: \
                 it could be written by way of that",
                inner.guest_path,
                outer.guest_path
            );
        }
    }
    let mut network = Vec::new();
    for grant in &granted.network {
        let found = (grant.host.as_str(), grant.port)
            .to_socket_addrs()
            .with_context(|| {
                format!(
                    "capabilities.network: {}:{} cannot be resolved",
                    grant.host, grant.port
                )
            })?;
        let named = grant.host != "localhost" && grant.host.parse::<std::net::IpAddr>().is_err();
        for address in found {
            // Whoever owns a name decides where it leads, also to this machine and its network.
            anyhow::ensure!(
                !named || !is_local(address.ip()),
                "capabilities.network: {}:{} leads to {}, an address of this machine or its network; if \
                 that is meant, name the address itself",
                grant.host,
                grant.port,
                address.ip()
            );
            network.push(address);
        }
    }
    let is_name = |grant: &&project::NetworkGrant| grant.host.parse::<std::net::IpAddr>().is_err();
    Ok(Capabilities {
        files,
        // A variable that is granted and not set is not there, as in any process.
        environment: granted
            .env
            .iter()
            .filter_map(|name| Some((name.clone(), std::env::var(name).ok()?)))
            .collect(),
        names: granted
            .network
            .iter()
            .filter(is_name)
            .map(|grant| grant.host.clone())
            .collect(),
        network,
        clock: match granted.clock {
            project::ClockPrecision::Coarse => ClockPrecision::Coarse,
            project::ClockPrecision::Precise => ClockPrecision::Precise,
        },
        random: match granted.random {
            project::RandomSource::Seeded => RandomSource::Seeded,
            project::RandomSource::System => RandomSource::System,
        },
    })
}

/// Whether an address is of this machine, or of a network around it that others cannot reach.
fn is_local(address: std::net::IpAddr) -> bool {
    match address.to_canonical() {
        std::net::IpAddr::V4(ip) => {
            ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_broadcast()
                || ip.is_multicast()
                // Shared by the customers of a carrier (RFC 6598).
                || matches!(ip.octets(), [100, 64..=127, ..])
        }
        std::net::IpAddr::V6(ip) => {
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
                || ip.is_multicast()
        }
    }
}

pub(crate) fn run(project: &Project, priority: Priority) -> Result<RunSettings> {
    let threads = project
        .config()
        .engine
        .threads
        .map(|threads| threads as usize);
    Ok(RunSettings {
        engine: Arc::new(EmbeddedEngine::new(threads, priority)?),
        project: project.root().to_path_buf(),
        on_callback_error: match project.config().run.on_callback_error {
            Some(project::OnCallbackError::Fail) => OnCallbackError::Fail,
            Some(project::OnCallbackError::Continue) | None => OnCallbackError::Continue,
        },
        parent: None,
        warm: false,
        is_attended: false,
    })
}

pub(crate) fn store(project: &Project) -> Result<StoreOptions> {
    Ok(StoreOptions {
        max_size: project.config().store.max_size,
        made_by: crate::place::made_by()?,
    })
}
