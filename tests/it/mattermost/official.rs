//! The official client against the simulated server, and the server's answers against the
//! official types.

use std::path::PathBuf;
use std::process::Stdio;

use super::server::{Server, Site};

/// Returns where `scripts/mattermost-client` puts the client.
fn client() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".test-servers/mattermost-client");
    let is_there = folder.join("installed").is_file();
    assert!(is_there, "the official client is not there: run scripts/mattermost-client");
    folder
}

/// Runs node to its end and returns what it printed; it must end well.
async fn node(words: &[&str]) -> String {
    #[expect(clippy::disallowed_methods, reason = "a test runs the official client")]
    let mut command = tokio::process::Command::new("node");
    let output = command
        .args(words)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("node is installed");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{words:?} ended with {}:\n{said}\n{complained}",
        output.status
    );
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_client_finds_a_mattermost() {
    let client = client();
    // Within the client's folder, so that its types are found from there.
    let record = tempfile::Builder::new().suffix(".ts").tempfile_in(&client).unwrap();
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/mattermost/client/scenario.mjs");
    let server = Server::at(Site { prefix: "/chat", is_encrypted: false }).await;
    let ada = server.person("ada");
    let bot = server.lock().id_of("tribune");
    let ops = server.lock().channel_id("ops");
    server.lock().allowed.insert("127.0.0.1".to_owned());
    let (client, recorded) = (client.to_str().unwrap(), record.path().to_str().unwrap());
    let site = server.url().replace("localhost", "127.0.0.1");
    let said = node(&[scenario, client, &site, &ada.token, &bot, &ops, recorded]).await;
    let steps = [
        "login by token",
        "socket opened",
        "post created, once",
        "thread",
        "edited",
        "reactions",
        "deleted",
        "listed",
        "direct talk",
        "pressed",
        "strangers are refused",
        "recorded",
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), steps);
    let compiler = format!("{client}/node_modules/typescript/bin/tsc");
    let words = [
        compiler.as_str(),
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "--target",
        "es2022",
        "--module",
        "esnext",
        "--moduleResolution",
        "bundler",
        recorded,
    ];
    node(&words).await;
}
