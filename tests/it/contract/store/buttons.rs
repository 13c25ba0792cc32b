//! Buttons under posts: due until they stand, and pressed once each time.

use tribune::domain::message::{Post, PostKey};
use tribune::domain::press::Offer;
use tribune::ports::store::{Change, Conflict, OutboxPost, Store, StoreError};

use super::{Bench, at, body, due, on_both, post, posted};

on_both! {
    buttons_are_due_until_they_stand
    a_press_is_taken_once_and_the_buttons_are_due_anew
    what_has_no_buttons_cannot_be_pressed
    buttons_that_are_put_late_do_not_stand
}

const BOTH: [Offer; 2] = [Offer::Details, Offer::HowToReact];

fn key() -> PostKey {
    PostKey("card".into())
}

fn card(text: &str, offers: &[Offer]) -> Change {
    let posts: Vec<Post> = vec![post("card", text)];
    Change { posts, offers: vec![(key(), offers.to_vec())], ..Change::default() }
}

fn press(round: u64) -> Change {
    Change { pressed: Some((key(), round)), ..Change::default() }
}

async fn stored(store: &dyn Store) -> OutboxPost {
    store.post(&key()).await.unwrap().unwrap()
}

/// A store with a card whose buttons stand.
async fn standing(place: &Bench) -> std::sync::Arc<dyn Store> {
    let store = place.open().await;
    store.commit(card("one", &BOTH)).await.unwrap();
    store.post_sent(&key(), 1, &body("one"), &posted("m1", "one")).await.unwrap();
    store.post_offered(&key(), 0, &BOTH).await.unwrap();
    store
}

async fn buttons_are_due_until_they_stand(place: Bench) {
    let store = place.open().await;
    store.commit(Change { posts: vec![post("card", "one")], ..Change::default() }).await.unwrap();
    store.post_sent(&key(), 1, &body("one"), &posted("m1", "one")).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, [""; 0]);
    store.commit(card("one", &BOTH)).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, ["card"]);
    assert_eq!(store.posts_waiting().await.unwrap().len(), 1);
    store.post_failed(&key(), at(10)).await.unwrap();
    assert_eq!(due(&*store, at(9)).await, [""; 0]);
    store.post_offered(&key(), 0, &BOTH).await.unwrap();
    let card_now = stored(&*store).await;
    assert_eq!((card_now.offers, card_now.round, card_now.offered), (BOTH.to_vec(), 0, true));
    assert_eq!((card_now.failures, card_now.not_before), (0, None));
    // The same ones again are no news, others and none are.
    store.commit(card("one", &BOTH)).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, [""; 0]);
    store.commit(card("one", &[])).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, ["card"]);
    store.post_offered(&key(), 0, &[]).await.unwrap();
    assert_eq!(store.posts_waiting().await.unwrap().len(), 0);
}

async fn a_press_is_taken_once_and_the_buttons_are_due_anew(place: Bench) {
    let store = standing(&place).await;
    store.commit(press(0)).await.unwrap();
    let conflict = Err(StoreError::Conflict(Conflict::Pressed(key())));
    assert_eq!(store.commit(press(0)).await, conflict);
    assert_eq!(store.commit(press(2)).await, conflict);
    assert_eq!(due(&*store, at(0)).await, ["card"]);
    drop(store);
    let store = place.open().await;
    assert_eq!(store.commit(press(0)).await, conflict, "also after a restart");
    store.post_offered(&key(), 1, &BOTH).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, [""; 0]);
    store.commit(press(1)).await.unwrap();
    assert_eq!(stored(&*store).await.round, 2);
}

async fn what_has_no_buttons_cannot_be_pressed(place: Bench) {
    let store = standing(&place).await;
    store.commit(card("one", &[])).await.unwrap();
    let conflict = Err(StoreError::Conflict(Conflict::Pressed(key())));
    assert_eq!(store.commit(press(0)).await, conflict);
    let other = PostKey("nothing".into());
    let nothing = Change { pressed: Some((other.clone(), 0)), ..Change::default() };
    assert_eq!(
        store.commit(nothing).await,
        Err(StoreError::Conflict(Conflict::Pressed(other.clone())))
    );
    let nothing = Change { offers: vec![(other.clone(), BOTH.to_vec())], ..Change::default() };
    store.commit(nothing).await.unwrap_err();
    store.post_offered(&other, 0, &BOTH).await.unwrap_err();
}

async fn buttons_that_are_put_late_do_not_stand(place: Bench) {
    let store = standing(&place).await;
    // Somebody presses, and the card changes, while the sender still puts what was before.
    store.commit(press(0)).await.unwrap();
    store.post_offered(&key(), 0, &BOTH).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, ["card"]);
    store.commit(card("one", &[Offer::Output])).await.unwrap();
    store.post_offered(&key(), 1, &BOTH).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, ["card"]);
    store.post_offered(&key(), 1, &[Offer::Output]).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, [""; 0]);
}
