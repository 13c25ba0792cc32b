//! What `ports::executor` and `ports::copies` promise, checked on managed files.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;
use tribune::clock::SystemClock;
use tribune::domain::file::path::PathRule;
use tribune::domain::file::{FileMode, FileRule, PreviousCopy};
use tribune::domain::intent::{Executor as Runs, Intent};
use tribune::domain::param::{Args, Param, ParamKind, Value};
use tribune::domain::repo::{PolicyRepo, TreeEntry};
use tribune::domain::run::{Check, Failure, Outcome, Run};
use tribune::exec::file::{FileConfig, Files};
use tribune::manifest::blob_id;
use tribune::ports::copies::Copies as _;
use tribune::ports::executor::{ExecError, Executor as _, Started, Workspace};

use super::argv::{RUN, intent, leave, repo};
use crate::containment::text;

/// A root with an outside, a policy repo, and an executor.
pub struct Yard {
    folder: tempfile::TempDir,
    /// What the intent declares.
    pub rule: FileRule,
    sources: BTreeMap<String, String>,
    args: Args,
    own: Vec<PathBuf>,
}

impl Yard {
    /// Returns a yard whose intent manages `path` as `playbooks/files/motd`, or as the folder of
    /// that if several sources are given.
    pub fn new(path: &str, sources: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["root", "outside", "tree", "work"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let rule = FileRule {
            source: "playbooks/files/motd".parse().unwrap(),
            path: PathRule::parse(path).unwrap(),
            mode: None,
            directory_mode: FileMode::OPEN,
            owner: None,
            group: None,
            template: false,
            sensitive: false,
            prune: false,
        };
        let mut yard =
            Self { folder, rule, sources: BTreeMap::new(), args: Args::new(), own: vec![] };
        for (path, text) in sources {
            yard.declare(path, text);
        }
        yard
    }

    /// A file of the policy repo has this content from now on.
    pub fn declare(&mut self, path: &str, text: &str) {
        self.sources.insert(path.to_owned(), text.to_owned());
        let file = self.at("tree").join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// Returns a place in the yard.
    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file in the yard, with its permissions.
    pub fn write(&self, name: &str, text: &str, mode: u32) {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        fs::write(self.at(name), text).unwrap();
        fs::set_permissions(self.at(name), Permissions::from_mode(mode)).unwrap();
    }

    /// Returns what a file in the yard holds.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap()
    }

    fn mode(&self, name: &str) -> u32 {
        self.at(name).metadata().unwrap().mode() & 0o7777
    }

    /// Returns the executor.
    pub fn executor(&self) -> Files {
        let config = FileConfig {
            roots: BTreeMap::from([("managed".parse().unwrap(), self.at("root"))]),
            copies: self.at("state/previous"),
            keep: 3,
            own: [vec![self.at("state")], self.own.clone()].concat(),
        };
        Files::new(config, Arc::new(SystemClock), Arc::new(Vec::new))
    }

    fn repo(&self) -> PolicyRepo {
        let mut repo = repo(Intent {
            run: Runs::File(self.rule.clone()),
            params: self.args.keys().map(|name| (name.clone(), text_param())).collect(),
            check: None,
            secrets: vec![],
            ..intent(&["true"])
        });
        repo.tree.0 = self
            .sources
            .iter()
            .map(|(path, text)| {
                let object = blob_id(text.as_bytes());
                let executable = text.starts_with("#!");
                let size = text.len() as u64;
                (path.parse().unwrap(), TreeEntry { object, executable, size })
            })
            .collect();
        repo
    }

    fn workspace(&self) -> Workspace {
        Workspace { tree: self.at("tree"), work: self.at("work") }
    }

    /// Runs; returns how it ended and what it said.
    pub async fn run(&self) -> (Outcome, String) {
        let (to, from) = mpsc::channel(64);
        let leave = leave::<Run>(self.repo(), self.args.clone()).await;
        let started = self.executor().run(leave, &self.workspace(), to).await.unwrap();
        let _cancel = started.cancel;
        tokio::join!(started.finished, text(from))
    }

    /// Looks; returns how it ended and what it said.
    pub async fn check(&self) -> (Outcome, String) {
        let (started, from) = self.start_check().await.unwrap();
        let _cancel = started.cancel;
        tokio::join!(started.finished, text(from))
    }

    async fn start_check(&self) -> Result<(Started, mpsc::Receiver<bytes::Bytes>), ExecError> {
        let (to, from) = mpsc::channel(1);
        let leave = leave::<Check>(self.repo(), self.args.clone()).await;
        Ok((self.executor().check(leave, &self.workspace(), to).await?, from))
    }

    async fn copies(&self) -> Vec<PreviousCopy> {
        self.executor().list(None).await.unwrap()
    }

    async fn restore(&self, path: &str, number: Option<u64>) -> Result<PreviousCopy, String> {
        let restored = self.executor().restore(&path.parse().unwrap(), number).await;
        restored.map_err(|error| error.to_string())
    }

    /// Looks and runs, both of which must be refused; returns why.
    async fn refused(&self) -> String {
        let outcomes = [self.check().await, self.run().await];
        let [Outcome::Failed { how: Failure::NotDone(why), .. }, other] =
            outcomes.map(|(outcome, _)| outcome)
        else {
            panic!("it is not refused");
        };
        assert!(matches!(other, Outcome::Failed { .. }), "{other:?}");
        why
    }
}

fn text_param() -> Param {
    let kind = ParamKind::String {
        one_of: vec![],
        pattern: None,
        min_length: None,
        max_length: 64,
        allow_dash: false,
    };
    Param { summary: None, kind, default: None }
}

const MOTD: &str = "playbooks/files/motd";

#[tokio::test]
async fn a_file_becomes_what_the_repo_says_and_what_was_there_is_kept() {
    let mut yard = Yard::new("managed/motd", &[(MOTD, "new\n")]);
    yard.write("root/motd", "old\n", 0o600);
    let (outcome, told) = yard.check().await;
    assert_eq!(outcome, Outcome::Differs);
    let diff = "managed/motd has mode 0600, declared is 0644\n--- live/managed/motd\n\
                +++ declared/managed/motd\n@@ -1 +1 @@\n-old\n+new\n";
    assert_eq!(told, diff);
    assert_eq!((yard.read("root/motd"), yard.mode("root/motd")), ("old\n".into(), 0o600));
    assert_eq!(yard.run().await, (Outcome::Succeeded, format!("{diff}done: 1 change\n")));
    assert_eq!((yard.read("root/motd"), yard.mode("root/motd")), ("new\n".into(), 0o644));
    let same = (Outcome::Succeeded, "managed/motd is as declared\n".to_owned());
    assert_eq!((yard.check().await, yard.run().await), (same.clone(), same));
    yard.rule.mode = Some("0640".parse().unwrap());
    assert_eq!(yard.run().await.0, Outcome::Succeeded);
    assert_eq!(yard.mode("root/motd"), 0o640);
    let copies = yard.copies().await;
    assert_eq!(copies.len(), 1, "permissions alone are told, not copied");
    assert_eq!((copies[0].number, copies[0].mode, copies[0].run), (1, 0o600, Some(RUN)));
}

#[tokio::test]
async fn a_copy_is_put_back_as_it_was_and_what_it_replaces_is_kept_too() {
    let yard = Yard::new("managed/motd", &[(MOTD, "new\n")]);
    yard.write("root/motd", "old\n", 0o600);
    yard.run().await;
    let restored = yard.restore("managed/motd", None).await.unwrap();
    assert_eq!((restored.number, restored.lines), (1, Some(1)));
    assert_eq!((yard.read("root/motd"), yard.mode("root/motd")), ("old\n".into(), 0o600));
    let again = yard.restore("managed/motd", Some(1)).await.unwrap_err();
    assert_eq!(again, "managed/motd is as copy 1 already");
    yard.restore("managed/motd", Some(2)).await.unwrap();
    assert_eq!(yard.read("root/motd"), "new\n");
    fs::remove_file(yard.at("root/motd")).unwrap();
    yard.restore("managed/motd", Some(1)).await.unwrap();
    assert_eq!(yard.read("root/motd"), "old\n");
    let missing = yard.restore("managed/other", None).await.unwrap_err();
    assert!(missing.contains("there is no previous copy of managed/other"));
    symlink(yard.at("outside"), yard.at("root/away")).unwrap();
    let away = yard.restore("managed/away/x", None).await.unwrap_err();
    assert!(away.contains("there is no previous copy"), "{away}");
}

const CONF: &str = "playbooks/files/motd/a.conf";
const TOOL: &str = "playbooks/files/motd/bin/tool";

#[tokio::test]
async fn a_folder_becomes_equal_with_modes_and_keeps_what_it_does_not_declare() {
    let mut yard = Yard::new("managed/app", &[(CONF, "a\n"), (TOOL, "#!/bin/sh\n")]);
    yard.rule.directory_mode = "0750".parse().unwrap();
    yard.write("root/app/a.conf", "b\n", 0o644);
    yard.write("root/app/own/deep", "x\n", 0o644);
    let (outcome, told) = yard.check().await;
    assert_eq!(outcome, Outcome::Differs);
    assert!(told.contains("folder managed/app/bin/ is missing\n"), "{told}");
    assert!(told.ends_with("managed/app/own is not declared and stays\n"), "{told}");
    assert_eq!(yard.run().await.0, Outcome::Succeeded);
    assert_eq!(yard.read("root/app/a.conf"), "a\n");
    let modes = ["app", "app/bin", "app/bin/tool"].map(|it| yard.mode(&format!("root/{it}")));
    assert_eq!(modes, [0o750, 0o750, 0o755]);
    assert_eq!(yard.check().await.0, Outcome::Succeeded, "what stays is no difference");
    assert_eq!(yard.read("root/app/own/deep"), "x\n");
}

#[tokio::test]
async fn only_prune_removes_what_is_not_declared() {
    let mut yard = Yard::new("managed/app", &[(CONF, "a\n")]);
    yard.rule.prune = true;
    yard.write("root/app/old/deep", "x\n", 0o644);
    let (outcome, told) = yard.check().await;
    assert_eq!(outcome, Outcome::Differs);
    assert!(told.contains("--- live/managed/app/old/deep\n+++ /dev/null\n"), "{told}");
    assert!(yard.at("root/app/old/deep").exists());
    assert_eq!(yard.run().await.0, Outcome::Succeeded);
    assert!(!yard.at("root/app/old").exists());
    fs::create_dir(yard.at("root/app/old")).unwrap();
    yard.restore("managed/app/old/deep", None).await.unwrap();
    assert_eq!(yard.read("root/app/old/deep"), "x\n", "what was removed can be put back");
}

#[tokio::test]
async fn a_sensitive_file_is_never_shown() {
    let mut yard = Yard::new("managed/key", &[(MOTD, "hunter2\n")]);
    yard.rule.sensitive = true;
    yard.write("root/key", "hunter1\n", 0o600);
    let told = [yard.check().await, yard.run().await].map(|(_, told)| told);
    assert!(told.iter().all(|told| told.contains("sha256") && !told.contains("hunter")));
    let copies = yard.copies().await;
    assert!(copies[0].sensitive && copies[0].lines == Some(1));
}

#[tokio::test]
async fn a_template_is_filled_with_the_arguments() {
    let mut yard = Yard::new("managed/{name}.conf", &[(MOTD, "server { name {name}; }\n")]);
    yard.rule.template = true;
    yard.args.insert("name".parse().unwrap(), Value::String("shop".to_owned()));
    assert_eq!(yard.run().await.0, Outcome::Succeeded);
    assert_eq!(yard.read("root/shop.conf"), "server { name shop; }\n");
}

#[tokio::test]
async fn owners_are_given_or_it_is_told_why_not() {
    let mut yard = Yard::new("managed/motd", &[(MOTD, "new\n")]);
    yard.write("root/motd", "new\n", 0o644);
    yard.rule.owner = Some("4711".parse().unwrap());
    yard.rule.group = Some("4712".parse().unwrap());
    assert!(yard.check().await.1.contains("has owner"));
    let (outcome, _) = yard.run().await;
    if yard.at("root").metadata().unwrap().uid() == 0 {
        assert_eq!(outcome, Outcome::Succeeded);
        yard.rule.owner = None;
        yard.declare(MOTD, "newer\n");
        assert_eq!(yard.run().await.0, Outcome::Succeeded);
        let found = yard.at("root/motd").metadata().unwrap();
        assert_eq!((found.uid(), found.gid()), (4711, 4712), "whoever owns it goes on to");
    } else {
        let Outcome::Failed { how: Failure::NotDone(why), .. } = outcome else { panic!() };
        assert!(why.contains("give the daemon CAP_CHOWN"), "{why}");
    }
    yard.rule.owner = Some("nobody-has-this".parse().unwrap());
    assert!(yard.refused().await.contains("there is no user nobody-has-this"));
}

#[tokio::test]
async fn what_is_no_plain_file_is_refused_and_stays() {
    let yard = Yard::new("managed/motd", &[(MOTD, "new\n")]);
    let place = yard.at("root/motd");
    let refused = async |expected: &str| {
        let why = yard.refused().await;
        assert!(why.starts_with("managed/motd") && why.contains(expected), "{why}");
        assert!(place.symlink_metadata().is_ok(), "it stays");
    };
    yard.write("outside/secret", "secret\n", 0o600);
    symlink(yard.at("outside/secret"), &place).unwrap();
    refused("is a symbolic link").await;
    fs::remove_file(&place).unwrap();
    fs::hard_link(yard.at("outside/secret"), &place).unwrap();
    refused("has several names (hard links)").await;
    fs::remove_file(&place).unwrap();
    let pipe = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &place, rustix::fs::FileType::Fifo, pipe, 0).unwrap();
    refused("is neither a file nor a folder").await;
    fs::remove_file(&place).unwrap();
    fs::create_dir(&place).unwrap();
    refused("is a folder where a file should be").await;
    fs::remove_dir(&place).unwrap();
    let large = fs::File::create(&place).unwrap();
    large.set_len((8 << 20) + 1).unwrap();
    refused("is larger than 8 MiB").await;
    assert_eq!(yard.read("outside/secret"), "secret\n");
}

