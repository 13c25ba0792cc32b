//! Bans: who may do nothing, until when, and why.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::{PersonId, RepoPath};
use super::person::Principal;

/// Somebody is banned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// The file of the policy repo that says so, or that will once it is merged.
    pub origin: RepoPath,
    /// Who is banned.
    pub subject: Principal,
    /// Who banned them.
    pub by: PersonId,
    /// Why; shown to the banned person.
    pub reason: String,
    /// When it ends; `None` is permanent.
    pub until: Option<Timestamp>,
    /// On what it rests.
    pub rests: Rests,
}

/// On what a ban rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rests {
    /// On a file of the applied revision.
    OnFile,
    /// On what somebody said in chat at this time; see [`super::provisional`].
    OnWord(Timestamp),
}

impl Ban {
    /// Says whether the ban holds at `now`. It ends exactly at `until`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// Says whether it was asked for in chat and no merge made it lasting yet.
    pub fn is_provisional(&self) -> bool {
        match self.rests {
            Rests::OnFile => false,
            Rests::OnWord(_) => true,
        }
    }
}

/// Every ban that binds: those of the files of a revision, and those that bind provisionally.
///
/// INVARIANT: whoever asks whether somebody is banned gets an answer over both kinds. The files
/// alone are for comparing revisions with one another ([`Bans::of_files`]; `architecture.rs`
/// says who may).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bans {
    of_files: Vec<Ban>,
    provisional: Vec<Ban>,
}

impl Bans {
    /// Adds a ban of a file.
    pub fn add(&mut self, ban: Ban) {
        self.of_files.push(ban);
    }

    /// Returns the same files with these provisional bans in place of any before.
    #[must_use]
    pub fn binding(&self, provisional: Vec<Ban>) -> Self {
        Self { of_files: self.of_files.clone(), provisional }
    }

    /// Iterates over every ban, ended ones included.
    pub fn iter(&self) -> impl Iterator<Item = &Ban> {
        self.of_files.iter().chain(&self.provisional)
    }

    /// Iterates over every ban on `subject`, ended ones included.
    pub fn on(&self, subject: &Principal) -> impl Iterator<Item = &Ban> {
        self.iter().filter(move |ban| ban.subject == *subject)
    }

    /// Returns the live ban on `subject` that lasts longest.
    pub fn live(&self, subject: &Principal, now: Timestamp) -> Option<&Ban> {
        self.on(subject)
            .filter(|ban| ban.is_live(now))
            .max_by_key(|ban| ban.until.unwrap_or(Timestamp::MAX))
    }

    /// Returns what files say, ended bans included. Only to compare revisions, and to change the
    /// files: whether somebody is banned is another question.
    pub fn of_files(&self) -> &[Ban] {
        &self.of_files
    }

    /// Returns who is banned provisionally, each with when that was said: what a decision was
    /// taken with.
    pub fn words(&self) -> BTreeMap<PersonId, Timestamp> {
        let said = |ban: &Ban| match (&ban.subject, ban.rests) {
            (Principal::Person(person), Rests::OnWord(since)) => Some((person.clone(), since)),
            (Principal::Person(_) | Principal::Service(_), Rests::OnFile | Rests::OnWord(_)) => {
                None
            }
        };
        self.provisional.iter().filter_map(said).collect()
    }
}

impl FromIterator<Ban> for Bans {
    fn from_iter<I: IntoIterator<Item = Ban>>(bans: I) -> Self {
        Self { of_files: bans.into_iter().collect(), provisional: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + hour * 3_600).expect("a time")
    }

    fn ban(subject: &str, until: Option<i64>, rests: Rests) -> Ban {
        Ban {
            origin: "inventory/bans/one.yaml".parse().expect("a path"),
            subject: Principal::Person(subject.parse().expect("a name")),
            by: "ada".parse().expect("a name"),
            reason: "a reason".to_owned(),
            until: until.map(at),
            rests,
        }
    }

    #[test]
    fn who_is_banned_either_way_is_banned_and_the_longest_counts() {
        let files: Bans = [ban("kim", Some(2), Rests::OnFile)].into_iter().collect();
        let kim = Principal::Person("kim".parse().expect("a name"));
        let mal = Principal::Person("mal".parse().expect("a name"));
        assert_eq!(files.live(&kim, at(1)).and_then(|ban| ban.until), Some(at(2)));
        assert!(files.live(&kim, at(2)).is_none());
        let said = vec![
            ban("kim", Some(24), Rests::OnWord(at(0))),
            ban("mal", Some(24), Rests::OnWord(at(1))),
        ];
        let both = files.binding(said);
        assert_eq!(both.live(&kim, at(1)).and_then(|ban| ban.until), Some(at(24)));
        assert!(both.live(&mal, at(23)).is_some() && both.live(&mal, at(24)).is_none());
        assert_eq!(both.words().len(), 2);
        // Comparing revisions sees files alone.
        assert_eq!(both.of_files(), files.of_files());
        assert_eq!(both.binding(Vec::new()), files);
    }
}
