//! The key that signs checkpoints: a file of its own, for the owner only.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::domain::audit::checkpoint::{Checkpoint, SignedCheckpoint, key_name};

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Others than the owner may read it.
    #[error("others can read {}; run `chmod 600 {}`, and think about a new key", .0.display(), .0.display())]
    Exposed(PathBuf),
    /// It is there and is no such key.
    #[error("{} is not an Ed25519 key in PEM form", .0.display())]
    NotAKey(PathBuf),
    /// The file cannot be read or written.
    #[error("failed to use the key {}: {error}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// Signs checkpoints.
pub struct CheckpointSigner {
    key: SigningKey,
    name: String,
}

impl CheckpointSigner {
    /// Reads the key, or makes one from `random` if there is none. The public half is written
    /// beside it as `<path>.pub`.
    pub fn open(path: &Path, random: impl FnOnce(&mut [u8])) -> Result<Self, KeyError> {
        let failed = |error| KeyError::File { path: path.into(), error };
        let key = match fs::metadata(path) {
            Ok(found) if found.mode() & 0o077 != 0 => return Err(KeyError::Exposed(path.into())),
            Ok(_) => {
                let pem = fs::read_to_string(path).map_err(failed)?;
                SigningKey::from_pkcs8_pem(&pem).map_err(|_| KeyError::NotAKey(path.into()))?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut seed = [0; 32];
                random(&mut seed);
                let key = SigningKey::from_bytes(&seed);
                write_new(path, &key).map_err(failed)?;
                key
            }
            Err(error) => return Err(failed(error)),
        };
        write_public(path, &key.verifying_key()).map_err(failed)?;
        let name = key_name(key.verifying_key().as_bytes());
        Ok(Self { key, name })
    }

    /// Signs a checkpoint.
    pub fn sign(&self, checkpoint: Checkpoint) -> SignedCheckpoint {
        let signature = self.key.sign(checkpoint.signed_text(&self.name).as_bytes());
        SignedCheckpoint {
            checkpoint,
            key: self.name.clone(),
            signature: BASE64.encode(signature.to_bytes()),
        }
    }

    /// Returns the public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.key.verifying_key())
    }
}

/// Checks signatures of checkpoints.
#[derive(Debug, Clone)]
pub struct PublicKey(VerifyingKey);

/// Why a signature is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Another key made it.
    #[error("it was signed with another key, {0}")]
    OtherKey(String),
    /// It does not fit the text.
    #[error("its signature does not fit its text")]
    Forged,
}

impl PublicKey {
    /// Reads the public key that belongs to the key file at `path`.
    pub fn beside(path: &Path) -> Result<Self, KeyError> {
        Self::read(&public_path(path))
    }

    /// Reads a public key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let pem = fs::read_to_string(path)
            .map_err(|error| KeyError::File { path: path.into(), error })?;
        let key = VerifyingKey::from_public_key_pem(&pem);
        key.map(Self).map_err(|_| KeyError::NotAKey(path.into()))
    }

    /// Checks the signature of a checkpoint.
    pub fn check(&self, signed: &SignedCheckpoint) -> Result<(), SignatureError> {
        if signed.key != key_name(self.0.as_bytes()) {
            return Err(SignatureError::OtherKey(signed.key.clone()));
        }
        let bytes = BASE64.decode(&signed.signature).map_err(|_| SignatureError::Forged)?;
        let signature = Signature::from_slice(&bytes).map_err(|_| SignatureError::Forged)?;
        let text = signed.checkpoint.signed_text(&signed.key);
        self.0.verify_strict(text.as_bytes(), &signature).map_err(|_| SignatureError::Forged)
    }
}

fn public_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    PathBuf::from(name)
}

/// Written whole under another name first, so that a crash leaves no half of a key.
fn write_new(path: &Path, key: &SigningKey) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(io::Error::other)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(pem.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    Ok(())
}

fn write_public(path: &Path, key: &VerifyingKey) -> io::Result<()> {
    let path = public_path(path);
    let pem = key.to_public_key_pem(LineEnding::LF).map_err(io::Error::other)?;
    if fs::read_to_string(&path).is_ok_and(|found| found == pem) {
        return Ok(());
    }
    let mut file =
        OpenOptions::new().create(true).write(true).truncate(true).mode(0o644).open(path)?;
    file.write_all(pem.as_bytes())
}
