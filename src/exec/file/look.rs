//! Reading: what a managed file or folder should be, and what stands there.

use std::collections::BTreeMap;
use std::path::Path;

use rustix::fs::{Mode, Stat};

use super::below::{Folder, Is};
use super::owners;
use super::problem::Problem;
use crate::domain::file::compare::{Found, Kind, Tree, Wanted};
use crate::domain::file::path::{OWN, check_part};
use crate::domain::file::{FileMode, FileWork, LARGEST_TREE, MOST_ENTRIES, template};
use crate::domain::run::Plan;

/// What stands in a managed place.
#[derive(Debug, Default)]
pub struct Seen {
    /// What is declared, and what is to be removed.
    pub found: Tree<Found>,
    /// What is on disk alone and stays, folders as one.
    pub kept: Vec<String>,
}

/// Returns what a plan declares, read from its pinned files in `tree`.
pub fn wanted(plan: &Plan, work: &FileWork, tree: &Path) -> Result<Tree<Wanted>, Problem> {
    let owner = work.owner.as_ref().map(owners::user).transpose()?;
    let group = work.group.as_ref().map(owners::group).transpose()?;
    let mut wanted = BTreeMap::new();
    let folder = || {
        let mode = work.directory_mode.bits();
        Wanted { kind: Kind::Folder, mode, owner, group }
    };
    for (path, entry) in plan.files.iter().filter(|(path, _)| path.is_within(&work.source)) {
        let below = path.as_str()[work.source.as_str().len()..].trim_start_matches('/');
        let mut so_far = String::new();
        for part in below.split('/').filter(|part| !part.is_empty()) {
            check_part(part).map_err(|error| Problem(format!("{path}: {error}")))?;
            wanted.insert(so_far.clone(), folder());
            if !so_far.is_empty() {
                so_far.push('/');
            }
            so_far.push_str(part);
        }
        let file = tree.join(path.as_str());
        let content =
            std::fs::read(&file).map_err(|error| Problem::io(&path.to_string(), &error))?;
        let default = if entry.executable { FileMode::OPEN } else { FileMode::FILE };
        let mode = work.mode.unwrap_or(default).bits();
        let kind = Kind::File(filled(work, path.as_str(), content)?);
        wanted.insert(so_far, Wanted { kind, mode, owner, group });
    }
    if wanted.is_empty() {
        return Err(Problem(format!("the policy repo has no {}", work.source)));
    }
    Ok(wanted)
}

fn filled(work: &FileWork, path: &str, content: Vec<u8>) -> Result<Vec<u8>, Problem> {
    let Some(values) = &work.fill else { return Ok(content) };
    let text = String::from_utf8(content)
        .map_err(|_| Problem(format!("the template {path} is not UTF-8 text")))?;
    let filled = template::fill(&text, values);
    filled.map(String::into_bytes).map_err(|error| Problem(format!("{path}: {error}")))
}

/// Looks at what stands at `name` in `parent`: everything that is declared, and of the rest
/// what is to be removed.
pub fn found(
    parent: &Folder<'_>,
    name: &str,
    wanted: &Tree<Wanted>,
    prune: bool,
) -> Result<Seen, Problem> {
    let mut look = Look { wanted, prune, seen: Seen::default(), bytes: 0 };
    look.at(parent, name, "")?;
    Ok(look.seen)
}

struct Look<'a> {
    wanted: &'a Tree<Wanted>,
    prune: bool,
    seen: Seen,
    bytes: u64,
}

impl Look<'_> {
    fn at(&mut self, parent: &Folder<'_>, name: &str, place: &str) -> Result<(), Problem> {
        match parent.is(name)? {
            None => Ok(()),
            Some(Is::File) => {
                let opened = parent.read(name)?;
                let found = of_stat(&opened.stat, Kind::File(opened.content));
                self.see(parent, place, found)
            }
            Some(Is::Folder) => {
                let folder = parent.folder(name)?;
                let stat = folder.stat()?;
                self.see(parent, place, of_stat(&stat, Kind::Folder))?;
                // A folder where a file should be is told, not looked into.
                let clash = self.wanted.get(place).is_some_and(|it| it.kind != Kind::Folder);
                if clash { Ok(()) } else { self.inside(&folder, place) }
            }
        }
    }

    fn inside(&mut self, folder: &Folder<'_>, place: &str) -> Result<(), Problem> {
        for name in folder.names()? {
            // What a run that died has left: the next one that writes here removes it.
            if name.starts_with(OWN) {
                continue;
            }
            let below = if place.is_empty() { name.clone() } else { format!("{place}/{name}") };
            if self.prune || self.wanted.contains_key(&below) {
                check_part(&name).map_err(|error| Problem(format!("{}: {error}", folder.shown)))?;
                self.at(folder, &name, &below)?;
            } else {
                self.seen.kept.push(below);
            }
        }
        Ok(())
    }

    fn see(&mut self, parent: &Folder<'_>, place: &str, found: Found) -> Result<(), Problem> {
        if let Kind::File(content) = &found.kind {
            self.bytes += content.len() as u64;
        }
        self.seen.found.insert(place.to_owned(), found);
        if self.bytes > LARGEST_TREE || self.seen.found.len() > MOST_ENTRIES {
            let why = "holds more than 64 MiB or 10,000 files, the most that is managed";
            return Err(Problem::refused(&parent.shown, why));
        }
        Ok(())
    }
}

/// Returns what the kernel says as what is found.
pub fn of_stat(stat: &Stat, kind: Kind) -> Found {
    let mode = Mode::from_raw_mode(stat.st_mode).bits() & 0o7777;
    Found { kind, mode, owner: stat.st_uid, group: stat.st_gid }
}
