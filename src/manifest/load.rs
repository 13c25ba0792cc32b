//! The load itself: every kind in the order in which kinds need one another.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;

use super::check::values::Checked;
use super::check::{self, Known, hosts::Hosts, intents::Around, people::Owners};
use super::decode::{self, Later};
use super::files::{Files, MAX_FILE};
use super::layout::{self, Kind};
use super::raw::intent::RawIntent;
use super::raw::inventory::{
    RawBan, RawChannels, RawEnvironments, RawPerson, RawRoles, RawService,
};
use super::report::Report;
use super::yaml::{self, Node};
use crate::domain::ban::Ban;
use crate::domain::diagnostic::{Code, Diagnostic};
use crate::domain::id::{IntentName, PersonId, RepoPath, RoleName, ServiceId};
use crate::domain::intent::Intent;
use crate::domain::person::{Person, Principal, Service};
use crate::domain::repo::{PolicyFile, PolicyRepo};
use crate::domain::role::Roles;
use crate::domain::target::Inventory;

/// A policy repo that can be used, and what somebody should look at all the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// Everything that the files say.
    pub repo: PolicyRepo,
    /// Problems that are no errors, in order of place.
    pub warnings: Vec<Diagnostic>,
}

/// Loads a policy repo, or says everything that is wrong with it, in order of place.
///
/// Policies are only read as text; [`crate::policy`] compiles them.
pub fn load(files: &Files) -> Result<Loaded, Vec<Diagnostic>> {
    let mut report = Report::default();
    let kinds = layout::sort(&files.tree, &mut report);
    let mut reader = Reader { files, kinds, report: &mut report };
    let repo = reader.repo();
    let problems = report.finish();
    if problems.iter().any(Diagnostic::is_error) {
        return Err(problems);
    }
    Ok(Loaded { repo, warnings: problems })
}

/// Keys of intents that later versions will have, with what there is until then.
const LATER_IN_INTENTS: &[Later] = &[
    ("run.ansible", "use `argv`; a script of the policy repo may do the work"),
    ("run.ssh", "use `argv`; a script of the policy repo may do the work"),
    ("run.compose", "use `argv`; a script of the policy repo may do the work"),
    ("sandbox.network", "remove it; the sandbox is about files"),
];
/// Keys of environments that later versions will have.
const LATER_IN_ENVIRONMENTS: &[Later] =
    &[("environments.*.stacks", "remove it; this version knows hosts, groups and `local`")];

struct Reader<'a> {
    files: &'a Files,
    kinds: BTreeMap<Kind, Vec<RepoPath>>,
    report: &'a mut Report,
}

