//! A unified diff read back into files, hunks and lines, so that it can be shown side by side.
//!
//! Whatever is not understood is left out rather than guessed at: a diff that was cut short ends
//! where the text ends.

use similar::{ChangeTag, TextDiff};

/// Lines longer than this are not compared word by word.
const COMPARED: usize = 400;
/// Two lines that are less alike than this are shown as one that went and one that came.
const ALIKE: f32 = 0.4;

/// One file of a diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiff {
    /// Its name before; `None`: it is new.
    pub old: Option<String>,
    /// Its name after; `None`: it was removed.
    pub new: Option<String>,
    /// What differs, in order.
    pub hunks: Vec<Hunk>,
    /// Lines that came.
    pub added: usize,
    /// Lines that went.
    pub removed: usize,
}

/// Lines that stand together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// The first line before and after.
    pub starts: (u32, u32),
    /// Its lines as pairs of left and right. Where nothing changed, both are there and alike.
    pub rows: Vec<Row>,
}

/// One row of a side-by-side view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// The same on both sides.
    Same {
        /// Its number on the left.
        left: u32,
        /// Its number on the right.
        right: u32,
        /// The line.
        text: String,
    },
    /// What went, what came, or one for the other.
    Changed {
        /// What went.
        left: Option<Line>,
        /// What came.
        right: Option<Line>,
    },
}

/// A line that went or came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number in its file.
    pub number: u32,
    /// Its text in pieces, in order.
    pub pieces: Vec<Piece>,
}

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// Whether it differs from the line beside it.
    pub differs: bool,
}

/// Reads a unified diff of any number of files.
pub fn parse(text: &str) -> Vec<FileDiff> {
    let mut files = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(old) = line.strip_prefix("--- ")
            && let Some(new) = lines.peek().and_then(|next| next.strip_prefix("+++ "))
        {
            let (old, new) = (name(old, "a/"), name(new, "b/"));
            files.push(FileDiff { old, new, hunks: Vec::new(), added: 0, removed: 0 });
            lines.next();
        } else if let Some(starts) = starts(line)
            && let Some(file) = files.last_mut()
        {
            let hunk = read_hunk(&mut lines, starts, file);
            file.hunks.push(hunk);
        }
    }
    files
}

impl FileDiff {
    /// Returns the name that the file goes by.
    pub fn name(&self) -> &str {
        self.new.as_deref().or(self.old.as_deref()).unwrap_or_default()
    }
}

/// Reads the name of one side; `None` where the file is not there.
fn name(text: &str, prefix: &str) -> Option<String> {
    let name = text.split('\t').next().unwrap_or_default();
    (name != "/dev/null").then(|| name.strip_prefix(prefix).unwrap_or(name).to_owned())
}

/// First line and number of lines, before and after.
type Ranges = ((u32, u32), (u32, u32));

/// Reads `@@ -1,4 +1,5 @@`.
fn starts(line: &str) -> Option<Ranges> {
    let (ranges, _) = line.strip_prefix("@@ -")?.split_once(" @@")?;
    let (old, new) = ranges.split_once(" +")?;
    let range = |text: &str| {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.parse().ok()?, count.parse().ok()?))
    };
    Some((range(old)?, range(new)?))
}

/// Reads as many lines as the hunk's head says it has.
fn read_hunk<'a>(
    lines: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>,
    ((old, old_count), (new, new_count)): Ranges,
    file: &mut FileDiff,
) -> Hunk {
    let (mut left, mut right) = (old, new);
    let (left_end, right_end) = (old.saturating_add(old_count), new.saturating_add(new_count));
    let (mut went, mut came) = (Vec::new(), Vec::new());
    let mut rows = Vec::new();
    while left < left_end || right < right_end {
        let Some(line) =
            lines.next_if(|line| line.is_empty() || line.starts_with([' ', '-', '+', '\\']))
        else {
            break;
        };
        let rest = line.get(1..).unwrap_or_default();
        match line.as_bytes().first() {
            Some(b'-') => {
                went.push((left, rest));
                left += 1;
            }
            Some(b'+') => {
                came.push((right, rest));
                right += 1;
            }
            Some(b'\\') => {}
            _ => {
                (file.removed, file.added) = (file.removed + went.len(), file.added + came.len());
                rows.extend(paired(&mut went, &mut came));
                rows.push(Row::Same { left, right, text: rest.to_owned() });
                (left, right) = (left + 1, right + 1);
            }
        }
    }
    (file.removed, file.added) = (file.removed + went.len(), file.added + came.len());
    rows.extend(paired(&mut went, &mut came));
    Hunk { starts: (old, new), rows }
}

/// Puts what went beside what came, and empties both.
fn paired(went: &mut Vec<(u32, &str)>, came: &mut Vec<(u32, &str)>) -> Vec<Row> {
    let count = went.len().max(came.len());
    let rows = (0..count).map(|index| match (went.get(index), came.get(index)) {
        (Some((left, old)), Some((right, new))) => {
            let (old, new) = compared(old, new);
            let line = |number: &u32, pieces| Some(Line { number: *number, pieces });
            Row::Changed { left: line(left, old), right: line(right, new) }
        }
        (old, new) => {
            let line = |side: Option<&(u32, &str)>| {
                side.map(|(number, text)| Line { number: *number, pieces: whole(text) })
            };
            Row::Changed { left: line(old), right: line(new) }
        }
    });
    let rows = rows.collect();
    went.clear();
    came.clear();
    rows
}

