//! What Tribune wants to stand in a chat, and what stands there.

use tribune::domain::message::{MessageRef, Place, Post, PostKey, Posted, Sign};
use tribune::domain::person::Account;
use tribune::ports::store::{Change, StoreError};

use super::{Bench, at, body, due, due_on, message, on_both, post, posted};

on_both! {
    a_new_body_raises_the_generation_and_the_same_one_does_not
    a_post_never_moves
    thread_posts_wait_for_their_root
    due_posts_come_oldest_first_and_within_the_limit
    failed_posts_wait_and_are_forgiven
    each_platform_has_its_own_posts
    what_people_wait_for_is_due_before_what_streams
    no_post_overtakes_one_of_its_kind_in_its_thread
    what_is_given_up_is_tried_again_only_when_it_changes
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
    let two = store.posts_due(&"console".parse().unwrap(), at(0), 2).await.unwrap();
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

fn on(platform: &str, key: &str) -> Post {
    let place = Place::Channel(platform.parse().unwrap(), "ops".parse().unwrap());
    Post { place, ..post(key, "text") }
}

fn in_thread(root: &str, key: &str) -> Post {
    Post { place: Place::ThreadOf(PostKey(root.into())), ..post(key, "text") }
}

async fn each_platform_has_its_own_posts(place: Bench) {
    let store = place.open().await;
    let direct =
        Place::Direct(Account { platform: "matrix".parse().unwrap(), id: "ada".parse().unwrap() });
    let reply = Place::Reply(MessageRef { platform: "matrix".parse().unwrap(), ..message("m7") });
    let posts = vec![
        on("console", "c"),
        on("matrix", "m"),
        Post { place: direct, ..post("direct", "text") },
        Post { place: reply, ..post("reply", "text") },
        in_thread("m", "below"),
    ];
    store.commit(with_posts(posts)).await.unwrap();
    assert_eq!(due_on(&*store, "console", at(0)).await, ["c"]);
    assert_eq!(due_on(&*store, "matrix", at(0)).await, ["m", "direct", "reply"]);
    let root = PostKey("m".into());
    let at_matrix = Posted {
        at: MessageRef { platform: "matrix".parse().unwrap(), ..message("m1") },
        text: "text".into(),
    };
    store.post_sent(&root, 1, &body("text"), &at_matrix).await.unwrap();
    assert_eq!(due_on(&*store, "console", at(0)).await, ["c"]);
    assert_eq!(due_on(&*store, "matrix", at(0)).await, ["direct", "reply", "below"]);
    store.post_failed(&PostKey("c".into()), at(9)).await.unwrap();
    let waiting = store.posts_waiting().await.unwrap();
    let counts: Vec<_> = waiting
        .iter()
        .map(|(platform, waiting)| (platform.as_str(), waiting.posts, waiting.failing))
        .collect();
    assert_eq!(counts, [("console", 1, 1), ("matrix", 3, 0)]);
}

async fn what_people_wait_for_is_due_before_what_streams(place: Bench) {
    let store = place.open().await;
    for key in ["out:r1.1", "card:r2:1", "out:r2.1", "answer:1"] {
        store.commit(with_posts(vec![post(key, "text")])).await.unwrap();
    }
    let all = ["card:r2:1", "answer:1", "out:r1.1", "out:r2.1"];
    assert_eq!(due(&*store, at(0)).await, all);
}

async fn no_post_overtakes_one_of_its_kind_in_its_thread(place: Bench) {
    let store = place.open().await;
    let posts = ["first", "second", "out:1"].map(|key| in_thread("card", key));
    store.commit(with_posts(vec![post("card", "c"), post("other", "o")])).await.unwrap();
    store.commit(with_posts(posts.into())).await.unwrap();
    let card = PostKey("card".into());
    store.post_sent(&card, 1, &body("c"), &posted("m1", "c")).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, ["other", "first", "second", "out:1"]);
    let first = PostKey("first".into());
    store.post_failed(&first, at(10)).await.unwrap();
    assert_eq!(due(&*store, at(9)).await, ["other"]);
    assert_eq!(due(&*store, at(10)).await, ["other", "first", "second", "out:1"]);
    store.post_failed(&first, at(20)).await.unwrap();
    store.post_given_up(&first, 1).await.unwrap();
    assert_eq!(due(&*store, at(11)).await, ["other", "second", "out:1"]);
}

async fn what_is_given_up_is_tried_again_only_when_it_changes(place: Bench) {
    let store = place.open().await;
    let key = PostKey("card".into());
    let card = Post { seeds: vec![Sign::Approve], ..post("card", "one") };
    store.commit(with_posts(vec![card.clone()])).await.unwrap();
    store.post_given_up(&key, 1).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, [""; 0]);
    assert_eq!(store.posts_waiting().await.unwrap().len(), 0);
    assert_eq!(store.post(&key).await.unwrap().unwrap().given_up, 1);
    store.commit(with_posts(vec![Post { body: body("two"), ..card }])).await.unwrap();
    assert_eq!(due(&*store, at(0)).await, ["card"]);
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
    store.post_given_up(&key, 1).await.unwrap_err();
}
