//! What has happened in the sample team's policy repo before the demonstration begins.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::town::{Files, Merge, Town};
use crate::domain::id::PersonId;
use crate::ports::clock::Clock;
use crate::source::workbench::{Content, WorkbenchError};

/// A pull request that was merged: title, label, the command it names, author, merger, and the
/// file it changes with what is appended to it.
struct Past {
    title: &'static str,
    label: &'static str,
    run: &'static str,
    author: &'static str,
    merger: &'static str,
    file: &'static str,
    line: &'static str,
}

/// The pull request that the demonstration proposes to cite.
pub const CITED: (u64, &str) = (2, "restart-service on web-staging service=nginx");

const PASTS: &[Past] = &[
    Past {
        title: "Rotate the logs of web-staging",
        label: "ops/logs",
        run: "rotate-logs on web-staging",
        author: "radia",
        merger: "linus",
        file: "playbooks/files/journal.md",
        line: "- logs of web-staging grow faster since the new tracing\n",
    },
    Past {
        title: "Restart nginx on web-staging for the new certificate",
        label: "ops/restart",
        run: CITED.1,
        author: "radia",
        merger: "grace",
        file: "playbooks/files/journal.md",
        line: "- certificate of web-staging renewed\n",
    },
    Past {
        title: "Say in the motd who to ask",
        label: "ops/motd",
        run: "sync-motd on web-staging",
        author: "ken",
        merger: "margaret",
        file: "playbooks/files/motd",
        line: "Questions: ask in #general.\n",
    },
    Past {
        title: "Deploy v1.4.2 to web-staging",
        label: "ops/deploy",
        run: "deploy-app on web-staging release=v1.4.2",
        author: "margaret",
        merger: "linus",
        file: "playbooks/files/journal.md",
        line: "- v1.4.2 goes to staging\n",
    },
];

/// Writes the policy repo and its history into `folder`.
pub fn write(folder: &Path, files: Files, clock: Arc<dyn Clock>) -> Result<(), WorkbenchError> {
    let mut town = Town::found(folder, files, &person("ada"), clock)?;
    for past in PASTS {
        let before = town.text(past.file).unwrap_or_default();
        let path = past.file.parse().expect("the files of the history have plain names");
        let content = Content::text(format!("{before}{}", past.line));
        town.merge(Merge {
            title: past.title,
            labels: &[past.label],
            run: Some(past.run),
            author: &person(past.author),
            merger: &person(past.merger),
            files: BTreeMap::from([(path, Some(content))]),
        })?;
    }
    Ok(())
}

fn person(name: &str) -> PersonId {
    name.parse().expect("the people of the history have plain names")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::diagnose;
    use crate::cli::shipped;
    use crate::clock::SystemClock;

    #[test]
    fn the_history_ends_in_a_policy_repo_that_would_be_applied() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), shipped::files(), Arc::new(SystemClock)).unwrap();
        let found = diagnose(folder.path()).unwrap();
        assert!(found.is_empty(), "{found:?}");
        let motd = std::fs::read_to_string(folder.path().join("playbooks/files/motd")).unwrap();
        assert!(motd.ends_with("Questions: ask in #general.\n"));
    }
}
