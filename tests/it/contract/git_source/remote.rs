//! Remotes that are not there, or are not what they should be.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tribune::ports::source::{Pin, Source as _, SourceError};

use super::{GitHost, git, open};
use crate::contract::source::{Host as _, Push, text};

#[tokio::test]
async fn a_remote_that_is_not_there_leaves_the_mirror_as_it_was() {
    let host = GitHost::new().await;
    let head = host.commit("main", &[("a", text("1"))], &Push::default());
    host.source.fetch().await.unwrap();
    host.source.pin(&Pin::Applied, Some(&head)).await.unwrap();
    std::fs::rename(host.repo(), host.place.path().join("away")).unwrap();
    let error = host.source.fetch().await.unwrap_err();
    let expected = format!("there is no git repository at {}", host.repo().display());
    assert_eq!(error, SourceError::Unreachable(expected));
    assert_eq!(host.source.pinned(&Pin::Applied).await, Ok(Some(head.clone())));
    assert_eq!(host.source.tree(&head).await.unwrap().0.len(), 1);
}

#[tokio::test]
async fn a_folder_that_is_no_repository_is_said_to_be_none() {
    let place = tempfile::tempdir().unwrap();
    let source = open(place.path().to_str().unwrap(), place.path().join("m")).await.unwrap();
    let error = source.fetch().await.unwrap_err();
    let expected = format!("there is no git repository at {}", place.path().display());
    assert_eq!(error, SourceError::Unreachable(expected));
}

#[tokio::test]
async fn a_shallow_remote_is_refused() {
    let host = GitHost::new().await;
    host.commit("main", &[("a", text("1"))], &Push::default());
    host.commit("main", &[("a", text("2"))], &Push::default());
    let shallow = host.place.path().join("shallow");
    let from = format!("file://{}", host.repo().display());
    git(host.place.path(), &["clone", "--quiet", "--depth=1", &from, "shallow"]).await;
    let source = open(shallow.to_str().unwrap(), host.place.path().join("m2")).await.unwrap();
    assert_eq!(source.fetch().await, Err(SourceError::Shallow));
}

#[tokio::test]
async fn credentials_go_to_the_server_and_into_no_message() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = vec![0; 4096];
        let count = stream.read(&mut asked).await.unwrap();
        let answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        String::from_utf8_lossy(&asked[..count]).into_owned()
    };
    let place = tempfile::tempdir().unwrap();
    let address = format!("http://bot:s3cret@127.0.0.1:{port}/policy.git");
    let source = open(&address, place.path().join("m")).await.unwrap();
    let (asked, fetched) = tokio::join!(serve, source.fetch());
    // base64 of `bot:s3cret`
    assert!(asked.contains("Authorization: Basic Ym90OnMzY3JldA=="), "{asked}");
    let expected = format!("http://127.0.0.1:{port}/policy.git does not accept our credentials");
    assert_eq!(fetched, Err(SourceError::Refused(expected)));
}

#[tokio::test]
async fn a_server_that_nobody_runs_is_unreachable() {
    let place = tempfile::tempdir().unwrap();
    let source = open("https://bot:s3cret@127.0.0.1:1/p", place.path().join("m")).await.unwrap();
    let error = source.fetch().await.unwrap_err();
    assert!(matches!(&error, SourceError::Unreachable(_)), "{error:?}");
    assert!(!error.to_string().contains("s3cret"), "{error}");
}
