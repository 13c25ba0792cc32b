//! A small team with its policies, and what policy says about it.

mod deciding;
mod lints;
mod passing;
mod properties;
mod vocabulary;
mod voting;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::domain::ban::{Ban, Rests};
use crate::domain::channel::{Channel, Spot, Strength};
use crate::domain::evidence::{Citation, Evidence, Means, Pull, PullRef, Vote};
use crate::domain::id::{IntentName, PersonId, Revision, TargetName};
use crate::domain::intent::{
    ApprovalRule, ArgvPart, ArgvWord, Category, CheckCommand, Cite, Concurrency, Executor, Intent,
    Limits, Notify, OnBusy, Per, Sandbox, Slot,
};
use crate::domain::param::{Args, Param, ParamKind, Value};
use crate::domain::person::{Person, Principal, Service};
use crate::domain::repo::{PolicyFile, PolicyRepo};
use crate::domain::request::{Mode, Via};
use crate::domain::role::Roles;
use crate::domain::target::{Environment, Inventory, Target};

use super::{Question, Snapshot};

/// The team's policies.
pub(super) const POLICIES: &str = include_str!("team.cedar");

pub(super) fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(super) fn ids<T: std::str::FromStr<Err: std::fmt::Debug> + Ord>(texts: &[&str]) -> BTreeSet<T> {
    texts.iter().map(|text| id(text)).collect()
}

pub(super) fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

pub(super) fn person(name: &str, roles: &[&str]) -> Person {
    Person {
        id: id(name),
        name: name.to_owned(),
        roles: ids(roles),
        flags: BTreeSet::new(),
        chat: BTreeMap::new(),
        forge: BTreeMap::new(),
        signing_keys: vec![],
    }
}

fn people() -> BTreeMap<PersonId, Person> {
    let people = [
        ("ada", "admin"),
        ("eve", "sre"),
        ("sam", "sre"),
        ("bob", "operator"),
        ("cy", "operator"),
        ("mal", "operator"),
        ("old", "operator"),
        ("kim", "user"),
    ];
    let mut people: BTreeMap<PersonId, Person> =
        people.iter().map(|(name, role)| (id(name), person(name, &[role]))).collect();
    people.get_mut(&id::<PersonId>("cy")).unwrap().flags = ids(&["contractor"]);
    people
}

fn ban(subject: Principal, until: Option<&str>) -> Ban {
    let until = until.map(|text| text.parse().unwrap());
    let reason = "wiped the wrong disk".to_owned();
    let (origin, rests) = (id("inventory/bans/one.yaml"), Rests::OnFile);
    Ban { origin, subject, by: id("ada"), reason, until, rests }
}

fn service(name: &str, owner: &str) -> Service {
    Service { id: id(name), summary: String::new(), owner: Some(id(owner)) }
}

fn channel(name: &str, environment: Option<&str>) -> Channel {
    Channel {
        name: id(name),
        summary: String::new(),
        chat: BTreeMap::from([(id("console"), Spot { id: id(name), may: Strength::BOTH })]),
        environment: environment.map(id),
        private: false,
        ask: Category::ALL.into(),
        approve: true,
    }
}

fn inventory() -> Inventory {
    let target = |name: &str, group: &str, environment: &str| Target {
        name: id(name),
        groups: ids(&[group]),
        environment: id(environment),
        vars: BTreeMap::new(),
    };
    let targets =
        [target("web1", "web", "dev"), target("web2", "web", "prod"), target("db1", "db", "prod")];
    let environment = |name: &str| Environment { name: id(name), summary: String::new() };
    Inventory::new(
        targets.into_iter().map(|target| (target.name.clone(), target)).collect(),
        BTreeMap::from([
            (id("all"), BTreeSet::new()),
            (id("web"), ids(&["all"])),
            (id("db"), ids(&["all"])),
        ]),
        ["dev", "prod"].map(|name| (id(name), environment(name))).into(),
    )
}

pub(super) fn intent(name: &str, category: Category, risk: u8) -> Intent {
    let word = |text: &str| ArgvWord(vec![ArgvPart::Literal(text.to_owned())]);
    Intent {
        name: id(name),
        summary: String::new(),
        category,
        risk,
        params: BTreeMap::new(),
        targets: vec!["web".to_owned(), "db".to_owned()],
        aliases: vec![],
        label: None,
        cite: None,
        approval: None,
        channel: None,
        schedule: None,
        run: Executor::Argv(vec![word("true"), ArgvWord(vec![ArgvPart::Target])]),
        check: Some(CheckCommand { argv: vec![word("true")], drift_exit: 2 }),
        reads: vec![],
        idempotent: false,
        env: BTreeMap::new(),
        secrets: vec![],
        sandbox: Sandbox::default(),
        limits: Limits {
            timeout: SignedDuration::from_mins(5),
            output: 1024,
            memory: 1024,
            processes: 4,
        },
        concurrency: Concurrency { per: Per::Target, on_busy: OnBusy::Queue },
        windows: vec![],
        standing: None,
        path: id(&format!("intents/{name}.yaml")),
        blob: id(&"a".repeat(40)),
    }
}

fn param(kind: ParamKind) -> Param {
    Param { summary: None, kind, default: None }
}

pub(super) fn rule(slots: &[(&str, u32)], veto: &[&str]) -> ApprovalRule {
    ApprovalRule {
        slots: slots.iter().map(|(role, count)| Slot { role: id(role), count: *count }).collect(),
        collect: SignedDuration::from_mins(30),
        execute: SignedDuration::from_mins(15),
        veto: veto.iter().map(|role| id(role)).collect(),
        notify: Notify::Role,
    }
}

