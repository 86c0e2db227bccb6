//! `wasi:filesystem@0.2` with `/tmp` in it: what takes space there is paid for, and all else is as the library has it.
//!
//! This module knows which calls take space on a disk. It must never know how files are opened, read or written.

use super::{Full, Payment, Space};
use crate::Host;
use bytes::Bytes;
use std::sync::Arc;
use types::{
    Advice, Descriptor, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, DirectoryEntryStream, ErrorCode, Filesize,
    HostDescriptor, HostDirectoryEntryStream, MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::WasiFilesystemView as _;
use wasmtime_wasi::p2::bindings::filesystem::{preopens, types};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult, OutputStream, Pollable, StreamError, StreamResult};
use wasmtime_wasi::{WasiCtxView, WasiView};

impl Host {
    fn space(&self) -> Option<&Arc<Space>> {
        self.tmp.as_ref().map(|tmp| &tmp.space)
    }

    fn take_entry(&self) -> FsResult<()> {
        self.space().map_or(Ok(()), |space| space.take_entry().map_err(FsError::from))
    }

    /// Has what is written to a stream paid for.
    fn paid(&mut self, stream: Resource<DynOutputStream>, at: Filesize) -> FsResult<Resource<DynOutputStream>> {
        let Some(space) = self.space().cloned() else { return Ok(stream) };
        let stream = self.table.delete(stream)?;
        let paid: DynOutputStream = Box::new(Paid { stream, payment: Payment::from(space, at) });
        Ok(self.table.push(paid)?)
    }
}

impl preopens::Host for Host {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let mut directories = preopens::Host::get_directories(&mut self.filesystem())?;
        if let Some(tmp) = &mut self.tmp {
            let mut view = View(WasiCtxView { ctx: &mut tmp.wasi, table: &mut self.table });
            directories.extend(preopens::Host::get_directories(&mut view.filesystem())?);
        }
        Ok(directories)
    }
}

impl types::Host for Host {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        self.filesystem().convert_error_code(error)
    }

    fn filesystem_error_code(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<ErrorCode>> {
        if self.table.get(&error)?.is::<Full>() {
            return Ok(Some(ErrorCode::Quota));
        }
        types::Host::filesystem_error_code(&mut self.filesystem(), error)
    }
}

