//! Running a short helper program to its end: closed environment, bounded time, bounded output.
//!
//! The program gets a process group of its own, which is killed when the program has ended, when
//! time is up, when it says too much, and when the caller drops the future. A helper that leaves
//! its group escapes that, so this is for programs that are trusted (`git`); what an intent names
//! goes through the supervisor instead.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin};

use super::pidfd::{Watched, pid};

/// Bytes of the error output that are kept; the rest is read and dropped.
const KEPT_STDERR: usize = 64 * 1024;

/// What to run, and within which bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The program, then its words; no shell is involved. A first word without `/` is looked up
    /// on the `PATH` of `env`.
    pub argv: Vec<OsString>,
    /// The whole environment.
    pub env: BTreeMap<OsString, OsString>,
    /// The working directory; `None`: `/`.
    pub cwd: Option<PathBuf>,
    /// What it reads; `None`: nothing.
    pub stdin: Option<Vec<u8>>,
    /// How long it may take.
    pub timeout: Duration,
    /// How many bytes it may write to its standard output.
    pub max_output: usize,
}

impl Spec {
    /// Returns a command with an empty environment, no input, 30 seconds and 1 MiB of output.
    pub fn new<I, S>(argv: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<OsString>,
    {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            env: BTreeMap::new(),
            cwd: None,
            stdin: None,
            timeout: Duration::from_secs(30),
            max_output: 1024 * 1024,
        }
    }

    /// Adds a variable to the environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn cwd(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cwd = Some(folder.into());
        self
    }

    /// Sets what it reads.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Sets how long it may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how many bytes it may write to its standard output.
    #[must_use]
    pub fn max_output(mut self, bytes: usize) -> Self {
        self.max_output = bytes;
        self
    }

    /// Returns the program's name for messages.
    fn name(&self) -> String {
        self.argv.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// What a program said and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// All of its standard output.
    pub stdout: Vec<u8>,
    /// The first 64 KiB of its error output.
    pub stderr: Vec<u8>,
}

/// Why there is no [`Output`].
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is no program to run.
    #[error("no program is named")]
    Empty,
    /// It could not be started.
    #[error("failed to start {program}: {source}")]
    NotStarted {
        /// Which program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It took too long and was killed.
    #[error("{program} took longer than {} s and was killed", timeout.as_secs_f32())]
    TimedOut {
        /// Which program.
        program: String,
        /// How long it had.
        timeout: Duration,
    },
    /// It wrote too much and was killed.
    #[error("{program} wrote more than {limit} bytes and was killed")]
    TooMuchOutput {
        /// Which program.
        program: String,
        /// How much it might write.
        limit: usize,
    },
    /// Talking to it failed.
    #[error("failed to talk to {program}: {source}")]
    Io {
        /// Which program.
        program: String,
        /// Why.
        source: io::Error,
    },
}

/// Runs a program to its end and returns what it said.
pub async fn run(spec: &Spec) -> Result<Output, CommandError> {
    let mut child = spawn(spec)?;
    let talk = talk(spec, &mut child);
    match tokio::time::timeout(spec.timeout, talk).await {
        Ok(output) => output,
        Err(_) => Err(CommandError::TimedOut { program: spec.name(), timeout: spec.timeout }),
    }
}

/// A child with its process group, killed on drop if it was not seen to end.
struct Group {
    child: Child,
    pid: Option<Pid>,
}

