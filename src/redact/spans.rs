//! Stretches of a line that are secret.

use std::ops::Range;

/// One secret stretch. Without a name it was told of already and is left out in silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found<'a> {
    pub(super) range: Range<usize>,
    pub(super) name: &'a str,
}

/// Sorts stretches and joins those that overlap, under the name of the one that begins first.
pub(super) fn merge(mut found: Vec<Found<'_>>) -> Vec<Found<'_>> {
    found.sort_by_key(|one| {
        (one.range.start, !one.name.is_empty(), std::cmp::Reverse(one.range.end))
    });
    let mut merged: Vec<Found<'_>> = Vec::with_capacity(found.len());
    for next in found {
        match merged.last_mut() {
            Some(last) if next.range.start < last.range.end => {
                last.range.end = last.range.end.max(next.range.end);
            }
            _ => merged.push(next),
        }
    }
    merged
}

/// Appends `line` with each stretch of `found` (merged) replaced by its name.
pub(super) fn write(line: &str, found: &[Found<'_>], clean: &mut String) {
    let mut from = 0;
    for Found { range, name } in found {
        clean.push_str(&line[from..range.start]);
        if !name.is_empty() {
            clean.push_str("[redacted:");
            clean.push_str(name);
            clean.push(']');
        }
        from = range.end;
    }
    clean.push_str(&line[from..]);
}
