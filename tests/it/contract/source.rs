//! What every [`Source`] promises. [`Host`] is the other side: a repository that people push to.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tribune::domain::id::{RepoPath, RequestId, Revision, RunId};
use tribune::domain::person::SigningKey;
use tribune::domain::trust::Signature;
use tribune::ports::source::{Lineage, Pin, Source, SourceError};
use tribune::source::workbench::{Content, Key};

/// A commit or merge that somebody pushes.
pub struct Push<'a> {
    /// Subject, and more.
    pub message: &'a str,
    /// Trailers.
    pub trailers: &'a [(&'a str, &'a str)],
    /// Author's name; the address is `NAME@example.org`.
    pub author: &'a str,
    /// Seconds since 1970.
    pub at: i64,
    /// The seed of the key that signs it.
    pub key: Option<u8>,
}

impl Default for Push<'_> {
    fn default() -> Self {
        Self { message: "a change", trailers: &[], author: "ada", at: 1_700_000_000, key: None }
    }
}

/// A policy repo with the branch `main`, and the source that watches it.
#[async_trait]
pub trait Host: Sized + Send {
    /// Makes a repository without commits and opens a source on it.
    async fn new() -> Self;

    /// Returns the source.
    fn source(&self) -> Arc<dyn Source>;

    /// Opens the source anew, as a restarted daemon does.
    async fn restart(&mut self);

