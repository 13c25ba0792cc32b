//! The words that policies may use, as data: entity types, their attributes, actions and what
//! each action's context holds. The Cedar schema is printed from it, and lints read it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::domain::intent::Category;
use crate::domain::param::ParamKind;
use crate::domain::repo::PolicyRepo;
use crate::domain::request::Via;

use super::act::{ChangeKind, Page};

/// Records and entity types with their attributes, each written as Cedar writes it.
const RECORDS: &[(&str, &[&str])] = &[("Ban", &["until?: datetime", "reason: String"])];

/// Entity types: name, what they may lie in, attributes, type of tags.
const ENTITIES: &[(&str, &str, &[&str], &str)] = &[
    ("Role", "Role", &[], ""),
    ("Person", "Role", &["flags: Set<String>", "ban?: Ban"], ""),
    ("Service", "", &["owner?: Person", "ban?: Ban"], ""),
    ("Channel", "", &["environment?: Environment", "private: Bool"], ""),
    ("Group", "Group", &[], ""),
    ("Target", "Group", &["environment: Environment"], ""),
    ("Intent", "", &["category: Category", "risk: Long", "label?: String"], ""),
    ("Instance", "", &[], ""),
    ("Change", "", &["kind: Kind"], ""),
    ("Approvals", "Person", &["count: Long", "granted: Bool", "approvers: Set<Person>"], "Long"),
    (
        "Pull",
        "",
        &[
            "repo: String",
            "number: Long",
            "merged: Bool",
            "base: String",
            "labels: Set<String>",
            "author?: Person",
            "author_flags: Set<String>",
            "age: duration",
            "independent_review: Bool",
            "in_history: Bool",
            "labelled_by?: Person",
        ],
        "",
    ),
];

/// What every context holds.
const EVERYWHERE: &[&str] = &["now: datetime", "via: Via", "channel?: Channel"];

/// Contexts by name, beside [`EVERYWHERE`].
const CONTEXTS: &[(&str, &[&str])] = &[
    (
        "RunContext",
        &[
            "target: Target",
            "requester?: Person",
            "owner?: Person",
            "args: Args",
            "approvals: Approvals",
            "pr?: Pull",
        ],
    ),
    ("VoteContext", &["role?: Role", "target: Target", "requester?: Person", "args: Args"]),
    ("BanContext", &["outranks: Bool", "again: Bool"]),
    ("UnbanContext", &["outranks: Bool", "issued: Bool"]),
    ("ProposeContext", &["subject?: Person"]),
    ("IgnoreContext", &["target: Target"]),
    ("PlainContext", &[]),
];

/// A line of [`ACTIONS`].
type ActionLine = (
    &'static [&'static str],
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
);

/// Actions: names, group, principals, resources, context.
const ACTIONS: &[ActionLine] = &[
    (&["run", "check"], "mutate", &["Person", "Service"], &["Intent"], "RunContext"),
    (&["approve", "veto"], "mutate", &["Person"], &["Intent"], "VoteContext"),
    (&["view"], "read", &["Person", "Service"], &["Intent", "Channel", "Page"], "PlainContext"),
    (&["ban"], "mutate", &["Person"], &["Person"], "BanContext"),
    (&["unban"], "mutate", &["Person"], &["Person"], "UnbanContext"),
    (&["propose"], "mutate", &["Person"], &["Change"], "ProposeContext"),
    (&["ignore"], "mutate", &["Person"], &["Intent"], "IgnoreContext"),
    (&["pause", "resume"], "mutate", &["Person"], &["Intent", "Instance"], "PlainContext"),
    (&["administer"], "mutate", &["Person"], &["Instance"], "PlainContext"),
];

/// Groups of actions.
const ACTION_GROUPS: &[&str] = &["mutate", "read"];

/// An attribute of a record, an entity type or a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attribute {
    /// Its name.
    pub name: String,
    /// Its type as Cedar writes it.
    pub kind: String,
    /// Whether it may be absent.
    pub optional: bool,
}

impl Attribute {
    fn parse(text: &str) -> Self {
        let (name, kind) = text.split_once(": ").unwrap_or((text, "String"));
        Self {
            name: name.trim_end_matches('?').to_owned(),
            kind: kind.to_owned(),
            optional: name.ends_with('?'),
        }
    }

    fn print(&self) -> String {
        let mark = if self.optional { "?" } else { "" };
        format!("{}{mark}: {}", self.name, self.kind)
    }
}

/// An action with what it applies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ActionType {
    /// Its name.
    pub name: &'static str,
    /// The group it lies in.
    pub group: &'static str,
    /// Types of principals.
    pub principals: &'static [&'static str],
    /// Types of resources.
    pub resources: &'static [&'static str],
    /// The record that its context is.
    pub context: &'static str,
}

/// The words that one policy repo gives to policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Vocabulary {
    /// Attributes by record, entity type or context.
    pub attributes: BTreeMap<String, Vec<Attribute>>,
    /// Entity types of which only these exist.
    pub enums: BTreeMap<&'static str, Vec<String>>,
    /// Actions.
    pub actions: Vec<ActionType>,
}