impl Group {
    /// Kills the group. The leader has not been waited for, so that its number is still its own.
    fn kill(&mut self) {
        if let Some(pid) = self.pid.take() {
            // The group may have ended by itself, which is what is wanted.
            kill_process_group(pid, Signal::KILL).ok();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts the program in a group of its own.
#[expect(clippy::disallowed_methods, reason = "this module is where helper programs are spawned")]
fn spawn(spec: &Spec) -> Result<Group, CommandError> {
    let (program, words) = spec.argv.split_first().ok_or(CommandError::Empty)?;
    let stdin = if spec.stdin.is_some() { Stdio::piped() } else { Stdio::null() };
    let child = tokio::process::Command::new(program)
        .args(words)
        .env_clear()
        .envs(&spec.env)
        .current_dir(spec.cwd.as_deref().unwrap_or_else(|| "/".as_ref()))
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|source| CommandError::NotStarted { program: spec.name(), source })?;
    let pid = child.id().and_then(|id| pid(id).ok());
    Ok(Group { child, pid })
}

/// Feeds the program, reads it, waits for it, and ends its group.
async fn talk(spec: &Spec, group: &mut Group) -> Result<Output, CommandError> {
    let io = |source| CommandError::Io { program: spec.name(), source };
    let stdin = group.child.stdin.take();
    let stdout = group.child.stdout.take();
    let stderr = group.child.stderr.take();
    let leader = group.pid.ok_or_else(|| io(std::io::Error::other("it has no number")))?;
    let ended = Watched::new(leader).map_err(io)?;
    let leader = async {
        // The leader is waited for without reaping, so that its group can still be named.
        ended.ended().await.map_err(io)?;
        group.kill();
        group.child.wait().await.map_err(io)
    };
    let read_stdout = async {
        let (bytes, whole) = read_up_to(stdout, spec.max_output, Beyond::Stop).await.map_err(io)?;
        let limit = spec.max_output;
        match whole {
            Whole::Yes => Ok(bytes),
            Whole::No => Err(CommandError::TooMuchOutput { program: spec.name(), limit }),
        }
    };
    let read_stderr =
        async { read_up_to(stderr, KEPT_STDERR, Beyond::Drop).await.map_err(io).map(|it| it.0) };
    let feed = async {
        feed(stdin, spec.stdin.as_deref()).await;
        Ok(())
    };
    let (status, stdout, stderr, ()) = tokio::try_join!(leader, read_stdout, read_stderr, feed)?;
    Ok(Output { status, stdout, stderr })
}

/// Writes all input and closes it. A program that does not read to the end is none of our business.
async fn feed(stdin: Option<ChildStdin>, input: Option<&[u8]>) {
    if let (Some(mut stdin), Some(input)) = (stdin, input) {
        stdin.write_all(input).await.ok();
    }
}

/// What to do with bytes beyond the limit.
#[derive(Clone, Copy)]
enum Beyond {
    Stop,
    Drop,
}

/// Whether everything was kept.
enum Whole {
    Yes,
    No,
}

/// Reads to the end, keeping at most `limit` bytes.
async fn read_up_to(
    from: Option<impl AsyncRead + Unpin>,
    limit: usize,
    beyond: Beyond,
) -> io::Result<(Vec<u8>, Whole)> {
    let mut kept = Vec::new();
    let Some(mut from) = from else { return Ok((kept, Whole::Yes)) };
    let mut piece = vec![0; 16 * 1024];
    let mut whole = Whole::Yes;
    loop {
        let count = from.read(&mut piece).await?;
        if count == 0 {
            return Ok((kept, whole));
        }
        let room = limit - kept.len();
        kept.extend_from_slice(&piece[..count.min(room)]);
        if count > room {
            whole = Whole::No;
            if let Beyond::Stop = beyond {
                return Ok((kept, whole));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Spec {
        Spec::new(["/bin/sh", "-c", script])
    }

    #[tokio::test]
    async fn environment_is_exactly_what_was_given() {
        let output = run(&Spec::new(["/usr/bin/env"]).env("A", "1")).await.unwrap();
        assert_eq!(output.stdout, b"A=1\n");
        assert!(output.status.success());
    }

    #[tokio::test]
    async fn input_reaches_the_program_and_both_outputs_come_back() {
        let output = run(&sh("cat; echo oops >&2; exit 3").stdin("hello")).await.unwrap();
        assert_eq!((output.stdout, output.stderr), (b"hello".to_vec(), b"oops\n".to_vec()));
        assert_eq!(output.status.code(), Some(3));
    }

    #[tokio::test]
    async fn too_much_output_ends_the_program() {
        let error = run(&sh("yes").max_output(1000)).await.unwrap_err();
        assert!(matches!(error, CommandError::TooMuchOutput { limit: 1000, .. }), "{error}");
    }

    #[tokio::test]
    async fn a_program_that_takes_too_long_is_named() {
        let spec = sh("sleep 600").timeout(Duration::from_millis(50));
        let error = run(&spec).await.unwrap_err();
        assert_eq!(error.to_string(), "/bin/sh took longer than 0.05 s and was killed");
    }

    #[tokio::test]
    async fn what_a_program_leaves_in_its_group_does_not_hold_up_the_answer() {
        let spec = sh("sleep 600 & echo done").timeout(Duration::from_secs(60));
        assert_eq!(run(&spec).await.unwrap().stdout, b"done\n");
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let error = run(&Spec::new(["/nowhere/at/all"])).await.unwrap_err();
        assert!(error.to_string().starts_with("failed to start /nowhere/at/all: "), "{error}");
    }
}
