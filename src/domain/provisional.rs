//! Provisional bans: asked for in chat, they bind at once and for a day at most.
//!
//! What would last is a file of the policy repo, which Tribune prepares as a branch. Merged, the
//! ban is lasting and the file alone counts; else it lapses. Its issuer or an admin may lift it
//! before; policy says who they are. Who is banned has no say in it, as they may do nothing.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::ban::{Ban, Rests};
use super::duration::Length;
use super::id::{ChatChannelId, PersonId, Platform, RepoPath, Revision};
use super::person::Principal;

/// How long a ban binds without a merge.
pub const BINDS: SignedDuration = SignedDuration::from_hours(24);

/// How many live ones one person may have issued.
pub const AT_ONCE: usize = 3;

/// How long a ban is remembered: another on the same person within it is a second one.
pub const REMEMBERED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A ban that somebody asked for in chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisionalBan {
    /// Who is banned.
    pub subject: PersonId,
    /// Who asked for it.
    pub by: PersonId,
    /// Why, as typed.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when it binds without a merge.
    pub until: Timestamp,
    /// What the lasting file says of its end; `None`: it has none.
    pub lasting: Option<Timestamp>,
    /// Which one on this person, of those that are remembered; from 1.
    pub number: u32,
    /// The file that would make it lasting.
    pub file: RepoPath,
    /// The branch with that file, once it is prepared.
    pub prepared: Option<Prepared>,
    /// Where it is announced; `None`: no chat could be reached when it was made.
    pub place: Option<(Platform, ChatChannelId)>,
    /// How it ended; `None`: it binds.
    pub end: Option<End>,
}

/// A branch that waits for somebody to merge it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    /// Its name.
    pub branch: String,
    /// Where it is fetched from.
    pub from: String,
}

/// How a provisional ban ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Its file was merged: from then on that alone counts.
    Lasting {
        /// Recorded when.
        at: Timestamp,
        /// The applied revision that holds the file.
        revision: Revision,
    },
    /// Somebody lifted it.
    Lifted {
        /// When.
        at: Timestamp,
        /// Who.
        by: Principal,
    },
    /// Its time was over before somebody merged it.
    Lapsed,
}

/// A ban that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// On whom.
    pub subject: PersonId,
    /// By whom.
    pub by: PersonId,
    /// Why.
    pub reason: String,
    /// How long the lasting ban is to hold, from now.
    pub length: Length,
    /// Where it is to be announced.
    pub place: Option<(Platform, ChatChannelId)>,
}

/// Why a ban was not made, whatever policy says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nobody bans themselves.
    #[error("nobody bans themselves")]
    Oneself,
    /// They are banned already.
    #[error("@{} is banned already", .0.subject.person().map_or("", PersonId::as_str))]
    Banned(Box<Ban>),
    /// The issuer has as many live ones as they may.
    #[error("you have {AT_ONCE} provisional bans in force, the most that one person may")]
    TooMany(Vec<PersonId>),
}

impl ProvisionalBan {
    /// Says whether it binds, its time aside.
    pub fn is_open(&self) -> bool {
        self.end.is_none()
    }

    /// Says whether it binds at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.is_open() && now < self.until
    }

    /// Says whether its time is over and nobody has recorded that yet.
    pub fn has_lapsed(&self, now: Timestamp) -> bool {
        self.is_open() && self.until <= now
    }

    /// Returns until when it is remembered.
    pub fn remembered_until(&self) -> Timestamp {
        self.since.checked_add(REMEMBERED).unwrap_or(Timestamp::MAX)
    }

    /// Says whether another ban on the same person at `now` would be a second one.
    pub fn makes_second(&self, now: Timestamp) -> bool {
        now < self.remembered_until()
    }

    /// Says whether a ban of the applied revision is this one, made lasting.
    pub fn is_made_lasting_by(&self, ban: &Ban) -> bool {
        ban.origin == self.file && ban.subject.person() == Some(&self.subject)
    }

    /// Returns the ban that binds, if it has not ended.
    pub fn binding(&self) -> Option<Ban> {
        self.is_open().then(|| self.ban())
    }

    /// Returns the ban as everybody meets it who asks whether somebody is banned.
    pub fn ban(&self) -> Ban {
        Ban {
            origin: self.file.clone(),
            subject: Principal::Person(self.subject.clone()),
            by: self.by.clone(),
            reason: self.reason.clone(),
            until: Some(self.until),
            rests: Rests::OnWord(self.since),
        }
    }

    /// Returns the branch on which its file is prepared.
    pub fn branch(&self) -> String {
        let name = self.file.as_str().rsplit('/').next().unwrap_or_default();
        format!("tribune/ban-{}", name.trim_end_matches(".yaml"))
    }
}