impl Vocabulary {
    /// Returns the words of `repo`.
    pub fn of(repo: &PolicyRepo) -> Self {
        let parse = |texts: &[&str]| texts.iter().map(|text| Attribute::parse(text)).collect();
        let mut attributes: BTreeMap<String, Vec<Attribute>> = BTreeMap::new();
        for (name, texts) in RECORDS {
            attributes.insert((*name).to_owned(), parse(texts));
        }
        for (name, _, texts, _) in ENTITIES {
            attributes.insert((*name).to_owned(), parse(texts));
        }
        for (name, texts) in CONTEXTS {
            attributes.insert((*name).to_owned(), parse(&[EVERYWHERE, texts].concat()));
        }
        attributes.insert("Args".to_owned(), args(repo));
        Self { attributes, enums: enums(repo), actions: actions() }
    }

    /// Prints the words as a Cedar schema.
    pub fn schema(&self) -> String {
        let mut text = String::new();
        for (name, values) in &self.enums {
            // Cedar has no empty enumeration: without values the type stays open, and no entity
            // of it exists.
            let list = values.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>();
            let list = if list.is_empty() {
                String::new()
            } else {
                format!(" enum [{}]", list.join(", "))
            };
            put(&mut text, format_args!("entity {name}{list};"));
        }
        for (name, parent, _, tags) in ENTITIES {
            let parent = if parent.is_empty() { String::new() } else { format!(" in [{parent}]") };
            let tags = if tags.is_empty() { String::new() } else { format!(" tags {tags}") };
            let shape = self.record(name);
            put(&mut text, format_args!("entity {name}{parent} = {shape}{tags};"));
        }
        let records = RECORDS.iter().map(|(name, _)| *name);
        for name in records.chain(["Args"]).chain(CONTEXTS.iter().map(|(name, _)| *name)) {
            put(&mut text, format_args!("type {name} = {};", self.record(name)));
        }
        put(&mut text, format_args!("action {};", ACTION_GROUPS.join(", ")));
        for action in &self.actions {
            put(
                &mut text,
                format_args!(
                    "action {} in [{}] appliesTo {{ principal: [{}], resource: [{}], context: {} }};",
                    action.name,
                    action.group,
                    action.principals.join(", "),
                    action.resources.join(", "),
                    action.context
                ),
            );
        }
        text
    }

    fn record(&self, name: &str) -> String {
        let fields = self.attributes_of(name).iter().map(|field| match name {
            // A parameter may be called `in`, which is a word of Cedar's own.
            "Args" => Attribute { name: format!("{:?}", field.name), ..field.clone() }.print(),
            _ => field.print(),
        });
        let fields: Vec<String> = fields.collect();
        if fields.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", fields.join(", ")) }
    }

    /// Returns the attributes of a record, entity type or context; none for any other type.
    pub fn attributes_of(&self, name: &str) -> &[Attribute] {
        self.attributes.get(name).map_or(&[], Vec::as_slice)
    }
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    if writeln!(text, "{line}").is_err() {
        text.push('\n');
    }
}

/// Every parameter of every intent, optional; the loader makes sure of one type per name.
fn args(repo: &PolicyRepo) -> Vec<Attribute> {
    let mut found = BTreeMap::new();
    for intent in repo.intents.values() {
        for (name, param) in &intent.params {
            let kind = match param.kind {
                ParamKind::String { .. } => "String",
                ParamKind::Integer { .. } => "Long",
                ParamKind::Boolean => "Bool",
            };
            found.entry(name.as_str().to_owned()).or_insert(kind);
        }
    }
    found
        .into_iter()
        .map(|(name, kind)| Attribute { name, kind: kind.to_owned(), optional: true })
        .collect()
}

fn enums(repo: &PolicyRepo) -> BTreeMap<&'static str, Vec<String>> {
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    BTreeMap::from([
        ("Environment", repo.inventory.environments.keys().map(ToString::to_string).collect()),
        ("Category", texts(&Category::ALL.map(Category::as_str))),
        ("Via", texts(&Via::ALL.map(Via::as_str))),
        ("Kind", texts(&ChangeKind::ALL.map(ChangeKind::as_str))),
        ("Page", texts(&Page::ALL.map(Page::as_str))),
    ])
}

/// Entity types of which the schema lists all that exist.
const ENUMS: [&str; 5] = ["Environment", "Category", "Via", "Kind", "Page"];

/// Returns the name of every entity type, actions included.
pub(super) fn types() -> impl Iterator<Item = &'static str> {
    ENTITIES.iter().map(|(name, ..)| *name).chain(ENUMS).chain(["Action"])
}

/// Returns every action with its group, and every group.
pub(super) fn actions_and_groups() -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    let within = |(names, group, ..): &'static ActionLine| {
        names.iter().map(move |name| (*name, Some(*group)))
    };
    let groups = ACTION_GROUPS.iter().map(|group| (*group, None));
    ACTIONS.iter().flat_map(within).chain(groups)
}

fn actions() -> Vec<ActionType> {
    ACTIONS
        .iter()
        .flat_map(|(names, group, principals, resources, context)| {
            names.iter().map(|name| ActionType { name, group, principals, resources, context })
        })
        .collect()
}
