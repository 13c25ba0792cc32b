//! Replies that no story comes to, each as people would read it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tribune::domain::body::{Block, Body, Span};
use tribune::domain::channel::{Channel, Spot, Strength};
use tribune::domain::digest::Digest;
use tribune::domain::drift::machine::Note;
use tribune::domain::drift::{Difference, Found, Ignored, Incident, Repair, Watch, WatchKey};
use tribune::domain::duration;
use tribune::domain::id::{Platform, RequestId};
use tribune::domain::intent::OnDrift;
use tribune::domain::message::Edited;
use tribune::domain::pause::{Pause, Scope};
use tribune::domain::person::{Account, Person, Principal};
use tribune::domain::reply::{answer, drift, pause, press, run, schedule, standing};
use tribune::domain::run::{Failure, Outcome};
use tribune::domain::schedule::{Became, Mark, Occurrence};

use crate::examples::shipped;
use crate::world::chat::plain;

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

pub(super) fn read(bodies: impl IntoIterator<Item = Body>) -> String {
    bodies.into_iter().map(|body| plain(&body)).collect::<Vec<_>>().join("\n")
}

fn line(spans: Vec<Span>) -> Body {
    Body(vec![Block::Line(spans)])
}

fn incident() -> Incident {
    Incident {
        id: "d7".parse().unwrap(),
        key: WatchKey { intent: "sync-motd".parse().unwrap(), target: "web1".parse().unwrap() },
        place: ("console".parse().unwrap(), "ops".parse().unwrap()),
        opened: at("2026-06-01T08:00:00Z"),
        found: Found::Unknown,
        difference: Some(Difference {
            fingerprint: Digest::of(b"x"),
            text: "one two three".to_owned(),
            dropped: 12,
            concealed: true,
        }),
        differences: 1,
        changed: at("2026-06-01T08:00:00Z"),
        why: Some("no route".to_owned()),
        on_drift: OnDrift::Ask,
        turned: false,
        held: None,
        ignored: None,
        repair: Some(Repair { request: RequestId(3), by: None }),
        tried: None,
        failed: Vec::new(),
        branch: Some("tribune/keep-d7".to_owned()),
        answered: Vec::new(),
        told: at("2026-06-01T08:00:00Z"),
        notes: 0,
        closed: None,
    }
}