/// Returns the remembered ban that makes one at `now` a second one.
pub fn earlier<'a>(
    bans: &'a [ProvisionalBan],
    subject: &PersonId,
    now: Timestamp,
) -> Option<&'a ProvisionalBan> {
    bans.iter().find(|ban| ban.subject == *subject && ban.makes_second(now))
}

/// Returns the ban that results from wanting it, or why there is none.
///
/// `bans` are those that are remembered, `in_force` a ban on the subject that holds already, and
/// `is_taken` says whether the policy repo has a file of that name.
pub fn ban(
    wanted: Wanted,
    bans: &[ProvisionalBan],
    in_force: Option<&Ban>,
    is_taken: impl Fn(&RepoPath) -> bool,
    now: Timestamp,
) -> Result<ProvisionalBan, Refused> {
    if wanted.by == wanted.subject {
        return Err(Refused::Oneself);
    }
    if let Some(ban) = in_force {
        return Err(Refused::Banned(Box::new(ban.clone())));
    }
    let issued = bans.iter().filter(|ban| ban.by == wanted.by && ban.is_live(now));
    let issued: Vec<PersonId> = issued.map(|ban| ban.subject.clone()).collect();
    if issued.len() >= AT_ONCE {
        return Err(Refused::TooMany(issued));
    }
    let lasting = match wanted.length {
        Length::For(length) => Some(whole_second(now.checked_add(length))),
        Length::Permanent => None,
    };
    let day = whole_second(now.checked_add(BINDS));
    let number = earlier(bans, &wanted.subject, now).map_or(1, |ban| ban.number + 1);
    let (number, file) = file_name(&wanted.subject, number, is_taken, now);
    Ok(ProvisionalBan {
        subject: wanted.subject,
        by: wanted.by,
        reason: wanted.reason,
        since: now,
        until: lasting.map_or(day, |lasting| lasting.min(day)),
        lasting,
        number,
        file,
        prepared: None,
        place: wanted.place,
        end: None,
    })
}

/// Returns a time as files write it: to the second, never earlier.
fn whole_second(at: Result<Timestamp, jiff::Error>) -> Timestamp {
    let Ok(at) = at else { return Timestamp::MAX };
    let up = i64::from(at.subsec_nanosecond() > 0);
    Timestamp::from_second(at.as_second() + up).unwrap_or(Timestamp::MAX)
}

