//! The daemon's side of a supervised run: starting it, following it, ending it.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::Child;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{mpsc, oneshot};

use super::lock;
use super::wire::{End, Event, Spec, line};

/// How long a reader of output may make a run wait before output is lost.
const PATIENCE: Duration = Duration::from_secs(2);

/// Largest piece of output.
const PIECE: usize = 16 * 1024;

/// Starts supervisors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launcher {
    program: PathBuf,
}

impl Launcher {
    /// Starts `program`, which must be a `tribune` of the same build.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into() }
    }
}

impl Default for Launcher {
    /// Starts the program that this process runs, even if its file was replaced since.
    fn default() -> Self {
        Self::new("/proc/self/exe")
    }
}

/// A run under way.
pub struct Supervised {
    /// Resolves once nothing of the run's tree is left. The run goes on if it is not polled.
    pub finished: BoxFuture<'static, End>,
    /// Sending or dropping ends the run.
    pub cancel: oneshot::Sender<()>,
}

impl Launcher {
    /// Starts a run whose lock is the file `lock`. Raw output goes to `output` in order; a reader
    /// that does not keep up for two seconds loses some, and is told how much.
    ///
    /// # Errors
    ///
    /// If the lock is taken or the supervisor cannot be started; then nothing was started.
    pub async fn start(
        &self,
        spec: &Spec,
        lock: &Path,
        output: mpsc::Sender<Bytes>,
    ) -> io::Result<Supervised> {
        let (ours, theirs) = StdUnixStream::pair()?;
        let (reader, writer) = io::pipe()?;
        let held = lock::take(lock, &spec.view.work)?;
        let child = self.spawn(theirs, writer, held)?;
        ours.set_nonblocking(true)?;
        let (events, mut lifeline) = UnixStream::from_std(ours)?.into_split();
        lifeline.write_all(&line(spec)?).await?;
        let (cancel, cancelled) = oneshot::channel();
        let from = pipe::Receiver::from_owned_fd(reader.into())?;
        let pump = tokio::spawn(pump(from, output, PATIENCE));
        let run = Following {
            child,
            events: BufReader::new(events).lines(),
            lifeline,
            lock: lock.to_owned(),
        };
        let followed = tokio::spawn(async move {
            let end = run.follow(cancelled).await;
            // Every writer is gone, unless a run gave its output to a process outside its tree.
            tokio::time::timeout(PATIENCE * 2, pump).await.ok();
            end
        });
        let finished = followed.map(|end| end.unwrap_or(End::Lost)).boxed();
        Ok(Supervised { finished, cancel })
    }

    /// Spawns the supervisor with its three descriptors.
    #[expect(clippy::disallowed_methods, reason = "this module is where supervisors are spawned")]
    fn spawn(
        &self,
        lifeline: StdUnixStream,
        output: io::PipeWriter,
        lock: fs::File,
    ) -> io::Result<Child> {
        tokio::process::Command::new(&self.program)
            .arg(super::SUPERVISE)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(lifeline)))
            .stdout(Stdio::from(output))
            .stderr(Stdio::from(lock))
            .kill_on_drop(false)
            .spawn()
    }
}

/// What is needed to follow a run to its end.
struct Following {
    child: Child,
    events: Lines<BufReader<OwnedReadHalf>>,
    lifeline: OwnedWriteHalf,
    lock: PathBuf,
}

impl Following {
    /// Follows the run until nothing of it is left.
    async fn follow(mut self, mut cancelled: oneshot::Receiver<()>) -> End {
        let mut end = None;
        let mut open = true;
        loop {
            tokio::select! {
                line = self.events.next_line() => match line {
                    Ok(Some(line)) => match serde_json::from_str(&line) {
                        Ok(Event::Ended(how)) => end = Some(how),
                        Ok(Event::Started { .. }) => {}
                        Err(error) => tracing::warn!(%error, "a supervisor said nonsense"),
                    },
                    Ok(None) | Err(_) => break,
                },
                _ = &mut cancelled, if open => {
                    open = false;
                    // A supervisor that is gone already needs no telling.
                    self.lifeline.shutdown().await.ok();
                }
            }
        }
        // The socket closes when the supervisor ends, which it does after its tree.
        if let Err(error) = self.child.wait().await {
            tracing::warn!(%error, "a supervisor cannot be waited for");
        }
        if end.is_none() {
            tracing::error!(lock = %self.lock.display(), "a supervisor died; killing what it left");
            self.clean_up().await;
        }
        if let Err(error) = fs::remove_file(&self.lock) {
            tracing::warn!(%error, lock = %self.lock.display(), "a run's lock cannot be removed");
        }
        end.unwrap_or(End::Lost)
    }

    /// Kills what a supervisor that died left behind. The run is not over before that is done.
    async fn clean_up(&self) {
        while let Err(error) = lock::sweep(&self.lock).await {
            tracing::error!(%error, lock = %self.lock.display(), "processes of a run do not end");
            if error.kind() != io::ErrorKind::TimedOut {
                return;
            }
        }
    }
}

/// Hands output on until every writer is gone. The run waits for a slow reader, but only so long.
async fn pump(mut from: impl AsyncRead + Unpin, to: mpsc::Sender<Bytes>, most: Duration) {
    let mut lost = 0;
    loop {
        let mut piece = BytesMut::with_capacity(PIECE);
        match from.read_buf(&mut piece).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        if lost > 0 && to.try_send(notice(lost)).is_ok() {
            lost = 0;
        }
        let patience = if lost > 0 { Duration::ZERO } else { most };
        match to.send_timeout(piece.freeze(), patience).await {
            Ok(()) => {}
            // Nobody listens any more; the run must not notice.
            Err(SendTimeoutError::Closed(_)) => {}
            Err(SendTimeoutError::Timeout(piece)) => lost += piece.len(),
        }
    }
    if lost > 0 {
        // A reader that still does not read cannot be told.
        to.send_timeout(notice(lost), most).await.ok();
    }
}

/// Returns the line that stands where output was lost.
fn notice(lost: usize) -> Bytes {
    format!("\n[tribune: {lost} bytes of output were lost, the reader was too slow]\n").into()
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn a_reader_that_comes_back_is_told_how_much_it_missed() {
        const ALL: usize = 6 * PIECE;
        let (mut into, from_run) = tokio::io::duplex(PIECE);
        let (to, mut from) = mpsc::channel(2);
        let pump = pump(from_run, to, Duration::from_millis(20));
        let read = async {
            // It is not all taken before two pieces filled the channel and the next was given up.
            into.write_all(&[b'x'; ALL]).await.unwrap();
            drop(into);
            let mut all = Vec::new();
            while let Some(piece) = from.recv().await {
                all.extend_from_slice(&piece);
            }
            String::from_utf8(all).unwrap()
        };
        let ((), all) = tokio::join!(pump, read);
        let kept = all.matches('x').count();
        let told = all.split("[tribune: ").skip(1).map(|notice| {
            let (lost, _) = notice.split_once(" bytes of output were lost").unwrap();
            lost.parse::<usize>().unwrap()
        });
        assert!(kept < ALL, "nothing was lost");
        assert_eq!(kept + told.sum::<usize>(), ALL);
    }
}
