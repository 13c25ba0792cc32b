//! The real source: the suite of the port, and what only git repositories can do to it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tribune::domain::id::Revision;
use tribune::domain::person::SigningKey;
use tribune::domain::trust::Signature;
use tribune::ports::source::{Draft, Pin, Source, SourceError};
use tribune::process::command::{self, Spec};
use tribune::source::workbench::{Author, Content, Workbench, Writing};
use tribune::source::{GitSource, Remote, SourceSettings};

use super::source::{Host, Push, files, key, public, source_suite, text};

/// A repository and a mirror in a temporary folder.
pub struct GitHost {
    place: TempDir,
    source: Arc<GitSource>,
}

impl GitHost {
    fn repo(&self) -> PathBuf {
        self.place.path().join("policy")
    }

    fn mirror(&self) -> PathBuf {
        self.place.path().join("mirror.git")
    }

    /// Removes all that Tribune has of the repository.
    pub fn lose_mirror(&self) {
        std::fs::remove_dir_all(self.mirror()).unwrap();
    }

    fn workbench(&self) -> Workbench {
        Workbench::open(&self.repo()).unwrap()
    }

    /// Adds an entry of any mode to `main`, as only plumbing can.
    async fn commit_raw(&self, entries: &[u8]) -> Revision {
        let repo = self.repo();
        git_with(&repo, &["update-index", "-z", "--index-info"], entries).await;
        git(&repo, &["commit", "--quiet", "--message", "raw"]).await;
        git(&repo, &["rev-parse", "HEAD"]).await.parse().unwrap()
    }
}

/// Opens a source with its mirror in the given folder.
pub async fn open(remote: &str, mirror: PathBuf) -> Result<GitSource, SourceError> {
    GitSource::open(SourceSettings {
        remote: Remote::parse(remote).unwrap(),
        branch: "main".into(),
        mirror,
        ssh_key: None,
        known_hosts: None,
        ca_file: None,
        timeout: Duration::from_secs(30),
    })
    .await
}

#[async_trait]
impl Host for GitHost {
    async fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let repo = place.path().join("policy");
        Workbench::init(&repo, "main").unwrap();
        let source = open(repo.to_str().unwrap(), place.path().join("mirror.git")).await.unwrap();
        Self { place, source: Arc::new(source) }
    }

    fn source(&self) -> Arc<dyn Source> {
        self.source.clone()
    }

    async fn restart(&mut self) {
        let remote = self.repo();
        self.source = Arc::new(open(remote.to_str().unwrap(), self.mirror()).await.unwrap());
    }

    fn commit(
        &self,
        branch: &str,
        changes: &[(&str, Option<Content>)],
        push: &Push<'_>,
    ) -> Revision {
        written(push, |writing| self.workbench().commit(branch, &files(changes), writing).unwrap())
    }

    fn branch(&self, name: &str, from: &str) {
        self.workbench().branch(name, from).unwrap();
    }

    fn merge(&self, into: &str, from: &str, push: &Push<'_>) -> Revision {
        written(push, |writing| self.workbench().merge(into, from, writing).unwrap())
    }

    async fn force_push(&self, to: &Revision) {
        let repo = self.repo();
        let lost = git(&repo, &["rev-parse", "HEAD"]).await;
        self.workbench().reset("main", to).unwrap();
        git(&repo, &["reflog", "expire", "--expire=now", "--all"]).await;
        git(&repo, &["gc", "--quiet", "--prune=now"]).await;
        let (ok, _) = try_git(&repo, &["cat-file", "-e", &lost], b"").await;
        assert!(!ok, "the remote has lost {lost}");
    }
}

fn written(push: &Push<'_>, write: impl FnOnce(&Writing<'_>) -> Revision) -> Revision {
    let author = Author {
        name: push.author.into(),
        email: format!("{}@example.org", push.author),
        at: Timestamp::from_second(push.at).unwrap(),
    };
    let key = push.key.map(key);
    let (message, trailers) = (push.message, push.trailers);
    write(&Writing { message, trailers, author: &author, key: key.as_ref() })
}

/// Runs `git` in a repository and returns what it prints; it must succeed.
async fn git(repo: &Path, words: &[&str]) -> String {
    git_with(repo, words, b"").await
}

async fn git_with(repo: &Path, words: &[&str], input: &[u8]) -> String {
    let (ok, said) = try_git(repo, words, input).await;
    assert!(ok, "git {words:?}: {said}");
    said
}

async fn try_git(repo: &Path, words: &[&str], input: &[u8]) -> (bool, String) {
    let mut argv = vec!["git", "-c", "user.name=ada", "-c", "user.email=ada@example.org"];
    argv.extend(words);
    run(repo, &argv, input).await
}

