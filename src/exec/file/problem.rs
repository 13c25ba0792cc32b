//! Why a managed file was not read or written, in words for people.

use std::io;

use rustix::io::Errno;

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Problem(pub String);

impl Problem {
    /// It is not something that is managed.
    pub fn refused(path: &str, why: &str) -> Self {
        Self(format!("{path} {why}: refused; move it away by hand"))
    }

    /// The machine says no.
    pub fn of(path: &str, errno: Errno) -> Self {
        let why = match errno {
            Errno::LOOP => "is a symbolic link, or leads over one: refused",
            Errno::XDEV => "leads out of its root: refused",
            Errno::NOENT => "is not there; make it, or manage the folder that it belongs to",
            Errno::NOTDIR => "is no folder, or a symbolic link: refused",
            Errno::ACCESS | Errno::PERM => {
                "is not allowed to the user that Tribune runs as; give that user the right, or \
                 another owner"
            }
            Errno::ROFS => {
                "is on a file system that is read-only here; under systemd, name the root in \
                 ReadWritePaths="
            }
            Errno::NOSPC | Errno::DQUOT => "does not fit: the disk is full",
            Errno::NOSYS => "needs openat2, which this kernel lacks; use Linux 5.6 or newer",
            Errno::AGAIN => "is being renamed all the time; find out by whom",
            errno => return Self(format!("{path}: {}", io::Error::from(errno))),
        };
        Self(format!("{path} {why}"))
    }

    /// Reading or writing broke.
    pub fn io(path: &str, error: &io::Error) -> Self {
        match Errno::from_io_error(error) {
            Some(errno) => Self::of(path, errno),
            None => Self(format!("{path}: {error}")),
        }
    }
}