#[test]
fn what_is_said_of_drift() {
    let now = at("2026-06-01T09:00:00Z");
    let one = incident();
    let ignored = Ignored { by: "ken".parse().unwrap(), until: now, reason: None };
    let mut watch = Watch::new(one.key.clone(), now);
    let fresh = watch.clone();
    let until = at("2026-06-02T09:00:00Z");
    let mut left = one.clone();
    left.ignored = Some(Ignored { until, ..ignored.clone() });
    watch.found = Found::Differs;
    watch.incident = Some(left);
    let difference = one.difference.clone().unwrap();
    let empty =
        Difference { text: String::new(), dropped: 0, concealed: false, ..difference.clone() };
    let kept = Note::Kept {
        by: "ken".parse().unwrap(),
        branch: "tribune/keep-d7".to_owned(),
        from: "/srv/mirror".to_owned(),
    };
    insta::assert_snapshot!(read([
        drift::card(&one, None, now),
        drift::whole(&difference, 3),
        drift::whole(&empty, 3),
        drift::note(&one, &Note::CannotTell("no route".to_owned())),
        drift::note(&one, &Note::Back),
        drift::note(&one, &Note::Ignored(ignored)),
        drift::note(&one, &Note::IgnoreLapsed),
        drift::note(&one, &kept),
        drift::overview(&[]),
        drift::overview(&[fresh.clone(), watch]),
        drift::history(&[fresh], &[]),
        drift::looking(0),
        drift::looking(1),
        drift::looking(2),
        drift::repairing(one.id, RequestId(3)),
        drift::kept(one.id, "/srv/mirror", "tribune/keep-d7"),
        drift::ignoring(one.id, until),
        line(vec![Span::Text(drift::counts(&[]))]),
    ]), @r"
    d7 drift: `sync-motd` on web1, found 2026-06-01 08:00 UTC
    ---
    cannot tell — looking fails: no route
    ```text
    one two three
    ```
    - repair: r3, asked for by Tribune itself
    - what is live is on branch `tribune/keep-d7`
    ```text
    one…
    [… 10 characters more]
    ```
    12 bytes beyond the limit of the intent were dropped.
    A part of it is shown to nobody.
    ```text
    (the check says no more than that)
    ```
    Nobody can tell any more whether d7 differs: no route.
    d7 can be looked at again, and differs as before.
    @ken lets d7 be as it is until 2026-06-01 09:00 UTC.
    d7 now differs in another way, so it is no longer ignored; the card shows it.
    @ken wants what is live to be declared. It is prepared; in a clone of the policy repo run `git fetch /srv/mirror tribune/keep-d7` and `git merge --no-ff FETCH_HEAD`, look at it, and have it merged as any change.
    There is no standing intent that you may see.
    2 targets of standing intents: 1 differs and 1 not looked at yet
    - d7 `sync-motd` on web1: differs since 2026-06-01 09:00 UTC, ignored until 2026-06-02 09:00 UTC, r3 repairs it
    - — `sync-motd` on web1: unchecked since 2026-06-01 09:00 UTC
    Nothing was ever found to differ.
    No standing intent that you may check is there to be looked at.
    Looking at 1 target now; `!drift` says what is found.
    Looking at 2 targets now; `!drift` says what is found.
    r3 is to repair d7; its card says what it waits for.
    d7: It is prepared; in a clone of the policy repo run `git fetch /srv/mirror tribune/keep-d7` and `git merge --no-ff FETCH_HEAD`, look at it, and have it merged as any change.
    d7 is left as it is until 2026-06-02 09:00 UTC.
    no standing intents
    ");
}

#[test]
fn what_people_may_do_about_drift() {
    let repo = shipped();
    let file = repo.intents.values().find(|intent| drift::can_be_kept(intent));
    let open = Incident { repair: None, branch: None, difference: None, why: None, ..incident() };
    insta::assert_snapshot!(read([
        drift::card(&open, file, at("2026-06-01T09:00:00Z")),
        press::how_to_answer(&open, file),
    ]), @r#"
    d7 drift: `sync-motd` on web1, found 2026-06-01 08:00 UTC
    ---
    cannot tell — looking fails
    ✅ repair it (`!drift repair d7`), ⬅️ keep what is live (`!drift keep d7`), 🔕 ignore it for a day (`!drift ignore d7 7d "why"` for longer). Who asks for the repair does not approve it.
    React ✅ to ask for a repair (`!drift repair d7`). React ⬅️ to keep what is live (`!drift keep d7`). To leave it as it is for longer than a day: `!drift ignore d7 7d "why"`. No button repairs or keeps: who pressed one cannot be proven.
    "#);
}

#[test]
fn what_is_said_of_pauses() {
    let ken = Principal::Person("ken".parse().unwrap());
    let all = Pause {
        scope: Scope::All,
        by: ken.clone(),
        reason: "the network is being moved".to_owned(),
        since: at("2026-06-01T08:00:00Z"),
        until: at("2026-06-01T10:00:00Z"),
        place: None,
        warned: false,
    };
    let one = Scope::Intent("sync-motd".parse().unwrap());
    insta::assert_snapshot!(read([
        pause::announced(&all),
        pause::closed(&all, Some(&ken), at("2026-06-01T09:00:00Z")),
        pause::done(&all),
        pause::lifted(&all),
        pause::not_paused(&one, Some(&all)),
        pause::not_paused(&Scope::All, None),
        pause::not_paused(&one, None),
    ]), @r#"
    everything is paused by @ken until 2026-06-01 10:00 UTC: the network is being moved
    - what has not started waits, and its clocks go on; what runs goes on
    - `!resume all` ends it now, `!pause all <duration> "<reason>"` makes it longer
    everything was paused by @ken: the network is being moved. Resumed by @ken at 09:00:00 UTC.
    Done: everything is paused until 2026-06-01 10:00 UTC.
    Done: everything goes on.
    sync-motd has no pause of its own: everything is paused by @ken until 2026-06-01 10:00 UTC: the network is being moved. To end that: `!resume all`
    There is no pause of everything. Pauses of single intents are lifted one by one.
    sync-motd is not paused.
    "#);
}

#[test]
fn what_is_said_of_schedules_and_runs() {
    let now = at("2026-06-01T08:00:00Z");
    let intent = "sync-motd".parse().unwrap();
    let mark = |became| Mark {
        rule: "0 3 * * 0 UTC".to_owned(),
        up_to: now,
        last: Some(Occurrence { at: now, became }),
        asked: None,
        skips: None,
    };
    let (asked, left) =
        (mark(Became::Asked(RequestId(3))), mark(Became::Skipped("a pause".to_owned())));
    let failed =
        Outcome::Failed { how: Failure::NotDone("it is a folder".to_owned()), target: None };
    insta::assert_snapshot!(read([
        line(schedule::line(&intent, "0 3 * * 0 UTC", None, None)),
        line(schedule::line(&intent, "0 3 * * 0 UTC", Some(now), Some(&asked))),
        line(schedule::line(&intent, "0 3 * * 0 UTC", Some(now), Some(&left))),
        line(vec![Span::Text(run::describe(&failed))]),
    ]), @r"
    scheduled: sync-motd never again (0 3 * * 0 UTC)
    scheduled: sync-motd next at 2026-06-01 08:00 UTC (0 3 * * 0 UTC), last was r3
    scheduled: sync-motd next at 2026-06-01 08:00 UTC (0 3 * * 0 UTC), last was left out: a pause
    could not do it: it is a folder
    ");
}

#[test]
fn what_is_said_of_tribune_itself() {
    let revision = "00112233445566778899aabbccddeeff00112233".parse().unwrap();
    let other = "11112233445566778899aabbccddeeff00112233".parse().unwrap();
    insta::assert_snapshot!(read([
        answer::no_policy(),
        answer::nobody(&"zoe".parse().unwrap()),
        answer::ban_list(&[]),
        answer::edited_before(Edited::ByAuthor),
        answer::edited_before(Edited::ByOther),
        standing::reconciled(Some(&revision), Some(&other), Some("it is not signed"), None),
        standing::overall(&standing::Overall {
            applied: &revision,
            observed: Some(&other),
            trouble: None,
            unreachable: Some("the name cannot be resolved"),
            open: 0,
            running: &[],
            standing: "no standing intents",
            since: at("2026-06-01T08:00:00Z"),
            pauses: &[],
            bans: &[],
            schedules: &[],
        }),
    ]), @r"
    No revision of the policy repo is applied yet, so nothing can be permitted.
    Nobody in the policy repo is called zoe.
    Nobody is banned.
    Not done: this message was edited before I read it.
    Hint: send it once more, as a new message
    Not done: somebody else edited this message before I read it.
    Hint: send it once more, as a new message
    Deciding by `0011223344`, seen `1111223344`: it is not signed.
    - deciding by `0011223344`
    - seen and not applied: `1111223344`
    - unreachable: the name cannot be resolved
    - 0 requests wait, 0 run
    - no standing intents
    - up since 2026-06-01 08:00 UTC
    ");
}

#[test]
fn what_is_said_where_nothing_is_taken() {
    let ken: Person = Person {
        id: "ken".parse().unwrap(),
        name: "Ken".to_owned(),
        roles: BTreeSet::new(),
        flags: BTreeSet::new(),
        chat: BTreeMap::new(),
        forge: BTreeMap::new(),
        signing_keys: Vec::new(),
    };
    let console: Platform = "console".parse().unwrap();
    let may = Strength { request: false, approve: true };
    let channel = Channel {
        name: "news".parse().unwrap(),
        summary: "News".to_owned(),
        chat: BTreeMap::from([(console.clone(), Spot { id: "news".parse().unwrap(), may })]),
        environment: None,
        private: false,
        ask: BTreeSet::new(),
        approve: false,
    };
    let account = Account { platform: console.clone(), id: "a\"b\\c".parse().unwrap() };
    let here = answer::Here { account: &account, channel: Some(&channel) };
    insta::assert_snapshot!(read([
        answer::who(&ken, &BTreeSet::new(), &[], None, Some(here)),
        answer::not_from_here(&channel, &console),
        answer::unknown_account(&account),
    ]), @r#"
    @ken is Ken
    - roles: none
    - flags: none
    - this account, for their file: `chat: { console: "a\"b\\c" }`
    - this place: #news on console, where no requests are taken and approvals do not count
    Not done: commands that do something are not taken in #news on console.
    Hint: type it in another channel
    I do not know you: nobody in the policy repo has the account `console:a"b\c`. An admin can add this to a file of inventory/people/:
    ```yaml
    chat: { console: "a\"b\\c" }
    ```
    "#);
}

#[test]
fn what_is_no_duration_says_how_one_is_written() {
    let told: Vec<String> = ["", "soon", "1m1h", "0s", "522w"]
        .iter()
        .map(|text| duration::parse(text).expect_err(text).to_string())
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    a duration is missing: write it as 90s, 30m, 24h, 7d, 2w or 1h30m
    "soon" is not a duration: write it as 90s, 30m, 24h, 7d, 2w or 1h30m
    "1m1h" is not a duration: each unit at most once, longest first, as in 1h30m
    "0s" is no time at all: write at least 1s
    "522w" is too long: write at most 520w
    "#);
}
