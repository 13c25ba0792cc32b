//! The supervisor: a process of its own that keeps one run within its limits and outlives the
//! daemon by as long as it takes to kill it.
//!
//! `tribune __supervise` is this binary started anew by the daemon. Its standard input is the
//! *lifeline*, one end of a socket pair: first the daemon sends the spec, then it keeps its end
//! open for as long as the run may go on. When that end closes, by intent (cancel) or because the
//! daemon died, the tree is killed. This holds whatever thread or process of the daemon dies, and
//! that is why the parent-death signal is not used: it follows the thread that forked. Events go
//! back over the same socket. Standard output is the pipe that the run writes to; standard error
//! is the run's lock (see `lock`), held by being open.
//!
//! Everything the run starts stays below this process, which is a child subreaper, so the tree can
//! be counted and killed whatever it does with sessions and forks. Memory and processes are
//! counted every [`PERIOD`] and more often close to a limit, never for more than a tenth of the
//! time. Between two looks a tree may exceed its limits; the limit is on what it can keep, not on
//! what it can touch.
//!
//! Signals that ask to end are not followed: when a service manager sends them to everybody, the
//! daemon decides what becomes of its runs, and tells by the lifeline.

use std::fs::File;
use std::future::Future;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::pin::Pin;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use rustix::process::{
    Pid, WaitStatus, getpid, getpriority_process, set_child_subreaper, setpriority_process, setsid,
};
use rustix::stdio::{stdin, stdout};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep, sleep_until};

use super::cgroup::{self, Caps, Group};
use super::pidfd::{Watched, pid};
use super::tree;
use super::wire::{Command, End, Event, Job, Limits, Spec, line};

/// How often the tree is counted.
const PERIOD: Duration = Duration::from_millis(100);

/// How often once it uses half of a limit.
const CLOSE: Duration = Duration::from_millis(10);

/// Tasks (processes and threads) that the kernel lets a run have for each process that its limits
/// allow. It is beyond what the count allows, and only there so that a fork bomb cannot take the
/// machine between two looks.
const TASKS: u64 = 8;

/// Runs the supervisor to its end.
pub(super) fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(supervise())) {
        Ok(()) => ExitCode::SUCCESS,
        // The daemon sees the lifeline close without a word and cleans up.
        Err(_) => ExitCode::FAILURE,
    }
}

/// Receives a spec, runs it, and says how it ended.
async fn supervise() -> io::Result<()> {
    close_fds::set_fds_cloexec(3, &[]);
    let socket = StdUnixStream::from(stdin().try_clone_to_owned()?);
    socket.set_nonblocking(true)?;
    let (lifeline, events) = UnixStream::from_std(socket)?.into_split();
    let mut lifeline = BufReader::new(lifeline);
    let mut text = String::new();
    lifeline.read_line(&mut text).await?;
    // Half a line is no JSON: a daemon that died while it spoke started nothing.
    let spec: Spec = serde_json::from_str(&text)?;
    setsid()?;
    set_child_subreaper(Some(getpid()))?;
    let _deaf = deaf()?;
    let deadline = Instant::now() + spec.limits.timeout;
    let nice = getpriority_process(None)?;
    // Only root may; it keeps a fork bomb from taking the time that is needed to end it.
    setpriority_process(None, -20).ok();
    let page = tree::page_size();
    let tasks = u64::from(spec.limits.processes) * TASKS;
    let caps = Caps { tasks, memory: spec.limits.memory.saturating_add(spec.limits.memory / 4) };
    let group = Group::make(cgroup::RUN, caps);
    for folder in group.iter().flat_map(Group::folders) {
        // Standard error is the lock: whoever cleans up after this process finds them there.
        writeln!(io::stderr(), "{}", folder.display())?;
    }
    let mut supervisor = Supervisor { lifeline, events, deadline, page, nice, group, main: None };
    let end = supervisor.run_all(&spec).await;
    if let Some(group) = supervisor.group.take() {
        group.remove();
    }
    supervisor.tell(&Event::Ended(end)).await;
    Ok(())
}

/// Takes the signals that would end this process, for as long as the result lives.
fn deaf() -> io::Result<Vec<Signal>> {
    [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::hangup(),
        SignalKind::quit(),
        SignalKind::user_defined1(),
        SignalKind::user_defined2(),
        SignalKind::alarm(),
    ]
    .into_iter()
    .map(signal)
    .collect()
}

/// The state of one run.
struct Supervisor {
    lifeline: BufReader<OwnedReadHalf>,
    events: OwnedWriteHalf,
    deadline: Instant,
    page: u64,
    /// The priority that runs have; the supervisor's own is higher where it may be.
    nice: i32,
    /// A stop behind the counting, where the machine lets there be one.
    group: Option<Group>,
    /// The main process of the present command, and its status once it was reaped.
    main: Option<(Pid, Option<WaitStatus>)>,
}

/// What became of a command that was started, or not.
enum Ended {
    /// By itself.
    ByItself,
    /// The sandbox said why it could not start it.
    NotStarted(String),
    /// For a reason of the run's.
    Killed(End),
}