/// Calls that take no space, or none that was not paid for.
macro_rules! as_they_are {
    ($($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        $(async fn $name(&mut self, $($argument: $type),*) -> $answer {
            HostDescriptor::$name(&mut self.filesystem(), $($argument),*).await
        })*
    };
}

impl HostDescriptor for Host {
    as_they_are! {
        advise(file: Resource<Descriptor>, offset: Filesize, length: Filesize, advice: Advice) -> FsResult<()>;
        get_flags(file: Resource<Descriptor>) -> FsResult<DescriptorFlags>;
        get_type(file: Resource<Descriptor>) -> FsResult<DescriptorType>;
        is_same_object(one: Resource<Descriptor>, other: Resource<Descriptor>) -> wasmtime::Result<bool>;
        metadata_hash(file: Resource<Descriptor>) -> FsResult<MetadataHashValue>;
        metadata_hash_at(directory: Resource<Descriptor>, flags: PathFlags, path: String) -> FsResult<MetadataHashValue>;
        read(file: Resource<Descriptor>, length: Filesize, offset: Filesize) -> FsResult<(Vec<u8>, bool)>;
        read_directory(directory: Resource<Descriptor>) -> FsResult<Resource<DirectoryEntryStream>>;
        readlink_at(directory: Resource<Descriptor>, path: String) -> FsResult<String>;
        remove_directory_at(directory: Resource<Descriptor>, path: String) -> FsResult<()>;
        rename_at(from: Resource<Descriptor>, path: String, to: Resource<Descriptor>, new_path: String) -> FsResult<()>;
        set_times(file: Resource<Descriptor>, accessed: NewTimestamp, modified: NewTimestamp) -> FsResult<()>;
        set_times_at(directory: Resource<Descriptor>, flags: PathFlags, path: String, accessed: NewTimestamp, modified: NewTimestamp) -> FsResult<()>;
        stat(file: Resource<Descriptor>) -> FsResult<DescriptorStat>;
        stat_at(directory: Resource<Descriptor>, flags: PathFlags, path: String) -> FsResult<DescriptorStat>;
        unlink_file_at(directory: Resource<Descriptor>, path: String) -> FsResult<()>;
    }

    fn read_via_stream(&mut self, file: Resource<Descriptor>, offset: Filesize) -> FsResult<Resource<DynInputStream>> {
        self.filesystem().read_via_stream(file, offset)
    }

    fn write_via_stream(&mut self, file: Resource<Descriptor>, offset: Filesize) -> FsResult<Resource<DynOutputStream>> {
        let stream = self.filesystem().write_via_stream(file, offset)?;
        self.paid(stream, offset)
    }

    fn append_via_stream(&mut self, file: Resource<Descriptor>) -> FsResult<Resource<DynOutputStream>> {
        let stream = self.filesystem().append_via_stream(file)?;
        // Wherever in a block the file ends: what is appended touches as many new ones at most.
        self.paid(stream, 0)
    }

    async fn write(&mut self, file: Resource<Descriptor>, bytes: Vec<u8>, offset: Filesize) -> FsResult<Filesize> {
        if let Some(space) = self.space() {
            Payment::from(space.clone(), offset).pay(bytes.len() as u64)?;
        }
        self.filesystem().write(file, bytes, offset).await
    }

    async fn set_size(&mut self, file: Resource<Descriptor>, bytes: Filesize) -> FsResult<()> {
        if let Some(space) = self.space() {
            space.take(bytes)?;
        }
        self.filesystem().set_size(file, bytes).await
    }

    async fn sync(&mut self, file: Resource<Descriptor>) -> FsResult<()> {
        // Nothing here outlives its request, so no guest has the disk wait, on which others wait as well.
        self.table.get(&file)?;
        Ok(())
    }

    async fn sync_data(&mut self, file: Resource<Descriptor>) -> FsResult<()> {
        self.sync(file).await
    }

    async fn open_at(
        &mut self,
        directory: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        if open_flags.contains(OpenFlags::CREATE) {
            let same = Resource::new_borrow(directory.rep());
            if self.stat_at(same, path_flags, path.clone()).await.is_err() {
                self.take_entry()?;
            }
        }
        self.filesystem().open_at(directory, path_flags, path, open_flags, flags).await
    }

    async fn create_directory_at(&mut self, directory: Resource<Descriptor>, path: String) -> FsResult<()> {
        self.take_entry()?;
        self.filesystem().create_directory_at(directory, path).await
    }

    async fn link_at(
        &mut self,
        from: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        to: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        self.take_entry()?;
        self.filesystem().link_at(from, flags, path, to, new_path).await
    }

    async fn symlink_at(&mut self, directory: Resource<Descriptor>, target: String, path: String) -> FsResult<()> {
        self.take_entry()?;
        self.filesystem().symlink_at(directory, target, path).await
    }

    fn drop(&mut self, file: Resource<Descriptor>) -> wasmtime::Result<()> {
        HostDescriptor::drop(&mut self.filesystem(), file)
    }
}

impl HostDirectoryEntryStream for Host {
    async fn read_directory_entry(&mut self, stream: Resource<DirectoryEntryStream>) -> FsResult<Option<DirectoryEntry>> {
        self.filesystem().read_directory_entry(stream).await
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        HostDirectoryEntryStream::drop(&mut self.filesystem(), stream)
    }
}

impl From<Full> for FsError {
    fn from(_: Full) -> Self {
        ErrorCode::Quota.into()
    }
}

/// Lends a context of its own to the library.
struct View<'a>(WasiCtxView<'a>);

impl WasiView for View<'_> {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: self.0.ctx, table: self.0.table }
    }
}

/// A stream into a file that is paid for.
struct Paid {
    stream: DynOutputStream,
    payment: Payment,
}

impl Paid {
    fn pay(&mut self, bytes: &Bytes) -> StreamResult<()> {
        self.payment.pay(bytes.len() as u64).map_err(|full| StreamError::LastOperationFailed(full.into()))
    }
}

#[async_trait::async_trait]
impl OutputStream for Paid {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.pay(&bytes)?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.stream.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.stream.check_write()
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.pay(&bytes)?;
        self.stream.blocking_write_and_flush(bytes).await
    }

    async fn cancel(&mut self) {
        self.stream.cancel().await;
    }
}

#[async_trait::async_trait]
impl Pollable for Paid {
    async fn ready(&mut self) {
        self.stream.ready().await;
    }
}
