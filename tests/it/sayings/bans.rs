//! What is said of bans and of revisions, each as people would read it.

use tribune::domain::ban::{Ban, Rests};
use tribune::domain::body::Body;
use tribune::domain::message::PostKey;
use tribune::domain::person::Principal;
use tribune::domain::provisional::{End, Prepared, ProvisionalBan, Refused};
use tribune::domain::reply::{ban, revision};

use super::replies::{at, read};

fn provisional() -> ProvisionalBan {
    ProvisionalBan {
        subject: "bob".parse().unwrap(),
        by: "ken".parse().unwrap(),
        reason: "shared an account".to_owned(),
        since: at("2026-06-01T08:00:00Z"),
        until: at("2026-06-02T08:00:00Z"),
        lasting: None,
        number: 1,
        file: "inventory/bans/2026-06-01-bob.yaml".parse().unwrap(),
        prepared: None,
        place: None,
        end: None,
    }
}

fn of_file() -> Ban {
    Ban {
        origin: "inventory/bans/bob.yaml".parse().unwrap(),
        subject: Principal::Person("bob".parse().unwrap()),
        by: "ada".parse().unwrap(),
        reason: "shared an account".to_owned(),
        until: None,
        rests: Rests::OnFile,
    }
}

#[test]
fn what_is_said_of_bans() {
    let by = Principal::Person("ken".parse().unwrap());
    let branch = "tribune/unban-bob".to_owned();
    let prepared = Prepared { branch, from: "/srv/mirror".to_owned() };
    let lifted = End::Lifted { at: at("2026-06-01T09:00:00Z"), by };
    let three = ["bob", "edsger", "radia"].map(|name| name.parse().unwrap());
    insta::assert_snapshot!(read([
        ban::announced(&provisional()),
        ban::announced(&ProvisionalBan { end: Some(lifted), ..provisional() }),
        ban::announced(&ProvisionalBan { end: Some(End::Lapsed), ..provisional() }),
        ban::lifted(&provisional(), &[&of_file()]),
        ban::removal(&"bob".parse().unwrap(), &[&of_file()], &prepared),
        ban::no_removal(&[&of_file()]),
        ban::not_banned(&Refused::TooMany(three.into())),
        Body(vec![ban::second(&provisional())]),
    ]), @r"
    @bob is banned provisionally by @ken until 2026-06-02 08:00 UTC: shared an account
    - it holds for good once inventory/bans/2026-06-01-bob.yaml is merged; the branch with it is being prepared
    - `!unban @bob` lifts it: for who asked for it, or an admin
    @bob was banned provisionally by @ken: shared an account. Lifted by @ken at 09:00:00 UTC.
    @bob was banned provisionally by @ken: shared an account. Lapsed at 2026-06-02 08:00 UTC: nobody merged inventory/bans/2026-06-01-bob.yaml.
    Done: the ban on @bob is lifted. inventory/bans/bob.yaml bans them still, for good: to prepare that it is removed, once more `!unban @bob`.
    @bob is banned by inventory/bans/bob.yaml, which chat cannot lift. A branch that removes it is prepared: in a clone of the policy repo run `git fetch /srv/mirror tribune/unban-bob` and `git merge --no-ff FETCH_HEAD`. It takes effect when it is merged, and not before.
    Not done: the mirror of the policy repo takes no branch now.
    Hint: remove inventory/bans/bob.yaml by pull request
    Not done: you have 3 provisional bans in force, the most that one person may.
    Hint: merge or `!unban` one of @bob, @edsger and @radia, or let somebody else ban; 3 at once are the most
    @bob was banned in chat at 2026-06-01 08:00 UTC by @ken, so this is another ban within 7 days.
    ");
}

#[test]
fn what_is_said_of_the_first_revision() {
    let first = "00112233445566778899aabbccddeeff00112233".parse().unwrap();
    let about = revision::About { revision: &first, author: "ada", subject: "the policy repo" };
    insta::assert_snapshot!(read([
        revision::applied(&about, None, &[], &[]),
        revision::overtaken(&first, "it is not signed", PostKey("there".to_owned())),
    ]), @r"
    policy repo: now in force `0011223344` “the policy repo” by ada, the first revision, accepted as found
    policy repo: `0011223344` was not applied: it is not signed. What is held now, and why: see there
    ");
}
