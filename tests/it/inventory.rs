//! `inventory/hosts.yaml` as Tribune reads it is as Ansible reads it: hosts, ranges, groups and the
//! variables of text and numbers. A missing `ansible-inventory` fails these tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use tribune::domain::target::Inventory;
use tribune::manifest::{self, Files};
use tribune::process::command::{Spec, run};

use crate::diagnostics::case;
use crate::examples::top;

/// Everything is in one environment, so that an inventory may have any groups. What intents of
/// the base name must be there: the groups `web` and `db`.
const ENVIRONMENTS: &str = "version: 1\nenvironments:\n  prod: { summary: All, groups: [all] }\n  \
                            dev: { summary: Here, local: true }\n";

/// Group to all of its hosts, also those of groups within; host to its variables.
type Read = (BTreeMap<String, BTreeSet<String>>, BTreeMap<String, BTreeMap<String, Value>>);

fn of_tribune(hosts: &str) -> Read {
    let mut files = case::base();
    for (path, text) in
        [("inventory/hosts.yaml", hosts), ("inventory/environments.yaml", ENVIRONMENTS)]
    {
        files.insert(path.parse().unwrap(), text.as_bytes().to_vec(), false);
    }
    read(&manifest::load(&files).unwrap_or_else(|wrong| panic!("{wrong:?}")).repo.inventory)
}

fn read(inventory: &Inventory) -> Read {
    let hosts = |group: &str| -> BTreeSet<String> {
        inventory.resolve(group).into_iter().map(|host| host.to_string()).collect()
    };
    let groups = inventory.groups.keys().map(|group| (group.to_string(), hosts(group.as_str())));
    let vars = inventory.targets.values().filter(|target| target.name.as_str() != "local");
    (
        groups.filter(|(_, hosts)| !hosts.is_empty()).collect(),
        vars.map(|it| (it.name.to_string(), plain(it.vars.clone()))).collect(),
    )
}

/// Keeps variables that YAML 1.1, which Ansible reads, and YAML 1.2 take for the same; what has a
/// tag of Ansible's is opaque to Tribune.
fn plain(vars: impl IntoIterator<Item = (String, Value)>) -> BTreeMap<String, Value> {
    vars.into_iter()
        .filter(|(name, value)| {
            !name.starts_with("tagged_") && (value.is_string() || value.is_number())
        })
        .collect()
}

async fn of_ansible(file: &Path) -> Read {
    let home = tempfile::tempdir().unwrap();
    let spec = Spec::new(["ansible-inventory", "-i", file.to_str().unwrap(), "--list"])
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", home.path())
        .env("LC_ALL", "C.UTF-8")
        .env("ANSIBLE_LOCALHOST_WARNING", "0");
    let output = run(&spec).await.unwrap_or_else(|error| {
        panic!(
            "{error}; this test needs Ansible: `apt-get install ansible-core`, as scripts/test does"
        )
    });
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let list: BTreeMap<String, Value> = serde_json::from_slice(&output.stdout).unwrap();
    let mut groups = BTreeMap::new();
    for name in list.keys().filter(|name| *name != "_meta") {
        let mut hosts = BTreeSet::new();
        below(&list, name, &mut hosts);
        groups.insert(name.clone(), hosts);
    }
    groups.retain(|_, hosts| !hosts.is_empty());
    let vars = &list["_meta"]["hostvars"];
    let of_host = |host: &String| match vars.get(host) {
        Some(Value::Object(vars)) => plain(vars.clone()),
        _ => BTreeMap::new(),
    };
    let vars = groups["all"].iter().map(|host| (host.clone(), of_host(host))).collect();
    (groups, vars)
}

/// Collects the hosts of a group and of all groups within.
fn below(list: &BTreeMap<String, Value>, group: &str, hosts: &mut BTreeSet<String>) {
    let names = |what: &str| -> Vec<String> {
        let names = list.get(group).and_then(|group| group.get(what)?.as_array()).cloned();
        names.unwrap_or_default().iter().map(|it| it.as_str().unwrap().to_owned()).collect()
    };
    hosts.extend(names("hosts"));
    for child in names("children") {
        below(list, &child, hosts);
    }
}

/// Inventories that are easily read wrongly.
const TRICKY: &[(&str, &str)] = &[
    (
        "ranges: leading zeros, steps, letters, two at once, from nothing",
        "all:\n  children:\n    web: { hosts: { 'web[08:11].example.org': , 'w[001:003]': } }\n    \
         db: { hosts: { 'db[a:c]': , 'n[1:9:4]': , 'r[1:2]n[a:c:2]': , 'v[:2]': , 'm[9:11]': } }\n",
    ),
    (
        "children of children, one under two parents, named before and after it is said what it is",
        "all:\n  hosts: { lonely: }\n  vars: { from: all }\n  children:\n    leaf:\n      \
         hosts: { a1: { own: 1 }, a2: }\n      vars: { from: leaf, deep: leaf }\n    middle:\n      \
         vars: { from: middle, mid: m }\n      children: { leaf: , other: }\n    top:\n      \
         vars: { from: top, top: 15 }\n      children: { middle: }\n    other:\n      \
         hosts: { a1: , b01: }\n      vars: { from: other }\n    web: { hosts: { a2: } }\n    \
         db: { children: { leaf: } }\n",
    ),
    (
        "the same host in many groups: priority, then names, decide whose variable holds",
        "web:\n  hosts: { x1: , x2: { zone: own } }\n  vars: { zone: web, port: 80 }\ndb:\n  \
         hosts: { x1: , x2: }\n  vars: { zone: db, port: 5432 }\nzz:\n  hosts: { x1: }\n  \
         vars: { zone: zz }\naa:\n  hosts: { x1: }\n  vars: { port: 1, ansible_group_priority: 7 }\n",
    ),
    (
        "vaults, other tags' content, lists and empty groups do not disturb",
        "all:\n  children:\n    web:\n      hosts:\n        web1:\n          tagged_vault: !vault |\n            \
         $ANSIBLE_VAULT;1.1;AES256\n            62313365396662343061393464336163\n          \
         after: here\n    db:\n      hosts:\n        db1: { list: [1, two], map: { a: b }, word: text }\n    \
         empty: {}\n    nothing:\n  vars: { tagged_unsafe: !unsafe '{{ x }}' }\n",
    ),
];

#[tokio::test]
async fn the_shipped_inventory_is_read_as_ansible_reads_it() {
    let repo = manifest::load(&Files::read(&top()).unwrap()).unwrap().repo;
    let ansible = of_ansible(&top().join("inventory/hosts.yaml")).await;
    assert_eq!(read(&repo.inventory), ansible);
}

#[tokio::test]
async fn tricky_inventories_are_read_as_ansible_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in TRICKY {
        let file = folder.path().join("hosts.yaml");
        std::fs::write(&file, text).unwrap();
        let ansible = of_ansible(&file).await;
        assert!(ansible.0.len() > 2, "{name}: {ansible:?}");
        assert_eq!(of_tribune(text), ansible, "{name}");
    }
}
