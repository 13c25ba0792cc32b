//! Where the policy repo stands, and what became of its revisions.

use tribune::domain::body::Span;
use tribune::ports::revision::{Fate, RECORDS_KEPT, RevisionFilter, RevisionRecord};
use tribune::ports::store::{Change, SourceState, TroubleKind};

use super::{Bench, at, on_both, person, pull, revision};

on_both! {
    the_source_is_kept_whole
    the_first_sighting_counts
    what_became_of_revisions_is_listed_newest_first_and_read_whole
    the_oldest_records_of_revisions_are_forgotten
}

async fn the_source_is_kept_whole(place: Bench) {
    use tribune::ports::store::{HighWater, Trouble};
    let store = place.open().await;
    let names = [("people".to_owned(), ["ada".to_owned()].into())].into();
    let state = SourceState {
        observed: Some(revision('a')),
        attempted: Some(revision('b')),
        applied: Some(revision('c')),
        applied_at: Some(at(1)),
        fetched_at: Some(at(2)),
        unreachable: Some("failed to fetch".to_owned()),
        trouble: Some(Trouble {
            revision: revision('b'),
            kind: TroubleKind::Delta,
            summary: "too much at once".into(),
            diagnostics: Vec::new(),
            since: at(3),
        }),
        high_water: vec![HighWater { at: at(4), revision: revision('c'), names }],
        accepted: vec![revision('d')],
        agreed: vec![revision('e')],
    };
    store.commit(Change { source: Some(state.clone()), ..Change::default() }).await.unwrap();
    assert_eq!(store.source().await.unwrap(), state);
}

async fn the_first_sighting_counts(place: Bench) {
    let store = place.open().await;
    for second in [5, 3, 9] {
        let sightings = vec![(revision('a'), at(second))];
        store.commit(Change { sightings, ..Change::default() }).await.unwrap();
    }
    assert_eq!(store.first_seen(&revision('a')).await.unwrap(), Some(at(5)));
    assert_eq!(store.first_seen(&revision('b')).await.unwrap(), None);
}

fn record(digit: char, fate: Fate) -> RevisionRecord {
    RevisionRecord {
        seq: 0,
        revision: revision(digit),
        at: at(1),
        fate,
        author: "Ada".into(),
        subject: "roles: ken joins sre".into(),
        committed: at(0),
        pull: Some(pull(7)),
        before: Some(revision('0')),
        words: vec![vec![Span::Person("ken".parse().unwrap()), Span::Text(" joined".into())]],
        diagnostics: Vec::new(),
        diff_cut: 9,
        diff: format!("-{digit}\n+new\n"),
    }
}

async fn what_became_of_revisions_is_listed_newest_first_and_read_whole(place: Bench) {
    let store = place.open().await;
    let held = Fate::Held { kind: TroubleKind::Bad, summary: "it has a problem".into() };
    let by_hand = Fate::LetPass { by: person("ada"), reason: "we know".into() };
    let revisions = vec![record('a', Fate::Applied), record('b', held), record('b', by_hand)];
    store.commit(Change { revisions: revisions.clone(), ..Change::default() }).await.unwrap();
    let list = async |filter: RevisionFilter| {
        let found = store.revisions(&filter).await.unwrap();
        assert!(found.iter().all(|record| record.diff.is_empty()));
        found.into_iter().map(|record| record.seq).collect::<Vec<_>>()
    };
    let all = RevisionFilter::default;
    assert_eq!(list(all()).await, [3, 2, 1]);
    assert_eq!(list(RevisionFilter { limit: 1, ..all() }).await, [3]);
    assert_eq!(list(RevisionFilter { before: 3, ..all() }).await, [2, 1]);
    assert_eq!(list(RevisionFilter { revision: Some(revision('a')), ..all() }).await, [1]);
    let whole = RevisionRecord { seq: 2, ..revisions[1].clone() };
    assert_eq!(store.revision(2).await.unwrap(), Some(whole));
    assert_eq!(store.revision(4).await.unwrap(), None);
}

async fn the_oldest_records_of_revisions_are_forgotten(place: Bench) {
    let store = place.open().await;
    let revisions = vec![record('a', Fate::Applied); RECORDS_KEPT as usize + 2];
    store.commit(Change { revisions, ..Change::default() }).await.unwrap();
    let kept = store.revisions(&RevisionFilter::default()).await.unwrap();
    let ends = (kept.last().unwrap().seq, kept[0].seq);
    assert_eq!(ends, (3, RECORDS_KEPT + 2));
}
