//! What makes two differences the same.
//!
//! A check that reports the same drift an hour later must not count as news, so times, durations,
//! run ids and object names are masked before hashing. In the lines of a unified diff they are
//! the drift itself and count as they stand; of its two header lines only the path counts.

use regex::Regex;

use crate::domain::digest::Digest;

/// What is masked outside diffs, and by what.
const MASKS: [(&str, &str); 6] = [
    (
        r"\b\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?)?( ?(Z|[+-]\d{2}:?\d{2}))?",
        "<time>",
    ),
    (r"\b\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\b", "<time>"),
    (r"\b\d+([.,]\d+)? ?(ns|us|µs|ms|s|secs?|seconds?|m|mins?|minutes?|h|hours?)\b", "<duration>"),
    (r"\br\d+\.\d+\b", "<run>"),
    (r"\b[0-9a-f]{40}([0-9a-f]{24})?\b", "<object>"),
    (r"\b1\d{9}(\.\d+|\d{3})?\b", "<time>"),
];

/// Makes fingerprints.
#[derive(Debug)]
pub struct Fingerprints(Vec<(Regex, &'static str)>);

impl Default for Fingerprints {
    fn default() -> Self {
        let mask = |(pattern, mask)| Some((Regex::new(pattern).ok()?, mask));
        Self(MASKS.into_iter().filter_map(mask).collect())
    }
}

impl Fingerprints {
    /// Returns the fingerprint of what a check said.
    pub fn of(&self, text: &str) -> Digest {
        let mut kept = String::with_capacity(text.len());
        let mut in_hunk = false;
        for line in text.lines() {
            let line = line.trim_end();
            in_hunk =
                line.starts_with("@@ ") || (in_hunk && line.starts_with([' ', '+', '-', '\\']));
            if in_hunk {
                kept.push_str(line);
            } else if line.starts_with("--- ") || line.starts_with("+++ ") {
                kept.push_str(line.split('\t').next().unwrap_or(line));
            } else {
                kept.push_str(&self.masked(line));
            }
            kept.push('\n');
        }
        Digest::of(kept.trim_end().as_bytes())
    }

    /// Returns a line of prose without what changes from one time to the next.
    pub fn masked(&self, line: &str) -> String {
        self.0.iter().fold(line.to_owned(), |line, (pattern, mask)| {
            pattern.replace_all(&line, *mask).into_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) -> bool {
        let fingerprints = Fingerprints::default();
        assert_eq!(fingerprints.0.len(), MASKS.len(), "every mask is a regular expression");
        fingerprints.of(one) == fingerprints.of(other)
    }

    #[test]
    fn times_durations_runs_and_objects_do_not_make_a_difference_new() {
        let alike = [
            ("finished in 2.084434647s", "finished in 3.1s"),
            ("at 2026-11-22T05:31:59Z: motd differs", "at 2026-11-23 06:00:01: motd differs"),
            ("took 12 ms (run r0.3)", "took 9 ms (run r0.41)"),
            ("05:31:59 differs", "05:32:00 differs"),
            (
                "revision 0123456789abcdef0123456789abcdef01234567",
                "revision 89abcdef0123456789abcdef0123456789abcdef",
            ),
            (
                "--- live\t2026-11-22 05:31:59.1\n@@ -1 +1 @@\n-a",
                "--- live\t2026-11-23 05:00:00\n@@ -1 +1 @@\n-a",
            ),
            ("differs \n", "differs"),
        ];
        for (one, other) in alike {
            assert!(same(one, other), "{one:?} and {other:?}");
        }
    }

    #[test]
    fn what_a_diff_shows_counts_as_it_stands() {
        let diff = |line: &str| format!("--- live\n+++ declared\n@@ -1 +1 @@\n-{line}\n+a\n");
        assert!(!same(&diff("timeout 30s"), &diff("timeout 60s")));
        assert!(!same("web1: nginx is stopped", "web1: nginx is masked"));
        assert!(!same(&diff("a"), ""));
    }
}
