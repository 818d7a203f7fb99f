//! `wasi:filesystem/types` with what this host does not grant taken away: only regular files and folders
//! are opened, no links are made, and few folders are listed at once.
//!
//! Opening a FIFO waits for its other end, on a thread of the executor that nothing can interrupt, so that
//! neither the call nor the process would end. A link that a guest makes would lead programs outside of the
//! sandbox to wherever the guest likes.

use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView};
use wasmtime_wasi::p2::FsError;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, DirectoryEntryStream,
    ErrorCode, Filesize, Host, HostDescriptor, HostDirectoryEntryStream, MetadataHashValue,
    NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream};

use super::watched::WatchedView;
use crate::sandbox::FileAccess;

/// Most lists of folders held at once; each is in memory as a whole.
const DIRECTORY_STREAMS: u32 = 8;

/// Names of files and folders that programs outside of the sandbox take orders from: the host and git.
const ORDERS: [&str; 3] = ["arkor.toml", ".arkor", ".git"];

/// An error if a path would make something by such a name. File systems may not tell letters apart, nor see
/// dots and blanks at the end.
fn expect_no_order(path: &str) -> Answer<()> {
    let is_order = |part: &str| {
        let part = part.trim_end_matches(['.', ' ']);
        ORDERS.iter().any(|name| name.eq_ignore_ascii_case(part))
    };
    if path.split(['/', '\\']).any(is_order) {
        return Err(ErrorCode::NotPermitted.into());
    }
    Ok(())
}

type Fd = Resource<Descriptor>;
type Answer<T> = Result<T, FsError>;

impl WatchedView<'_> {
    /// An error while an event is handed over that other code has handled: files are for reading then.
    fn expect_live(&self) -> Answer<()> {
        if self.0.only_learns() {
            return Err(ErrorCode::ReadOnly.into());
        }
        Ok(())
    }

    /// An error if there is something at a path that is neither a file nor a folder. Nothing is opened.
    async fn expect_ordinary(&mut self, fd: &Fd, flags: PathFlags, path: &str) -> Answer<()> {
        let fd = Resource::new_borrow(fd.rep());
        let files = &mut self.0.filesystem();
        match HostDescriptor::stat_at(files, fd, flags, path.into()).await {
            Ok(stat) => match stat.type_ {
                DescriptorType::RegularFile
                | DescriptorType::Directory
                | DescriptorType::SymbolicLink => Ok(()),
                _ => Err(ErrorCode::NotPermitted.into()),
            },
            // It may be created; whatever else is wrong is found again.
            Err(_) => Ok(()),
        }
    }
}

impl Host for WatchedView<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        self.0.filesystem().convert_error_code(error)
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        self.0.filesystem().filesystem_error_code(error)
    }
}

