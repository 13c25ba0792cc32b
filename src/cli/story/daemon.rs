//! The built binary as child processes: the daemon, and commands beside it.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use url::Url;

use super::transcript::StepError;
use crate::process::background::Background;
use crate::process::command::{Output, Spec, run};
use crate::web::host_api::Status;

/// The binary with a settings file.
pub struct Binary {
    program: PathBuf,
    config: PathBuf,
    log: File,
    daemon: Option<Background>,
    console: SocketAddr,
}

impl Binary {
    /// Takes a program and the settings it runs with; the daemon's log is appended to `log`.
    pub fn new(program: &Path, config: &Path, log: &Path) -> Result<Self, StepError> {
        let log = File::options().create(true).append(true).open(log).map_err(StepError::broken)?;
        let (program, config) = (program.to_owned(), config.to_owned());
        let console = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Ok(Self { program, config, log, daemon: None, console })
    }

    /// Starts the daemon and waits until it answers on its socket.
    pub async fn start(&mut self) -> Result<(), StepError> {
        let spec = self.spec(&["serve"]);
        self.daemon = Some(Background::start(&spec, &self.log).map_err(StepError::broken)?);
        let mut seen = String::new();
        for _ in 0..300 {
            if let Some(daemon) = &mut self.daemon
                && let Some(status) = daemon.has_ended().map_err(StepError::broken)?
            {
                return Err(StepError::Broken(format!("the daemon ended at once: {status}")));
            }
            let output = self.command(&["source", "status"]).await?;
            if output.status.code().is_some_and(|code| code < 2) && output.stderr.is_empty() {
                let status: Status = self.json(&["status", "--json"]).await?;
                let url = Url::parse(&status.console).map_err(StepError::broken)?;
                self.console.set_port(url.port_or_known_default().unwrap_or_default());
                return Ok(());
            }
            seen = String::from_utf8_lossy(&output.stderr).into_owned();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(StepError::Broken(format!("the daemon did not come up: {}", seen.trim())))
    }

    /// Returns where the console listens; another port after each start.
    pub fn console(&self) -> SocketAddr {
        self.console
    }

    /// Asks the daemon to end and waits until it has.
    pub async fn stop(&mut self) -> Result<(), StepError> {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.terminate().map_err(StepError::broken)?;
            tokio::time::timeout(Duration::from_secs(20), daemon.ended())
                .await
                .map_err(|_| StepError::Broken("the daemon does not stop".to_owned()))?
                .map_err(StepError::broken)?;
        }
        Ok(())
    }

    /// Kills the daemon with SIGKILL, and nothing else.
    pub async fn kill(&mut self) -> Result<(), StepError> {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().await.map_err(StepError::broken)?;
        }
        Ok(())
    }

    /// Runs a command of the binary to its end.
    pub async fn command(&self, words: &[&str]) -> Result<Output, StepError> {
        let spec = self.spec(words).max_output(16 * 1024 * 1024);
        run(&spec).await.map_err(StepError::broken)
    }

    /// Runs a command that prints JSON.
    pub async fn json<T: DeserializeOwned>(&self, words: &[&str]) -> Result<T, StepError> {
        let output = self.command(words).await?;
        serde_json::from_slice(&output.stdout).map_err(|error| {
            let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            StepError::Broken(format!("tribune {}: {told} ({error})", words.join(" ")))
        })
    }

    fn spec(&self, words: &[&str]) -> Spec {
        let mut argv = vec![self.program.clone().into_os_string()];
        argv.extend(words.iter().map(Into::into));
        argv.extend(["--config".into(), self.config.clone().into_os_string()]);
        Spec::new(argv).env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", "/nonexistent")
    }
}