#[tokio::test]
async fn a_link_on_the_way_and_a_folder_that_is_not_there_are_told() {
    let yard = Yard::new("managed/etc/motd", &[(MOTD, "new\n")]);
    assert!(yard.refused().await.starts_with("managed/etc is not there"));
    symlink(yard.at("outside"), yard.at("root/etc")).unwrap();
    assert!(yard.refused().await.contains("symbolic link"));
    assert!(fs::read_dir(yard.at("outside")).unwrap().next().is_none());
}

#[tokio::test]
async fn nothing_of_tribunes_own_is_managed_whatever_root_holds_it() {
    let mut yard = Yard::new("managed/state/key", &[(MOTD, "new\n")]);
    yard.write("root/state/key", "key\n", 0o600);
    yard.own = vec![yard.at("root/state")];
    assert!(yard.refused().await.contains("is Tribune's own"));
    yard.rule.path = PathRule::parse("managed/state").unwrap();
    assert!(yard.refused().await.contains("is Tribune's own"), "nor the folder itself");
    // The same file under another name: a bind mount, say, or a file that was moved there.
    fs::create_dir(yard.at("root/other")).unwrap();
    fs::rename(yard.at("root/state/key"), yard.at("root/other/motd")).unwrap();
    yard.own = vec![yard.at("root/other/../other/motd")];
    yard.rule.path = PathRule::parse("managed/other/motd").unwrap();
    assert!(yard.refused().await.contains("Tribune"));
    assert_eq!(yard.read("root/other/motd"), "key\n");
}

