//! Everything that Tribune can say to people appears in a test as people would read it.
//!
//! The words of the replies and of the errors that answer a command are taken from the code,
//! without what is filled in, and each is looked for in what tests expect. Those that no test
//! shows fail the test. Keys of posts and forms of times are no words: nobody reads them.

mod bans;
mod literals;
mod refusals;
mod replies;
mod requests;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use self::literals::{fragments, literals};
use crate::examples::top;

/// Where the words for people are.
const SAID: [&str; 7] = [
    "src/domain/reply",
    "src/domain/arguments.rs",
    "src/domain/command/drift.rs",
    "src/domain/command/error.rs",
    "src/domain/duration.rs",
    "src/domain/run/plan.rs",
    "src/engine/requests/ask.rs",
];

/// What stands before a literal that nobody reads: the name of a post, the form of a time.
const NO_WORDS: [&str; 2] = ["PostKey(format!(\"", "strftime(\""];

/// Returns every file below a path whose name ends so.
fn files(at: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    if at.is_dir() {
        for entry in std::fs::read_dir(at).unwrap() {
            files(&entry.unwrap().path(), ending, found);
        }
    } else if at.to_string_lossy().ends_with(ending) {
        found.push(at.to_owned());
    }
}

/// Returns the code of a file that is no test, and that which is.
fn parts(path: &Path) -> (String, String) {
    let code = std::fs::read_to_string(path).unwrap();
    if path.strip_prefix(top()).unwrap().to_string_lossy().contains("tests") {
        return (String::new(), code);
    }
    let (code, tests) = code.split_once("#[cfg(test)]").unwrap_or((&code, ""));
    (code.to_owned(), tests.to_owned())
}

/// Returns all that tests expect or type, line by line.
fn shown() -> String {
    let mut all = String::new();
    let mut found = Vec::new();
    files(&top().join("src"), ".rs", &mut found);
    files(&top().join("tests"), ".rs", &mut found);
    for path in found {
        for literal in literals(&parts(&path).1) {
            all.push_str(&literal);
            all.push('\n');
        }
    }
    all
}

/// Returns code without the literals that name posts or say how a time is written.
fn without_keys(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some((at, marker)) = NO_WORDS.iter().filter_map(|it| Some((rest.find(it)?, it))).min()
    {
        let (before, after) = rest.split_at(at + marker.len());
        kept.push_str(before.trim_end_matches('"'));
        rest = after.split_once('"').map_or("", |(_, after)| after);
    }
    kept + rest
}

#[test]
fn everything_that_tribune_says_is_shown_by_a_test() {
    let shown = shown();
    let mut found = Vec::new();
    for place in SAID {
        files(&top().join(place), ".rs", &mut found);
    }
    let mut unshown = BTreeSet::new();
    for path in found {
        let words = literals(&without_keys(&parts(&path).0));
        let words = words.iter().flat_map(|literal| fragments(literal));
        unshown.extend(words.filter(|fragment| !shown.contains(fragment.as_str())));
    }
    assert!(unshown.is_empty(), "no test shows these words: {unshown:#?}");
}
