//! Trust in revisions: whose signature stands under a commit, and whether that is enough.
//!
//! Every commit on the first-parent path from the last accepted revision is judged by the mode
//! and the keys of the last accepted policy repo, never by those it brings itself.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::{PersonId, Revision};
use super::person::{Principal, SigningKey};
use super::repo::PolicyRepo;

/// What a revision must satisfy beside descending from the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrustMode {
    /// Nothing more.
    #[default]
    FastForward,
    /// A signature by a key of somebody in the last accepted policy repo who is not banned.
    Signed,
}

/// Whether a commit is signed, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signature {
    /// It is not.
    Unsigned,
    /// By the key at this place in the list that was given, within its time.
    By(usize),
    /// By a key that is not in the list, or outside its time: its fingerprint.
    Unknown(String),
    /// The signature does not fit the commit.
    Bad(String),
}

/// Why a commit is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("commit {} {why}", revision.short())]
pub struct Distrust {
    /// The first commit that is not trusted; whatever descends from it is not either.
    pub revision: Revision,
    /// In words, after "commit …".
    pub why: DistrustReason,
}

/// What is wrong with a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DistrustReason {
    /// There is none.
    Unsigned,
    /// Its key belongs to nobody who may sign now: the fingerprint.
    UnknownKey(String),
    /// It does not fit the commit.
    BadSignature(String),
}

impl fmt::Display for DistrustReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned => f.write_str("is not signed"),
            Self::UnknownKey(key) => write!(f, "is signed by {key}, which nobody may sign with"),
            Self::BadSignature(why) => write!(f, "bears a signature that does not fit it: {why}"),
        }
    }
}

impl TrustMode {
    /// Checks one commit of the path; `signature` is against the keys of [`Signers`].
    pub fn check(self, revision: &Revision, signature: &Signature) -> Result<(), Distrust> {
        let why = match (self, signature) {
            (Self::FastForward, _) | (Self::Signed, Signature::By(_)) => return Ok(()),
            (Self::Signed, Signature::Unsigned) => DistrustReason::Unsigned,
            (Self::Signed, Signature::Unknown(key)) => DistrustReason::UnknownKey(key.clone()),
            (Self::Signed, Signature::Bad(why)) => DistrustReason::BadSignature(why.clone()),
        };
        Err(Distrust { revision: revision.clone(), why })
    }
}

/// Keys and whose they are, place by place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signers {
    /// The keys, in the order that [`Signature::By`] counts.
    pub keys: Vec<SigningKey>,
    people: Vec<PersonId>,
}

impl Signers {
    /// Returns the keys of everybody in `repo`. A key that two people claim proves nothing and is
    /// left out.
    pub fn everybody(repo: &PolicyRepo) -> Self {
        let mut holders: BTreeMap<&str, Vec<&PersonId>> = BTreeMap::new();
        for person in repo.people.values() {
            for key in &person.signing_keys {
                holders.entry(material(key)).or_default().push(&person.id);
            }
        }
        let mut signers = Self::default();
        for person in repo.people.values() {
            for key in &person.signing_keys {
                if holders[material(key)].iter().all(|holder| **holder == person.id) {
                    signers.keys.push(key.clone());
                    signers.people.push(person.id.clone());
                }
            }
        }
        signers
    }

    /// Returns the keys that may sign revisions: those of everybody who is not banned at `now`.
    pub fn of_revisions(repo: &PolicyRepo, now: Timestamp) -> Self {
        let all = Self::everybody(repo);
        let (keys, people) = all
            .keys
            .into_iter()
            .zip(all.people)
            .filter(|(_, person)| repo.live_ban(&Principal::Person(person.clone()), now).is_none())
            .unzip();
        Self { keys, people }
    }

    /// Returns whose signature it is, if a listed key made it.
    pub fn person(&self, signature: &Signature) -> Option<&PersonId> {
        match signature {
            Signature::By(place) => self.people.get(*place),
            Signature::Unsigned | Signature::Unknown(_) | Signature::Bad(_) => None,
        }
    }
}

/// Returns the part of a key that says which it is: comments aside, the base64 text.
fn material(key: &SigningKey) -> &str {
    key.public.split_ascii_whitespace().nth(1).unwrap_or(&key.public)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ban::{Ban, Rests};
    use crate::domain::person::Person;

    fn revision() -> Revision {
        "00112233445566778899aabbccddeeff00112233".parse().unwrap()
    }

    fn repo(people: &[(&str, &str)]) -> PolicyRepo {
        let mut repo = PolicyRepo::default();
        for (name, key) in people {
            let id: PersonId = name.parse().unwrap();
            let key =
                SigningKey { public: (*key).to_owned(), valid_after: None, valid_before: None };
            repo.people.insert(
                id.clone(),
                Person {
                    id,
                    name: (*name).to_owned(),
                    roles: Default::default(),
                    flags: Default::default(),
                    chat: Default::default(),
                    forge: Default::default(),
                    signing_keys: vec![key],
                },
            );
        }
        repo
    }

    #[test]
    fn fast_forward_asks_for_no_signature() {
        for signature in
            [Signature::Unsigned, Signature::Unknown("k".into()), Signature::Bad("b".into())]
        {
            assert_eq!(TrustMode::FastForward.check(&revision(), &signature), Ok(()));
        }
    }

    #[test]
    fn signed_takes_a_listed_key_only() {
        let check = |signature| TrustMode::Signed.check(&revision(), &signature);
        assert_eq!(check(Signature::By(0)), Ok(()));
        let said = |signature| check(signature).unwrap_err().to_string();
        assert_eq!(said(Signature::Unsigned), "commit 0011223344 is not signed");
        assert_eq!(
            said(Signature::Unknown("SHA256:abc".into())),
            "commit 0011223344 is signed by SHA256:abc, which nobody may sign with"
        );
        assert_eq!(
            said(Signature::Bad("other content".into())),
            "commit 0011223344 bears a signature that does not fit it: other content"
        );
    }

    #[test]
    fn a_key_of_two_people_proves_nothing() {
        let signers = Signers::everybody(&repo(&[
            ("ada", "ssh-ed25519 AAAA ada@a"),
            ("bob", "ssh-ed25519 AAAA other comment"),
            ("eve", "ssh-ed25519 BBBB"),
        ]));
        assert_eq!(signers.keys.len(), 1);
        assert_eq!(signers.person(&Signature::By(0)).map(PersonId::as_str), Some("eve"));
    }

    #[test]
    fn a_banned_person_signs_no_revision() {
        let mut repo = repo(&[("ada", "ssh-ed25519 AAAA"), ("bob", "ssh-ed25519 BBBB")]);
        repo.bans.add(Ban {
            origin: "inventory/bans/bob.yaml".parse().unwrap(),
            subject: Principal::Person("bob".parse().unwrap()),
            by: "ada".parse().unwrap(),
            reason: "left".into(),
            until: Some(Timestamp::from_second(100).unwrap()),
            rests: Rests::OnFile,
        });
        let at = |second| Signers::of_revisions(&repo, Timestamp::from_second(second).unwrap());
        assert_eq!(at(99).people, ["ada".parse().unwrap()]);
        assert_eq!(at(100).people.len(), 2);
        assert_eq!(Signers::everybody(&repo).people.len(), 2);
    }
}
