//! Evidence: what supports a request, as read from the chat server and the forge.

use std::collections::BTreeSet;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::id::{Flag, PersonId, Revision};

/// All evidence in hand for one request. Facts only: whether it suffices is for policy to say.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// One per person, in the order in which they voted. Requester, bots, banned and unknown
    /// people are already left out; see [`Ignored`].
    pub approvals: Vec<Vote>,
    /// People who reacted ❌ or typed `!deny`, under the same rule.
    pub vetoes: Vec<Vote>,
    /// The cited pull request, if it could be read and is not used up.
    pub citation: Option<Citation>,
}

/// One person's approval or veto.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Vote {
    /// Whose.
    pub person: PersonId,
    /// How it was given.
    pub means: Means,
    /// When it was given, as far as the platform tells, else when it was first seen.
    pub at: Timestamp,
    /// A reason that was typed with it.
    pub reason: Option<String>,
}

/// How a vote was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// A reaction on the card.
    Reaction,
    /// A reply in the card's thread.
    Typed,
}

/// Why a reaction or reply does not count; shown on the card, so that nobody wonders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ignored {
    /// The requester's own.
    Requester,
    /// A bot's, webhook's or bridge's.
    NotHuman,
    /// The account was closed.
    Deactivated,
    /// They are no longer where the card stands, so that they could not even take it back.
    Absent,
    /// Nobody in the policy repo has this account.
    Unknown,
    /// Somebody banned.
    Banned,
    /// Nobody approves in this channel.
    Channel,
    /// Approvals of this channel count in other places of it than the card's.
    Place,
    /// Somebody whom policy lets fill no slot.
    NotEligible,
}

/// Which pull request: a number on the policy repo's forge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PullRef {
    /// The repository; empty: the policy repo itself.
    pub repo: String,
    /// Its number there.
    pub number: u64,
}

impl fmt::Display for PullRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.repo, self.number)
    }
}

/// What the forge says about a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pull {
    /// Which.
    pub pull: PullRef,
    /// Its title.
    pub title: String,
    /// Whether it was merged.
    pub merged: bool,
    /// The branch it was merged into.
    pub base: String,
    /// Its labels now.
    pub labels: BTreeSet<String>,
    /// Who wrote it, if known to the policy repo.
    pub author: Option<PersonId>,
    /// Whoever else wrote a commit of it.
    pub contributors: BTreeSet<PersonId>,
    /// Who merged it, proved by signature or forge.
    pub merged_by: Option<PersonId>,
    /// Who approved its final head, proved by the forge; empty on the local forge.
    pub approved_by: BTreeSet<PersonId>,
    /// The commit that merged it.
    pub merge: Option<Revision>,
    /// The command it names, as people type it, for `cite.bind`.
    pub command: Option<String>,
    /// Who put the label on it, if the forge tells.
    pub labelled_by: Option<PersonId>,
    /// What people should see beside it and what counts for nothing: reviews that nothing proves,
    /// another merge that bears the same number.
    pub notes: Vec<String>,
}

/// A cited pull request with what Tribune knows about it; becomes Cedar's `context.pr`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citation {
    /// What the forge says.
    pub pull: Pull,
    /// Flags of the author.
    pub author_flags: BTreeSet<Flag>,
    /// Time since Tribune first saw the merge.
    pub age: SignedDuration,
    /// Whether the merge is part of the applied revision's history.
    pub in_history: bool,
    /// Whether somebody other than requester and authors, known, unbanned and eligible to
    /// `approve`, approved or merged it.
    pub independent_review: bool,
    /// Whether it names this intent, these arguments and these targets.
    pub bound: bool,
}

/// What is known of a pull request beside what the forge says, when it is cited.
#[derive(Debug, Clone)]
pub struct Circumstances<'a> {
    /// The person who asked, or who answers for the service that did.
    pub requester: Option<&'a PersonId>,
    /// Who asked Tribune to open it, if somebody did; treated as an author.
    pub proposer: Option<&'a PersonId>,
    /// Known, unbanned people whom policy lets `approve` this request.
    pub eligible: &'a BTreeSet<PersonId>,
    /// Flags of the author.
    pub author_flags: BTreeSet<Flag>,
    /// When Tribune first saw the merge.
    pub first_seen: Timestamp,
    /// The present time.
    pub now: Timestamp,
    /// Whether the merge is part of the applied revision's history.
    pub in_history: bool,
    /// Whether it names this intent, these arguments and these targets.
    pub bound: bool,
}