/// Returns a name that neither the policy repo nor an earlier branch uses.
fn file_name(
    subject: &PersonId,
    first: u32,
    is_taken: impl Fn(&RepoPath) -> bool,
    now: Timestamp,
) -> (u32, RepoPath) {
    let day = now.strftime("%Y-%m-%d");
    let name = |number: u32| {
        let number = if number > 1 { format!("-{number}") } else { String::new() };
        let path = format!("inventory/bans/{day}-{subject}{number}.yaml");
        path.parse::<RepoPath>().expect("a day and a person's name are a file name")
    };
    let mut number = first;
    while is_taken(&name(number)) {
        number += 1;
    }
    (number, name(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + hour * 3_600).expect("a time")
    }

    fn wanted(by: &str, subject: &str, length: Length) -> Wanted {
        Wanted {
            subject: subject.parse().expect("a name"),
            by: by.parse().expect("a name"),
            reason: "shared an account".to_owned(),
            length,
            place: None,
        }
    }

    fn hours(hours: i64) -> Length {
        Length::For(SignedDuration::from_hours(hours))
    }

    fn free(_: &RepoPath) -> bool {
        false
    }

    fn made(by: &str, subject: &str, bans: &[ProvisionalBan], hour: i64) -> ProvisionalBan {
        ban(wanted(by, subject, hours(48)), bans, None, free, at(hour)).expect("made")
    }

    #[test]
    fn it_binds_for_a_day_at_most_and_never_longer_than_was_asked() {
        let made =
            |length| ban(wanted("ada", "kim", length), &[], None, free, at(0)).expect("made");
        let short = made(hours(2));
        assert_eq!((short.until, short.lasting), (at(2), Some(at(2))));
        let long = made(hours(48));
        assert_eq!((long.until, long.lasting), (at(24), Some(at(48))));
        let permanent = made(Length::Permanent);
        assert_eq!((permanent.until, permanent.lasting), (at(24), None));
        assert!(long.is_live(at(23)) && !long.is_live(at(24)) && long.has_lapsed(at(24)));
        assert_eq!(long.ban().until, Some(at(24)));
        assert!(long.ban().is_provisional());
    }

    #[test]
    fn nobody_bans_themselves_or_who_is_banned() {
        let own = ban(wanted("ada", "ada", hours(1)), &[], None, free, at(0));
        assert_eq!(own, Err(Refused::Oneself));
        let first = made("ada", "kim", &[], 0);
        let again = ban(wanted("bob", "kim", hours(1)), &[], Some(&first.ban()), free, at(1));
        assert_eq!(again, Err(Refused::Banned(Box::new(first.ban()))));
        assert_eq!(
            again.map(|_| ()).map_err(|refused| refused.to_string()),
            Err("@kim is banned already".to_owned())
        );
    }

    #[test]
    fn three_at_once_are_the_most_and_ended_ones_do_not_count() {
        let mut bans: Vec<ProvisionalBan> =
            ["p1", "p2", "p3"].map(|subject| made("ada", subject, &[], 0)).into();
        let fourth = |bans: &[ProvisionalBan], by: &str, hour| {
            ban(wanted(by, "p4", hours(1)), bans, None, free, at(hour))
        };
        let names = ["p1", "p2", "p3"].map(|name| name.parse().expect("a name"));
        assert_eq!(fourth(&bans, "ada", 1), Err(Refused::TooMany(names.into())));
        assert!(fourth(&bans, "bob", 1).is_ok(), "another's do not count");
        assert!(fourth(&bans, "ada", 24).is_ok(), "what is over does not count");
        bans[1].end = Some(End::Lapsed);
        assert!(fourth(&bans, "ada", 1).is_ok());
    }

    #[test]
    fn a_second_one_within_a_week_is_known_as_such_and_has_a_file_of_its_own() {
        let first = ProvisionalBan { end: Some(End::Lapsed), ..made("ada", "kim", &[], 0) };
        let bans = [first.clone()];
        assert_eq!(first.file.as_str(), "inventory/bans/2023-11-14-kim.yaml");
        assert_eq!(first.branch(), "tribune/ban-2023-11-14-kim");
        let kim = "kim".parse().expect("a name");
        assert_eq!(earlier(&bans, &kim, at(7 * 24 - 1)), Some(&first));
        assert_eq!(earlier(&bans, &kim, at(7 * 24)), None);
        let second = made("ada", "kim", &bans, 1);
        assert_eq!((second.number, second.branch().as_str()), (2, "tribune/ban-2023-11-14-kim-2"));
        let taken = |path: &RepoPath| path.as_str().ends_with("kim-2.yaml");
        let third = ban(wanted("ada", "kim", hours(1)), &bans, None, taken, at(1)).expect("made");
        assert_eq!(third.file.as_str(), "inventory/bans/2023-11-14-kim-3.yaml");
    }

    #[test]
    fn only_its_own_file_makes_it_lasting() {
        let made = made("ada", "kim", &[], 0);
        let merged = Ban { rests: Rests::OnFile, until: None, ..made.ban() };
        assert!(made.is_made_lasting_by(&merged));
        let elsewhere =
            Ban { origin: "inventory/bans/kim.yaml".parse().expect("a path"), ..merged.clone() };
        assert!(!made.is_made_lasting_by(&elsewhere));
        let other = Ban { subject: Principal::Person("mal".parse().expect("a name")), ..merged };
        assert!(!made.is_made_lasting_by(&other));
    }

    #[test]
    fn what_ended_binds_nobody() {
        let open = made("ada", "kim", &[], 0);
        let ended = ProvisionalBan { end: Some(End::Lapsed), ..made("ada", "mal", &[], 0) };
        assert_eq!((open.binding(), ended.binding()), (Some(open.ban()), None));
    }
}
