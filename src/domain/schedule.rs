//! Schedules: when an intent asks for itself, and how far that was dealt with.
//!
//! A schedule is a rule of cron in a time zone. Each time that the rule names is an *occurrence*;
//! it *fires* a little later if the schedule has jitter, always by the same amount for the same
//! occurrence. An occurrence is taken once: the mark of the schedule moves past it in the same
//! transaction as the request that it makes.
//!
//! When clocks are changed: a time of day that is left out fires at the first moment after the
//! gap, a time of day that comes twice fires the first time only, and what recurs within the hour
//! (`*/15 * * * *`) goes on in real time, through both.

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::id::{IntentName, RequestId};
use super::intent::Schedule;

/// How late an occurrence may be taken and still count as in time.
pub const IN_TIME: SignedDuration = SignedDuration::from_mins(1);

/// How far the schedule of an intent was dealt with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The rule that it counts by; another rule starts anew.
    pub rule: String,
    /// Every occurrence up to and including this time was dealt with.
    pub up_to: Timestamp,
    /// The last occurrence, and what became of it.
    pub last: Option<Occurrence>,
    /// The last request that it made.
    pub asked: Option<RequestId>,
    /// Occurrences in a row, the last among them, that made no request.
    pub skips: Option<Skips>,
}

/// One time at which a schedule asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// The time that the rule names, jitter not included.
    pub at: Timestamp,
    /// What became of it.
    pub became: Became,
}

/// What became of an occurrence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// It made this request.
    Asked(RequestId),
    /// It made none, for this reason in words.
    Skipped(String),
}

/// Occurrences in a row that made no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skips {
    /// The first of them.
    pub since: Timestamp,
    /// How many.
    pub times: u32,
}

impl Mark {
    /// Returns the mark of a schedule that is seen for the first time: nothing before counts.
    pub fn new(schedule: &Schedule, now: Timestamp) -> Self {
        Self { rule: schedule.to_string(), up_to: now, last: None, asked: None, skips: None }
    }

    /// Returns the mark after an occurrence became something.
    pub fn after(&self, at: Timestamp, became: Became) -> Self {
        let (asked, skips) = match &became {
            Became::Asked(request) => (Some(*request), None),
            Became::Skipped(_) => {
                let skips = self.skips.unwrap_or(Skips { since: at, times: 0 });
                (self.asked, Some(Skips { times: skips.times.saturating_add(1), ..skips }))
            }
        };
        let last = Some(Occurrence { at, became });
        Self { rule: self.rule.clone(), up_to: self.up_to.max(at), last, asked, skips }
    }
}

/// Why a rule cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The expression.
    #[error("{0:?} is not a cron expression")]
    Cron(String),
    /// The time zone.
    #[error("there is no time zone {0:?}")]
    Zone(String),
}

/// A rule that can be asked for its times.
#[derive(Debug, Clone)]
pub struct Rule {
    cron: Cron,
    zone: TimeZone,
}

impl Rule {
    /// Reads five fields of cron, or six with seconds first, in a time zone.
    pub fn parse(cron: &str, zone: &str) -> Result<Self, RuleError> {
        let fields = cron.split_whitespace().count();
        let parser = CronParser::builder().seconds(Seconds::Optional).build();
        let parsed = parser.parse(cron).ok().filter(|_| (5..=6).contains(&fields));
        let cron = parsed.ok_or_else(|| RuleError::Cron(cron.to_owned()))?;
        let zone = TimeZone::get(zone).map_err(|_| RuleError::Zone(zone.to_owned()))?;
        Ok(Self { cron, zone })
    }

    /// Returns the first occurrence after a time; `None` if there is none.
    pub fn after(&self, time: Timestamp) -> Option<Timestamp> {
        let from = time.to_zoned(self.zone.clone());
        let next = self.cron.find_next_occurrence(&from, false).ok()?.timestamp();
        (next > time).then_some(next)
    }
}

/// An occurrence with the time at which it fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Firing {
    /// The time that the rule names.
    pub at: Timestamp,
    /// The time at which it asks, jitter included.
    pub fires: Timestamp,
}

/// What a schedule has come to at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The last occurrence that is due and was not dealt with.
    pub due: Option<Firing>,
    /// How many more are due before it: nobody was there for them.
    pub earlier: u32,
    /// The next one that is not due yet.
    pub next: Option<Firing>,
}

