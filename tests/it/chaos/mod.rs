//! Whatever befalls the network, the server, the daemon or what the server tells while a request
//! lives: it is asked for, approved, executed and told of all the same, each once, and no approval
//! is counted wrongly.
//!
//! The daemon is the built binary; people speak to the server itself, which is a real Synapse, and
//! the simulated Mattermost. Blows fall at moments spread over a life, counted in pieces that pass
//! the network; with `TRIBUNE_CHAOS=all` at every single piece, which takes long.

mod chance;
mod life;
mod places;
mod wire;

use self::chance::Chance;
use self::life::{Blow, Scene};
use self::places::{OnMatrix, OnMattermost, Place};

/// More pieces than any request's life takes.
const MOST: u64 = 2_000;

/// Lives one life after another, with a blow at moments spread over it.
async fn befall(scene: &mut Scene<impl Place>, pieces: u64, blow: Blow, times: u64) {
    assert!(pieces > 20, "{pieces} pieces are too few for a request's life");
    #[expect(clippy::disallowed_methods, reason = "a switch of the test, not of the program")]
    let which = std::env::var("TRIBUNE_CHAOS");
    if which.is_ok_and(|which| which == "all") {
        let mut nth = 1;
        while scene.live(Some(nth), blow).await {
            nth += 1;
            assert!(nth < MOST, "a request takes more pieces than {MOST}");
        }
        return;
    }
    let mut hits = 0;
    for time in 0..times {
        let nth = (2 * time + 1) * pieces / (2 * times);
        hits += u64::from(scene.live(Some(nth.max(1)), blow).await);
    }
    // Lives differ by a few pieces, so a blow near the end may come too late.
    assert!(2 * hits > times, "lives were over before their blows: {hits} of {times}");
}

async fn cut(place: impl Place) {
    let mut scene = Scene::set(place).await;
    let pieces = scene.measure().await;
    befall(&mut scene, pieces, Blow::Cut, 6).await;
    scene.end().await;
}

async fn kill(place: impl Place) {
    let mut scene = Scene::set(place).await;
    let pieces = scene.measure().await;
    befall(&mut scene, pieces, Blow::Daemon, 3).await;
    befall(&mut scene, pieces, Blow::Server, 2).await;
    scene.end().await;
}

async fn confuse(place: impl Place, seed: u64) {
    let mut chance = Chance::of(seed);
    let mut scene = Scene::set(place).await;
    scene.live_apart(&mut chance).await;
    scene.wire.carry_late(chance.clone());
    scene.place.confuse(chance);
    for _ in 0..2 {
        scene.live(None, Blow::Cut).await;
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_is_cut_anywhere_loses_and_repeats_nothing_on_matrix() {
    cut(OnMatrix::shared().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_is_cut_anywhere_loses_and_repeats_nothing_on_mattermost() {
    cut(OnMattermost::new().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_or_a_server_that_is_killed_anywhere_loses_and_repeats_nothing_on_matrix() {
    kill(OnMatrix::own().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_or_a_server_that_is_killed_anywhere_loses_and_repeats_nothing_on_mattermost() {
    kill(OnMattermost::new().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_late_or_after_a_long_absence_counts_once_on_matrix() {
    confuse(OnMatrix::shared().await, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_late_twice_in_disorder_or_not_at_all_counts_once_on_mattermost() {
    confuse(OnMattermost::new().await, 1).await;
}
