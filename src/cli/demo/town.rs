//! A policy repo to play with: sample people who hold keys, and a history of signed merges.
//!
//! The keys that the shipped people bear are nobody's; here each is replaced by one that was just
//! made, so that merges can be signed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::domain::id::{PersonId, RepoPath, Revision};
use crate::ports::clock::Clock;
use crate::source::workbench::{Author, Content, Key, Workbench, WorkbenchError, Writing};

/// The branch that decides.
pub const BRANCH: &str = "main";

/// Files of a policy repo, by path.
pub type Files = BTreeMap<RepoPath, Content>;

/// A policy repo to play with.
pub struct Town {
    bench: Workbench,
    folder: PathBuf,
    files: Files,
    keys: BTreeMap<PersonId, Key>,
    pulls: u64,
    clock: Arc<dyn Clock>,
}

/// A pull request to merge.
pub struct Merge<'a> {
    /// Its title.
    pub title: &'a str,
    /// Its labels.
    pub labels: &'a [&'a str],
    /// The command it names.
    pub run: Option<&'a str>,
    /// Who wrote it.
    pub author: &'a PersonId,
    /// Who merged and signed it.
    pub merger: &'a PersonId,
    /// What it changes.
    pub files: BTreeMap<RepoPath, Option<Content>>,
}

impl Town {
    /// Writes the policy repo into `folder` with a first commit by `founder`.
    pub fn found(
        folder: &Path,
        files: Files,
        founder: &PersonId,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, WorkbenchError> {
        let bench = Workbench::init(folder, BRANCH)?;
        let mut town = Self {
            bench,
            folder: folder.to_owned(),
            files: BTreeMap::new(),
            keys: BTreeMap::new(),
            pulls: 0,
            clock,
        };
        let files = town.give_keys(files)?;
        town.commit(
            BRANCH,
            founder,
            "policy repo of a small operations team",
            &[],
            changes(&files),
        )?;
        Ok(town)
    }

    /// Returns the working folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the present text of a file.
    pub fn text(&self, path: &str) -> Option<String> {
        let (_, content) = self.files.iter().find(|(file, _)| file.as_str() == path)?;
        String::from_utf8(content.bytes.clone()).ok()
    }

    /// Returns the head.
    pub fn head(&self) -> Result<Revision, WorkbenchError> {
        self.bench.head(BRANCH)
    }

    /// Sets the branch back: the next push of it must be forced.
    pub fn rewind(&mut self, to: &Revision) -> Result<(), WorkbenchError> {
        self.bench.reset(BRANCH, to)
    }

    /// Commits straight to the branch, signed by `author`.
    pub fn push(
        &mut self,
        author: &PersonId,
        message: &str,
        files: BTreeMap<RepoPath, Option<Content>>,
    ) -> Result<Revision, WorkbenchError> {
        self.commit(BRANCH, author, message, &[], files)
    }

    /// Writes a pull request and merges it; returns its number.
    pub fn merge(&mut self, merge: Merge<'_>) -> Result<u64, WorkbenchError> {
        self.pulls += 1;
        let number = self.pulls;
        let branch = format!("pull-{number}");
        self.bench.branch(&branch, BRANCH)?;
        self.commit(&branch, merge.author, merge.title, &[], merge.files)?;
        let shown = number.to_string();
        let run = merge.run.map(|command| format!("!run {command}"));
        let mut trailers = vec![("Pull-Request", shown.as_str())];
        trailers.extend(merge.labels.iter().map(|label| ("Label", *label)));
        trailers.extend(run.iter().map(|run| ("Run", run.as_str())));
        let author = self.author(merge.merger);
        let key = self.keys.get(merge.merger);
        let message = format!("{} (#{number})", merge.title);
        let writing = Writing { message: &message, trailers: &trailers, author: &author, key };
        self.bench.merge(BRANCH, &branch, &writing)?;
        Ok(number)
    }

    fn commit(
        &mut self,
        branch: &str,
        person: &PersonId,
        message: &str,
        trailers: &[(&str, &str)],
        files: BTreeMap<RepoPath, Option<Content>>,
    ) -> Result<Revision, WorkbenchError> {
        let author = self.author(person);
        let key = self.keys.get(person);
        let writing = Writing { message, trailers, author: &author, key };
        let revision = self.bench.commit(branch, &files, &writing)?;
        for (path, content) in files {
            match content {
                Some(content) => self.files.insert(path, content),
                None => self.files.remove(&path),
            };
        }
        Ok(revision)
    }

    fn author(&self, person: &PersonId) -> Author {
        Author {
            name: person.to_string(),
            email: format!("{person}@example.org"),
            at: self.clock.now(),
        }
    }

    /// Makes a key for every person who has one and writes it into their file.
    fn give_keys(&mut self, mut files: Files) -> Result<Files, WorkbenchError> {
        for (path, content) in &mut files {
            let text = String::from_utf8_lossy(&content.bytes).into_owned();
            let Some(person) = person_of(path).filter(|_| text.contains("\nsigning_keys:")) else {
                continue;
            };
            let mut seed = [0; 32];
            self.clock.random(&mut seed);
            let key = Key::from_seed(&seed, person.as_str())?;
            let line = format!("signing_keys:\n  - key: {}\n", key.public()?);
            *content = Content::text(replace_block(&text, "signing_keys", &line));
            self.keys.insert(person, key);
        }
        Ok(files)
    }
}

fn changes(files: &Files) -> BTreeMap<RepoPath, Option<Content>> {
    files.iter().map(|(path, content)| (path.clone(), Some(content.clone()))).collect()
}

/// Returns the person whose file this is.
fn person_of(path: &RepoPath) -> Option<PersonId> {
    path.as_str().strip_prefix("inventory/people/")?.strip_suffix(".yaml")?.parse().ok()
}

/// Replaces a top-level key of a YAML mapping with all that belongs to it, or adds it at the end.
///
/// Works on lines, which suffices for files that are written one key a line.
pub fn replace_block(text: &str, key: &str, block: &str) -> String {
    let head = format!("{key}:");
    let mut made = String::new();
    let mut inside = false;
    for line in text.lines() {
        let belongs = line.is_empty() || line.starts_with([' ', '\t', '-', '#']);
        inside = line.starts_with(&head) || (inside && belongs);
        if !inside {
            made.push_str(line);
            made.push('\n');
        }
    }
    made.push_str(block);
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_replaced_with_all_that_belongs_to_it() {
        let text = "version: 1\nsigning_keys:\n  - key: old\n  # gone too\nroles: [user]\n";
        assert_eq!(
            replace_block(text, "signing_keys", "signing_keys: []\n"),
            "version: 1\nroles: [user]\nsigning_keys: []\n"
        );
        assert_eq!(replace_block("a: 1\n", "b", "b: 2\n"), "a: 1\nb: 2\n");
    }
}
