//! What of a commit is no policy repo.

use tribune::ports::source::{Source as _, SourceError};
use tribune::source::workbench::Content;

use super::{GitHost, git, git_with};
use crate::contract::source::{Host as _, Push, text};

#[tokio::test]
async fn what_no_policy_repo_needs_is_refused_by_name() {
    let host = GitHost::new().await;
    host.commit("main", &[("intents/a.yaml", text("a"))], &Push::default());
    let repo = host.repo();
    let blob = git_with(&repo, &["hash-object", "-w", "--stdin"], b"../../etc/passwd").await;
    let commit = git(&repo, &["rev-parse", "HEAD"]).await;
    let cases: [(Vec<u8>, &str, &str); 5] = [
        (
            format!("120000 {blob}\tplaybooks/link\0").into_bytes(),
            "playbooks/link",
            "symlinks are not allowed: commit the file itself",
        ),
        (
            format!("160000 {commit}\tplaybooks/module\0").into_bytes(),
            "playbooks/module",
            "submodules are not allowed: commit the files themselves",
        ),
        (
            format!("100644 {blob}\tintents/A.yaml\0").into_bytes(),
            "intents/a.yaml",
            "the name differs from A.yaml only by case",
        ),
        (
            [format!("100644 {blob}\tplaybooks/").as_bytes(), &[0xff, 0]].concat(),
            "playbooks/\u{fffd}",
            "the name is not UTF-8",
        ),
        (
            format!("100644 {blob}\tplaybooks/a\nb\0").into_bytes(),
            "playbooks/ab",
            "the name holds a character that is not allowed",
        ),
    ];
    for (entry, path, why) in cases {
        let bad = host.commit_raw(&entry).await;
        assert_eq!(host.source.fetch().await, Ok(bad.clone()));
        let refused = SourceError::Unacceptable { path: path.into(), why: why.into() };
        assert_eq!(host.source.tree(&bad).await, Err(refused));
        git(&repo, &["reset", "--quiet", "--mixed", "HEAD^"]).await;
    }
}

#[tokio::test]
async fn over_size_files_are_refused() {
    let host = GitHost::new().await;
    let zeros = |size| Some(Content { bytes: vec![b'0'; size], executable: false });
    let mib = 1024 * 1024;
    let fits = [("intents/a.yaml", zeros(mib)), ("playbooks/a", zeros(mib + 1))];
    let good = host.commit("main", &fits, &Push::default());
    host.source.fetch().await.unwrap();
    assert_eq!(host.source.tree(&good).await.unwrap().0.len(), 2);
    for (path, size, why) in [
        ("intents/a.yaml", mib + 1, "1048577 bytes are too many: at most 1 MiB here"),
        ("playbooks/a", 16 * mib + 1, "16777217 bytes are too many: at most 16 MiB here"),
    ] {
        let bad = host.commit("main", &[(path, zeros(size))], &Push::default());
        host.source.fetch().await.unwrap();
        let refused = SourceError::Unacceptable { path: path.into(), why: why.into() };
        assert_eq!(host.source.tree(&bad).await, Err(refused));
        host.workbench().reset("main", &good).unwrap();
    }
}
