//! The local forge over real history: the suite of the port, and what only it promises.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use tribune::domain::evidence::{Pull, PullRef};
use tribune::domain::id::{PersonId, Revision};
use tribune::domain::person::{Person, SigningKey};
use tribune::domain::repo::PolicyRepo;
use tribune::forge::local::LocalForge;
use tribune::ports::forge::{Forge, ForgeError};
use tribune::ports::source::Source as _;

use super::forge::{Hub, Merged, forge_suite};
use super::git_source::{GitHost, open, run};
use super::source::{Host, Push, public, text};

/// `ada`, `bob` and `eve`, with the addresses that pushes bear and the keys 1, 2, 3.
fn people() -> PolicyRepo {
    let mut repo = PolicyRepo::default();
    for (seed, name) in [(1, "ada"), (2, "bob"), (3, "eve")] {
        let id = person(name);
        let address = format!("{name}@example.org").parse().unwrap();
        let forge = BTreeMap::from([("local".parse().unwrap(), BTreeSet::from([address]))]);
        let person = Person {
            id: id.clone(),
            name: name.into(),
            roles: BTreeSet::new(),
            flags: BTreeSet::new(),
            chat: BTreeMap::new(),
            forge,
            signing_keys: vec![public(seed)],
        };
        repo.people.insert(id, person);
    }
    repo
}

fn person(name: &str) -> PersonId {
    name.parse().unwrap()
}

fn number(number: u64) -> PullRef {
    PullRef { repo: String::new(), number }
}

#[async_trait]
impl Hub for Team {
    async fn new() -> Self {
        Team::new().await
    }

    fn forge(&self) -> &dyn Forge {
        &self.forge
    }

    fn people(&self) -> PolicyRepo {
        people()
    }

    async fn merge(&self, pull: &Merged) -> Revision {
        let number = pull.number.to_string();
        let trailers =
            [("Pull-Request", number.as_str()), ("Label", pull.label), ("Run", pull.command)];
        self.pull(&format!("topic-{number}"), "bob", Some(3), &trailers)
    }

    async fn push(&self) -> Revision {
        self.host.commit("main", &[("a", text("1"))], &Push::default())
    }

    async fn head(&self) -> Revision {
        self.host.source().fetch().await.unwrap()
    }

    async fn cut_off(&self) {
        self.host.lose_mirror();
    }
}

forge_suite!(Team);

const RESTART: &[(&str, &str)] = &[
    ("Pull-Request", "12"),
    ("Label", "ops/restart"),
    ("label", "urgent"),
    ("Run", "!run restart-service on web1 service=nginx"),
    ("Reviewed-by", "Ada <ada@example.org>"),
];

struct Team {
    host: GitHost,
    forge: LocalForge,
}

impl Team {
    async fn new() -> Self {
        let host = GitHost::new().await;
        host.commit("main", &[("README", text("policy"))], &Push::default());
        let forge = LocalForge::new(host.source(), "main");
        Self { host, forge }
    }

    /// A branch of `author`, merged by `merger` with the key `key`.
    fn pull(
        &self,
        topic: &str,
        author: &str,
        key: Option<u8>,
        trailers: &[(&str, &str)],
    ) -> Revision {
        self.host.branch(topic, "main");
        let push = Push { author, ..Push::default() };
        self.host.commit(topic, &[(topic, text("1"))], &push);
        let message = "Restart nginx";
        self.host.merge("main", topic, &Push { message, trailers, author: "eve", key, ..push })
    }

    async fn ask(&self, pull: &PullRef) -> Result<Pull, ForgeError> {
        let head = self.host.source().fetch().await.unwrap();
        self.forge.pull(pull, &head, &people()).await
    }

