//! One run or look: from a plan to steps, and from steps to the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::OwnFiles;
use super::below::{Folder, Forbidden, Is};
use super::copies::Store;
use super::look::{self, of_stat};
use super::problem::Problem;
use super::write::{Writer, clean};
use crate::domain::file::compare::{Kind, Step, Wanted, compare};
use crate::domain::file::path::{ManagedPath, OWN};
use crate::domain::file::tell::{Shown, tell};
use crate::domain::file::{FileWork, PreviousCopy};
use crate::domain::id::{RootName, RunId};
use crate::domain::run::Plan;
use crate::ports::clock::Clock;

/// Where files are managed, and what is needed beside.
pub struct Ground {
    /// Folders below which files are managed.
    pub roots: BTreeMap<RootName, PathBuf>,
    /// Tribune's own files and folders, but secrets.
    pub own: Vec<PathBuf>,
    /// Files of secrets.
    pub secret: Arc<OwnFiles>,
    /// Previous copies.
    pub store: Store,
    /// Time, and names that nobody guesses.
    pub clock: Arc<dyn Clock>,
}

impl Ground {
    /// Returns the folder of a root.
    pub fn root(&self, name: &RootName) -> Result<&Path, Problem> {
        self.roots.get(name).map(PathBuf::as_path).ok_or_else(|| {
            let known: Vec<&str> = self.roots.keys().map(RootName::as_str).collect();
            let known = match known.as_slice() {
                [] => "they name none".to_owned(),
                known => format!("they name {}", known.join(", ")),
            };
            Problem(format!(
                "the settings name no root {name} ({known}); add `{name} = \"/srv/{name}\"` or \
                 another folder to [file.roots]"
            ))
        })
    }

    fn forbidden(&self) -> Forbidden {
        Forbidden::of(self.own().iter().map(PathBuf::as_path))
    }

    fn own(&self) -> Vec<PathBuf> {
        [self.own.clone(), (self.secret)()].concat()
    }

    /// Opens the folder that a path stands in.
    fn parent<'a>(
        &self,
        path: &ManagedPath,
        forbidden: &'a Forbidden,
    ) -> Result<Folder<'a>, Problem> {
        let root = self.root(path.root())?;
        self.check_own(root, path)?;
        let (folders, _) = path.split();
        Folder::root(root, path.root().as_str(), forbidden)?.descend(folders)
    }

    /// Refuses a path in, or above, what is Tribune's own. What is not there yet is found by its
    /// name; what is, also by its number as folders are opened.
    fn check_own(&self, root: &Path, path: &ManagedPath) -> Result<(), Problem> {
        let place = path.parts().iter().fold(real(root), |place, part| place.join(part));
        let own = self.own();
        let own = own.iter().map(|own| real(own));
        for own in own {
            if place.starts_with(&own) || own.starts_with(&place) {
                return Err(Problem(format!(
                    "{path} is, holds or lies in {}, which is Tribune's own: refused; choose \
                     another path or root",
                    own.display()
                )));
            }
        }
        Ok(())
    }

    fn writer<'a>(
        &'a self,
        run: Option<RunId>,
        sensitive: bool,
        temporary: &'a dyn Fn() -> String,
    ) -> Writer<'a> {
        Writer { copies: &self.store, run, now: self.clock.now(), sensitive, temporary }
    }

    fn temporary(&self) -> String {
        let mut nonce = [0_u8; 8];
        self.clock.random(&mut nonce);
        format!("{OWN}{}", hex::encode(nonce))
    }

    /// Puts a previous copy back where it stood.
    pub fn restore(
        &self,
        path: &ManagedPath,
        number: Option<u64>,
    ) -> Result<PreviousCopy, Problem> {
        let read = self.store.read(path, number);
        let read = read.map_err(|error| Problem(format!("the copy cannot be read: {error}")))?;
        let (copy, content) = read.ok_or_else(|| {
            let which = number.map_or(String::new(), |number| format!(" {number}"));
            Problem(format!("there is no previous copy{which} of {path}; see `tribune file list`"))
        })?;
        let forbidden = self.forbidden();
        let parent = self.parent(path, &forbidden)?;
        let (_, name) = path.split();
        let mode = copy.mode & 0o777;
        let (owner, group) = (Some(copy.owner), Some(copy.group));
        let wanted = Wanted { kind: Kind::File(content), mode, owner, group };
        let step = match parent.is(name)? {
            None => Step::Make(wanted),
            Some(Is::Folder) => {
                return Err(Problem::refused(&path.to_string(), "is a folder now"));
            }
            Some(Is::File) => {
                let opened = parent.read(name)?;
                let found = of_stat(&opened.stat, Kind::File(opened.content));
                if found.is(&wanted) {
                    return Err(Problem(format!("{path} is as copy {} already", copy.number)));
                }
                Step::Change { found, wanted }
            }
        };
        clean(&parent)?;
        let temporary = || self.temporary();
        self.writer(None, copy.sensitive, &temporary).take(&parent, name, path, &step)?;
        Ok(copy)
    }
}

