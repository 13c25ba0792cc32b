//! The pages on drift.

use jiff::Timestamp;
use tribune::domain::digest::Digest;
use tribune::domain::drift::WatchKey;
use tribune::domain::drift::{Closed, Difference, Found, Ignored, Incident, Repair, Watch};
use tribune::domain::id::{IncidentId, RequestId};
use tribune::domain::intent::OnDrift;
use tribune::ports::clock::Clock as _;
use tribune::ports::store::{Change, Store as _};

use super::site::{TestSite, platform};
use crate::examples::shipped;

const DIFF: &str = "--- web-dev:/etc/motd\n+++ declared\n@@ -1,2 +1,2 @@\n same\n\
                    -by <b>hand</b>\n+by Tribune\n";

/// sync-motd differs on a target, and the card stands in a channel.
fn differs(site: &TestSite, id: u64, target: &str, channel: &str) -> Watch {
    let now = site.clock.now();
    let key = WatchKey { intent: "sync-motd".parse().unwrap(), target: target.parse().unwrap() };
    let incident = Incident {
        id: IncidentId(id),
        key: key.clone(),
        place: (platform(), channel.parse().unwrap()),
        opened: now,
        found: Found::Differs,
        difference: Some(Difference {
            fingerprint: Digest::of(DIFF.as_bytes()),
            text: DIFF.to_owned(),
            dropped: 7,
            concealed: true,
        }),
        differences: 2,
        changed: now,
        why: None,
        on_drift: OnDrift::Ask,
        turned: false,
        held: None,
        ignored: None,
        repair: None,
        tried: None,
        failed: Vec::new(),
        branch: None,
        answered: Vec::new(),
        told: now,
        notes: 0,
        closed: None,
    };
    Watch {
        found: Found::Differs,
        checked: Some(now),
        incident: Some(incident),
        ..Watch::new(key, now)
    }
}

async fn put(site: &TestSite, watches: Vec<Watch>) {
    site.store.commit(Change { watches, ..Change::default() }).await.unwrap();
}

/// Changes the incident of a watch that is in the store.
fn next(watch: &Watch, edit: impl FnOnce(&mut Incident)) -> Watch {
    let mut watch = Watch { version: watch.version + 1, ..watch.clone() };
    edit(watch.incident.as_mut().unwrap());
    watch
}

#[tokio::test]
async fn an_incident_shows_what_is_live_beside_what_is_declared_and_how_it_stands() {
    let site = TestSite::start_with(shipped(), "127.0.0.1:0", None).await;
    let grace = site.sign_in("grace").await;
    assert!(grace.page("/drift").await.contains("Nothing differs"));
    let watch = differs(&site, 1, "web-dev", "ops");
    put(&site, vec![watch.clone()]).await;
    let list = grace.page("/drift").await;
    assert!(list.contains("/drift/d1") && list.contains("0 of 1 place as declared"), "{list}");
    let page = grace.page("/drift/d1").await;
    for text in [
        "Live now",
        "As declared",
        "<mark>Tribune</mark>",
        "7 bytes of the middle",
        "A part is hidden",
    ] {
        assert!(page.contains(text), "{text} in {page}");
    }
    assert!(!page.contains("<b>hand"), "{page}");

    let repair = Some(Repair { request: RequestId(4), by: None });
    let watch = next(&watch, |incident| incident.repair = repair);
    put(&site, vec![watch.clone()]).await;
    let page = grace.page("/drift/d1").await;
    assert!(page.contains("being repaired") && page.contains("/requests/r4"), "{page}");
    let ignored = Ignored {
        by: "ken".parse().unwrap(),
        until: Timestamp::from_second(4_000_000_000).unwrap(),
        reason: Some("moving <i>house</i>".to_owned()),
    };
    let watch = next(&watch, |incident| {
        incident.repair = None;
        incident.ignored = Some(ignored);
    });
    put(&site, vec![watch.clone()]).await;
    let page = grace.page("/drift/d1").await;
    assert!(page.contains("/people/ken") && page.contains("moving"), "{page}");
    assert!(!page.contains("<i>house"), "{page}");
    let at = site.clock.now();
    let why = "it is as declared again".to_owned();
    let watch = next(&watch, |incident| {
        incident.closed = Some(Closed { at, why, repair: None });
    });
    put(&site, vec![watch]).await;
    assert!(grace.page("/drift/d1").await.contains("It is as declared again"));
}

#[tokio::test]
async fn drift_is_hidden_from_who_may_not_view_its_channel_or_its_intent() {
    let mut repo = shipped();
    repo.policies[0].text.push_str(
        "\n@id(\"not-prod\") @reason(\"a test\") forbid (principal == Person::\"barbara\", \
         action == Action::\"view\", resource == Channel::\"prod\");\n\
         @id(\"not-motd\") @reason(\"a test\") forbid (principal == Person::\"ken\", \
         action == Action::\"view\", resource == Intent::\"sync-motd\");\n\
         @id(\"not-linus\") @reason(\"a test\") forbid (principal == Person::\"linus\", \
         action == Action::\"view\", resource == Page::\"drift\");\n",
    );
    let site = TestSite::start_with(repo, "127.0.0.1:0", None).await;
    let watches =
        vec![differs(&site, 1, "web-dev", "ops"), differs(&site, 2, "web-staging", "prod")];
    put(&site, watches).await;
    for (person, seen) in [("barbara", [200, 404]), ("ken", [404, 404]), ("grace", [200, 200])] {
        let visitor = site.sign_in(person).await;
        let list = visitor.page("/drift").await;
        for (id, status) in [("d1", seen[0]), ("d2", seen[1])] {
            assert_eq!(visitor.status(&format!("/drift/{id}")).await, status, "{person} {id}");
            assert_eq!(list.contains(&format!("/drift/{id}")), status == 200, "{person} {id}");
        }
    }
    let linus = site.sign_in("linus").await;
    assert_eq!(linus.status("/drift").await, 403);
    assert_eq!(linus.status("/drift/d1").await, 403);
}