#[tokio::test]
async fn a_root_that_the_settings_do_not_name_starts_nothing() {
    let yard = Yard::new("elsewhere/motd", &[(MOTD, "new\n")]);
    let refused = yard.start_check().await.err().unwrap();
    assert_eq!(
        refused.to_string(),
        "the settings name no root elsewhere (they name managed); add `elsewhere = \
         \"/srv/elsewhere\"` or another folder to [file.roots]"
    );
}

#[tokio::test]
async fn what_a_run_that_died_has_left_is_removed_by_the_next_that_writes() {
    let yard = Yard::new("managed/app", &[(CONF, "a\n")]);
    yard.write("root/app/.tribune-0123456789abcdef", "half", 0o600);
    let (_, told) = yard.check().await;
    assert!(!told.contains(".tribune-"), "{told}");
    assert_eq!(yard.run().await.0, Outcome::Succeeded);
    assert_eq!(names(&yard.at("root/app")), ["a.conf"]);
}

/// What stands there when a run is killed after it wrote the new content beside the file and
/// before it renamed it: the file as it was, and the content under a name of Tribune's own.
#[tokio::test]
async fn a_run_that_is_killed_before_its_rename_leaves_the_file_as_it_was() {
    let yard = Yard::new("managed/motd", &[(MOTD, "new\n")]);
    yard.write("root/motd", "old\n", 0o644);
    yard.write("root/.tribune-0123456789abcdef", "new\n", 0o644);
    assert_eq!(yard.check().await.0, Outcome::Differs, "it is not done");
    assert_eq!(yard.read("root/motd"), "old\n");
    assert_eq!(yard.run().await.0, Outcome::Succeeded);
    assert_eq!(
        (yard.read("root/motd"), names(&yard.at("root"))),
        ("new\n".into(), vec!["motd".into()])
    );
}

#[tokio::test]
async fn cancelling_ends_it_even_if_nobody_reads_what_it_says() {
    let long = "x\n".repeat(4_000) + &"y".repeat(100_000);
    let yard = Yard::new("managed/motd", &[(MOTD, &long)]);
    let (started, from) = yard.start_check().await.unwrap();
    started.cancel.send(()).unwrap();
    assert_eq!(started.finished.await, Outcome::Cancelled);
    drop(from);
    yard.executor().reap(RUN).await.unwrap();
}

/// Returns the names in a folder.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
