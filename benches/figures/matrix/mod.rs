//! A whole daemon in this process on a real Matrix homeserver: how long its decision takes beyond
//! the answer of a client that only echoes, many messages, and catching up after a restart.

mod client;
mod room;
mod town;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::time::sleep;
use tribune::app::{Addresses, App};

use crate::Effort;
use crate::ground::{mebibytes, memory};
use crate::spread::{Spread, beyond, counted, time};

use self::town::Town;

/// How long people may wait for anything.
const PATIENCE: Duration = Duration::from_secs(300);
/// One message of so many is a command.
const COMMANDS: usize = 10;
/// How much more memory many messages may leave behind.
const FLAT: u64 = 16 << 20;

pub async fn measure(effort: Effort) {
    let town = Town::build().await;
    let app = town.start().await;
    latency(&town, &app, effort.of(200, 10)).await;
    many(&town, &app, effort.of(5000, 200)).await;
    app.stop().await;
    restart(&town, effort.of(1000, 50)).await;
}

/// Somebody asks Tribune, then the echo, in turns, each in a room of its own.
async fn latency(town: &Town, app: &App, times: usize) {
    let (mut ours, mut echo) = (vec![], vec![]);
    // What is done for the first time is in no figure.
    for round in 0..times + 3 {
        let (text, mark) = town.command();
        let decided = town.asks(&town.tribune_room, &text, &mark).await;
        rest(app).await;
        let said = format!("echo {round}.");
        let echoed = town.asks(&town.echo_room, &said, &said).await;
        rest(app).await;
        if round >= 3 {
            ours.push(decided);
            echo.push(echoed);
        }
    }
    let limit = Duration::from_millis(15);
    let figure = "message sent on Matrix to its card seen, beyond an echo's answer";
    beyond(figure, limit, &Spread::of(ours), "bare echo client", &Spread::of(echo));
}

/// Somebody writes much, with commands in between, as fast as the server takes it.
async fn many(town: &Town, app: &App, count: usize) {
    let own = std::process::id();
    let first = count / 10;
    let begun = Instant::now();
    let mut marks = town.write(first, COMMANDS).await;
    taken(app, town).await;
    rest(app).await;
    let before = memory(own, "VmRSS");
    marks.extend(town.write(count - first, COMMANDS).await);
    taken(app, town).await;
    rest(app).await;
    let took = begun.elapsed();
    let (after, most) = (memory(own, "VmRSS"), memory(own, "VmHWM"));
    let commands = marks.len();
    answered_once(
        &format!("{count} messages, {commands} of them commands: lost, answered twice"),
        town,
        &marks,
        format!("written and all answered in {}", time(took)),
    )
    .await;
    let grown = after.saturating_sub(before);
    let beside = format!(
        "{} after {first} messages, {} after {count}, {} at most",
        mebibytes(before),
        mebibytes(after),
        mebibytes(most)
    );
    counted("memory it takes meanwhile", "flat", grown < FLAT, mebibytes(grown), beside);
}

/// Much is written while Tribune is down; the homeserver is started anew, then Tribune.
async fn restart(town: &Town, count: usize) {
    let marks = town.write(count, COMMANDS).await;
    town.restart_server().await;
    let begun = Instant::now();
    let app = App::start(&town.settings(), Addresses::Shared).await.unwrap();
    let up = begun.elapsed();
    taken(&app, town).await;
    let caught_up = begun.elapsed();
    rest(&app).await;
    let answered = begun.elapsed();
    let limit = Duration::from_secs(3);
    let commands = marks.len();
    counted(
        &format!("{count} missed messages, {commands} of them commands: start to all decided"),
        &time(limit),
        caught_up < limit,
        time(caught_up),
        format!("up after {}; all answered after {}", time(up), time(answered)),
    );
    let figure = format!("commands of those {count}: lost, answered twice");
    answered_once(&figure, town, &marks, String::new()).await;
    app.stop().await;
}

/// Reads the room, and tells how many commands have no card there, and how many more than one.
async fn answered_once(figure: &str, town: &Town, marks: &[String], beside: String) {
    let cards = town.cards().await;
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for card in &cards {
        for mark in marks.iter().filter(|mark| card.contains(mark.as_str())) {
            *seen.entry(mark).or_default() += 1;
        }
    }
    let lost = marks.len() - seen.len();
    let twice = seen.values().filter(|count| **count > 1).count();
    let (met, measured) = (lost == 0 && twice == 0, format!("{lost}, {twice}"));
    counted(figure, "0, 0", met, measured, beside);
}

/// Waits until every command became a request.
async fn taken(app: &App, town: &Town) {
    let (begun, count) = (Instant::now(), town.asked());
    while town::requests(app).await < count {
        assert!(begun.elapsed() < PATIENCE, "fewer than {count} requests");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until nothing is left to be said, and a little longer.
async fn rest(app: &App) {
    let (store, begun) = (&app.engine().ports().store, Instant::now());
    while !store.posts_waiting().await.unwrap().is_empty() {
        assert!(begun.elapsed() < PATIENCE, "posts are not sent");
        sleep(Duration::from_millis(5)).await;
    }
    sleep(Duration::from_millis(50)).await;
}
