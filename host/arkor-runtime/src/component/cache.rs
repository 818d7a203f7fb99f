//! Compiled code, kept in the user's cache folder.
//!
//! A file is named by the digest of the trainer and lies in a folder named by everything that
//! machine code depends on: wasmtime's version, its settings, the processor's features, and this
//! crate's version for the way core modules are wrapped. It begins with the blake3 of what
//! follows, so a file that was cut short or damaged is compiled anew instead of being run.

use std::hash::{Hash, Hasher};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component;

/// Bytes of the digest at the beginning of a file.
const DIGEST: usize = 32;

/// Most bytes of a folder; the runtimes of both languages take a tenth.
const SIZE: u64 = 2 << 30;

#[derive(Debug)]
pub(super) struct CompiledCache {
    dir: PathBuf,
}

/// blake3 as a `Hasher`: the standard library's is not stable between its versions.
#[derive(Default)]
struct StableHasher(blake3::Hasher);

impl Hasher for StableHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let hash = self.0.finalize();
        hash.as_bytes()
            .first_chunk()
            .map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }
}

impl CompiledCache {
    pub(super) fn new(engine: &Engine, dir: &Path) -> Self {
        let mut hasher = StableHasher::default();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        env!("CARGO_PKG_VERSION").hash(&mut hasher);
        let engine = hasher.0.finalize().to_hex();
        Self {
            dir: dir.join(engine.get(..16).unwrap_or_default()),
        }
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.dir.join(format!("{digest}.cwasm"))
    }

    /// Absent or unusable both mean: compile.
    pub(super) fn get(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let path = self.path(digest);
        let mut file = std::fs::File::open(&path).ok()?;
        if !only_ours(&self.dir, &file) {
            tracing::warn!(
                path = %path.display(),
                "compiled code that others could have written is not used: check the owner and \
                 the permissions of its folder"
            );
            return None;
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        let (expected, code) = bytes.split_first_chunk::<DIGEST>()?;
        if blake3::hash(code).as_bytes() != expected {
            tracing::warn!(path = %path.display(), "compiled code is damaged and compiled anew");
            return None;
        }
        deserialize(engine, code)
            .inspect_err(|error| {
                tracing::debug!(path = %path.display(), %error, "compiled code does not fit");
            })
            .ok()
    }

    pub(super) fn has(&self, digest: &str) -> bool {
        self.path(digest).is_file()
    }

    /// Its bytes, if there was any.
    pub(super) fn remove(&self, digest: &str) -> std::io::Result<Option<u64>> {
        let path = self.path(digest);
        let found = path.metadata().and_then(|file| {
            std::fs::remove_file(&path)?;
            Ok(Some(file.len()))
        });
        match found {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            other => other,
        }
    }

    /// A cache that cannot be written costs time at the next start and nothing else.
    pub(super) fn put(&self, digest: &str, code: impl FnOnce() -> wasmtime::Result<Vec<u8>>) {
        if let Err(error) = self.try_put(digest, code) {
            tracing::debug!(dir = %self.dir.display(), %error, "compiled code was not kept");
        }
    }

    /// Removes what was written longest ago, so that this many bytes more are within the size of a cache.
    fn make_room(&self, more: u64) -> std::io::Result<()> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.dir)? {
            let entry = entry?;
            let is_ours = entry.file_name().to_str().is_some_and(is_entry);
            // The entry itself, not where a link leads.
            if let Ok(file) = entry.metadata()
                && is_ours
                && file.is_file()
            {
                found.push((file.modified()?, file.len(), entry.path()));
            }
        }
        let mut all = found
            .iter()
            .fold(more, |all, (_, size, _)| all.saturating_add(*size));
        found.sort();
        for (_, size, path) in found {
            if all <= SIZE {
                break;
            }
            std::fs::remove_file(path)?;
            all = all.saturating_sub(size);
        }
        Ok(())
    }

    fn try_put(
        &self,
        digest: &str,
        code: impl FnOnce() -> wasmtime::Result<Vec<u8>>,
    ) -> std::io::Result<()> {
        let code = code().map_err(std::io::Error::other)?;
        create_private_dir(&self.dir)?;
        self.make_room(code.len() as u64)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
        file.write_all(blake3::hash(&code).as_bytes())?;
        file.write_all(&code)?;
        file.as_file().sync_all()?;
        file.persist(self.path(digest))
            .map_err(|error| error.error)?;
        Ok(())
    }
}

/// What is not one of ours is not counted, and not removed.
fn is_entry(name: &str) -> bool {
    let digest = name.strip_suffix(".cwasm").unwrap_or_default();
    digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Others must not be able to put code into this folder: it is run without a check by wasmtime.
fn create_private_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Whether this user alone could have written the file: folder and file are theirs, and nobody else
/// may write to either. The open file is asked, so that it cannot be exchanged in between.
#[cfg(unix)]
fn only_ours(dir: &Path, file: &std::fs::File) -> bool {
    use std::os::unix::fs::MetadataExt;

    let user = rustix::process::geteuid().as_raw();
    let private = |meta: std::fs::Metadata| meta.uid() == user && meta.mode() & 0o022 == 0;
    std::fs::symlink_metadata(dir).is_ok_and(private) && file.metadata().is_ok_and(private)
}

/// Elsewhere the user's cache folder is private by what it inherits from the profile's folder.
#[cfg(not(unix))]
fn only_ours(_: &Path, _: &std::fs::File) -> bool {
    true
}

#[expect(unsafe_code, reason = "see docs/adr/0003-compiled-code-cache.md")]
fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `Component::deserialize` runs what it is given as machine code, so the bytes must be
    // the unchanged output of `Component::serialize`. These are: they come from a file and a folder
    // that only this user can write to (`only_ours`) and into which this module alone writes, whole
    // files by rename; their blake3 is checked just before; and wasmtime itself refuses code of
    // another version, target or configuration. Someone who can forge such a file can already run code as this user.
    unsafe { Component::deserialize(engine, code) }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{File, Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::only_ours;

    #[test]
    fn what_others_can_write_is_not_ours() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("code");
        std::fs::write(&path, "x").unwrap();
        let ours = || only_ours(dir.path(), &File::open(&path).unwrap());
        let (folder, code) = (dir.path(), path.as_path());
        for (path, mode, expected) in [
            (folder, 0o700, true),
            (code, 0o600, true),
            (folder, 0o770, false),
            (folder, 0o700, true),
            (code, 0o666, false),
        ] {
            set_permissions(path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(ours(), expected, "{} {mode:o}", path.display());
        }
    }
}