fn intents() -> BTreeMap<IntentName, Intent> {
    let mut restart = intent("restart", Category::Change, 2);
    restart.params = BTreeMap::from([
        (
            id("service"),
            param(ParamKind::String {
                one_of: vec!["nginx".to_owned(), "app".to_owned()],
                pattern: None,
                min_length: None,
                max_length: 256,
                allow_dash: false,
            }),
        ),
        (id("delay"), param(ParamKind::Integer { min: Some(0), max: None })),
    ]);
    restart.label = Some("ops/restart".to_owned());
    restart.cite = Some(Cite { within: SignedDuration::from_hours(168), uses: 1, bind: true });
    restart.approval = Some(rule(&[("operator", 1), ("sre", 1)], &["sre"]));
    let mut wipe = intent("wipe", Category::Destroy, 3);
    wipe.approval = Some(rule(&[("sre", 2)], &["operator"]));
    let load = intent("load", Category::Read, 0);
    let rotate = intent("rotate", Category::Change, 1);
    [restart, wipe, load, rotate].into_iter().map(|intent| (intent.name.clone(), intent)).collect()
}

/// The team's policy repo, with these policies.
pub(super) fn repo_with(policies: &str) -> PolicyRepo {
    let nested = [("admin", "sre"), ("sre", "operator"), ("operator", "user")];
    let mut roles: BTreeMap<_, _> =
        nested.iter().map(|(role, within)| (id(role), ids(&[within]))).collect();
    roles.insert(id("user"), BTreeSet::new());
    let services = [service("ci", "bob"), service("malbot", "mal"), service("orphan", "gone")];
    let channels = [channel("ops", None), channel("prod", Some("prod"))];
    PolicyRepo {
        people: people(),
        services: services.into_iter().map(|service| (service.id.clone(), service)).collect(),
        roles: Roles(roles),
        bans: [
            ban(Principal::Person(id("mal")), None),
            ban(Principal::Person(id("old")), Some("2026-11-22T12:00:00Z")),
        ]
        .into_iter()
        .collect(),
        channels: channels.into_iter().map(|channel| (channel.name.clone(), channel)).collect(),
        inventory: inventory(),
        intents: intents(),
        policies: vec![PolicyFile { path: id("policies/team.cedar"), text: policies.to_owned() }],
        ..PolicyRepo::default()
    }
}

pub(super) fn compiled(repo: PolicyRepo) -> Snapshot {
    let revision: Revision = id(&"1".repeat(40));
    match Snapshot::compile(revision, repo) {
        Ok((snapshot, _)) => snapshot,
        Err(problems) => panic!("{problems:#?}"),
    }
}

pub(super) fn team() -> Snapshot {
    compiled(repo_with(POLICIES))
}

/// What is asked, owned, so that a test can change one thing.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub requester: Principal,
    pub mode: Mode,
    pub intent: IntentName,
    pub args: Args,
    pub targets: BTreeSet<TargetName>,
    pub via: Via,
    pub channel: Option<crate::domain::id::ChannelName>,
    pub evidence: Evidence,
}

impl Case {
    /// In the channel `ops`, without evidence.
    pub fn new(who: &str, intent: &str, targets: &[&str]) -> Self {
        let mut args = Args::new();
        if intent == "restart" {
            args.insert(id("service"), Value::String("nginx".to_owned()));
            args.insert(id("delay"), Value::Integer(0));
        }
        let requester = match who.strip_prefix("service:") {
            Some(name) => Principal::Service(id(name)),
            None => Principal::Person(id(who)),
        };
        Self {
            requester,
            mode: Mode::Run,
            intent: id(intent),
            args,
            targets: ids(targets),
            via: Via::Chat,
            channel: Some(id("ops")),
            evidence: Evidence::default(),
        }
    }

    pub fn approved_by(mut self, people: &[&str]) -> Self {
        self.evidence.approvals = people.iter().map(|name| vote(name)).collect();
        self
    }

    pub fn citing(mut self, citation: Citation) -> Self {
        self.evidence.citation = Some(citation);
        self
    }

    pub fn question(&self) -> Question<'_> {
        Question {
            requester: &self.requester,
            mode: self.mode,
            intent: &self.intent,
            args: &self.args,
            targets: &self.targets,
            via: self.via,
            channel: self.channel.as_ref(),
            card_channel: self.channel.as_ref(),
            evidence: &self.evidence,
            now: now(),
        }
    }
}

pub(super) fn vote(name: &str) -> Vote {
    Vote { person: id(name), means: Means::Reaction, at: now(), reason: None }
}

/// A pull request that serves `restart`.
pub(super) fn citation() -> Citation {
    Citation {
        pull: Pull {
            pull: PullRef { repo: String::new(), number: 12 },
            title: "restart nginx".to_owned(),
            merged: true,
            base: "main".to_owned(),
            labels: BTreeSet::from(["ops/restart".to_owned()]),
            author: Some(id("cy")),
            contributors: BTreeSet::new(),
            merged_by: Some(id("eve")),
            approved_by: BTreeSet::new(),
            merge: None,
            command: None,
            labelled_by: None,
            notes: vec![],
        },
        author_flags: BTreeSet::new(),
        age: SignedDuration::from_hours(1),
        in_history: true,
        independent_review: true,
        bound: true,
    }
}
