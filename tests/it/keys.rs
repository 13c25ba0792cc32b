//! Nothing is accepted and ignored: every key of every kind has a test that shows its effect.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use tribune::manifest::schema;

use crate::examples::top;

/// Every key with the tests or cases that show what it does.
const SHOWN: &str = include_str!("keys.txt");

/// Returns every key of a schema: `approval.slots[].role`, with `*` for names of people's choice.
fn keys(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    let below =
        |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        found.insert(below(name));
        keys(inner, &below(name), found);
    }
    if schema["items"].is_object() {
        keys(&schema["items"], &format!("{path}[]"), found);
    }
    if schema["additionalProperties"].is_object() {
        keys(&schema["additionalProperties"], &below("*"), found);
    }
    for choice in ["anyOf", "oneOf", "allOf"] {
        for inner in schema[choice].as_array().into_iter().flatten() {
            keys(inner, path, found);
        }
    }
}

fn all_keys() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (kind, schema) in schema::all() {
        let mut found = BTreeSet::new();
        keys(&schema, "", &mut found);
        all.extend(found.into_iter().map(|key| format!("{kind} {key}")));
    }
    all
}

fn table() -> BTreeMap<String, Vec<&'static str>> {
    SHOWN
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (key, tests) = line.split_once(':').expect("`kind key: test, test`");
            (key.trim().to_owned(), tests.split(',').map(str::trim).collect())
        })
        .collect()
}

#[test]
fn every_key_has_a_test_that_shows_its_effect() {
    let written: BTreeSet<String> = table().into_keys().collect();
    let keys = all_keys();
    let missing: Vec<_> = keys.difference(&written).collect();
    assert!(missing.is_empty(), "keys that tests/it/keys.txt lacks: {missing:#?}");
    let extra: Vec<_> = written.difference(&keys).collect();
    assert!(extra.is_empty(), "tests/it/keys.txt names what is no key: {extra:#?}");
}

#[test]
fn every_test_that_shows_a_key_exists() {
    let mut code = String::new();
    for folder in ["src", "tests/it"] {
        gather(&top().join(folder), &mut code);
    }
    for (key, tests) in table() {
        assert!(tests.iter().any(|test| !test.is_empty()), "{key} has no test");
        for test in tests {
            let is_case = top().join(format!("tests/cases/{test}.txt")).exists();
            let is_test = ["(", "<"].iter().any(|end| code.contains(&format!("fn {test}{end}")));
            assert!(is_case || is_test, "{key}: there is no test or case {test:?}");
        }
    }
}

fn gather(folder: &Path, code: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, code);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            code.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn the_committed_schemas_are_current() {
    for (kind, value) in schema::all() {
        let page = format!("schema/{kind}.json");
        crate::docs::assert_current(&page, &schema::text(&value));
    }
    let committed = std::fs::read_dir(top().join("docs/schema")).unwrap().count();
    assert_eq!(committed, schema::all().len(), "a schema of no kind is committed");
}