/// Runs a program in a folder that is also its home; says whether it succeeded, and its output.
pub async fn run(folder: &Path, argv: &[&str], input: &[u8]) -> (bool, String) {
    let spec = Spec::new(argv)
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .cwd(folder)
        .stdin(input);
    let output = command::run(&spec).await.unwrap();
    let said = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8_lossy(&said).trim().to_owned())
}

source_suite!(GitHost);

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

#[tokio::test]
async fn signatures_of_git_and_ssh_keygen_are_understood() {
    let host = GitHost::new().await;
    host.commit("main", &[("a", text("1"))], &Push::default());
    let repo = host.repo();
    for (kind, bits) in [("ed25519", "256"), ("ecdsa", "256"), ("ecdsa", "521"), ("rsa", "2048")] {
        let file = host.place.path().join(format!("{kind}{bits}"));
        let file = file.to_str().unwrap();
        let make = ["ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "", "-f", file];
        let (ok, said) = run(&repo, &make, b"").await;
        assert!(ok, "{said}");
        let setting = format!("user.signingKey={file}");
        let commit = ["commit", "--quiet", "-S", "--allow-empty", "-m", kind];
        let words = [&["-c", "gpg.format=ssh", "-c", &setting], &commit[..]].concat();
        git(&repo, &words).await;
        let head = host.source.fetch().await.unwrap();
        let public_key = std::fs::read_to_string(format!("{file}.pub")).unwrap();
        let keys = [public(1), SigningKey { public: public_key, ..public(1) }];
        let found = host.source.signature(&head, &keys).await;
        assert_eq!(found, Ok(Signature::By(1)), "{kind} {bits}");
    }
}

#[tokio::test]
async fn git_understands_signatures_of_the_workbench() {
    let host = GitHost::new().await;
    let push = Push { key: Some(1), ..Push::default() };
    host.commit("main", &[("a", text("1"))], &push);
    let signers = host.place.path().join("signers");
    std::fs::write(&signers, format!("ada@example.org {}\n", public(1).public)).unwrap();
    let setting = format!("gpg.ssh.allowedSignersFile={}", signers.display());
    git(&host.repo(), &["-c", &setting, "verify-commit", "HEAD"]).await;
    git(&host.repo(), &["fsck", "--strict"]).await;
    assert_eq!(git(&host.repo(), &["status", "--porcelain"]).await, "");
}

/// Returns commits that bear a signature which does not fit, and what is said of each.
async fn forgeries(host: &GitHost) -> Vec<(String, Signature)> {
    let repo = host.repo();
    let signed = git(&repo, &["cat-file", "commit", "HEAD"]).await;
    let (head, rest) = signed.split_once("\ngpgsig ").unwrap();
    let (_, body) = rest.split_once("-----END SSH SIGNATURE-----").unwrap();
    let with =
        |signature: &str| format!("{head}\ngpgsig {}{body}\n", signature.replace('\n', "\n "));
    // The same key, for another purpose.
    let file = host.place.path().join("key");
    std::fs::write(&file, key(1).private().unwrap()).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let sign = ["ssh-keygen", "-Y", "sign", "-n", "file", "-f", file.to_str().unwrap()];
    let (ok, misused) = run(&repo, &sign, format!("{head}{body}\n").as_bytes()).await;
    assert!(ok, "{misused}");
    let garbage = "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----";
    let pgp = "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----";
    vec![
        (
            signed.replace("a change", "another change") + "\n",
            Signature::Bad("the commit is not what was signed".into()),
        ),
        (with(&misused), Signature::Bad("it was made for another purpose than git".into())),
        (with(garbage), Signature::Bad("it cannot be read".into())),
        (with(pgp), Signature::Unknown("a key that is not an SSH key".into())),
    ]
}

#[tokio::test]
async fn a_signature_that_does_not_fit_is_bad() {
    let host = GitHost::new().await;
    host.commit("main", &[("a", text("1"))], &Push { key: Some(1), ..Push::default() });
    let repo = host.repo();
    for (commit, expected) in forgeries(&host).await {
        let words = ["hash-object", "-t", "commit", "-w", "--stdin"];
        let id = git_with(&repo, &words, commit.as_bytes()).await;
        git(&repo, &["update-ref", "refs/heads/main", &id]).await;
        let head = host.source.fetch().await.unwrap();
        assert_eq!(head.as_str(), id);
        assert_eq!(host.source.signature(&head, &[public(1)]).await, Ok(expected));
    }
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