    async fn why_not(&self, pull: u64) -> String {
        match self.ask(&number(pull)).await {
            Err(ForgeError::Refused { why, .. }) => why,
            other => panic!("not refused: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_signed_merge_with_trailers_is_a_pull_request() {
    let team = Team::new().await;
    let merge = team.pull("one", "bob", Some(3), RESTART);
    let expected = Pull {
        pull: number(12),
        title: "Restart nginx".into(),
        merged: true,
        base: "main".into(),
        labels: BTreeSet::from(["ops/restart".into(), "urgent".into()]),
        author: Some(person("bob")),
        contributors: BTreeSet::new(),
        merged_by: Some(person("eve")),
        approved_by: BTreeSet::new(),
        merge: Some(merge.clone()),
        command: Some("!run restart-service on web1 service=nginx".into()),
        labelled_by: None,
        notes: vec![
            "says it was reviewed by Ada <ada@example.org>; nothing proves it, so it does not count"
                .into(),
        ],
    };
    assert_eq!(team.ask(&number(12)).await, Ok(expected));
    assert_eq!(team.forge.pull_of(&merge).await, Ok(Some(number(12))));
    let parent = team.host.source().commit(&merge).await.unwrap().parents[0].clone();
    assert_eq!(team.forge.pull_of(&parent).await, Ok(None));
}

#[tokio::test]
async fn a_number_that_nobody_used_is_not_found() {
    let team = Team::new().await;
    assert_eq!(team.ask(&number(12)).await, Err(ForgeError::NotFound(number(12))));
    team.pull("one", "bob", Some(3), RESTART);
    assert_eq!(team.ask(&number(13)).await, Err(ForgeError::NotFound(number(13))));
    assert!(team.ask(&number(12)).await.is_ok(), "a new head is looked at");
}

#[tokio::test]
async fn a_pull_request_is_seen_from_a_revision() {
    let team = Team::new().await;
    let before = team.host.source().fetch().await.unwrap();
    team.pull("one", "bob", Some(3), RESTART);
    team.ask(&number(12)).await.unwrap();
    let seen = team.forge.pull(&number(12), &before, &people()).await;
    assert_eq!(seen, Err(ForgeError::NotFound(number(12))));
}

#[tokio::test]
async fn an_unsigned_merge_does_not_count() {
    let team = Team::new().await;
    let merge = team.pull("one", "bob", None, RESTART);
    assert_eq!(team.why_not(12).await, format!("its merge {} is not signed", merge.short()));
}

#[tokio::test]
async fn a_merge_signed_by_a_stranger_does_not_count() {
    let team = Team::new().await;
    let merge = team.pull("one", "bob", Some(9), RESTART);
    let why = format!(
        "its merge {} is not signed by the key of anybody in the policy repo",
        merge.short()
    );
    assert_eq!(team.why_not(12).await, why);
}

#[tokio::test]
async fn trailers_of_an_ordinary_commit_are_no_pull_request() {
    let team = Team::new().await;
    let push = Push { trailers: RESTART, key: Some(3), ..Push::default() };
    let commit = team.host.commit("main", &[("a", text("1"))], &push);
    assert_eq!(team.ask(&number(12)).await, Err(ForgeError::NotFound(number(12))));
    assert_eq!(team.forge.pull_of(&commit).await, Ok(None));
}

#[tokio::test]
async fn the_first_merge_has_the_number_for_good() {
    let team = Team::new().await;
    let first = team.pull("one", "bob", Some(3), &[("Pull-Request", "12")]);
    let later = team.pull("two", "ada", Some(3), RESTART);
    let pull = team.ask(&number(12)).await.unwrap();
    assert_eq!((pull.merge, pull.labels), (Some(first), BTreeSet::new()));
    let note = format!("a later merge {} claims the same number and does not count", later.short());
    assert_eq!(pull.notes, [note]);
}

#[tokio::test]
async fn a_number_taken_by_an_unsigned_merge_stays_taken() {
    let team = Team::new().await;
    let first = team.pull("one", "bob", None, RESTART);
    team.pull("two", "bob", Some(3), RESTART);
    let why = format!(
        "its merge {} is not signed; a later merge claims the same number, which is taken: use another",
        first.short()
    );
    assert_eq!(team.why_not(12).await, why);
}

#[tokio::test]
async fn everybody_who_wrote_or_signed_a_commit_is_named() {
    let team = Team::new().await;
    team.host.branch("one", "main");
    for (author, key) in [("bob", None), ("ada", None), ("stranger", Some(3))] {
        let push = Push { author, key, ..Push::default() };
        team.host.commit("one", &[(author, text("1"))], &push);
    }
    let push = Push { trailers: RESTART, key: Some(1), ..Push::default() };
    team.host.merge("main", "one", &push);
    let pull = team.ask(&number(12)).await.unwrap();
    assert_eq!(pull.author, Some(person("bob")));
    assert_eq!(pull.contributors, BTreeSet::from([person("ada"), person("eve")]));
    assert_eq!(pull.merged_by, Some(person("ada")));
}

#[tokio::test]
async fn what_is_ambiguous_does_not_count() {
    let team = Team::new().await;
    team.pull("one", "bob", Some(3), &[("Pull-Request", "1"), ("Run", "!a"), ("Run", "!b")]);
    assert_eq!(team.why_not(1).await, "its merge names more than one command");
    team.pull("two", "bob", Some(3), &[("Pull-Request", "2"), ("Pull-Request", "3")]);
    let why = "its merge joins more than two sides or claims more than one number";
    assert_eq!(team.why_not(2).await, why);
    assert_eq!(team.why_not(3).await, why);
    let elsewhere = PullRef { repo: "other".into(), number: 1 };
    assert!(matches!(team.ask(&elsewhere).await, Err(ForgeError::Refused { .. })));
}

#[tokio::test]
async fn a_merge_that_brings_nothing_does_not_count() {
    let team = Team::new().await;
    team.host.branch("empty", "main");
    team.host.commit("main", &[("a", text("1"))], &Push::default());
    let push = Push { trailers: RESTART, key: Some(3), ..Push::default() };
    team.host.merge("main", "empty", &push);
    assert_eq!(team.why_not(12).await, "its merge brings no commit, so nobody wrote anything");
}

/// Returns everything that `docs/local-forge.md` tells people to type in a shell.
fn documented_commands() -> String {
    let page = include_str!("../../../docs/local-forge.md");
    let mut commands = String::new();
    let mut inside = false;
    for line in page.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside => commands.push_str(&format!("{line}\n")),
            _ => {}
        }
    }
    commands
}

#[tokio::test]
async fn the_documented_commands_make_a_pull_request_that_counts() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path();
    std::fs::create_dir(home.join(".ssh")).unwrap();
    let start = "git init -q --bare -b main origin.git
        git clone -q origin.git clone && cd clone
        git symbolic-ref HEAD refs/heads/main
        git -c user.name=Ada -c user.email=ada@example.org commit -q --allow-empty -m first
        git push -q origin main\n";
    // People are asked for a passphrase; a test is not.
    let typed = documented_commands().replace("ssh-keygen -t", "ssh-keygen -q -N '' -t");
    let script = format!("{start}{typed}");
    let (ok, said) = run(home, &["sh", "-eu", "-c", &script], b"").await;
    assert!(ok, "{said}");
    let source = open(home.join("origin.git").to_str().unwrap(), home.join("m")).await.unwrap();
    let head = source.fetch().await.unwrap();
    let mut repo = people();
    let key = std::fs::read_to_string(home.join(".ssh/policy.pub")).unwrap();
    let eve = repo.people.get_mut(&person("eve")).unwrap();
    eve.signing_keys = vec![SigningKey { public: key, ..public(1) }];
    let forge = LocalForge::new(Arc::new(source), "main");
    let pull = forge.pull(&number(12), &head, &repo).await.unwrap();
    assert_eq!((pull.merged_by, pull.author), (Some(person("eve")), Some(person("eve"))));
    assert_eq!(pull.labels, BTreeSet::from(["ops/restart".to_owned()]));
    assert_eq!(pull.command.as_deref(), Some("!run restart-service on web1 service=nginx"));
    assert_eq!(pull.title, "Restart nginx on web1");
}