impl Supervisor {
    /// Runs the commands in order; the first that fails ends the run.
    async fn run_all(&mut self, spec: &Spec) -> End {
        let mut codes = Vec::new();
        for (index, command) in spec.commands.iter().enumerate() {
            let ended = match self.run_one(index, command, spec).await {
                Ok(ended) => ended,
                Err(error) => Ended::NotStarted(error.to_string()),
            };
            // Whatever the command left behind goes before anything else is done or said.
            let main = &mut self.main;
            tree::kill_all(|pid, status| note(main, pid, status));
            if self.group.as_ref().is_some_and(Group::ran_out_of_memory) {
                return End::Memory { command: index };
            }
            match ended {
                Ended::Killed(end) => return end,
                Ended::NotStarted(why) => return End::NotStarted { command: index, why },
                Ended::ByItself => {}
            }
            match self.main.take().and_then(|(_, status)| status) {
                Some(status) => match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) if code == 0 || command.accepted.contains(&code) => {
                        codes.push(code);
                    }
                    (Some(code), _) => return End::Exited { command: index, code },
                    (None, Some(signal)) => return End::Signalled { command: index, signal },
                    (None, None) => return End::Lost,
                },
                None => return End::Lost,
            }
        }
        End::Done { codes }
    }

    /// Starts one command and watches it until it ends or must be ended.
    async fn run_one(&mut self, index: usize, command: &Command, spec: &Spec) -> io::Result<Ended> {
        let (socket, main) = start(&self.job(command, spec))?;
        self.main = Some((main, None));
        let watched = Watched::new(main)?;
        let mut report = std::pin::pin!(report(socket));
        let mut reported = false;
        let mut pause = PERIOD;
        loop {
            tokio::select! {
                why = &mut report, if !reported => {
                    reported = true;
                    match why? {
                        None => self.tell(&Event::Started { command: index }).await,
                        Some(why) => return Ok(Ended::NotStarted(why)),
                    }
                }
                ended = watched.ended() => {
                    ended?;
                    return last_word(report, reported).await;
                }
                // Nothing is said over the lifeline after the spec: anything means its end.
                _ = self.lifeline.read_u8() => return Ok(Ended::Killed(End::Cancelled)),
                () = sleep_until(self.deadline) => return Ok(Ended::Killed(End::TimedOut)),
                () = sleep(pause) => match self.count(index, &spec.limits) {
                    Ok(next) => pause = next,
                    Err(end) => return Ok(Ended::Killed(end)),
                },
            }
        }
    }

    /// Returns what the sandbox is told.
    fn job(&self, command: &Command, spec: &Spec) -> Job {
        Job {
            command: command.clone(),
            env: spec.env.clone(),
            cwd: spec.cwd.clone(),
            view: spec.view.clone(),
            level: spec.level,
            tasks: tree::tasks() + u64::from(spec.limits.processes) * TASKS,
            doors: self.group.as_ref().map(Group::doors).unwrap_or_default(),
            nice: self.nice,
        }
    }

    /// Counts what the tree uses and says when to count again, or which limit it has passed.
    fn count(&mut self, command: usize, limits: &Limits) -> Result<Duration, End> {
        let began = Instant::now();
        let main = &mut self.main;
        tree::reap(|pid, status| note(main, pid, status));
        let usage = tree::usage(self.page);
        if usage.processes > u64::from(limits.processes) {
            return Err(End::Processes { command });
        }
        if usage.memory > limits.memory {
            return Err(End::Memory { command });
        }
        let close = usage.processes * 2 > u64::from(limits.processes)
            || usage.memory.saturating_mul(2) > limits.memory;
        Ok(if close { CLOSE } else { PERIOD }.max(began.elapsed() * 10))
    }

    /// Tells the daemon. If it is gone, the lifeline says so too.
    async fn tell(&mut self, event: &Event) {
        if let Ok(line) = line(event) {
            self.events.write_all(&line).await.ok();
        }
    }
}

/// Keeps the status of the main process when it comes by.
fn note(main: &mut Option<(Pid, Option<WaitStatus>)>, pid: Pid, status: WaitStatus) {
    if let Some((main, kept)) = main
        && *main == pid
    {
        *kept = Some(status);
    }
}

/// Starts the sandbox for a job, and gives it the job.
#[expect(clippy::disallowed_methods, reason = "this module is where the sandbox is spawned")]
fn start(job: &Job) -> io::Result<(StdUnixStream, Pid)> {
    let (ours, theirs) = StdUnixStream::pair()?;
    let output = || stdout().try_clone_to_owned().map(Stdio::from);
    let child = std::process::Command::new("/proc/self/exe")
        .arg(super::SANDBOX)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(output()?)
        .stderr(output()?)
        .spawn()?;
    let main = pid(child.id())?;
    File::from(OwnedFd::from(ours.try_clone()?)).write_all(&line(job)?)?;
    Ok((ours, main))
}

/// Returns why the sandbox could not start the program, or `None` once it has.
async fn report(socket: StdUnixStream) -> io::Result<Option<String>> {
    socket.set_nonblocking(true)?;
    let mut text = String::new();
    UnixStream::from_std(socket)?.read_to_string(&mut text).await?;
    Ok((!text.is_empty()).then_some(text))
}

/// Returns how a command ended whose main process is no more: a reason that the sandbox gave
/// counts, even if it is read only now.
async fn last_word(
    report: Pin<&mut impl Future<Output = io::Result<Option<String>>>>,
    reported: bool,
) -> io::Result<Ended> {
    let why = if reported { None } else { report.await? };
    Ok(why.map_or(Ended::ByItself, Ended::NotStarted))
}
