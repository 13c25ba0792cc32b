//! Whether policy repos can be fetched.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::Finding;
use crate::process::command::{Spec, run};
use crate::settings::{Origin, Settings};
use crate::source::Remote;

const WHAT: &str = "git";

/// Looks whether the `git` program is there; it is the only transport.
pub async fn program(path: &[PathBuf]) -> Finding {
    let hint = "install it, on Debian with `apt install git`";
    let Ok(joined) = std::env::join_paths(path) else {
        return Finding::bad(WHAT, "exec.path holds a folder with a colon", "rename that folder");
    };
    let spec = Spec::new(["git", "--version"]).env("PATH", joined).timeout(Duration::from_secs(5));
    match run(&spec).await {
        Ok(output) if output.status.success() => {
            let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            Finding::good(WHAT, version)
        }
        Ok(output) => {
            Finding::bad(WHAT, format!("git --version ended with {}", output.status), hint)
        }
        Err(error) => Finding::bad(WHAT, error.to_string(), hint),
    }
}

/// Looks whether the policy repo is where settings say; a remote one is not contacted.
pub async fn repository(settings: &Settings) -> Finding {
    let path = match &settings.source.origin {
        Origin::Remote(url) => {
            // Shown without the credentials it may hold.
            let shown =
                Remote::parse(url).map_or_else(|error| error.to_string(), |it| it.to_string());
            return Finding::good("source", format!("{shown}; `tribune reconcile` fetches it"));
        }
        Origin::Local(path) => path,
    };
    let shown = path.display();
    let branch = &settings.source.branch;
    let Ok(joined) = std::env::join_paths(&settings.exec.path) else {
        return Finding::bad(
            "source",
            "exec.path holds a folder with a colon",
            "rename that folder",
        );
    };
    let words = ["git", "rev-parse", "--verify", "--quiet"].map(OsString::from);
    let spec = Spec::new(words.into_iter().chain([format!("refs/heads/{branch}").into()]))
        .env("PATH", joined)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .cwd(path);
    match run(&spec).await {
        Ok(output) if output.status.success() => {
            Finding::good("source", format!("{shown} branch {branch}"))
        }
        Ok(output) if output.status.code() == Some(1) => Finding::bad(
            "source",
            format!("{shown} has no branch {branch}"),
            "commit something on it, or set source.branch",
        ),
        Ok(output) => Finding::bad(
            "source",
            format!("{shown}: {}", String::from_utf8_lossy(&output.stderr).trim()),
            "make it a repository of this user with `git init -b main`, `git add .`, `git commit`",
        ),
        Err(error) => Finding::bad("source", format!("{shown}: {error}"), "see source.path"),
    }
}