/// Returns a path without symbolic links, as far as it is there.
fn real(path: &Path) -> PathBuf {
    path.ancestors()
        .find_map(|there| {
            let real = std::fs::canonicalize(there).ok()?;
            Some(real.join(path.strip_prefix(there).ok()?))
        })
        .unwrap_or_else(|| path.to_owned())
}

/// One plan on this ground.
pub struct Job {
    /// Where.
    pub ground: Arc<Ground>,
    /// The plan.
    pub plan: Plan,
    /// What it does.
    pub work: FileWork,
    /// The pinned files.
    pub tree: PathBuf,
}

/// What a look has found.
pub struct Looked {
    /// What would be done, by place below the path.
    pub steps: Vec<(String, Step)>,
    /// What people read of it.
    pub told: String,
}

/// What was done.
pub struct Done {
    /// Whether every step was taken.
    pub whole: bool,
    /// What people read of it.
    pub told: String,
}

impl Job {
    /// Compares what stands there with what should. Changes nothing.
    pub fn look(&self) -> Result<Looked, Problem> {
        let FileWork { path, prune, .. } = &self.work;
        let forbidden = self.ground.forbidden();
        let parent = self.ground.parent(path, &forbidden)?;
        let wanted = look::wanted(&self.plan, &self.work, &self.tree)?;
        let seen = look::found(&parent, path.split().1, &wanted, *prune)?;
        let steps = compare(&seen.found, &wanted).map_err(|clash| {
            Problem(format!("{} {clash}: refused; move it away by hand", path.below(&clash.place)))
        })?;
        let shown = if self.work.sensitive { Shown::Hashes } else { Shown::Content };
        let mut told: String =
            steps.iter().map(|(place, step)| tell(&path.below(place), step, shown)).collect();
        if steps.is_empty() {
            told += &format!("{path} is as declared\n");
        }
        for place in &seen.kept {
            told += &format!("{} is not declared and stays\n", path.below(place));
        }
        Ok(Looked { steps, told })
    }

    /// Takes the steps of a look.
    pub fn act(&self, looked: &Looked, stop: &CancellationToken) -> Result<Done, Problem> {
        let path = &self.work.path;
        let forbidden = self.ground.forbidden();
        let parent = self.ground.parent(path, &forbidden)?;
        let temporary = || self.ground.temporary();
        let writer = self.ground.writer(Some(self.plan.run), self.work.sensitive, &temporary);
        let mut cleaned = BTreeSet::new();
        let all = looked.steps.len();
        for (taken, (place, step)) in looked.steps.iter().enumerate() {
            if stop.is_cancelled() {
                let told = format!("stopped: {taken} of {all} changes were made\n");
                return Ok(Done { whole: false, told });
            }
            let step_done = || {
                let (folder, name) = at(&parent, path, place)?;
                if cleaned.insert(folder.shown.clone()) {
                    clean(&folder)?;
                }
                writer.take(&folder, &name, &path.below(place), step)
            };
            let mut step_done = step_done;
            step_done().map_err(|problem| match taken {
                0 => problem,
                taken => Problem(format!("{problem} ({taken} of {all} changes were made before)")),
            })?;
        }
        let plural = if all == 1 { "" } else { "s" };
        Ok(Done { whole: true, told: format!("done: {all} change{plural}\n") })
    }
}

/// Returns the folder that a place below `path` stands in, and its name there.
fn at<'a>(
    parent: &Folder<'a>,
    path: &ManagedPath,
    place: &str,
) -> Result<(Folder<'a>, String), Problem> {
    let (_, name) = path.split();
    match place.rsplit_once('/') {
        _ if place.is_empty() => Ok((parent.descend::<&str>(&[])?, name.to_owned())),
        None => Ok((parent.descend(&[name])?, place.to_owned())),
        Some((folders, last)) => {
            let names: Vec<&str> = std::iter::once(name).chain(folders.split('/')).collect();
            Ok((parent.descend(&names)?, last.to_owned()))
        }
    }
}
