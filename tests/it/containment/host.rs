//! What a run cannot do to the daemon that started it, through the daemon itself.

use std::path::Path;

use serde_json::Value;

use crate::ground::Ground;

/// Asks the daemon for a sign-in link: with the program and its settings, and by hand.
const SCRIPT: &str = r#"#!/bin/sh
binary=$1 settings=$2 state=$3
"$binary" login @ada --config "$settings" && echo "the program was let in"
head -c 4 "$state/host.token" && echo "the token was read"
ls "$state" && echo "the folder was listed"
exec perl -MSocket -e '
    for my $shown ("", "Authorization: Bearer\r\n", "Authorization: Bearer " . "0" x 64 . "\r\n") {
        socket(my $to, AF_UNIX, SOCK_STREAM, 0) or die;
        connect($to, pack_sockaddr_un("$ARGV[0]/host.sock")) or die "by hand: $!\n";
        my $body = q({"person":"ada"});
        syswrite($to, "POST /v1/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n$shown"
            . "Content-Type: application/json\r\nContent-Length: " . length($body) . "\r\n\r\n$body");
        my $answer = <$to>;
        print "by hand: $answer";
    }
' "$state"
"#;

fn reach(ground: &Ground) -> Vec<(String, String)> {
    let binary = super::binary();
    let settings = ground.at("tribune.toml");
    let word = |path: &Path| path.display().to_string();
    let intent = format!(
        "version: 1\nintent: reach\nsummary: Reach for the daemon\ncategory: read\nrisk: 0\n\
         targets: [local]\nrun: {{ argv: [playbooks/scripts/reach.sh, {binary}, {settings}, {state}] }}\n\
         sandbox: {{ read: [{binary}, {settings}] }}\n",
        binary = word(&binary),
        settings = word(&settings),
        state = word(&ground.at("state")),
    );
    vec![
        ("playbooks/scripts/reach.sh".to_owned(), SCRIPT.to_owned()),
        ("intents/reach.yaml".to_owned(), intent),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_cannot_speak_for_the_host() {
    let ground = Ground::build(reach).await;
    let mut daemon = ground.start();
    ground.say(&mut daemon, "ken", "!run reach on local", "asks").await.unwrap();
    let ended = ground.until(&mut daemon, "the run", async || {
        let shown = ground.command(&["request", "show", "r1", "--json"])?;
        let shown: Value = serde_json::from_str(&shown).ok()?;
        shown["runs"][0]["ended"].as_str()?;
        Some(shown["runs"][0]["head"].as_str()?.to_owned())
    });
    let said = ended.await.unwrap();

    let token = ground.at("state/host.token").display().to_string();
    assert!(said.contains(&format!("error: failed to read {token}: ")), "{said}");
    let by_head = format!("head: cannot open '{token}' for reading: Permission denied");
    assert!(said.contains(&by_head), "{said}");
    assert!(!said.contains("was "), "{said}");
    assert_eq!(said.matches("by hand: HTTP/1.1 401 ").count(), 3, "{said}");

    // What is let in is announced: nothing of the run was, and the same from outside is.
    let announced = async || ground.page("ken", "/c/ops").await.unwrap().contains("login @ada");
    assert!(!announced().await);
    ground.command(&["login", "@ada"]).expect("the host itself is let in");
    let said =
        ground.until(&mut daemon, "the word of it", async || announced().await.then_some(()));
    said.await.unwrap();
    daemon.end().await;
}
