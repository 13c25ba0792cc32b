//! The digest: SHA-256 of exactly what was asked and what would run.
//!
//! Approvals hold for one digest. People, roles, bans and policies are not in it, since they are
//! decided anew each time; nor is the commit id, so that an unrelated push keeps approvals.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::canonical::canonical_json;
use super::id::{IntentName, ObjectId, RepoPath, RequestId, TargetName};
use super::param::Args;
use super::person::Principal;
use super::repo::{PolicyRepo, TreeEntry};
use super::request::{Mode, Request};
use super::run::{self, PlanError};

/// A SHA-256 value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// Returns the SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Returns the first ten hexadecimal characters, for people.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..5])
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = hex::FromHexError;
    fn try_from(text: String) -> Result<Self, hex::FromHexError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(&text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

/// The format that [`Asked`] is hashed in. Raise it whenever a field changes meaning.
const VERSION: u32 = 1;

/// What a digest is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked<'a> {
    /// The request.
    pub request: RequestId,
    /// Who asked.
    pub requester: &'a Principal,
    /// Run or check.
    pub mode: Mode,
    /// Which intent.
    pub intent: &'a IntentName,
    /// The content of its file.
    pub blob: &'a ObjectId,
    /// Typed arguments, defaults included.
    pub args: &'a Args,
    /// Resolved targets with their inventory variables.
    pub targets: BTreeMap<&'a TargetName, &'a BTreeMap<String, serde_json::Value>>,
    /// Every file the run may read.
    pub files: &'a BTreeMap<RepoPath, TreeEntry>,
}

impl Asked<'_> {
    /// Returns the digest: SHA-256 of the version, a line feed, and canonical JSON.
    pub fn digest(&self) -> Digest {
        let json = canonical_json(self);
        Digest::of(format!("tribune-digest-v{VERSION}\n{json}").as_bytes())
    }
}

/// Returns the digest of what `request` asks for on `repo`: what a card shows and approvals hold
/// for. It does not depend on the digest that the request carries.
pub fn digest_of(repo: &PolicyRepo, request: &Request) -> Result<Digest, PlanError> {
    let intent = run::intent_of(repo, request)?;
    let work = run::work(intent, request)?;
    let targets = request.targets.iter().map(|name| {
        let target = repo.inventory.targets.get(name);
        target
            .map(|target| (name, &target.vars))
            .ok_or_else(|| PlanError::UnknownTarget(name.clone()))
    });
    let asked = Asked {
        request: request.id,
        requester: &request.requester,
        mode: request.mode,
        intent: &intent.name,
        blob: &intent.blob,
        args: &request.args,
        targets: targets.collect::<Result<_, _>>()?,
        files: &run::files(repo, intent, &work),
    };
    Ok(asked.digest())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_sha_256_written_in_hexadecimal_and_read_back() {
        // The first example of FIPS 180-2, appendix B.
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let digest = Digest::of(b"abc");
        assert_eq!(digest.to_string(), hex);
        assert_eq!(digest.short(), "ba7816bf8f");
        let json = serde_json::to_string(&digest).unwrap();
        assert_eq!(json, format!("\"{hex}\""));
        assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
        assert!(serde_json::from_str::<Digest>("\"ba78\"").is_err());
    }
}