    /// Commits to a branch; `None` removes a file.
    fn commit(&self, branch: &str, files: &[(&str, Option<Content>)], push: &Push<'_>) -> Revision;

    /// Makes a branch at the head of another.
    fn branch(&self, name: &str, from: &str);

    /// Merges a branch into another, always with a merge commit.
    fn merge(&self, into: &str, from: &str, push: &Push<'_>) -> Revision;

    /// Sets `main` to a revision, and loses for good what nothing reaches any more.
    async fn force_push(&self, to: &Revision);
}

/// Returns the key that [`Push::key`] means.
pub fn key(seed: u8) -> Key {
    Key::from_seed(&[seed; 32], "test").unwrap()
}

/// Returns the public key that [`Push::key`] means, counting without end.
pub fn public(seed: u8) -> SigningKey {
    SigningKey { public: key(seed).public().unwrap(), valid_after: None, valid_before: None }
}

/// Returns a text file.
pub fn text(content: &str) -> Option<Content> {
    Some(Content::text(content))
}

/// Returns files as the workbench takes them.
pub fn files(files: &[(&str, Option<Content>)]) -> BTreeMap<RepoPath, Option<Content>> {
    files.iter().map(|(name, content)| (path(name), content.clone())).collect()
}

fn path(text: &str) -> RepoPath {
    text.parse().unwrap()
}

fn nowhere() -> Revision {
    "00112233445566778899aabbccddeeff00112233".parse().unwrap()
}

pub async fn fetch_follows_the_branch<H: Host>(host: H) {
    let first = host.commit("main", &[("a", text("1"))], &Push::default());
    assert_eq!(host.source().fetch().await, Ok(first.clone()));
    assert_eq!(host.source().fetch().await, Ok(first));
    let second = host.commit("main", &[("a", text("2"))], &Push::default());
    assert_eq!(host.source().fetch().await, Ok(second));
}

pub async fn a_branch_without_commits_is_empty<H: Host>(host: H) {
    let error = host.source().fetch().await.unwrap_err();
    assert_eq!(error, SourceError::Empty("main".into()));
}

pub async fn a_revision_that_was_not_fetched_is_named<H: Host>(host: H) {
    let head = host.commit("main", &[("a", text("1"))], &Push::default());
    let source = host.source();
    source.fetch().await.unwrap();
    let unknown = SourceError::NoCommit(nowhere());
    assert_eq!(source.tree(&nowhere()).await, Err(unknown.clone()));
    assert_eq!(source.commit(&nowhere()).await, Err(unknown.clone()));
    assert_eq!(source.path(&nowhere(), &head).await, Err(unknown.clone()));
    assert_eq!(source.path(&head, &nowhere()).await, Err(unknown.clone()));
    assert_eq!(source.pin(&Pin::Applied, Some(&nowhere())).await, Err(unknown));
    assert_eq!(source.contains(&head, &nowhere()).await, Ok(false));
}

pub async fn lineage_goes_by_first_parents<H: Host>(host: H) {
    let root = host.commit("main", &[("a", text("1"))], &Push::default());
    host.branch("topic", "main");
    let side = host.commit("topic", &[("b", text("1"))], &Push::default());
    let next = host.commit("main", &[("a", text("2"))], &Push::default());
    let merge = host.merge("main", "topic", &Push::default());
    let source = host.source();
    source.fetch().await.unwrap();
    let forward =
        |path: &[&Revision]| Ok(Lineage::Forward(path.iter().copied().cloned().collect()));
    assert_eq!(source.path(&root, &merge).await, forward(&[&next, &merge]));
    assert_eq!(source.path(&merge, &merge).await, forward(&[]));
    assert_eq!(source.path(&merge, &root).await, Ok(Lineage::Diverged));
    assert_eq!(source.path(&side, &merge).await, Ok(Lineage::Diverged));
    assert_eq!(source.contains(&merge, &side).await, Ok(true));
    assert_eq!(source.contains(&merge, &merge).await, Ok(true));
    assert_eq!(source.contains(&next, &side).await, Ok(false));
}

pub async fn merges_are_listed_with_what_they_brought<H: Host>(host: H) {
    host.commit("main", &[("a", text("1"))], &Push::default());
    let mut expected = Vec::new();
    for topic in ["one", "two"] {
        host.branch(topic, "main");
        let push = Push { author: "bob", ..Push::default() };
        let first = host.commit(topic, &[(topic, text("1"))], &push);
        let second = host.commit(topic, &[(topic, text("2"))], &Push::default());
        let trailers = &[("Pull-Request", "7"), ("Label", "x"), ("Label", "y")];
        let push = Push { message: "merge it\n\nbecause: so", trailers, ..Push::default() };
        expected.push((host.merge("main", topic, &push), first, second));
    }
    let source = host.source();
    let head = source.fetch().await.unwrap();
    let merges = source.merges(&head).await.unwrap();
    let found: Vec<_> = merges.iter().map(|merge| &merge.revision).collect();
    assert_eq!(found, expected.iter().map(|(merge, ..)| merge).collect::<Vec<_>>());
    let owned = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let trailers = [owned("Pull-Request", "7"), owned("Label", "x"), owned("Label", "y")];
    assert_eq!(merges[0].trailers, trailers);
    for (merge, first, second) in &expected {
        let brought = source.brought(merge).await.unwrap();
        let ids: Vec<_> = brought.iter().map(|commit| &commit.revision).collect();
        assert_eq!(ids, [first, second]);
        assert_eq!(brought[0].email, "bob@example.org");
    }
}

pub async fn a_commit_says_who_when_and_what<H: Host>(host: H) {
    let root = host.commit("main", &[("a", text("1"))], &Push::default());
    let trailers = &[("Requested-by", "eve")];
    let message = "add b\n\nAt length.";
    let push = Push { message, trailers, author: "bob", at: 1_800_000_000, key: None };
    let head = host.commit("main", &[("b", text("1"))], &push);
    host.source().fetch().await.unwrap();
    let commit = host.source().commit(&head).await.unwrap();
    assert_eq!(commit.revision, head);
    assert_eq!(commit.parents, [root]);
    assert_eq!((commit.author.as_str(), commit.email.as_str()), ("bob", "bob@example.org"));
    assert_eq!(commit.committed, Timestamp::from_second(1_800_000_000).unwrap());
    assert_eq!(commit.subject, "add b");
    assert_eq!(commit.trailers, [("Requested-by".to_owned(), "eve".to_owned())]);
}

pub async fn files_are_listed_and_read<H: Host>(host: H) {
    let script = Some(Content::program("#!/bin/sh\n"));
    let files = [("playbooks/a.sh", script), ("policies/a.cedar", text("permit")), ("e", text(""))];
    let head = host.commit("main", &files, &Push::default());
    let source = host.source();
    source.fetch().await.unwrap();
    let tree = source.tree(&head).await.unwrap();
    let found: Vec<_> =
        tree.0.iter().map(|(path, it)| (path.as_str(), it.executable, it.size)).collect();
    let expected = [("e", false, 0), ("playbooks/a.sh", true, 10), ("policies/a.cedar", false, 6)];
    assert_eq!(found, expected);
    let entry = &tree.0[&path("playbooks/a.sh")];
    assert_eq!(source.read(entry).await, Ok(b"#!/bin/sh\n".to_vec()));
}

pub async fn changes_name_added_changed_and_removed_files<H: Host>(host: H) {
    let files = [("gone", text("1")), ("kept", text("1")), ("moved/on", text("1"))];
    let before = host.commit("main", &files, &Push::default());
    let binary = Some(Content { bytes: vec![0xff, 0xfe], executable: false });
    let files = [("gone", None), ("moved/on", text("2")), ("new", text("2")), ("raw", binary)];
    let after = host.commit("main", &files, &Push::default());
    host.source().fetch().await.unwrap();
    let changes = host.source().changes(&before, &after).await.unwrap();
    let found: Vec<_> = changes
        .iter()
        .map(|it| (it.path.as_str(), it.before.as_deref(), it.after.as_deref()))
        .collect();
    let expected =
        [("gone", Some("1"), None), ("moved/on", Some("1"), Some("2")), ("new", None, Some("2"))];
    assert_eq!(found, expected);
    assert_eq!(host.source().changes(&after, &after).await, Ok(Vec::new()));
}

pub async fn a_checkout_is_private_and_can_be_discarded<H: Host>(host: H) {
    let script = Some(Content::program("#!/bin/sh\n"));
    let files = [("playbooks/x/a.sh", script), ("playbooks/b", text("b")), ("left out", text("c"))];
    let head = host.commit("main", &files, &Push::default());
    let source = host.source();
    source.fetch().await.unwrap();
    let wanted = source.tree(&head).await.unwrap().below(&path("playbooks"));
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("tree");
    std::fs::create_dir(&folder).unwrap();
    source.checkout(&wanted, &folder).await.unwrap();
    let mode = |below: &str| mode(&folder.join(below));
    assert_eq!(mode("playbooks/x/a.sh"), 0o500);
    assert_eq!(mode("playbooks/b"), 0o400);
    assert_eq!((mode("playbooks/x"), mode("playbooks"), mode("")), (0o500, 0o500, 0o500));
    assert!(!folder.join("left out").exists());
    assert_eq!(std::fs::read(folder.join("playbooks/x/a.sh")).unwrap(), b"#!/bin/sh\n");
    assert!(source.checkout(&wanted, &folder).await.is_err(), "the folder is not empty");
    source.discard(&folder).await.unwrap();
    assert!(!folder.exists());
    source.discard(&folder).await.unwrap();
}

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

pub async fn discarding_follows_no_symlink<H: Host>(host: H) {
    let place = tempfile::tempdir().unwrap();
    let outside = place.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("precious"), "1").unwrap();
    let folder = place.path().join("tree");
    std::fs::create_dir_all(folder.join("below")).unwrap();
    std::os::unix::fs::symlink(&outside, folder.join("below/link")).unwrap();
    std::fs::set_permissions(folder.join("below"), std::fs::Permissions::from_mode(0o000)).unwrap();
    host.source().discard(&folder).await.unwrap();
    assert!(!folder.exists());
    assert!(outside.join("precious").exists());
}

pub async fn pins_are_set_cleared_and_kept_over_a_restart<H: Host>(mut host: H) {
    let head = host.commit("main", &[("a", text("1"))], &Push::default());
    host.source().fetch().await.unwrap();
    let run = Pin::Run(RunId { request: RequestId(42), attempt: 1 });
    for pin in [&Pin::Applied, &Pin::Held, &run] {
        assert_eq!(host.source().pinned(pin).await, Ok(None));
        host.source().pin(pin, Some(&head)).await.unwrap();
    }
    host.source().pin(&Pin::Held, None).await.unwrap();
    host.source().pin(&Pin::Held, None).await.unwrap();
    host.restart().await;
    assert_eq!(host.source().pinned(&Pin::Applied).await, Ok(Some(head.clone())));
    assert_eq!(host.source().pinned(&run).await, Ok(Some(head)));
    assert_eq!(host.source().pinned(&Pin::Held).await, Ok(None));
}

pub async fn a_force_push_is_seen_and_pins_stay<H: Host>(mut host: H) {
    let root = host.commit("main", &[("a", text("1"))], &Push::default());
    let applied = host.commit("main", &[("a", text("2"))], &Push::default());
    let source = host.source();
    source.fetch().await.unwrap();
    source.pin(&Pin::Applied, Some(&applied)).await.unwrap();
    host.force_push(&root).await;
    let other = host.commit("main", &[("a", text("3"))], &Push::default());
    assert_eq!(source.fetch().await, Ok(other.clone()));
    assert_eq!(source.path(&applied, &other).await, Ok(Lineage::Diverged));
    drop(source);
    host.restart().await;
    let source = host.source();
    assert_eq!(source.pinned(&Pin::Applied).await, Ok(Some(applied.clone())));
    let tree = source.tree(&applied).await.unwrap();
    assert_eq!(source.read(&tree.0[&path("a")]).await, Ok(b"2".to_vec()));
}

pub async fn tidying_keeps_what_is_pinned_or_observed<H: Host>(mut host: H) {
    let root = host.commit("main", &[("a", text("0"))], &Push::default());
    let run = |attempt| RunId { request: RequestId(42), attempt };
    let (over, open) = (Pin::Run(run(1)), Pin::Run(run(2)));
    // Each lies on a history of its own, which the remote loses.
    let mut pinned = Vec::new();
    for (pin, content) in [(Pin::Applied, "1"), (Pin::Held, "2"), (over, "3"), (open, "4")] {
        let head = host.commit("main", &[("a", text(content))], &Push::default());
        host.source().fetch().await.unwrap();
        host.source().pin(&pin, Some(&head)).await.unwrap();
        host.force_push(&root).await;
        pinned.push((pin, head, content));
    }
    let observed = host.commit("main", &[("a", text("5"))], &Push::default());
    host.source().fetch().await.unwrap();
    let (over, gone, _) = pinned.remove(2);
    let unreached = SignedDuration::from_hours(24);
    host.source().tidy(&[run(2)], unreached).await.unwrap();
    assert_eq!(host.source().pinned(&over).await, Ok(None));
    assert!(host.source().tree(&gone).await.is_ok(), "it was touched just now");
    host.source().tidy(&[run(2)], SignedDuration::ZERO).await.unwrap();
    assert_eq!(host.source().tree(&gone).await, Err(SourceError::NoCommit(gone)));
    host.restart().await;
    let source = host.source();
    for (pin, head, content) in pinned {
        assert_eq!(source.pinned(&pin).await, Ok(Some(head.clone())));
        let tree = source.tree(&head).await.unwrap();
        assert_eq!(source.read(&tree.0[&path("a")]).await, Ok(content.as_bytes().to_vec()));
        assert_eq!(source.path(&root, &head).await, Ok(Lineage::Forward(vec![head])));
    }
    assert!(source.tree(&observed).await.is_ok());
    assert_eq!(source.fetch().await, Ok(observed));
}

pub async fn signatures_name_the_key_that_made_them<H: Host>(host: H) {
    let push = |key| Push { key, at: 1_000, ..Push::default() };
    let signed = host.commit("main", &[("a", text("1"))], &push(Some(2)));
    let unsigned = host.commit("main", &[("a", text("2"))], &push(None));
    host.source().fetch().await.unwrap();
    let source = host.source();
    let keys = [public(1), public(2)];
    assert_eq!(source.signature(&signed, &keys).await, Ok(Signature::By(1)));
    assert_eq!(source.signature(&unsigned, &keys).await, Ok(Signature::Unsigned));
    let found = source.signature(&signed, &keys[..1]).await.unwrap();
    assert!(matches!(&found, Signature::Unknown(key) if key.starts_with("SHA256:")), "{found:?}");
}

pub async fn a_key_counts_within_its_time_only<H: Host>(host: H) {
    let push = Push { key: Some(1), at: 1_000, ..Push::default() };
    let signed = host.commit("main", &[("a", text("1"))], &push);
    host.source().fetch().await.unwrap();
    let at = |second| Some(Timestamp::from_second(second).unwrap());
    for (valid_after, valid_before, counts) in [
        (at(1_000), at(1_000), true),
        (at(999), None, true),
        (at(1_001), None, false),
        (None, at(1_001), true),
        (None, at(999), false),
    ] {
        let key = SigningKey { valid_after, valid_before, ..public(1) };
        let found = host.source().signature(&signed, &[key]).await.unwrap();
        assert_eq!(found == Signature::By(0), counts, "{valid_after:?} {valid_before:?}");
    }
}

pub async fn a_push_to_a_local_repository_is_noticed<H: Host>(host: H) {
    host.commit("main", &[("a", text("1"))], &Push::default());
    let source = host.source();
    source.fetch().await.unwrap();
    // What happened before may still be told of; what comes next must be.
    let expected = host.commit("main", &[("a", text("2"))], &Push::default());
    let seen = async {
        loop {
            source.changed().await;
            if source.fetch().await.unwrap() == expected {
                return;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), seen).await.expect("a hint comes");
}

/// Makes a test of every promise for one [`Host`].
macro_rules! source_suite {
    ($host:ty: $($promise:ident)*) => {$(
        #[tokio::test]
        async fn $promise() {
            let host = <$host as crate::contract::source::Host>::new().await;
            crate::contract::source::$promise(host).await;
        }
    )*};
    ($host:ty) => {
        crate::contract::source::source_suite! { $host:
            fetch_follows_the_branch
            a_branch_without_commits_is_empty
            a_revision_that_was_not_fetched_is_named
            lineage_goes_by_first_parents
            merges_are_listed_with_what_they_brought
            a_commit_says_who_when_and_what
            files_are_listed_and_read
            changes_name_added_changed_and_removed_files
            a_checkout_is_private_and_can_be_discarded
            discarding_follows_no_symlink
            pins_are_set_cleared_and_kept_over_a_restart
            a_force_push_is_seen_and_pins_stay
            tidying_keeps_what_is_pinned_or_observed
            signatures_name_the_key_that_made_them
            a_key_counts_within_its_time_only
            a_push_to_a_local_repository_is_noticed
        }
    };
}
pub(crate) use source_suite;