impl Reader<'_> {
    fn repo(&mut self) -> PolicyRepo {
        let mut known = Known::default();
        let roles = self
            .one::<RawRoles>(Kind::Roles, &[])
            .map(|(path, raw)| check::roles::check(&mut self.checked(&path), &raw));
        known.roles = roles.as_ref().map(|roles| roles.0.keys().cloned().collect());
        known.people = self.stems(Kind::Person);
        known.services = self.stems(Kind::Service);
        let people = self.people(&known, roles.as_ref());
        let services = self.services(&known);
        let bans = self.bans(&known);
        let people_are_whole = self.report.errors() == 0;
        let before = self.report.errors();
        let hosts = self.hosts().filter(|_| self.report.errors() == before);
        known.targets = hosts.as_ref().map(|(_, hosts)| hosts.names());
        let inventory = self.environments(hosts.as_ref());
        known.environments =
            inventory.as_ref().map(|all| all.environments.keys().cloned().collect());
        known.inventory = inventory.filter(|_| self.report.errors() == before);
        let channels = self
            .one::<RawChannels>(Kind::Channels, &[])
            .map(|(path, raw)| check::channels::check(&mut self.checked(&path), &raw, &known));
        known.channels = channels.as_ref().map(|all| all.keys().cloned().collect());
        let roles = roles.unwrap_or_default();
        let holders = people_are_whole.then(|| holders(&people, &roles, &bans));
        let files = self.files;
        let intents = self.intents(&Around { known: &known, files, holders });
        PolicyRepo {
            people,
            services,
            roles,
            bans: bans.into_iter().collect(),
            channels: channels.unwrap_or_default(),
            inventory: known.inventory.unwrap_or_default(),
            intents,
            policies: self.policies(),
            tree: self.files.tree.clone(),
        }
    }

    fn checked<'s>(&'s mut self, path: &'s RepoPath) -> Checked<'s> {
        Checked { path, report: self.report }
    }

    fn paths(&self, kind: Kind) -> Vec<RepoPath> {
        self.kinds.get(&kind).cloned().unwrap_or_default()
    }

    /// Returns the names that the files of a kind declare by being there.
    fn stems<T: std::str::FromStr + Ord>(&self, kind: Kind) -> BTreeSet<T> {
        self.paths(kind).iter().filter_map(|path| layout::stem(path).parse().ok()).collect()
    }

    /// Returns the text of a file.
    fn text(&mut self, path: &RepoPath) -> Option<String> {
        let size = self.files.tree.0.get(path).map_or(0, |entry| entry.size);
        if size > MAX_FILE {
            let message = format!("the file has {size} bytes; at most {MAX_FILE} are read");
            self.report.say_whole(path, Code::FileTooLarge, message);
            return None;
        }
        let bytes = self.files.contents.get(path)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Some(text.to_owned()),
            Err(error) => {
                let before = &bytes[..error.valid_up_to()];
                let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
                let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                let column = 1 + String::from_utf8_lossy(&before[start..]).chars().count();
                let at = yaml::At { line: short(line), column: short(column) };
                self.report.say(path, at, Code::NotUtf8, "the file is not UTF-8 text from here");
                None
            }
        }
    }

    fn tree(&mut self, path: &RepoPath) -> Option<Node> {
        let text = self.text(path)?;
        match yaml::parse(&text) {
            Ok(tree) => Some(tree),
            Err(problem) => {
                self.report.say(path, problem.at, problem.code, problem.message);
                None
            }
        }
    }

    fn raw<T: DeserializeOwned>(&mut self, path: &RepoPath, later: &[Later]) -> Option<T> {
        let tree = self.tree(path)?;
        match decode::decode(tree, later) {
            Ok(raw) => Some(raw),
            Err(problems) => {
                for problem in problems {
                    self.report.shape(path, problem);
                }
                None
            }
        }
    }

    /// Reads the file of a kind that has one.
    fn one<T: DeserializeOwned>(&mut self, kind: Kind, later: &[Later]) -> Option<(RepoPath, T)> {
        let path = self.paths(kind).into_iter().next()?;
        let raw = self.raw(&path, later)?;
        Some((path, raw))
    }

    fn people(&mut self, known: &Known, roles: Option<&Roles>) -> BTreeMap<PersonId, Person> {
        let mut owners = Owners::default();
        let mut people = BTreeMap::new();
        let paths = self.paths(Kind::Person);
        let all = paths.len();
        for path in paths {
            let raw = self.raw::<RawPerson>(&path, &[]);
            let mut file = self.checked(&path);
            let id = file.name::<PersonId>(layout::stem(&path), yaml::At::default());
            let (Some(raw), Some(id)) = (raw, id) else { continue };
            let person = check::people::person(&mut file, id.clone(), &raw, known, &mut owners);
            people.insert(id, person);
        }
        // While a person's file is broken, they may be the admin that is looked for.
        if let Some(roles) = roles.filter(|roles| people.len() == all && has_admin(roles)) {
            check::people::check_admin(self.report, &people, roles);
        }
        people
    }

    fn services(&mut self, known: &Known) -> BTreeMap<ServiceId, Service> {
        let mut services = BTreeMap::new();
        for path in self.paths(Kind::Service) {
            let raw = self.raw::<RawService>(&path, &[]);
            let mut file = self.checked(&path);
            let id = file.name(layout::stem(&path), yaml::At::default());
            let (Some(raw), Some(id)) = (raw, id) else { continue };
            let service = check::people::service(&mut file, id, &raw, known);
            services.insert(service.id.clone(), service);
        }
        services
    }

    fn bans(&mut self, known: &Known) -> Vec<Ban> {
        let paths = self.paths(Kind::Ban);
        paths
            .iter()
            .filter_map(|path| {
                let raw = self.raw::<RawBan>(path, &[])?;
                check::bans::check(&mut self.checked(path), &raw, known)
            })
            .collect()
    }

    /// Reads the hosts; a policy repo without any has only `local`.
    fn hosts(&mut self) -> Option<(RepoPath, Hosts)> {
        let Some(path) = self.paths(Kind::Hosts).into_iter().next() else {
            let path = "inventory/hosts.yaml".parse().expect("it is a path");
            return Some((path, Hosts::default()));
        };
        let tree = self.tree(&path)?;
        let hosts = check::hosts::check(&mut self.checked(&path), &tree);
        Some((path, hosts))
    }

    fn environments(&mut self, hosts: Option<&(RepoPath, Hosts)>) -> Option<Inventory> {
        let (path, raw) = self.one::<RawEnvironments>(Kind::Environments, LATER_IN_ENVIRONMENTS)?;
        let (hosts_path, hosts) = hosts?;
        Some(check::environments::check(&mut self.checked(&path), &raw, hosts, hosts_path))
    }

    fn policies(&mut self) -> Vec<PolicyFile> {
        let paths = self.paths(Kind::Policy);
        paths
            .into_iter()
            .filter_map(|path| {
                let text = self.text(&path)?;
                Some(PolicyFile { path, text })
            })
            .collect()
    }

    fn intents(&mut self, around: &Around<'_>) -> BTreeMap<IntentName, Intent> {
        let raw: Vec<(RepoPath, RawIntent)> = self
            .paths(Kind::Intent)
            .into_iter()
            .filter_map(|path| {
                let raw = self.raw(&path, LATER_IN_INTENTS)?;
                Some((path, raw))
            })
            .collect();
        let mut intents = BTreeMap::new();
        for (path, raw) in &raw {
            let Some(entry) = self.files.tree.0.get(path) else { continue };
            let blob = entry.object.clone();
            let mut file = self.checked(path);
            let stem = layout::stem(path);
            if let Some(intent) = check::intents::check(&mut file, raw, stem, blob, around) {
                intents.insert(intent.name.clone(), intent);
            }
        }
        let all: Vec<(&RepoPath, &RawIntent)> = raw.iter().map(|(path, raw)| (path, raw)).collect();
        check::intents::check_types(self.report, &all);
        check::intents::check_ambiguous(self.report, &all);
        intents
    }
}

fn short(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn has_admin(roles: &Roles) -> bool {
    roles.0.keys().any(|role| role.as_str() == check::roles::ADMIN)
}

/// Returns who holds each role, people who are banned for good left out.
fn holders(
    people: &BTreeMap<PersonId, Person>,
    roles: &Roles,
    bans: &[Ban],
) -> BTreeMap<RoleName, BTreeSet<PersonId>> {
    let banned = |id: &PersonId| {
        bans.iter().any(|ban| ban.until.is_none() && ban.subject == Principal::Person(id.clone()))
    };
    let mut holders: BTreeMap<RoleName, BTreeSet<PersonId>> =
        roles.0.keys().map(|role| (role.clone(), BTreeSet::new())).collect();
    for person in people.values().filter(|person| !banned(&person.id)) {
        for role in roles.held(&person.roles) {
            holders.entry(role).or_default().insert(person.id.clone());
        }
    }
    holders
}
