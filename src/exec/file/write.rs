//! Writing: each step leaves either what was there or what should be, whenever it is cut off.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd, OwnedFd};

use jiff::Timestamp;
use rustix::fs::{self as fs, AtFlags, FileType, Gid, Mode, OFlags, RenameFlags, Uid};
use rustix::io::Errno;

use super::below::{Folder, Identity};
use super::copies::{Kept, Store};
use super::look::of_stat;
use super::problem::Problem;
use crate::domain::file::compare::{Found, Kind, Step, Wanted};
use crate::domain::file::path::{ManagedPath, OWN};
use crate::domain::id::RunId;

/// Everything that writing needs beside where.
pub struct Writer<'a> {
    /// Where previous copies are kept.
    pub copies: &'a Store,
    /// Which run writes; `None`: a restore.
    pub run: Option<RunId>,
    /// When.
    pub now: Timestamp,
    /// Whether the content is never shown.
    pub sensitive: bool,
    /// Names that nobody guesses, for files that are being written.
    pub temporary: &'a dyn Fn() -> String,
}

impl Writer<'_> {
    /// Takes one step at `name` in `parent`, which `path` is.
    pub fn take(
        &self,
        parent: &Folder<'_>,
        name: &str,
        path: &ManagedPath,
        step: &Step,
    ) -> Result<(), Problem> {
        match step {
            Step::Make(wanted) => match &wanted.kind {
                Kind::Folder => make_folder(parent, name, wanted),
                Kind::File(content) => self.put(parent, name, content, wanted, None),
            },
            Step::Change { found, wanted } => {
                let contents = (&found.kind, &wanted.kind);
                match contents {
                    (Kind::File(before), Kind::File(after)) if before != after => {
                        self.keep(parent, name, path, found)?;
                        self.put(parent, name, after, wanted, Some(found))
                    }
                    _ => change_attributes(parent, name, found, wanted),
                }
            }
            Step::Remove(found) => {
                let flags = match &found.kind {
                    Kind::Folder => AtFlags::REMOVEDIR,
                    Kind::File(_) => {
                        self.keep(parent, name, path, found)?;
                        AtFlags::empty()
                    }
                };
                match fs::unlinkat(parent.fd(), name, flags) {
                    Ok(()) => parent.sync(),
                    Err(errno) => Err(Problem::of(&parent.path(name), errno)),
                }
            }
        }
    }

    /// Keeps a copy of what stands at `name`, if that is still what was looked at.
    fn keep(
        &self,
        parent: &Folder<'_>,
        name: &str,
        path: &ManagedPath,
        found: &Found,
    ) -> Result<(), Problem> {
        let opened = parent.read(name)?;
        if of_stat(&opened.stat, Kind::File(opened.content.clone())) != *found {
            return Err(changed(parent, name));
        }
        let kept = Kept {
            path: path.clone(),
            at: self.now,
            run: self.run,
            mode: found.mode,
            owner: found.owner,
            group: found.group,
            sensitive: self.sensitive,
        };
        self.copies.keep(kept, &opened.content)
    }

    /// Writes a file beside its name and renames it there.
    fn put(
        &self,
        parent: &Folder<'_>,
        name: &str,
        content: &[u8],
        wanted: &Wanted,
        found: Option<&Found>,
    ) -> Result<(), Problem> {
        let temporary = (self.temporary)();
        let shown = parent.path(name);
        let of = |errno| Problem::of(&shown, errno);
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = fs::openat(parent.fd(), temporary.as_str(), flags, Mode::from_raw_mode(0o600))
            .map_err(of)?;
        let written = write(fd, &shown, content, wanted, found).and_then(|identity| {
            rename(parent, &temporary, name, found)?;
            parent.sync()?;
            Ok(identity)
        });
        match written {
            // Whoever may write in the folder may have put another file under the name.
            Ok(identity) if parent.identity(name)? != Some(identity) => Err(changed(parent, name)),
            Ok(_) => Ok(()),
            Err(problem) => {
                remove_own(parent, &temporary);
                Err(problem)
            }
        }
    }
}

/// Renames a file to `name`; where nothing was found, nothing is replaced.
fn rename(
    parent: &Folder<'_>,
    temporary: &str,
    name: &str,
    found: Option<&Found>,
) -> Result<(), Problem> {
    let fd = parent.fd();
    let renamed = match found {
        Some(_) => fs::renameat(fd, temporary, fd, name),
        None => match fs::renameat_with(fd, temporary, fd, name, RenameFlags::NOREPLACE) {
            // Not every file system can promise it.
            Err(Errno::INVAL) => fs::renameat(fd, temporary, fd, name),
            Err(Errno::EXIST) => return Err(changed(parent, name)),
            renamed => renamed,
        },
    };
    renamed.map_err(|errno| Problem::of(&parent.path(name), errno))
}

