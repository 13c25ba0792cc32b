//! Noticing that a local repository may have changed.
//!
//! A hint only: the interval of the daemon is the truth, for file watching misses changes on some
//! file systems. So nothing here fails; where watching does not work, there are no hints.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::Remote;

/// The first change is told at once, since a branch moves in one step. What follows within so long,
/// as a push touches several files, is told together.
const TOGETHER: Duration = Duration::from_millis(50);

/// Watches the refs of a local repository.
pub(super) struct Watch {
    hint: Arc<Notify>,
    /// When a change was last told.
    told: Mutex<Option<Instant>>,
    /// Stops watching when dropped; `None`: a remote repository, or one that cannot be watched.
    _watcher: Option<RecommendedWatcher>,
}

impl Watch {
    /// Begins to watch, if the repository is local.
    pub(super) fn start(remote: &Remote) -> Self {
        let hint = Arc::new(Notify::new());
        let watcher = remote.local_path().map(git_folder).and_then(|folder| {
            let hint = Arc::clone(&hint);
            watch(&folder, move || hint.notify_one())
                .inspect_err(|error| {
                    tracing::warn!(%error, "the policy repo cannot be watched; changes show at the next interval");
                })
                .ok()
        });
        Self { hint, told: Mutex::default(), _watcher: watcher }
    }

    /// Waits until something changed.
    pub(super) async fn changed(&self) {
        self.hint.notified().await;
        let before = *self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(left) = before.and_then(|at| TOGETHER.checked_sub(at.elapsed())) {
            sleep(left).await;
        }
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

fn watch(folder: &Path, hint: impl Fn() + Send + 'static) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        match event {
            Ok(event) if !is_about_refs(&event) => {}
            // An error may mean that events were lost.
            Ok(_) | Err(_) => hint(),
        }
    })?;
    // The folder itself holds HEAD and packed-refs; a rename replaces them, so it is watched.
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    watcher.watch(&folder.join("refs/heads"), RecursiveMode::Recursive)?;
    Ok(watcher)
}

/// Says whether an event may mean that a branch moved. Reading (our own fetch does) is none.
fn is_about_refs(event: &Event) -> bool {
    if event.kind.is_access() {
        return false;
    }
    event.paths.is_empty()
        || event.paths.iter().any(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let in_heads = path.components().any(|part| part.as_os_str() == "heads");
            !name.ends_with(".lock") && (in_heads || matches!(name, "HEAD" | "packed-refs"))
        })
}

/// Returns where the refs of a repository are: `.git` of a checkout, else the folder itself.
fn git_folder(path: &Path) -> PathBuf {
    let inner = path.join(".git");
    if inner.is_dir() { inner } else { path.to_owned() }
}
