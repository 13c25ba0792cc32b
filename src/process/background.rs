//! A program that runs beside this one until it is told to end: the daemon that a demonstration
//! plays against.

use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::Child;

use super::command::{CommandError, Spec};

/// A program under way, in a process group of its own. Dropping it kills the group.
#[derive(Debug)]
pub struct Background {
    child: Child,
    pid: Pid,
    is_gone: bool,
}

impl Background {
    /// Starts a program; what it says on both outputs is appended to `log`. Time and output
    /// bounds of `spec` are not looked at.
    #[expect(clippy::disallowed_methods, reason = "a module of those that spawn")]
    pub fn start(spec: &Spec, log: &File) -> Result<Self, CommandError> {
        let (program, words) = spec.argv.split_first().ok_or(CommandError::Empty)?;
        let name = program.to_string_lossy().into_owned();
        let failed = |source| CommandError::NotStarted { program: name.clone(), source };
        let child = tokio::process::Command::new(program)
            .args(words)
            .env_clear()
            .envs(&spec.env)
            .current_dir(spec.cwd.as_deref().unwrap_or_else(|| "/".as_ref()))
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log.try_clone().map_err(failed)?)
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let pid = pid.ok_or_else(|| failed(io::Error::other("it has no number")))?;
        Ok(Self { child, pid, is_gone: false })
    }

    /// Asks it to end, by SIGTERM.
    pub fn terminate(&self) -> io::Result<()> {
        Ok(kill_process(self.pid, Signal::TERM)?)
    }

    /// Kills it, by SIGKILL, and it alone: what it started is left to itself. Returns once it is
    /// gone.
    pub async fn kill(&mut self) -> io::Result<ExitStatus> {
        kill_process(self.pid, Signal::KILL)?;
        self.ended().await
    }

    /// Waits for it to end.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        self.is_gone = true;
        Ok(status)
    }

    /// Says how it ended, if it has.
    pub fn has_ended(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.child.try_wait()?;
        self.is_gone |= status.is_some();
        Ok(status)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if !self.is_gone {
            // It has not been waited for, so that its number is still its own.
            kill_process_group(self.pid, Signal::KILL).ok();
        }
    }
}

/// Says whether a signal ended a program, and which.
pub fn signal(status: ExitStatus) -> Option<i32> {
    status.signal()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(script: &str) -> (Background, tempfile::NamedTempFile) {
        let log = tempfile::NamedTempFile::new().unwrap();
        let spec = Spec::new(["/bin/sh", "-c", script]);
        (Background::start(&spec, log.as_file()).unwrap(), log)
    }

    #[tokio::test]
    async fn what_it_says_is_in_the_log() {
        let (mut program, log) = start("echo one; echo two >&2");
        assert!(program.ended().await.unwrap().success());
        assert_eq!(std::fs::read_to_string(log.path()).unwrap(), "one\ntwo\n");
    }

    #[tokio::test]
    async fn it_can_be_killed_and_asked_to_end() {
        let (mut program, _log) = start("sleep 600");
        assert_eq!(signal(program.kill().await.unwrap()), Some(9));
        let (mut program, _log) = start("exec sleep 600");
        program.terminate().unwrap();
        assert_eq!(signal(program.ended().await.unwrap()), Some(15));
    }
}
