//! Branches that Tribune prepares, and merges of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tribune::ports::source::{Draft, Source as _};
use tribune::source::workbench::{Author, Writing};

use super::{GitHost, git};
use crate::contract::source::{Host as _, Push, text};

#[tokio::test]
async fn a_draft_is_a_branch_that_people_fetch_and_merge() {
    let host = GitHost::new().await;
    host.commit("main", &[("motd", text("declared\n")), ("b", text("b"))], &Push::default());
    let base = host.source.fetch().await.unwrap();
    let draft = |content: &str| Draft {
        base: base.clone(),
        branch: "tribune/drift-d1".to_owned(),
        files: BTreeMap::from([("motd".parse().unwrap(), Some(content.into()))]),
        message: "take over what is live\n\nRequested-by: ken\n".to_owned(),
        at: Timestamp::from_second(1_000).unwrap(),
    };
    host.source.draft(&draft("by hand\n")).await.unwrap();
    let from = host.source.draft(&draft("by another hand\n")).await.unwrap();
    let repo = host.repo();
    git(&repo, &["fetch", "--quiet", &from, "tribune/drift-d1"]).await;
    assert_eq!(git(&repo, &["show", "FETCH_HEAD:motd"]).await, "by another hand");
    let told = git(&repo, &["show", "--no-patch", "--format=%an %P%n%B", "FETCH_HEAD"]).await;
    assert!(told.starts_with(&format!("Tribune {base}\n")), "{told}");
    assert!(told.contains("\n\nRequested-by: ken"), "{told}");
    assert_eq!(git(&repo, &["diff", "--name-only", base.as_str(), "FETCH_HEAD"]).await, "motd");
    host.source.fetch().await.unwrap();
    git(&repo, &["fetch", "--quiet", &from, "tribune/drift-d1"]).await;
}

#[tokio::test]
async fn a_draft_removes_and_adds_files() {
    let host = GitHost::new().await;
    host.commit("main", &[("bans/a", text("a")), ("bans/b", text("b"))], &Push::default());
    let base = host.source.fetch().await.unwrap();
    let draft = Draft {
        base: base.clone(),
        branch: "tribune/unban-a".to_owned(),
        files: BTreeMap::from([
            ("bans/a".parse().unwrap(), None),
            ("notes/c".parse().unwrap(), Some("c".into())),
        ]),
        message: "lift\n".to_owned(),
        at: Timestamp::from_second(1_000).unwrap(),
    };
    let from = host.source.draft(&draft).await.unwrap();
    let repo = host.repo();
    git(&repo, &["fetch", "--quiet", &from, "tribune/unban-a"]).await;
    let told =
        git(&repo, &["diff", "--no-renames", "--name-status", base.as_str(), "FETCH_HEAD"]).await;
    assert_eq!(told, "D\tbans/a\nA\tnotes/c");
}

#[tokio::test]
async fn a_conflicting_merge_names_the_file() {
    let host = GitHost::new().await;
    host.commit("main", &[("a", text("1\n"))], &Push::default());
    host.branch("topic", "main");
    host.commit("topic", &[("a", text("2\n"))], &Push::default());
    host.commit("main", &[("a", text("3\n"))], &Push::default());
    let author = Author { name: "a".into(), email: "a@b".into(), at: Timestamp::UNIX_EPOCH };
    let writing = Writing { message: "m", trailers: &[], author: &author, key: None };
    let error = host.workbench().merge("main", "topic", &writing).unwrap_err();
    assert_eq!(error.to_string(), "merging topic into main conflicts in a");
}
