//! Policy repos of any size, as an organisation might have them: teams with apps, intents and
//! rules of their own, on top of the policies that Tribune ships. The same [`Size`] gives the
//! same files, byte by byte.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine as _;

use super::words::{FIRST_NAMES, KEEP, LAST_NAMES, PARTS, RULES, TEAMS, VERBS};

/// How much of everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Size {
    /// People, ten at least.
    pub people: usize,
    /// Intents.
    pub intents: usize,
    /// Policies, at least those that are shipped.
    pub policies: usize,
    /// API keys and bots, at least one per app.
    pub services: usize,
    /// Hosts, at least three per app.
    pub hosts: usize,
    /// Standing intents beside those, each of which keeps one file on `local`.
    pub files: usize,
    /// What differs between two repos of one size.
    pub seed: u64,
}

impl Size {
    /// Returns a size with as many services and hosts as are usual for so many intents.
    pub fn new(people: usize, intents: usize, policies: usize) -> Self {
        let apps = intents.div_ceil(VERBS.len());
        Self { people, intents, policies, services: apps + 1, hosts: apps * 8, files: 0, seed: 1 }
    }

    fn apps(&self) -> Vec<App> {
        let count = self.intents.div_ceil(VERBS.len()).max(1);
        let hosts = self.hosts.max(3 * count);
        (0..count).map(|i| App::new(i, hosts * (i + 1) / count - hosts * i / count)).collect()
    }
}

/// Files by path; what ends in `.sh` is executable.
pub type Texts = BTreeMap<String, String>;

/// Writes a policy repo into a folder, which may be there.
pub fn write(top: &Path, texts: &Texts) -> io::Result<()> {
    for (path, text) in texts {
        let path = top.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(top))?;
        std::fs::write(&path, text)?;
        if path.extension().is_some_and(|end| end == "sh") {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
        }
    }
    Ok(())
}

/// Returns the files of a policy repo.
pub fn policy_repo(size: &Size) -> Texts {
    let apps = size.apps();
    let mut texts = Texts::new();
    for (path, text) in SHIPPED {
        texts.insert((*path).to_owned(), (*text).to_owned());
    }
    add_people(&mut texts, size, &apps);
    add_services(&mut texts, size, &apps);
    texts.insert("inventory/roles.yaml".to_owned(), roles(&apps));
    texts.insert("inventory/channels.yaml".to_owned(), channels(&apps));
    texts.insert("inventory/hosts.yaml".to_owned(), hosts(&apps));
    for i in 0..size.intents {
        let (app, verb) = (&apps[i / VERBS.len()], VERBS[i % VERBS.len()]);
        let name = format!("{}-{}", verb.0, app.name);
        texts.insert(format!("intents/{name}.yaml"), app.fill(verb.1));
    }
    add_files(&mut texts, size);
    let shipped = SHIPPED.iter().map(|(_, text)| text.matches("@id(").count()).sum();
    let added = rules(&apps).filter(|(_, rule)| all_intents_exist(rule, &texts));
    let added: Vec<_> = added.take(size.policies.saturating_sub(shipped)).collect();
    for (app, rule) in added {
        let path = format!("policies/teams/{}.cedar", app.name);
        texts.entry(path).or_default().push_str(&rule);
    }
    texts
}

/// Returns rules without end: one for each app, then the next for each.
fn rules(apps: &[App]) -> impl Iterator<Item = (&App, String)> {
    (0..).flat_map(move |round: usize| {
        let rule = RULES[round % RULES.len()].replace("ROUND", &round.to_string());
        apps.iter().map(move |app| (app, app.fill(&rule)))
    })
}

/// Says whether the intents that a rule names exist; the last app may have only some.
fn all_intents_exist(rule: &str, texts: &Texts) -> bool {
    let mut named = rule.split("Intent::\"").skip(1).filter_map(|rest| rest.split('"').next());
    named.all(|name| texts.contains_key(&format!("intents/{name}.yaml")))
}

/// What every policy repo here has, as shipped.
const SHIPPED: &[(&str, &str)] = &[
    ("policies/approve.cedar", include_str!("../../policies/approve.cedar")),
    ("policies/bans.cedar", include_str!("../../policies/bans.cedar")),
    ("policies/house.cedar", include_str!("../../policies/house.cedar")),
    ("policies/run.cedar", include_str!("../../policies/run.cedar")),
    ("inventory/environments.yaml", include_str!("../../inventory/environments.yaml")),
    ("playbooks/scripts/app.sh", "#!/bin/sh\nset -eu\necho \"$@\"\n"),
];

/// Something that a team runs.
struct App {
    name: String,
    team: String,
    hosts: usize,
}

impl App {
    fn new(i: usize, hosts: usize) -> Self {
        let team = TEAMS[i / PARTS.len() % TEAMS.len()];
        let again = match i / (PARTS.len() * TEAMS.len()) {
            0 => String::new(),
            more => format!("{}", more + 1),
        };
        let name = format!("{team}{again}-{}", PARTS[i % PARTS.len()]);
        Self { name, team: format!("{team}{again}"), hosts }
    }

    fn group(&self) -> String {
        self.name.replace('-', "_")
    }

    fn fill(&self, text: &str) -> String {
        let text = text.replace("APP", &self.name).replace("TEAM", &self.team);
        text.replace("GROUP", &self.group())
    }
}

