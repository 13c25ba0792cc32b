//! Waiting for a process to end without reaping it, so that its number stays its own.

use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::io::unix::AsyncFd;

/// A process that can be waited for.
#[derive(Debug)]
pub(super) struct Watched(AsyncFd<OwnedFd>);

impl Watched {
    /// Watches a child of this process that was not reaped yet.
    #[expect(deprecated, reason = "its successor is unsafe; an OwnedFd keeps its descriptor open")]
    pub(super) fn new(pid: Pid) -> io::Result<Self> {
        AsyncFd::new(pidfd_open(pid, PidfdFlags::NONBLOCK)?).map(Self)
    }

    /// Returns once the process has ended.
    pub(super) async fn ended(&self) -> io::Result<()> {
        self.0.readable().await.map(|mut ready| ready.retain_ready())
    }
}

/// Returns the number of a child as the kernel calls take it.
pub(super) fn pid(id: u32) -> io::Result<Pid> {
    i32::try_from(id)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::other(format!("{id} is no process number")))
}
