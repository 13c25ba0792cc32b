//! What is damaged or left behind, on either side.

use std::path::{Path, PathBuf};

use tribune::ports::source::{Pin, Source as _, SourceError};

use super::{GitHost, git, git_with};
use crate::contract::source::{Host as _, Push, text};

fn loose(git_folder: &Path, object: &str) -> PathBuf {
    git_folder.join("objects").join(&object[..2]).join(&object[2..])
}

/// Overwrites a loose object with something else.
fn damage(git_folder: &Path, object: &str) {
    let path = loose(git_folder, object);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, b"not an object").unwrap();
}

#[tokio::test]
async fn a_damaged_object_at_the_remote_is_not_taken_in() {
    let host = GitHost::new().await;
    let head = host.commit("main", &[("a", text("1"))], &Push::default());
    host.source.fetch().await.unwrap();
    host.commit("main", &[("a", text("2"))], &Push::default());
    let blob = git(&host.repo(), &["rev-parse", "HEAD:a"]).await;
    damage(&host.repo().join(".git"), &blob);
    let error = host.source.fetch().await.unwrap_err();
    assert!(matches!(&error, SourceError::Corrupt(why) if why.contains("git fsck")), "{error}");
    assert_eq!(host.source.tree(&head).await.unwrap().0.len(), 1);
}

/// Turns the packs of a repository into loose objects.
async fn unpack(git_folder: &Path) {
    let packs = git_folder.join("objects/pack");
    for entry in std::fs::read_dir(&packs).unwrap() {
        let path = entry.unwrap().path();
        let content = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        if path.extension().is_some_and(|kind| kind == "pack") {
            git_with(git_folder, &["unpack-objects", "-q"], &content).await;
        }
    }
}

#[tokio::test]
async fn a_damaged_object_in_the_mirror_is_never_read() {
    let host = GitHost::new().await;
    let files = [("a", text("1")), ("b", text("2")), ("c", text("3"))];
    let head = host.commit("main", &files, &Push::default());
    host.source.fetch().await.unwrap();
    let tree = host.source.tree(&head).await.unwrap();
    unpack(&host.mirror()).await;
    let [a, b, c] = tree.0.values().collect::<Vec<_>>().try_into().unwrap();
    damage(&host.mirror(), a.object.as_str());
    // Another file's content under this name: only its hash tells.
    let second = loose(&host.mirror(), b.object.as_str());
    std::fs::remove_file(&second).unwrap();
    std::fs::copy(loose(&host.mirror(), c.object.as_str()), &second).unwrap();
    for entry in [a, b] {
        let error = host.source.read(entry).await.unwrap_err();
        assert!(matches!(error, SourceError::Corrupt(_)), "{error}");
    }
    assert_eq!(host.source.read(c).await, Ok(b"3".to_vec()));
    let error = host.source.read_all(&tree.0).await.unwrap_err();
    assert!(matches!(error, SourceError::Corrupt(_)), "{error}");
    let whole = tree.0.iter().filter(|(_, entry)| *entry == c);
    let whole = whole.map(|(path, entry)| (path.clone(), entry.clone())).collect();
    let read = host.source.read_all(&whole).await.unwrap();
    assert_eq!(read.into_values().collect::<Vec<_>>(), [b"3".to_vec()]);
    let error = host.source.tree(&head).await.unwrap_err();
    assert!(matches!(error, SourceError::Corrupt(_)), "{error}");
}

#[tokio::test]
async fn locks_of_a_killed_daemon_are_cleared_at_start() {
    let mut host = GitHost::new().await;
    let head = host.commit("main", &[("a", text("1"))], &Push::default());
    host.source.fetch().await.unwrap();
    host.source.pin(&Pin::Applied, Some(&head)).await.unwrap();
    for name in ["refs/tribune/observed.lock", "refs/tribune/applied.lock", "packed-refs.lock"] {
        std::fs::write(host.mirror().join(name), "").unwrap();
    }
    host.restart().await;
    let next = host.commit("main", &[("a", text("2"))], &Push::default());
    assert_eq!(host.source.fetch().await, Ok(next.clone()));
    host.source.pin(&Pin::Applied, Some(&next)).await.unwrap();
}
