//! Writing files of a revision to a folder that a run reads and cannot change, and removing it.
//!
//! Every step is taken from an open folder and follows no symlink, so that nothing outside the
//! folder is ever touched, even if the run before left something behind.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::Path;

use git2::Repository;
use rustix::fs::{self as fs, AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::domain::id::RepoPath;
use crate::domain::repo::TreeEntry;
use crate::ports::source::SourceError;

use super::mirror::broken;
use super::tree;

const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Writes `files` below `folder`: 0400, programs 0500, folders 0500.
pub(super) fn write(
    repo: &Repository,
    files: &BTreeMap<RepoPath, TreeEntry>,
    folder: &Path,
) -> Result<(), SourceError> {
    let at = |error: Errno| broken(folder, &error.into());
    let top = fs::openat(CWD, folder, FOLDER, Mode::empty()).map_err(at)?;
    if !names(&top).map_err(at)?.is_empty() {
        return Err(SourceError::Broken(format!("{} is not empty", folder.display())));
    }
    let mut folders = BTreeSet::new();
    for (path, entry) in files {
        let content = tree::read(repo, &entry.object)?;
        let (parent, name) = path.as_str().rsplit_once('/').unwrap_or(("", path.as_str()));
        let parent_fd = descend(&top, parent, &mut folders).map_err(at)?;
        let mode = if entry.executable { 0o500 } else { 0o400 };
        write_file(&parent_fd, name, mode, &content).map_err(|error| broken(folder, &error))?;
    }
    // In reverse order children come before their parents.
    for below in folders.iter().rev() {
        let opened = descend(&top, below, &mut BTreeSet::new()).map_err(at)?;
        fs::fchmod(&opened, Mode::from_raw_mode(0o500)).map_err(at)?;
    }
    fs::fchmod(&top, Mode::from_raw_mode(0o500)).map_err(at)
}

/// Opens the folder `path` below `top`, making what is missing and noting every part of it.
fn descend(top: &OwnedFd, path: &str, made: &mut BTreeSet<String>) -> Result<OwnedFd, Errno> {
    let mut here = fs::openat(top, ".", FOLDER, Mode::empty())?;
    let mut so_far = String::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        if !so_far.is_empty() {
            so_far.push('/');
        }
        so_far.push_str(part);
        match fs::mkdirat(&here, part, Mode::from_raw_mode(0o700)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
        made.insert(so_far.clone());
        here = fs::openat(&here, part, FOLDER, Mode::empty())?;
    }
    Ok(here)
}

fn write_file(parent: &OwnedFd, name: &str, mode: u32, content: &[u8]) -> std::io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(mode);
    let opened = fs::openat(parent, name, flags, mode)?;
    fs::fchmod(&opened, mode)?;
    File::from(opened).write_all(content)
}

/// Removes a folder with all that is in it, whatever its modes.
pub(super) fn remove(folder: &Path) -> Result<(), SourceError> {
    let top = match fs::openat(CWD, folder, FOLDER, Mode::empty()) {
        Ok(top) => top,
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(broken(folder, &error.into())),
    };
    empty(&top).map_err(|error| broken(folder, &error.into()))?;
    std::fs::remove_dir(folder).map_err(|error| broken(folder, &error))
}

fn empty(folder: &OwnedFd) -> Result<(), Errno> {
    fs::fchmod(folder, Mode::from_raw_mode(0o700))?;
    for name in names(folder)? {
        let name = name.as_c_str();
        let kind =
            FileType::from_raw_mode(fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode);
        if kind == FileType::Directory {
            // One that its owner may not even open is opened up first.
            fs::chmodat(folder, name, Mode::from_raw_mode(0o700), AtFlags::empty())?;
            empty(&fs::openat(folder, name, FOLDER, Mode::empty())?)?;
            fs::unlinkat(folder, name, AtFlags::REMOVEDIR)?;
        } else {
            fs::unlinkat(folder, name, AtFlags::empty())?;
        }
    }
    Ok(())
}

fn names(folder: &OwnedFd) -> Result<Vec<std::ffi::CString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}