fn add_people(texts: &mut Texts, size: &Size, apps: &[App]) {
    let mut chance = Chance(size.seed);
    let mut taken = BTreeSet::new();
    let mut first_admin = None;
    let teams: Vec<&str> = teams(apps).into_iter().collect();
    let (admins, sres) = (3.max(size.people / 500), 4.max(size.people / 20));
    for i in 0..size.people {
        let (first, last) = (chance.pick(FIRST_NAMES), chance.pick(LAST_NAMES));
        let mut id = format!("{}.{}", first.to_lowercase(), last.to_lowercase());
        if !taken.insert(id.clone()) {
            id = format!("{id}{i}");
        }
        let by = first_admin.get_or_insert_with(|| id.clone());
        let role = match i {
            i if i < admins => "admin".to_owned(),
            i if i < admins + sres => format!("sre, team-{}", chance.pick(&teams)),
            i if i % 3 == 0 => "user".to_owned(),
            _ => format!("team-{}", chance.pick(&teams)),
        };
        let flags = match i {
            // Policies speak of these, so somebody bears them however few people there are.
            7 => "contractor, trainee",
            _ => chance.pick(&["", "", "", "oncall", "trainee", "contractor"]),
        };
        let mut text = format!(
            "version: 1\nname: {first} {last}\nroles: [{role}]\nflags: [{flags}]\n\
             chat: {{ console: {id} }}\nforge: {{ local: {id}@example.org }}\n"
        );
        if i < admins + sres || i % 10 == 0 {
            text +=
                &format!("signing_keys:\n  - key: {} {id}@example.org\n", public_key(&mut chance));
        }
        texts.insert(format!("inventory/people/{id}.yaml"), text);
        if i > admins + sres && i % 200 == 199 {
            let day = 1 + chance.below(28);
            let text = format!(
                "version: 1\nperson: {id}\nby: {by}\nreason: Left for other work\n\
                 until: 2031-03-{day:02}T08:00:00Z\n"
            );
            texts.insert(format!("inventory/bans/{id}.yaml"), text);
        }
    }
}

/// Returns something of the form of a public key. Nobody has its other half.
fn public_key(chance: &mut Chance) -> String {
    let mut bytes = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    bytes.extend((0..4).flat_map(|_| chance.next().to_be_bytes()));
    format!("ssh-ed25519 {}", base64::engine::general_purpose::STANDARD.encode(bytes))
}

fn add_services(texts: &mut Texts, size: &Size, apps: &[App]) {
    let mut add = |name: &str, summary: &str| {
        let text = format!("version: 1\nsummary: {summary}\n");
        texts.insert(format!("inventory/services/{name}.yaml"), text);
    };
    // The shipped policies speak of it.
    add("monitoring", "Reads the state of services for the dashboard");
    for app in apps {
        add(&format!("ci-{}", app.name), &format!("Deploys {} to dev after a build", app.name));
    }
    for i in apps.len() + 1..size.services {
        add(&format!("bot-{i}"), "Asks on behalf of a dashboard");
    }
}

/// Settings of one app after the other, a page each.
fn add_files(texts: &mut Texts, size: &Size) {
    let mut chance = Chance(size.seed);
    for i in 0..size.files {
        let name = format!("settings-{i:03}");
        let lines = (0..60).map(|line| format!("option_{line:02} = {}\n", chance.next()));
        texts.insert(format!("playbooks/files/{name}.conf"), lines.collect());
        texts.insert(format!("intents/{name}.yaml"), KEEP.replace("NAME", &name));
    }
}

fn teams(apps: &[App]) -> BTreeSet<&str> {
    apps.iter().map(|app| app.team.as_str()).collect()
}

fn roles(apps: &[App]) -> String {
    let mut text = include_str!("../../inventory/roles.yaml").to_owned();
    for team in teams(apps) {
        text += &format!("  team-{team}: {{ in: [operator] }}\n");
    }
    text
}

fn channels(apps: &[App]) -> String {
    let mut text = include_str!("../../inventory/channels.yaml").to_owned();
    for team in teams(apps) {
        text += &format!(
            "  {team}:\n    summary: Work of the team {team}\n    chat: {{ console: {team} }}\n    \
             ask: [read, change]\n    approve: true\n"
        );
    }
    text
}

fn hosts(apps: &[App]) -> String {
    let mut text = "all:\n  vars: { ansible_user: deploy }\n  children:\n".to_owned();
    let mut places =
        [("production", String::new()), ("staging", String::new()), ("development", String::new())];
    for app in apps {
        let (name, group) = (&app.name, app.group());
        text += &format!("    {group}:\n      vars: {{ app: {name} }}\n      children:\n");
        let counts = [app.hosts - app.hosts / 3 - 1, app.hosts / 3, 1];
        for ((place, members), count) in places.iter_mut().zip(counts) {
            let short = &place[..3];
            text += &format!(
                "        {group}_{short}: {{ hosts: {{ \"{name}-{short}[01:{count:02}]\": }} }}\n"
            );
            members.push_str(&format!("        {group}_{short}:\n"));
        }
    }
    for (place, members) in places {
        text += &format!("    {place}:\n      children:\n{members}");
    }
    text
}

/// Chance that comes out the same each time (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("it is smaller than a usize")
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}
