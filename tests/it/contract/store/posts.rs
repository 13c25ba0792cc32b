//! What Tribune wants to stand in a chat, and what stands there.

use tribune::domain::message::{Place, Post, PostKey, Sign};
use tribune::ports::store::{Change, StoreError};

use super::{Bench, at, body, due, message, on_both, post, posted};

on_both! {
    a_new_body_raises_the_generation_and_the_same_one_does_not
    a_post_never_moves
    thread_posts_wait_for_their_root
    due_posts_come_oldest_first_and_within_the_limit
    failed_posts_wait_and_are_forgiven
    seeds_are_due_until_they_are_put
    an_older_generation_never_hides_a_newer_one
    the_first_text_is_kept
    a_post_is_found_by_its_message
    an_unknown_post_is_refused
}

fn with_posts(posts: Vec<Post>) -> Change {
    Change { posts, ..Change::default() }
}

async fn a_new_body_raises_the_generation_and_the_same_one_does_not(place: Bench) {
    let store = place.open().await;
    let key = PostKey("card".into());
    store.commit(with_posts(vec![post("card", "one")])).await.unwrap();
    let first = store.post(&key).await.unwrap().unwrap();
    assert_eq!((first.generation, first.sent_generation, first.posted), (1, 0, None));
    store.commit(with_posts(vec![post("card", "one")])).await.unwrap();
    assert_eq!(store.post(&key).await.unwrap().unwrap().generation, 1);
    store.post_sent(&key, 1, &body("one"), &posted("m1", "one")).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, [""; 0]);
    store.commit(with_posts(vec![post("card", "two")])).await.unwrap();
    let second = store.post(&key).await.unwrap().unwrap();
    assert_eq!((second.generation, second.sent_generation), (2, 1));
    assert_eq!((second.post.body, second.sent), (body("two"), Some(body("one"))));
    assert_eq!(due(&*store, at(0)).await, ["card"]);
}

async fn a_post_never_moves(place: Bench) {
    let store = place.open().await;
    store.commit(with_posts(vec![post("card", "one")])).await.unwrap();
    let place = Place::Reply(message("m9"));
    let moved = store.commit(with_posts(vec![Post { place, ..post("card", "two") }])).await;
    assert!(matches!(moved, Err(StoreError::Broken(_))), "{moved:?}");
}

async fn thread_posts_wait_for_their_root(place: Bench) {
    let store = place.open().await;
    let place = Place::ThreadOf(PostKey("card".into()));
    let reply = Post { place, ..post("output", "text") };
    store.commit(with_posts(vec![reply, post("notice", "n")])).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, ["notice"]);
    store.commit(with_posts(vec![post("card", "c")])).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, ["notice", "card"]);
    let card = PostKey("card".into());
    store.post_sent(&card, 1, &body("c"), &posted("m1", "c")).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, ["output", "notice"]);
}

async fn due_posts_come_oldest_first_and_within_the_limit(place: Bench) {
    let store = place.open().await;
    for key in ["z", "a", "m"] {
        store.commit(with_posts(vec![post(key, "text")])).await.unwrap();
    }
    store.commit(with_posts(vec![post("z", "changed")])).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, ["z", "a", "m"]);
    let two = store.posts_due(at(0), 2).await.unwrap();
    assert_eq!(two.iter().map(|p| p.post.key.0.as_str()).collect::<Vec<_>>(), ["z", "a"]);
}

async fn failed_posts_wait_and_are_forgiven(place: Bench) {
    let store = place.open().await;
    let key = PostKey("card".into());
    store.commit(with_posts(vec![post("card", "one")])).await.unwrap();
    store.post_failed(&key, at(10)).await.unwrap();
    store.post_failed(&key, at(20)).await.unwrap();
    assert_eq!(due(&*store, at(19)).await, [""; 0]);
    assert_eq!(due(&*store, at(20)).await, ["card"]);
    assert_eq!(store.post(&key).await.unwrap().unwrap().failures, 2);
    store.post_sent(&key, 1, &body("one"), &posted("m1", "one")).await.unwrap();
    let stored = store.post(&key).await.unwrap().unwrap();
    assert_eq!((stored.failures, stored.not_before), (0, None));
}

async fn seeds_are_due_until_they_are_put(place: Bench) {
    let store = place.open().await;
    let key = PostKey("card".into());
    let seeds = vec![Sign::Approve, Sign::Veto];
    let card = Post { seeds, ..post("card", "one") };
    store.commit(with_posts(vec![card.clone()])).await.unwrap();
    store.post_sent(&key, 1, &body("one"), &posted("m1", "one")).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, ["card"]);
    store.post_seeded(&key).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, [""; 0]);
    store.commit(with_posts(vec![Post { body: body("two"), ..card }])).await.unwrap();
    assert!(store.post(&key).await.unwrap().unwrap().seeded);
}

async fn an_older_generation_never_hides_a_newer_one(place: Bench) {
    let store = place.open().await;
    let key = PostKey("card".into());
    store.commit(with_posts(vec![post("card", "one")])).await.unwrap();
    store.commit(with_posts(vec![post("card", "two")])).await.unwrap();
    // The sender took generation 1 before the second came.
    store.post_sent(&key, 1, &body("one"), &posted("m1", "one")).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, ["card"]);
    store.post_sent(&key, 2, &body("two"), &posted("m1", "two")).await.unwrap();
    store.post_sent(&key, 1, &body("one"), &posted("m1", "one")).await.unwrap();
    let stored = store.post(&key).await.unwrap().unwrap();
    assert_eq!((stored.sent_generation, stored.sent), (2, Some(body("two"))));
    assert_eq!(stored.posted, Some(posted("m1", "two")));
}

async fn the_first_text_is_kept(place: Bench) {
    let store = place.open().await;
    let key = PostKey("card".into());
    store.commit(with_posts(vec![post("card", "one")])).await.unwrap();
    store.post_sent(&key, 1, &body("one"), &posted("m1", "as first returned")).await.unwrap();
    store.commit(with_posts(vec![post("card", "two")])).await.unwrap();
    store.post_sent(&key, 2, &body("two"), &posted("m1", "as later returned")).await.unwrap();
    let stored = store.post(&key).await.unwrap().unwrap();
    assert_eq!(stored.first_text.as_deref(), Some("as first returned"));
    assert_eq!(stored.posted.unwrap().text, "as later returned");
}

async fn a_post_is_found_by_its_message(place: Bench) {
    let store = place.open().await;
    let key = PostKey("card".into());
    store.commit(with_posts(vec![post("card", "one")])).await.unwrap();
    assert_eq!(store.post_at(&message("m1")).await.unwrap(), None);
    store.post_sent(&key, 1, &body("one"), &posted("m1", "one")).await.unwrap();
    assert_eq!(store.post_at(&message("m1")).await.unwrap().unwrap().post.key, key);
    assert_eq!(store.post_at(&message("m2")).await.unwrap(), None);
}

async fn an_unknown_post_is_refused(place: Bench) {
    let store = place.open().await;
    let key = PostKey("nothing".into());
    assert_eq!(store.post(&key).await.unwrap(), None);
    store.post_sent(&key, 1, &body("x"), &posted("m1", "x")).await.unwrap_err();
    store.post_seeded(&key).await.unwrap_err();
    store.post_failed(&key, at(0)).await.unwrap_err();
}
