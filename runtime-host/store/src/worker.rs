//! A thread that is waited for. It knows how to start and join one; it must never know what runs on it.

use crate::StoreError;
use std::thread::{Builder, JoinHandle, Thread};

/// A named thread that is joined when this is dropped. Its work must end when its queue is closed, so the owner declares the
/// queue before the worker: fields are dropped in their order.
pub(crate) struct Worker(Option<JoinHandle<()>>);

impl Worker {
    pub(crate) fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<Worker, StoreError> {
        Builder::new().name(name.to_owned()).spawn(work).map(|handle| Worker(Some(handle))).map_err(StoreError::Thread)
    }

    /// The thread, to wake it.
    pub(crate) fn thread(&self) -> Option<&Thread> {
        self.0.as_ref().map(JoinHandle::thread)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take()
            && handle.join().is_err()
        {
            tracing::error!("a database thread ended in a panic");
        }
    }
}
