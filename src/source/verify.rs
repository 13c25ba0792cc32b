//! Who signed a commit: SSH signatures as `git commit -S` makes them with `gpg.format=ssh`.
//!
//! Keys come from the caller, who takes them from the last accepted policy repo, never from the
//! commit that is checked. Whether a signature is enough is for `domain::trust` to say.

use git2::{ErrorCode, Repository};
use jiff::Timestamp;
use ssh_key::{HashAlg, PublicKey, SshSig};

use crate::domain::id::Revision;
use crate::domain::person::SigningKey;
use crate::domain::trust::Signature;
use crate::ports::source::SourceError;

use super::mirror::{commit, read_error};

/// What the signer says the signature is for, so that one made for another purpose is no good.
pub(super) const NAMESPACE: &str = "git";

/// Checks the signature of a commit against `keys`.
pub(super) fn signature(
    repo: &Repository,
    revision: &Revision,
    keys: &[SigningKey],
) -> Result<Signature, SourceError> {
    let commit = commit(repo, revision)?;
    let (signature, signed) = match repo.extract_signature(&commit.id(), None) {
        Ok(found) => found,
        Err(error) if error.code() == ErrorCode::NotFound => return Ok(Signature::Unsigned),
        Err(error) => return Err(read_error(&error)),
    };
    let committed = Timestamp::from_second(commit.time().seconds()).unwrap_or(Timestamp::MIN);
    Ok(check(&signature, &signed, committed, keys))
}

/// Checks a signature over `signed`, which says it was made at `committed`.
fn check(signature: &[u8], signed: &[u8], committed: Timestamp, keys: &[SigningKey]) -> Signature {
    if !signature.starts_with(b"-----BEGIN SSH SIGNATURE-----") {
        return Signature::Unknown("a key that is not an SSH key".into());
    }
    let Ok(signature) = SshSig::from_pem(signature.trim_ascii()) else {
        return Signature::Bad("it cannot be read".into());
    };
    if signature.namespace() != NAMESPACE {
        return Signature::Bad("it was made for another purpose than git".into());
    }
    // The key that the signature names must have made it, before anything else is said of it.
    let signer = PublicKey::from(signature.public_key().clone());
    if signer.verify(NAMESPACE, signed, &signature).is_err() {
        return Signature::Bad("the commit is not what was signed".into());
    }
    let is_signer = |key: &SigningKey| {
        PublicKey::from_openssh(&key.public).is_ok_and(|key| key.key_data() == signer.key_data())
            && key.valid_after.is_none_or(|after| committed >= after)
            && key.valid_before.is_none_or(|before| committed <= before)
    };
    match keys.iter().position(is_signer) {
        Some(place) => Signature::By(place),
        None => Signature::Unknown(signer.fingerprint(HashAlg::Sha256).to_string()),
    }
}
