//! `arkor-host build`

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use arkor_files::Name;
use arkor_project::{Artifact, Project};

use crate::arguments::BuildArguments;
use crate::exit::Exit;
use crate::format;
use crate::output::Printer;
use crate::{commands, place, settings, time_limit, trust};

pub(crate) fn build(arguments: &BuildArguments, printer: &Printer) -> Result<Exit> {
    let project = trust::open(&arguments.path, &arguments.trust, printer)?;
    let _time_limit = time_limit::start(&arguments.trust, false, printer)?;
    let built = commands::build_trainer(&project, printer)?;
    let runtime = settings::runtime(false)?;
    let bytes = commands::component_bytes(&built.artifact)?;
    // Compiling now finds a trainer that the host would refuse, and warms the cache.
    let component = match &built.artifact {
        Artifact::Wasm(path) => runtime.load(path)?,
        Artifact::Program(program) => runtime.load_bytes(program.name(), &bytes)?,
    };
    let output = match &arguments.output {
        Some(path) => {
            let place = trust::resolved(&project, path)?;
            check_place(&project, path, &place)?;
            write(&place, &bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
            path.clone()
        }
        None => {
            let place = place::create(&project)?;
            let name = Name::new(format!("{}.wasm", component.name))?;
            let path = place.folder().path_of(&name);
            place
                .folder()
                .replace(&name, &bytes)
                .with_context(|| format!("cannot write `{}`", path.display()))?;
            path
        }
    };
    let digest = arkor_runtime::digest(&bytes);
    let world = if component.owns_loop {
        "loop-trainer"
    } else {
        "managed-trainer"
    };
    if printer.json() {
        printer.object(&serde_json::json!({
            "type": "built",
            "component": output,
            "digest": digest,
            "size": bytes.len(),
            "world": world,
            "build_ms": built.duration.as_millis(),
        }));
    } else {
        printer.line(&format!(
            "built {} ({world}, {}) in {:.1} s",
            output.display(),
            format::bytes(bytes.len() as u64),
            built.duration.as_secs_f64()
        ));
    }
    Ok(Exit::Completed)
}

/// An error if something is there that is no component: a device, which would become a file, or a source.
fn check_place(project: &Project, path: &Path, place: &Path) -> Result<()> {
    let refused = |what: &str| {
        bail!(
            "`{}` {what}: it stays as it is; name a file that is not there, or an earlier component",
            path.display()
        )
    };
    match place.symlink_metadata() {
        Err(_) => Ok(()),
        Ok(found) if found.is_dir() => refused("is a folder"),
        Ok(found) if !found.is_file() => refused("is no regular file"),
        Ok(_) if project.config_file() == Some(place) => refused("is the project's own file"),
        Ok(found) if found.len() == 0 => Ok(()),
        Ok(_) => {
            let mut head = [0; 4];
            let read = arkor_files::open_resolved(place)
                .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut head));
            match read {
                Ok(()) if &head == b"\0asm" => Ok(()),
                _ => refused("is there and is no component"),
            }
        }
    }
}

/// Whole or not at all: whoever watches the file never reads half of it.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = trust::folder_of(path);
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new();
    // For others to read, as any output of a build; the umask has its say.
    #[cfg(unix)]
    file.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = file.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
