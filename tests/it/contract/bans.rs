//! What `ports::store` promises of provisional bans, on the embedded store and the simulated one.

use tribune::domain::audit::Event;
use tribune::domain::provisional::{End, Prepared, ProvisionalBan};
use tribune::ports::store::{AuditFilter, Change, Conflict, Expect, StoreError, Swap};

use super::store::{Bench, at, entry};

fn ban(subject: &str, since: i64) -> ProvisionalBan {
    ProvisionalBan {
        subject: subject.parse().unwrap(),
        by: "ada".parse().unwrap(),
        reason: "shared an account".to_owned(),
        since: at(since),
        until: at(since + 86_400),
        lasting: None,
        number: 1,
        file: format!("inventory/bans/{subject}.yaml").parse().unwrap(),
        prepared: None,
        place: Some(("console".parse().unwrap(), "ops".parse().unwrap())),
        end: None,
    }
}

fn with(before: Option<&ProvisionalBan>, after: Option<&ProvisionalBan>) -> Change {
    let key = after.or(before).unwrap().subject.clone();
    let swap = Swap { key, before: before.cloned(), after: after.cloned() };
    Change { bans: vec![swap], ..Change::default() }
}

#[tokio::test]
async fn a_ban_is_replaced_only_by_who_read_it() {
    for place in [Bench::fake(), Bench::sqlite()] {
        let store = place.open().await;
        let first = ban("kim", 0);
        let prepared = Prepared { branch: "tribune/ban-kim".into(), from: "/mirror".into() };
        let ready = ProvisionalBan { prepared: Some(prepared), ..first.clone() };
        let lapsed = ProvisionalBan { end: Some(End::Lapsed), ..ready.clone() };
        let conflict = Err(StoreError::Conflict(Conflict::Ban(first.subject.clone())));
        store.commit(with(None, Some(&first))).await.unwrap();
        store.commit(with(None, Some(&ban("mal", 3)))).await.unwrap();
        // What is refused leaves nothing behind.
        let told = Change { audit: vec![entry(Event::BanSet)], ..with(None, Some(&ready)) };
        assert_eq!(store.commit(told).await, conflict);
        assert_eq!(store.audit(&AuditFilter::default()).await.unwrap(), []);
        assert_eq!(store.commit(with(Some(&ready), None)).await, conflict);
        store.commit(with(Some(&first), Some(&ready))).await.unwrap();
        store.commit(with(Some(&ready), Some(&lapsed))).await.unwrap();
        drop(store);
        let store = place.open().await;
        assert_eq!(store.bans().await.unwrap(), [lapsed.clone(), ban("mal", 3)]);
        store.commit(with(Some(&lapsed), None)).await.unwrap();
        assert_eq!(store.bans().await.unwrap(), [ban("mal", 3)]);
    }
}

#[tokio::test]
async fn nothing_is_dispatched_under_other_bans_than_were_decided_with() {
    for place in [Bench::fake(), Bench::sqlite()] {
        let store = place.open().await;
        let start = |bans: &[(&str, i64)]| Change {
            expect: vec![Expect::Bans(
                bans.iter().map(|(who, since)| (who.parse().unwrap(), at(*since))).collect(),
            )],
            ..Change::default()
        };
        let other = Err(StoreError::Conflict(Conflict::Bans));
        store.commit(start(&[])).await.unwrap();
        store.commit(with(None, Some(&ban("kim", 0)))).await.unwrap();
        assert_eq!(store.commit(start(&[])).await, other);
        assert_eq!(store.commit(start(&[("kim", 1)])).await, other);
        assert_eq!(store.commit(start(&[("kim", 0), ("mal", 0)])).await, other);
        store.commit(start(&[("kim", 0)])).await.unwrap();
        let lifted = ProvisionalBan { end: Some(End::Lapsed), ..ban("kim", 0) };
        store.commit(with(Some(&ban("kim", 0)), Some(&lifted))).await.unwrap();
        store.commit(start(&[])).await.unwrap();
        assert_eq!(store.commit(start(&[("kim", 0)])).await, other);
    }
}