impl Citation {
    /// Puts together what the forge says and what Tribune knows.
    pub fn assess(pull: Pull, known: Circumstances<'_>) -> Self {
        let independent_review = known.eligible.iter().any(|person| {
            (pull.merged_by.as_ref() == Some(person) || pull.approved_by.contains(person))
                && known.requester != Some(person)
                && known.proposer != Some(person)
                && pull.author.as_ref() != Some(person)
                && !pull.contributors.contains(person)
        });
        Self {
            // A clock that was set back makes nothing younger than new.
            age: known.now.duration_since(known.first_seen).max(SignedDuration::ZERO),
            author_flags: known.author_flags,
            in_history: known.in_history && pull.merged,
            independent_review: independent_review && pull.merged,
            bound: known.bound,
            pull,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str) -> PersonId {
        name.parse().unwrap()
    }

    fn people(names: &[&str]) -> BTreeSet<PersonId> {
        names.iter().map(|name| person(name)).collect()
    }

    /// Written by `ada` with `cy`, merged by `eve`, approved by nobody.
    fn pull() -> Pull {
        Pull {
            pull: PullRef { repo: String::new(), number: 12 },
            title: "restart nginx".into(),
            merged: true,
            base: "main".into(),
            labels: BTreeSet::new(),
            author: Some(person("ada")),
            contributors: people(&["cy"]),
            merged_by: Some(person("eve")),
            approved_by: BTreeSet::new(),
            merge: None,
            command: None,
            labelled_by: None,
            notes: Vec::new(),
        }
    }

    fn assess(pull: Pull, requester: &str, eligible: &[&str]) -> Citation {
        let at = |second| Timestamp::from_second(second).unwrap();
        let requester = person(requester);
        Citation::assess(
            pull,
            Circumstances {
                requester: Some(&requester),
                proposer: Some(&person("kim")),
                eligible: &people(eligible),
                author_flags: BTreeSet::new(),
                first_seen: at(1_000),
                now: at(4_600),
                in_history: true,
                bound: true,
            },
        )
    }

    #[test]
    fn four_eyes() {
        type Case = (&'static str, fn(&mut Pull), &'static str, &'static [&'static str], bool);
        let cases: &[Case] = &[
            ("somebody else merged", |_| (), "bob", &["eve"], true),
            ("the author asks", |_| (), "ada", &["eve"], true),
            ("the requester merged", |_| (), "eve", &["eve", "ada"], false),
            ("the author merged", |p| p.merged_by = Some(person("ada")), "bob", &["ada"], false),
            ("a contributor merged", |p| p.merged_by = Some(person("cy")), "bob", &["cy"], false),
            ("the proposer merged", |p| p.merged_by = Some(person("kim")), "bob", &["kim"], false),
            ("the merger is banned or not eligible", |_| (), "bob", &["zoe"], false),
            ("nobody known merged", |p| p.merged_by = None, "bob", &["eve"], false),
            ("not merged", |p| p.merged = false, "bob", &["eve"], false),
            (
                "another approved what the requester merged",
                |p| p.approved_by = people(&["zoe"]),
                "eve",
                &["eve", "zoe"],
                true,
            ),
            (
                "only the requester approved what the author merged",
                |p| {
                    p.merged_by = Some(person("ada"));
                    p.approved_by = people(&["bob"]);
                },
                "bob",
                &["ada", "bob"],
                false,
            ),
        ];
        for (what, change, requester, eligible, expected) in cases {
            let mut pull = pull();
            change(&mut pull);
            assert_eq!(assess(pull, requester, eligible).independent_review, *expected, "{what}");
        }
    }

    #[test]
    fn age_counts_from_first_sight_and_is_never_negative() {
        assert_eq!(assess(pull(), "bob", &["eve"]).age, SignedDuration::from_hours(1));
        let early = Citation::assess(
            pull(),
            Circumstances {
                requester: None,
                proposer: None,
                eligible: &BTreeSet::new(),
                author_flags: BTreeSet::new(),
                first_seen: Timestamp::from_second(10).unwrap(),
                now: Timestamp::from_second(5).unwrap(),
                in_history: true,
                bound: false,
            },
        );
        assert_eq!(early.age, SignedDuration::ZERO);
    }

    #[test]
    fn what_is_not_merged_is_not_in_history() {
        let mut open = pull();
        open.merged = false;
        assert!(!assess(open, "bob", &["eve"]).in_history);
        assert!(assess(pull(), "bob", &["eve"]).in_history);
    }
}
