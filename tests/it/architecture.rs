//! The shape of the code: which layer may use which, who owns which vendor crate, how large a
//! file grows, and that every invariant of docs/architecture.md has the tests it names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Lines that a file may have; most have a third of it.
const LINES: usize = 500;

/// What each layer may name of the crate, beside itself. `None`: everything.
fn layers() -> BTreeMap<&'static str, Option<&'static [&'static str]>> {
    const ADAPTER: &[&str] = &["domain", "ports", "redact", "process"];
    BTreeMap::from([
        ("domain", Some(&[][..])),
        ("manifest", Some(&["domain"][..])),
        ("policy", Some(&["domain"][..])),
        ("redact", Some(&["domain"][..])),
        ("ports", Some(&["domain", "policy::gate::Authorized"][..])),
        ("engine", Some(&["domain", "manifest", "policy", "redact", "ports"][..])),
        ("process", Some(&["redact"][..])),
        ("chat", Some(ADAPTER)),
        ("forge", Some(ADAPTER)),
        ("exec", Some(&["domain", "ports", "redact", "process", "policy::gate::Authorized"][..])),
        ("store", Some(ADAPTER)),
        ("source", Some(ADAPTER)),
        ("web", Some(&["domain", "ports", "engine", "policy"][..])),
        ("clock", Some(&["ports"][..])),
        ("telemetry", Some(&["settings"][..])),
        ("settings", Some(&["domain", "process", "source::Remote"][..])),
        ("app", None),
        ("cli", None),
        ("main", None),
        ("lib", None),
    ])
}

/// Which layers may name a vendor crate.
const VENDORS: &[(&str, &[&str])] = &[
    ("cedar_policy::", &["policy"]),
    ("cedar_policy_core::", &["policy"]),
    ("serde_saphyr::", &["manifest"]),
    ("git2::", &["source"]),
    ("ssh_key::", &["source", "manifest"]),
    ("sqlx::", &["store"]),
    ("axum::", &["web"]),
    ("askama::", &["web"]),
    ("landlock::", &["process"]),
    ("reqwest::", &["cli", "chat"]),
    ("rustls::", &["chat"]),
    ("tokio_tungstenite::", &["chat"]),
    ("clap::", &["cli"]),
    ("sd_notify::", &["cli"]),
    ("governor::", &["engine"]),
    ("process::Command::new", &["process"]),
];

struct Source {
    path: PathBuf,
    layer: String,
    code: String,
    lines: usize,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns every source file, comments and doc comments left out of its code.
fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    let mut open = vec![root().join("src")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(read(&path));
            }
        }
    }
    assert!(found.len() > 50, "the source was found");
    found
}

fn read(path: &Path) -> Source {
    let text = fs::read_to_string(path).expect("a readable file");
    let below = path.strip_prefix(root().join("src")).expect("below src");
    let first = below.components().next().expect("a name").as_os_str().to_string_lossy();
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    Source {
        path: below.to_owned(),
        layer: first.trim_end_matches(".rs").to_owned(),
        code,
        lines: text.lines().count(),
    }
}

/// Returns what follows each `crate::` in the code.
fn named(code: &str) -> Vec<String> {
    code.match_indices("crate::")
        .filter(|(at, _)| !code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        .map(|(at, _)| {
            code[at + "crate::".len()..]
                .chars()
                .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':'))
                .collect()
        })
        .collect()
}

#[test]
fn every_layer_uses_only_what_it_may() {
    let layers = layers();
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(allowed) = layers.get(source.layer.as_str()) else {
            panic!("{} is in no layer: add it to the table and to docs", source.path.display());
        };
        let Some(allowed) = allowed else { continue };
        for name in named(&source.code) {
            let own = name.split("::").next() == Some(source.layer.as_str());
            let fine = allowed.iter().any(|may| {
                name == *may || name.strip_prefix(may).is_some_and(|rest| rest.starts_with("::"))
            });
            if !own && !fine {
                wrong.push(format!("{} uses crate::{name}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_vendor_crate_has_one_home() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (vendor, homes) in VENDORS {
            if source.code.contains(vendor) && !homes.contains(&source.layer.as_str()) {
                wrong.push(format!("{} uses {vendor}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Who may ask for the bans of files alone: whatever compares revisions or changes the files.
/// Everybody else asks whether somebody is banned, and that is over provisional bans too.
const BANS_OF_FILES: &[&str] = &[
    "domain/ban.rs",
    "domain/revision_change/guard.rs",
    "domain/revision_change/mod.rs",
    "domain/revision_change/tests.rs",
    "engine/bans.rs",
];

#[test]
fn whoever_asks_for_bans_gets_provisional_ones_too() {
    let mut wrong = Vec::new();
    let mut decides = Vec::new();
    for source in sources() {
        let path = source.path.display().to_string();
        if source.code.contains(".of_files()") && !BANS_OF_FILES.contains(&path.as_str()) {
            wrong.push(format!("{path} asks for the bans of files alone"));
        }
        // The snapshot that decides has one home, which lays the bans over it.
        if source.code.contains("ArcSwapOption<Snapshot>") {
            decides.push(path);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(decides, ["engine/applied.rs"]);
}

#[test]
fn no_file_has_grown_too_large() {
    let large: Vec<String> = sources()
        .iter()
        .filter(|source| source.lines > LINES)
        .map(|source| format!("{}: {} lines", source.path.display(), source.lines))
        .collect();
    assert!(large.is_empty(), "split by what they own:\n{}", large.join("\n"));
}

#[test]
fn every_invariant_has_the_tests_it_names() {
    let docs = fs::read_to_string(root().join("docs/architecture.md")).expect("the page");
    let tests = test_names();
    let mut numbers = Vec::new();
    let mut missing = Vec::new();
    for row in docs.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let (Some(Ok(number)), Some(last)) =
            (cells.first().map(|cell| cell.parse::<u32>()), cells.last())
        else {
            continue;
        };
        numbers.push(number);
        let named: Vec<&str> = last.split('`').skip(1).step_by(2).collect();
        if named.is_empty() {
            missing.push(format!("invariant {number} names no test"));
        }
        missing.extend(
            named
                .iter()
                .filter(|name| !tests.contains(**name))
                .map(|name| format!("invariant {number}: there is no test {name}")),
        );
    }
    assert_eq!(numbers, (1..=15).collect::<Vec<_>>(), "all fifteen invariants are there");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// Returns the name of every function below `src` and `tests` that a test attribute or a
/// `proptest!` block makes a test, or that a contract suite lists.
fn test_names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut open = vec![root().join("src"), root().join("tests")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|it| it == "rs" || it == "py") {
                let text = fs::read_to_string(&path).expect("a readable file");
                names.extend(
                    text.lines()
                        .filter_map(|line| {
                            let line = line.trim_start();
                            line.strip_prefix("fn ")
                                .or_else(|| line.strip_prefix("async fn "))
                                .or_else(|| line.strip_prefix("def "))
                        })
                        .map(|rest| {
                            rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
                        }),
                );
            }
        }
    }
    names
}
