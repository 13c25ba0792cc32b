//! Diffs, side by side where there is room and one below the other where there is not.

use askama::Template;

use super::look::count;
use crate::domain::invisible::marked;
use crate::domain::unified::{self, FileDiff, Row};

/// Files of one diff that start out folded: beyond so many rows.
const OPEN_ROWS: usize = 400;

/// A diff of any number of files. Rendered with `|safe`.
#[derive(Debug, Clone, Template)]
#[template(path = "parts/diff.html")]
pub struct SideBySide {
    files: Vec<FileView>,
    /// What the left and the right are called, where that is not plain.
    sides: Option<(&'static str, &'static str)>,
    added: usize,
    removed: usize,
}

#[derive(Debug, Clone)]
struct FileView {
    id: String,
    name: String,
    /// What became of the file as a whole: `new`, `removed`, or nothing.
    fate: &'static str,
    added: String,
    removed: String,
    open: bool,
    hunks: Vec<HunkView>,
}

#[derive(Debug, Clone)]
struct HunkView {
    /// Where it stands: `line 12`.
    at: String,
    blocks: Vec<Block>,
}

/// Rows of one kind: in a narrow view what went comes before what came.
#[derive(Debug, Clone)]
struct Block {
    changed: bool,
    rows: Vec<Row>,
}

impl SideBySide {
    /// Reads a unified diff.
    pub fn of(diff: &str) -> Self {
        let (mut rows, mut added, mut removed) = (0, 0, 0);
        let files = unified::parse(&marked(diff)).into_iter().enumerate().map(|(index, file)| {
            (added, removed) = (added + file.added, removed + file.removed);
            rows += file.hunks.iter().map(|hunk| hunk.rows.len()).sum::<usize>();
            view(index, file, rows <= OPEN_ROWS)
        });
        let files = files.collect();
        Self { files, sides: None, added, removed }
    }

    /// Says what the left and the right are.
    #[must_use]
    pub fn between(self, left: &'static str, right: &'static str) -> Self {
        Self { sides: Some((left, right)), ..self }
    }

    /// Returns `2 lines added, 1 line removed`.
    pub fn counts(&self) -> String {
        let both = [lines(self.added, "added"), lines(self.removed, "removed")];
        let said: Vec<String> = both.into_iter().filter(|words| !words.is_empty()).collect();
        said.join(", ")
    }

    /// Says whether there is anything to show.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Returns `3 files`.
    pub fn summary(&self) -> String {
        count(self.files.len(), "file", "files")
    }
}

fn view(index: usize, file: FileDiff, open: bool) -> FileView {
    FileView {
        id: format!("file-{index}"),
        name: file.name().to_owned(),
        fate: match (&file.old, &file.new) {
            (None, _) => "new",
            (_, None) => "removed",
            (Some(_), Some(_)) => "",
        },
        added: lines(file.added, "added"),
        removed: lines(file.removed, "removed"),
        open,
        hunks: file
            .hunks
            .into_iter()
            .map(|hunk| HunkView {
                at: format!("line {}", hunk.starts.1.max(hunk.starts.0).max(1)),
                blocks: blocks(hunk.rows),
            })
            .collect(),
    }
}

/// Returns `2 lines added`; nothing for none.
fn lines(number: usize, what: &str) -> String {
    match number {
        0 => String::new(),
        number => format!("{} {what}", count(number, "line", "lines")),
    }
}

fn blocks(rows: Vec<Row>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for row in rows {
        let changed = matches!(row, Row::Changed { .. });
        match blocks.last_mut() {
            Some(block) if block.changed == changed => block.rows.push(row),
            Some(_) | None => blocks.push(Block { changed, rows: vec![row] }),
        }
    }
    blocks
}