/// Returns what a schedule that was dealt with up to `up_to` has come to.
pub fn turn(
    intent: &IntentName,
    schedule: &Schedule,
    rule: &Rule,
    up_to: Timestamp,
    now: Timestamp,
) -> Turn {
    let mut turn = Turn { due: None, earlier: 0, next: None };
    let mut last = up_to;
    while let Some(at) = rule.after(last) {
        let delay = jitter(intent, at, schedule.jitter);
        let firing = Firing { at, fires: at.checked_add(delay).unwrap_or(at) };
        if firing.fires > now {
            turn.next = Some(firing);
            break;
        }
        turn.earlier += u32::from(turn.due.replace(firing).is_some());
        last = at;
    }
    turn
}

/// Returns by how much an occurrence fires later: from nothing to `most`, the same each time it
/// is asked.
pub fn jitter(intent: &IntentName, at: Timestamp, most: SignedDuration) -> SignedDuration {
    let most = u64::try_from(most.as_millis()).unwrap_or(0);
    let seed = Digest::of(format!("{intent}\n{}", at.as_second()).as_bytes());
    let drawn = u64::from_str_radix(&seed.to_string()[..16], 16).unwrap_or(0) % (most + 1);
    SignedDuration::from_millis(i64::try_from(drawn).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::intent::Missed;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn times(cron: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let rule = Rule::parse(cron, zone).expect("a rule");
        let next = |time: &Timestamp| rule.after(*time);
        let all = std::iter::successors(rule.after(at(from)), next);
        all.take(count).map(|time| time.to_string()).collect()
    }

    fn schedule(cron: &str, jitter: SignedDuration) -> Schedule {
        Schedule {
            cron: cron.to_owned(),
            zone: "UTC".to_owned(),
            targets: vec![],
            args: BTreeMap::new(),
            jitter,
            missed: Missed::Skip,
        }
    }

    fn turn_of(schedule: &Schedule, up_to: &str, now: &str) -> Turn {
        let rule = Rule::parse(&schedule.cron, &schedule.zone).expect("a rule");
        turn(&"look".parse().expect("a name"), schedule, &rule, at(up_to), at(now))
    }

    #[test]
    fn a_time_that_is_left_out_in_spring_fires_right_after_the_gap() {
        // In Berlin, 2026-03-29 has no time between 02:00 and 03:00: 01:00 UTC is 03:00.
        assert_eq!(
            times("30 2 * * *", "Europe/Berlin", "2026-03-27T12:00:00Z", 3),
            ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
        );
        assert_eq!(
            times("*/20 * * * *", "Europe/Berlin", "2026-03-29T00:30:00Z", 3),
            ["2026-03-29T00:40:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:20:00Z"]
        );
    }

    #[test]
    fn a_time_that_comes_twice_in_autumn_fires_once() {
        // In Berlin, 2026-10-25 has 02:00 to 03:00 twice: from 00:00 and from 01:00 UTC.
        assert_eq!(
            times("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2),
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
        );
        assert_eq!(
            times("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", 4),
            [
                "2026-10-25T00:30:00Z",
                "2026-10-25T01:00:00Z",
                "2026-10-25T01:30:00Z",
                "2026-10-25T02:00:00Z"
            ]
        );
    }

    #[test]
    fn seconds_may_come_first_and_nonsense_is_told() {
        assert_eq!(
            times("15 30 8 * * *", "UTC", "2026-06-01T08:30:15Z", 1),
            ["2026-06-02T08:30:15Z"]
        );
        let error = |cron, zone| Rule::parse(cron, zone).expect_err("nonsense");
        assert_eq!(error("0 3 * *", "UTC"), RuleError::Cron("0 3 * *".to_owned()));
        assert_eq!(error("0 0 3 * * 0 2026", "UTC"), RuleError::Cron("0 0 3 * * 0 2026".into()));
        assert_eq!(error("0 3 * * 0", "Berlin"), RuleError::Zone("Berlin".to_owned()));
        let never = Rule::parse("0 3 30 2 *", "UTC").expect("a rule");
        assert_eq!(never.after(at("2026-01-01T00:00:00Z")), None);
    }

    #[test]
    fn jitter_is_the_same_for_the_same_occurrence_and_within_its_limit() {
        let most = SignedDuration::from_mins(5);
        let name: IntentName = "look".parse().expect("a name");
        let drawn: Vec<SignedDuration> = (0..200)
            .map(|day| {
                jitter(
                    &name,
                    at("2026-01-01T03:00:00Z") + SignedDuration::from_hours(24 * day),
                    most,
                )
            })
            .collect();
        assert!(drawn.iter().all(|drawn| (SignedDuration::ZERO..=most).contains(drawn)));
        assert_eq!(drawn[7], jitter(&name, at("2026-01-08T03:00:00Z"), most));
        let spread: std::collections::BTreeSet<_> = drawn.iter().collect();
        assert!(spread.len() > 150);
        let other: IntentName = "other".parse().expect("a name");
        assert_ne!(drawn[7], jitter(&other, at("2026-01-08T03:00:00Z"), most));
        assert_eq!(
            jitter(&name, at("2026-01-08T03:00:00Z"), SignedDuration::ZERO),
            SignedDuration::ZERO
        );
    }

    #[test]
    fn what_is_due_is_the_last_that_has_fired_and_was_not_dealt_with() {
        let hourly = schedule("0 * * * *", SignedDuration::ZERO);
        let early = turn_of(&hourly, "2026-06-01T08:00:00Z", "2026-06-01T08:59:59Z");
        assert_eq!(
            (early.due, early.next.map(|it| it.at)),
            (None, Some(at("2026-06-01T09:00:00Z")))
        );
        let due = turn_of(&hourly, "2026-06-01T08:00:00Z", "2026-06-01T09:00:00Z");
        assert_eq!(due.due.map(|it| it.at), Some(at("2026-06-01T09:00:00Z")));
        assert_eq!((due.earlier, due.next.map(|it| it.at)), (0, Some(at("2026-06-01T10:00:00Z"))));
        let back = turn_of(&hourly, "2026-06-01T08:00:00Z", "2026-06-01T12:30:00Z");
        assert_eq!((back.due.map(|it| it.at), back.earlier), (Some(at("2026-06-01T12:00:00Z")), 3));
        let done = turn_of(&hourly, "2026-06-01T12:00:00Z", "2026-06-01T12:30:00Z");
        assert_eq!(done.due, None);
    }

    #[test]
    fn an_occurrence_is_due_when_it_fires_and_not_before() {
        let nightly = schedule("0 3 * * *", SignedDuration::from_mins(30));
        let next = turn_of(&nightly, "2026-06-01T04:00:00Z", "2026-06-02T02:59:00Z").next;
        let next = next.expect("it recurs");
        assert!(next.fires > next.at && next.fires <= next.at + SignedDuration::from_mins(30));
        let before = next.fires - SignedDuration::from_millis(1);
        let before = turn_of(&nightly, "2026-06-01T04:00:00Z", &before.to_string());
        assert_eq!((before.due, before.next), (None, Some(next)));
        let then = turn_of(&nightly, "2026-06-01T04:00:00Z", &next.fires.to_string());
        assert_eq!(then.due, Some(next));
    }

    #[test]
    fn a_mark_counts_what_is_skipped_in_a_row() {
        let mark =
            Mark::new(&schedule("0 3 * * *", SignedDuration::ZERO), at("2026-06-01T00:00:00Z"));
        let skipped =
            |mark: &Mark, day: &str| mark.after(at(day), Became::Skipped("frozen".into()));
        let twice = skipped(&skipped(&mark, "2026-06-01T03:00:00Z"), "2026-06-02T03:00:00Z");
        let since = at("2026-06-01T03:00:00Z");
        assert_eq!(twice.skips, Some(Skips { since, times: 2 }));
        assert_eq!(twice.up_to, at("2026-06-02T03:00:00Z"));
        let asked = twice.after(at("2026-06-03T03:00:00Z"), Became::Asked(RequestId(7)));
        assert_eq!((asked.skips, asked.asked), (None, Some(RequestId(7))));
        let later = skipped(&asked, "2026-06-04T03:00:00Z");
        assert_eq!(later.asked, Some(RequestId(7)));
    }
}