fn changed(parent: &Folder<'_>, name: &str) -> Problem {
    Problem(format!(
        "{} changed while Tribune was at work on it; ask again once it rests",
        parent.path(name)
    ))
}

/// Fills an open file and gives it its owner and permissions.
fn write(
    fd: OwnedFd,
    shown: &str,
    content: &[u8],
    wanted: &Wanted,
    found: Option<&Found>,
) -> Result<Identity, Problem> {
    let mut file = File::from(fd);
    file.write_all(content).map_err(|error| Problem::io(shown, &error))?;
    let owner = wanted.owner.or(found.map(|found| found.owner));
    let group = wanted.group.or(found.map(|found| found.group));
    give(&file, shown, owner, group)?;
    fs::fchmod(&file, Mode::from_raw_mode(wanted.mode))
        .and_then(|()| fs::fsync(&file))
        .and_then(|()| fs::fstat(&file))
        .map(|stat| Identity::of(&stat))
        .map_err(|errno| Problem::of(shown, errno))
}

/// Gives an open file to somebody, if it is not theirs.
fn give(
    file: impl AsFd,
    shown: &str,
    owner: Option<u32>,
    group: Option<u32>,
) -> Result<(), Problem> {
    let stat = fs::fstat(&file).map_err(|errno| Problem::of(shown, errno))?;
    let owner = owner.filter(|owner| *owner != stat.st_uid);
    let group = group.filter(|group| *group != stat.st_gid);
    if owner.is_none() && group.is_none() {
        return Ok(());
    }
    let (uid, gid) = (owner.map(Uid::from_raw), group.map(Gid::from_raw));
    fs::fchown(&file, uid, gid).map_err(|errno| match errno {
        Errno::PERM => {
            let number = |id: Option<u32>| id.map_or("as it is".to_owned(), |id| id.to_string());
            Problem(format!(
                "{shown} cannot be given to user {}, group {}: the user that Tribune runs as may \
                 not; give the daemon CAP_CHOWN, or declare an owner that it may set",
                number(owner),
                number(group)
            ))
        }
        errno => Problem::of(shown, errno),
    })
}

fn make_folder(parent: &Folder<'_>, name: &str, wanted: &Wanted) -> Result<(), Problem> {
    let shown = parent.path(name);
    fs::mkdirat(parent.fd(), name, Mode::from_raw_mode(0o700))
        .map_err(|errno| Problem::of(&shown, errno))?;
    let folder = parent.folder(name)?;
    attributes(folder.fd(), &shown, folder.stat()?.st_mode, wanted)?;
    parent.sync()
}

fn change_attributes(
    parent: &Folder<'_>,
    name: &str,
    found: &Found,
    wanted: &Wanted,
) -> Result<(), Problem> {
    let shown = parent.path(name);
    match found.kind {
        Kind::Folder => {
            let folder = parent.folder(name)?;
            attributes(folder.fd(), &shown, folder.stat()?.st_mode, wanted)
        }
        Kind::File(_) => {
            let opened = parent.read(name)?;
            // Bits of a file that change its user are never kept.
            attributes(&opened.fd, &shown, 0, wanted)
        }
    }
}

/// Gives an open file or folder owner and permissions; special bits of `kept` stay.
fn attributes(fd: &OwnedFd, shown: &str, kept: u32, wanted: &Wanted) -> Result<(), Problem> {
    give(fd, shown, wanted.owner, wanted.group)?;
    let mode = Mode::from_raw_mode(wanted.mode | (kept & 0o7000));
    fs::fchmod(fd, mode).and_then(|()| fs::fsync(fd)).map_err(|errno| Problem::of(shown, errno))
}

/// Removes what a run that died has left in a folder.
pub fn clean(folder: &Folder<'_>) -> Result<(), Problem> {
    for name in folder.names()?.iter().filter(|name| name.starts_with(OWN)) {
        remove_own(folder, name);
    }
    Ok(())
}

/// Removes a file that Tribune itself made; if it cannot be, the next run tries again.
fn remove_own(folder: &Folder<'_>, name: &str) {
    let is_own = fs::statat(folder.fd(), name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|stat| {
        FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && stat.st_uid == rustix::process::geteuid().as_raw()
    });
    if is_own && let Err(error) = fs::unlinkat(folder.fd(), name, AtFlags::empty()) {
        tracing::warn!(path = folder.path(name), %error, "what was being written stays");
    }
}