impl HostDescriptor for WatchedView<'_> {
    async fn open_at(
        &mut self,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> Answer<Fd> {
        let makes = OpenFlags::CREATE | OpenFlags::TRUNCATE;
        if open_flags.intersects(makes) || flags.contains(DescriptorFlags::WRITE) {
            self.expect_live()?;
        }
        // A folder that was opened to be read can be written into where its grant allows that, by paths that
        // do not say where it lies.
        let granted = &self.0.grants.capabilities.files;
        if granted.iter().any(|one| one.access == FileAccess::Write) {
            expect_no_order(&path)?;
        }
        self.expect_ordinary(&fd, path_flags, &path).await?;
        let files = &mut self.0.filesystem();
        files.open_at(fd, path_flags, path, open_flags, flags).await
    }

    async fn read_directory(&mut self, fd: Fd) -> Answer<Resource<DirectoryEntryStream>> {
        if self.0.directory_streams >= DIRECTORY_STREAMS {
            return Err(ErrorCode::Quota.into());
        }
        let stream = self.0.filesystem().read_directory(fd).await?;
        self.0.directory_streams += 1;
        Ok(stream)
    }

    async fn symlink_at(&mut self, _: Fd, _: String, _: String) -> Answer<()> {
        Err(ErrorCode::NotPermitted.into())
    }

    async fn link_at(&mut self, _: Fd, _: PathFlags, _: String, _: Fd, _: String) -> Answer<()> {
        Err(ErrorCode::NotPermitted.into())
    }

    async fn rename_at(&mut self, fd: Fd, from: String, to_fd: Fd, to: String) -> Answer<()> {
        self.expect_live()?;
        expect_no_order(&from)?;
        expect_no_order(&to)?;
        // A link leads elsewhere from another place, and a FIFO could take a file's place between the look
        // at it and its opening.
        let stat = {
            let fd = Resource::new_borrow(fd.rep());
            let files = &mut self.0.filesystem();
            HostDescriptor::stat_at(files, fd, PathFlags::empty(), from.clone()).await?
        };
        if !matches!(
            stat.type_,
            DescriptorType::RegularFile | DescriptorType::Directory
        ) {
            return Err(ErrorCode::NotPermitted.into());
        }
        self.0.filesystem().rename_at(fd, from, to_fd, to).await
    }

    async fn advise(&mut self, fd: Fd, at: Filesize, length: Filesize, how: Advice) -> Answer<()> {
        self.0.filesystem().advise(fd, at, length, how).await
    }

    async fn sync_data(&mut self, fd: Fd) -> Answer<()> {
        self.0.filesystem().sync_data(fd).await
    }

    async fn get_flags(&mut self, fd: Fd) -> Answer<DescriptorFlags> {
        self.0.filesystem().get_flags(fd).await
    }

    async fn get_type(&mut self, fd: Fd) -> Answer<DescriptorType> {
        self.0.filesystem().get_type(fd).await
    }

    async fn set_size(&mut self, fd: Fd, size: Filesize) -> Answer<()> {
        self.expect_live()?;
        self.0.filesystem().set_size(fd, size).await
    }

    async fn set_times(&mut self, fd: Fd, read: NewTimestamp, write: NewTimestamp) -> Answer<()> {
        self.expect_live()?;
        self.0.filesystem().set_times(fd, read, write).await
    }

    async fn read(&mut self, fd: Fd, length: Filesize, at: Filesize) -> Answer<(Vec<u8>, bool)> {
        self.0.filesystem().read(fd, length, at).await
    }

    async fn write(&mut self, fd: Fd, content: Vec<u8>, at: Filesize) -> Answer<Filesize> {
        self.expect_live()?;
        self.0.filesystem().write(fd, content, at).await
    }

    async fn sync(&mut self, fd: Fd) -> Answer<()> {
        self.0.filesystem().sync(fd).await
    }

    async fn create_directory_at(&mut self, fd: Fd, path: String) -> Answer<()> {
        self.expect_live()?;
        expect_no_order(&path)?;
        self.0.filesystem().create_directory_at(fd, path).await
    }

    async fn stat(&mut self, fd: Fd) -> Answer<DescriptorStat> {
        self.0.filesystem().stat(fd).await
    }

    async fn stat_at(&mut self, fd: Fd, flags: PathFlags, path: String) -> Answer<DescriptorStat> {
        self.0.filesystem().stat_at(fd, flags, path).await
    }

    async fn set_times_at(
        &mut self,
        fd: Fd,
        flags: PathFlags,
        path: String,
        read: NewTimestamp,
        write: NewTimestamp,
    ) -> Answer<()> {
        self.expect_live()?;
        let files = &mut self.0.filesystem();
        files.set_times_at(fd, flags, path, read, write).await
    }

    async fn readlink_at(&mut self, fd: Fd, path: String) -> Answer<String> {
        self.0.filesystem().readlink_at(fd, path).await
    }

    async fn remove_directory_at(&mut self, fd: Fd, path: String) -> Answer<()> {
        self.expect_live()?;
        self.0.filesystem().remove_directory_at(fd, path).await
    }

    async fn unlink_file_at(&mut self, fd: Fd, path: String) -> Answer<()> {
        self.expect_live()?;
        self.0.filesystem().unlink_file_at(fd, path).await
    }

    fn read_via_stream(&mut self, fd: Fd, at: Filesize) -> Answer<Resource<DynInputStream>> {
        self.0.filesystem().read_via_stream(fd, at)
    }

    fn write_via_stream(&mut self, fd: Fd, at: Filesize) -> Answer<Resource<DynOutputStream>> {
        self.expect_live()?;
        self.0.filesystem().write_via_stream(fd, at)
    }

    fn append_via_stream(&mut self, fd: Fd) -> Answer<Resource<DynOutputStream>> {
        self.expect_live()?;
        self.0.filesystem().append_via_stream(fd)
    }

    async fn is_same_object(&mut self, one: Fd, other: Fd) -> wasmtime::Result<bool> {
        self.0.filesystem().is_same_object(one, other).await
    }

    async fn metadata_hash(&mut self, fd: Fd) -> Answer<MetadataHashValue> {
        self.0.filesystem().metadata_hash(fd).await
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Fd,
        flags: PathFlags,
        path: String,
    ) -> Answer<MetadataHashValue> {
        self.0.filesystem().metadata_hash_at(fd, flags, path).await
    }

    fn drop(&mut self, fd: Fd) -> wasmtime::Result<()> {
        HostDescriptor::drop(&mut self.0.filesystem(), fd)
    }
}

impl HostDirectoryEntryStream for WatchedView<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> Answer<Option<DirectoryEntry>> {
        self.0.filesystem().read_directory_entry(stream).await
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        self.0.directory_streams = self.0.directory_streams.saturating_sub(1);
        HostDirectoryEntryStream::drop(&mut self.0.filesystem(), stream)
    }
}