fn whole(text: &str) -> Vec<Piece> {
    vec![Piece { text: text.to_owned(), differs: false }]
}

/// Says word by word what differs between two lines that are alike enough.
fn compared(old: &str, new: &str) -> (Vec<Piece>, Vec<Piece>) {
    if old.len().max(new.len()) > COMPARED {
        return (whole(old), whole(new));
    }
    let diff = TextDiff::from_words(old, new);
    if diff.ratio() < ALIKE {
        return (whole(old), whole(new));
    }
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for change in diff.iter_all_changes() {
        let text = change.value();
        match change.tag() {
            ChangeTag::Equal => {
                add(&mut left, text, false);
                add(&mut right, text, false);
            }
            ChangeTag::Delete => add(&mut left, text, true),
            ChangeTag::Insert => add(&mut right, text, true),
        }
    }
    (left, right)
}

/// Adds a piece, to the last one if it is of the same kind.
fn add(pieces: &mut Vec<Piece>, text: &str, differs: bool) {
    match pieces.last_mut() {
        Some(last) if last.differs == differs => last.text.push_str(text),
        Some(_) | None => pieces.push(Piece { text: text.to_owned(), differs }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(rows: &[Row]) -> Vec<String> {
        let side = |line: &Option<Line>| {
            line.as_ref().map_or(String::new(), |line| {
                let pieces = line.pieces.iter().map(|piece| match piece.differs {
                    true => format!("[{}]", piece.text),
                    false => piece.text.clone(),
                });
                format!("{}:{}", line.number, pieces.collect::<String>())
            })
        };
        let row = |row: &Row| match row {
            Row::Same { left, right, text } => format!("{left}={right} {text}"),
            Row::Changed { left, right } => format!("{} | {}", side(left), side(right)),
        };
        rows.iter().map(row).collect()
    }

    #[test]
    fn what_went_stands_beside_what_came() {
        let text = "--- a/etc/motd\n+++ b/etc/motd\n@@ -1,4 +1,4 @@\n one\n-port is 80 now\n-gone\n+port is 8080 now\n two\n+\n";
        let files = parse(text);
        assert_eq!((files.len(), files[0].name()), (1, "etc/motd"));
        assert_eq!((files[0].added, files[0].removed), (2, 2));
        assert_eq!(
            shown(&files[0].hunks[0].rows),
            [
                "1=1 one",
                "2:port is [80] now | 2:port is [8080] now",
                "3:gone | ",
                "4=3 two",
                " | 4:"
            ]
        );
    }

    #[test]
    fn a_line_that_looks_like_a_head_is_a_line() {
        let text = "--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n--- a/y\n same\n--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+hello\n\\ No newline at end of file\n";
        let files = parse(text);
        let names: Vec<_> = files.iter().map(|file| (file.old.as_deref(), file.name())).collect();
        assert_eq!(names, [(Some("x"), "x"), (None, "new")]);
        assert_eq!(shown(&files[0].hunks[0].rows), ["1:-- a/y | ", "2=1 same"]);
        assert_eq!(shown(&files[1].hunks[0].rows), [" | 1:hello"]);
    }

    #[test]
    fn what_is_cut_short_ends_where_it_ends() {
        for text in ["", "@@ -1 +1 @@\n-x", "--- a/x", "--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n-only"] {
            parse(text);
        }
        let hunk = &parse("--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n-only")[0].hunks[0];
        assert_eq!(shown(&hunk.rows), ["1:only | "]);
    }

    proptest::proptest! {
        #[test]
        fn both_sides_of_any_diff_are_told_whole(
            old in proptest::collection::vec("[ab+\\-@ ]{0,4}", 0..12),
            new in proptest::collection::vec("[ab+\\-@ ]{0,4}", 0..12),
        ) {
            let text = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
            let (before, after) = (text(&old), text(&new));
            let diff = TextDiff::from_lines(before.as_str(), after.as_str());
            let unified = diff.unified_diff().context_radius(100).header("a/x", "b/x").to_string();
            let rows: Vec<Row> = parse(&unified).into_iter().flat_map(|f| f.hunks).flat_map(|h| h.rows).collect();
            let join = |line: &Line| line.pieces.iter().map(|piece| piece.text.as_str()).collect::<String>();
            let (mut left, mut right) = (Vec::new(), Vec::new());
            for row in &rows {
                match row {
                    Row::Same { text, .. } => { left.push(text.clone()); right.push(text.clone()); }
                    Row::Changed { left: l, right: r } => {
                        left.extend(l.iter().map(join));
                        right.extend(r.iter().map(join));
                    }
                }
            }
            if old != new {
                proptest::prop_assert_eq!((left, right), (old, new));
            }
        }
    }
}
