//! Everything that Tribune can say to people appears in a test as people would read it.
//!
//! The words of the replies and of the errors that answer a command are taken from the code,
//! without what is filled in, and each is looked for in what tests expect. Those that no test
//! shows stand in `unshown.txt`: that list may only become shorter. A few of them are keys of posts
//! and forms of times, which nobody reads.

mod literals;
mod replies;

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

#[test]
fn everything_that_tribune_says_is_shown_by_a_test() {
    let shown = shown();
    let mut found = Vec::new();
    for place in SAID {
        files(&top().join(place), ".rs", &mut found);
    }
    let mut unshown = BTreeSet::new();
    for path in found {
        let words = literals(&parts(&path).0);
        let words = words.iter().flat_map(|literal| fragments(literal));
        unshown.extend(words.filter(|fragment| !shown.contains(fragment.as_str())));
    }
    let list = top().join("tests/it/sayings/unshown.txt");
    let listed = std::fs::read_to_string(list).unwrap();
    let listed: BTreeSet<String> = listed.lines().map(str::to_owned).collect();
    let new: Vec<_> = unshown.difference(&listed).collect();
    assert!(new.is_empty(), "no test shows these words: {new:#?}");
    let gone: Vec<_> = listed.difference(&unshown).collect();
    assert!(gone.is_empty(), "shown by now; remove them from unshown.txt: {gone:#?}");
}
