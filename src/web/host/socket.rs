//! The socket itself: a file that only the daemon's user opens, beside the token that a caller
//! must also show.
//!
//! A run has the daemon's user id and may connect; its sandbox keeps it from reading the token.

use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::net::UnixListener;

use crate::ports::clock::Clock;

/// Why the socket is not there.
#[derive(Debug, thiserror::Error)]
#[error("failed to make {}: {error}", path.display())]
pub struct SocketError {
    path: PathBuf,
    error: io::Error,
}

/// A socket that listens, with the token that its callers must show.
pub struct HostSocket {
    /// Where callers come in.
    pub listener: UnixListener,
    /// What they must show.
    pub token: String,
}

impl HostSocket {
    /// Makes socket and token anew, both for the owner alone from their first moment: they are
    /// made in a private folder and moved into place.
    pub fn open(socket: &Path, token_file: &Path, clock: &dyn Clock) -> Result<Self, SocketError> {
        let token = write_token(token_file, clock)
            .map_err(|error| SocketError { path: token_file.to_owned(), error })?;
        let listener =
            bind(socket).map_err(|error| SocketError { path: socket.to_owned(), error })?;
        Ok(Self { listener, token })
    }
}

fn write_token(path: &Path, clock: &dyn Clock) -> io::Result<String> {
    let mut bytes = [0; 32];
    clock.random(&mut bytes);
    let token = URL_SAFE_NO_PAD.encode(bytes);
    // Temporary files are made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder(path))?;
    writeln!(file, "{token}")?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|failed| failed.error)?;
    Ok(token)
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    // Temporary folders are made with mode 0700. A short name: socket paths are limited.
    let private = tempfile::Builder::new().prefix(".").rand_bytes(4).tempdir_in(folder(path))?;
    let made = private.path().join("s");
    let listener = UnixListener::bind(&made)?;
    std::fs::set_permissions(&made, Permissions::from_mode(0o600))?;
    std::fs::rename(&made, path)?;
    Ok(listener)
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}
