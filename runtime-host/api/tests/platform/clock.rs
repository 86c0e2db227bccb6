//! Time that passes only when a test says so, while sockets go on as ever.
//!
//! It knows the clock. It must never know what waits for it.

use std::sync::mpsc;
use std::time::Duration;
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::{advance, pause, resume};

/// The clock, which goes on by itself again when this is dropped.
pub(crate) struct Clock {
    _held: mpsc::Sender<()>,
}

impl Clock {
    pub(crate) fn stop() -> Clock {
        pause();
        let (held, holds) = mpsc::channel::<()>();
        // While a thread is at work, a paused clock does not go on when all tasks wait.
        spawn_blocking(move || holds.recv());
        Clock { _held: held }
    }

    /// So many seconds pass, one after the other, and everybody does what they do then.
    pub(crate) async fn pass(&self, seconds: u64) {
        self.settle().await;
        for _ in 0..seconds {
            advance(Duration::from_secs(1)).await;
            self.settle().await;
        }
    }

    /// No time passes, and everybody does what there is to do.
    pub(crate) async fn settle(&self) {
        for _ in 0..20 {
            std::thread::sleep(Duration::from_micros(100));
            yield_now().await;
        }
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        resume();
    }
}
