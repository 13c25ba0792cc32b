//! Folders and files below a root, each opened from the one before and never over a link.
//!
//! Every step is `openat2` with `RESOLVE_BENEATH`, `RESOLVE_NO_SYMLINKS` and
//! `RESOLVE_NO_MAGICLINKS` from an open descriptor, so whoever swaps a name for a link makes the
//! step fail and leads it nowhere. After a step only the descriptor is used, never the name.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use rustix::fs::{self as fs, AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use super::problem::Problem;
use crate::domain::file::LARGEST_FILE;

const INSIDE: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A file by its number on its device: what it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity(u64, u64);

impl Identity {
    /// Returns who an open file is.
    pub fn of(stat: &Stat) -> Self {
        Self(stat.st_dev, stat.st_ino)
    }
}

/// Files and folders that are Tribune's own, which no root opens.
#[derive(Debug, Clone, Default)]
pub struct Forbidden(BTreeSet<Identity>);

impl Forbidden {
    /// Returns the identities of those paths that are there.
    pub fn of<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Self {
        Self(
            paths
                .into_iter()
                .filter_map(|path| Some(Identity::of(&fs::stat(path).ok()?)))
                .collect(),
        )
    }

    fn check(&self, path: &str, stat: &Stat) -> Result<(), Problem> {
        if self.0.contains(&Identity::of(stat)) {
            return Err(Problem::refused(
                path,
                "belongs to Tribune itself, which manages no file there",
            ));
        }
        Ok(())
    }
}

/// What a name is, without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Is {
    /// A folder.
    Folder,
    /// A file with one name.
    File,
}

/// An open folder, and how people call it.
#[derive(Debug)]
pub struct Folder<'a> {
    fd: OwnedFd,
    /// Its path, for messages.
    pub shown: String,
    forbidden: &'a Forbidden,
}

/// An open file, its content read.
#[derive(Debug)]
pub struct Opened {
    /// The descriptor, for its permissions and owner.
    pub fd: OwnedFd,
    /// What the kernel says of it.
    pub stat: Stat,
    /// All of it.
    pub content: Vec<u8>,
}

impl<'a> Folder<'a> {
    /// Opens a root. Its own path is the operator's, so links in it are followed.
    pub fn root(path: &Path, shown: &str, forbidden: &'a Forbidden) -> Result<Self, Problem> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = fs::open(path, flags, Mode::empty()).map_err(|errno| {
            Problem::of(&format!("the root {shown} ({})", path.display()), errno)
        })?;
        Self { fd, shown: shown.to_owned(), forbidden }.checked()
    }

    fn checked(self) -> Result<Self, Problem> {
        let stat = self.stat()?;
        self.forbidden.check(&self.shown, &stat)?;
        Ok(self)
    }

    /// Returns how a name in it is called.
    pub fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.shown)
    }

    /// Returns the descriptor.
    pub fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Returns what the kernel says of it.
    pub fn stat(&self) -> Result<Stat, Problem> {
        fs::fstat(&self.fd).map_err(|errno| Problem::of(&self.shown, errno))
    }

    fn open(&self, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        // The kernel asks to try again when something was renamed at that moment.
        for _ in 0..64 {
            match fs::openat2(&self.fd, name, flags, Mode::empty(), INSIDE) {
                Err(Errno::AGAIN) => {}
                opened => return opened,
            }
        }
        Err(Errno::AGAIN)
    }

    /// Opens a folder in it.
    pub fn folder(&self, name: &str) -> Result<Self, Problem> {
        let shown = self.path(name);
        let fd = self.open(name, FOLDER).map_err(|errno| Problem::of(&shown, errno))?;
        Self { fd, shown, forbidden: self.forbidden }.checked()
    }

    /// Opens what stands along `names` from it.
    pub fn descend<S: AsRef<str>>(&self, names: &[S]) -> Result<Self, Problem> {
        let fd = self.fd.try_clone().map_err(|error| Problem::io(&self.shown, &error))?;
        let mut here = Self { fd, shown: self.shown.clone(), forbidden: self.forbidden };
        for name in names {
            here = here.folder(name.as_ref())?;
        }
        Ok(here)
    }

    /// Says what a name is; `None`: nothing. Refuses whatever is not managed.
    pub fn is(&self, name: &str) -> Result<Option<Is>, Problem> {
        let shown = self.path(name);
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = match self.open(name, flags) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(Problem::of(&shown, errno)),
        };
        let stat = fs::fstat(&fd).map_err(|errno| Problem::of(&shown, errno))?;
        self.acceptable(&shown, &stat).map(Some)
    }

    fn acceptable(&self, shown: &str, stat: &Stat) -> Result<Is, Problem> {
        self.forbidden.check(shown, stat)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Ok(Is::Folder),
            FileType::RegularFile if stat.st_nlink > 1 => {
                Err(Problem::refused(shown, "has several names (hard links)"))
            }
            FileType::RegularFile => Ok(Is::File),
            FileType::Symlink => Err(Problem::refused(shown, "is a symbolic link")),
            _ => Err(Problem::refused(shown, "is neither a file nor a folder")),
        }
    }

    /// Opens and reads a file in it.
    pub fn read(&self, name: &str) -> Result<Opened, Problem> {
        let shown = self.path(name);
        let of = |errno| Problem::of(&shown, errno);
        // A pipe that took the file's place since must not make this wait.
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let fd = self.open(name, flags).map_err(of)?;
        let stat = fs::fstat(&fd).map_err(of)?;
        if self.acceptable(&shown, &stat)? != Is::File {
            return Err(Problem::refused(&shown, "is a folder where a file should be"));
        }
        let mut content = Vec::new();
        let reader = File::from(fd.try_clone().map_err(|error| Problem::io(&shown, &error))?);
        let read = reader.take(LARGEST_FILE + 1).read_to_end(&mut content);
        read.map_err(|error| Problem::io(&shown, &error))?;
        if content.len() as u64 > LARGEST_FILE {
            return Err(Problem::refused(&shown, "is larger than 8 MiB, the most that is managed"));
        }
        Ok(Opened { fd, stat, content })
    }

    /// Returns the names in it, sorted.
    pub fn names(&self) -> Result<Vec<String>, Problem> {
        let of = |errno| Problem::of(&self.shown, errno);
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.fd).map_err(of)? {
            let name: CString = entry.map_err(of)?.file_name().to_owned();
            if name.as_c_str() == c"." || name.as_c_str() == c".." {
                continue;
            }
            match name.into_string() {
                Ok(name) => names.push(name),
                Err(_) => {
                    return Err(Problem::refused(&self.shown, "holds a name that is not UTF-8"));
                }
            }
        }
        names.sort();
        Ok(names)
    }

    /// Returns who stands at a name now; `None`: nobody.
    pub fn identity(&self, name: &str) -> Result<Option<Identity>, Problem> {
        match fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Identity::of(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(Problem::of(&self.path(name), errno)),
        }
    }

    /// Makes what was done to its names last.
    pub fn sync(&self) -> Result<(), Problem> {
        fs::fsync(self.fd.as_fd()).map_err(|errno| Problem::of(&self.shown, errno))
    }
}
