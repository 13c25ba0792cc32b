//! Reading files of a revision, and refusing what no policy repo needs.
//!
//! A run sees files of the policy repo, so everything that could mean something else on disk than
//! in git is refused for the whole tree: symlinks, submodules, names that differ only by case.

use std::collections::BTreeMap;

use git2::{Delta, ObjectType, Odb, Repository};

use crate::domain::id::{ObjectId, RepoPath, Revision};
use crate::domain::repo::{Tree, TreeEntry};
use crate::ports::source::{FileChange, SourceError};

use super::mirror::{commit, oid, read_error};

/// Folders whose files are parsed, and so kept small.
const PARSED: [&str; 3] = ["policies/", "intents/", "inventory/"];
/// Bytes of a file that is parsed.
const MAX_PARSED: u64 = 1024 * 1024;
/// Bytes of any other file.
const MAX_FILE: u64 = 16 * 1024 * 1024;
/// Bytes of all files together.
const MAX_TOTAL: u64 = 256 * 1024 * 1024;
/// Files in all.
const MAX_FILES: usize = 20_000;
/// Folders within one another.
const MAX_DEPTH: usize = 32;

/// Returns the files of a revision.
pub(super) fn list(repo: &Repository, revision: &Revision) -> Result<Tree, SourceError> {
    let root = commit(repo, revision)?.tree().map_err(|error| read_error(&error))?;
    let odb = repo.odb().map_err(|error| read_error(&error))?;
    let mut listing = Listing { repo, odb, files: BTreeMap::new(), total: 0 };
    listing.folder(&root, "", 0)?;
    Ok(Tree(listing.files))
}

struct Listing<'r> {
    repo: &'r Repository,
    odb: Odb<'r>,
    files: BTreeMap<RepoPath, TreeEntry>,
    total: u64,
}

impl Listing<'_> {
    fn folder(&mut self, tree: &git2::Tree<'_>, at: &str, depth: usize) -> Result<(), SourceError> {
        if depth > MAX_DEPTH {
            return Err(refused(at, format!("folders lie more than {MAX_DEPTH} deep")));
        }
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        for entry in tree {
            let Ok(name) = entry.name() else {
                let shown = String::from_utf8_lossy(entry.name_bytes()).into_owned();
                return Err(refused(&format!("{at}{shown}"), "the name is not UTF-8"));
            };
            let path = format!("{at}{name}");
            if let Some(other) = seen.insert(name.to_lowercase(), name.to_owned()) {
                let why = format!("the name differs from {other} only by case");
                return Err(refused(&path, why));
            }
            match entry.filemode_raw() {
                0o040_000 => {
                    let tree =
                        self.repo.find_tree(entry.id()).map_err(|error| read_error(&error))?;
                    self.folder(&tree, &format!("{path}/"), depth + 1)?;
                }
                0o100_644 | 0o100_664 => self.file(&path, entry.id(), false)?,
                0o100_755 => self.file(&path, entry.id(), true)?,
                0o120_000 => {
                    let why = "symlinks are not allowed: commit the file itself";
                    return Err(refused(&path, why));
                }
                0o160_000 => {
                    let why = "submodules are not allowed: commit the files themselves";
                    return Err(refused(&path, why));
                }
                other => return Err(refused(&path, format!("file mode {other:o} is not allowed"))),
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &str, id: git2::Oid, executable: bool) -> Result<(), SourceError> {
        let name: RepoPath = path
            .parse()
            .map_err(|_| refused(path, "the name holds a character that is not allowed"))?;
        let (size, kind) = self.odb.read_header(id).map_err(|error| read_error(&error))?;
        if kind != ObjectType::Blob {
            return Err(SourceError::Corrupt(format!("{path}: {id} is not a file")));
        }
        let size = size as u64;
        let limit = match PARSED.iter().any(|folder| path.starts_with(folder)) {
            true => MAX_PARSED,
            false => MAX_FILE,
        };
        if size > limit {
            let why = format!("{size} bytes are too many: at most {} MiB here", limit >> 20);
            return Err(refused(path, why));
        }
        self.total += size;
        if self.total > MAX_TOTAL {
            return Err(refused(
                path,
                format!("all files together exceed {} MiB", MAX_TOTAL >> 20),
            ));
        }
        let object = object_id(id);
        self.files.insert(name, TreeEntry { object, executable, size });
        if self.files.len() > MAX_FILES {
            return Err(refused(path, format!("there are more than {MAX_FILES} files")));
        }
        Ok(())
    }
}

/// Returns the content of a file.
pub(super) fn read(repo: &Repository, object: &ObjectId) -> Result<Vec<u8>, SourceError> {
    let id = oid(object.as_str())?;
    let odb = repo.odb().map_err(|error| read_error(&error))?;
    let (size, kind) = odb.read_header(id).map_err(|error| read_error(&error))?;
    if kind != ObjectType::Blob {
        return Err(SourceError::Corrupt(format!("{object} is not a file")));
    }
    if size as u64 > MAX_FILE {
        return Err(refused(object.as_str(), format!("{size} bytes are too many")));
    }
    let blob = odb.read(id).map_err(|error| read_error(&error))?;
    Ok(blob.data().to_vec())
}

/// Returns the text files whose content differs, by path.
pub(super) fn changes(
    repo: &Repository,
    from: &Revision,
    to: &Revision,
) -> Result<Vec<FileChange>, SourceError> {
    let fail = |error: git2::Error| read_error(&error);
    let before = commit(repo, from)?.tree().map_err(fail)?;
    let after = commit(repo, to)?.tree().map_err(fail)?;
    let diff = repo.diff_tree_to_tree(Some(&before), Some(&after), None).map_err(fail)?;
    let mut changes = Vec::new();
    for delta in diff.deltas() {
        let side = |file: &git2::DiffFile<'_>| text(repo, file.id());
        let (old, new) = (delta.old_file(), delta.new_file());
        let (before, after) = match delta.status() {
            Delta::Added => (None, side(&new)?),
            Delta::Deleted => (side(&old)?, None),
            Delta::Modified if old.id() != new.id() => (side(&old)?, side(&new)?),
            // A changed kind or mode of the same content: the tree says what is refused.
            _ => continue,
        };
        let path = new.path().or(old.path()).and_then(|path| path.to_str());
        let Some(path) = path.and_then(|path| path.parse().ok()) else { continue };
        if before.is_some() || after.is_some() {
            changes.push(FileChange { path, before, after });
        }
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(changes)
}

/// Returns the content of a blob if it is text of a size that people read.
fn text(repo: &Repository, id: git2::Oid) -> Result<Option<String>, SourceError> {
    let odb = repo.odb().map_err(|error| read_error(&error))?;
    let Ok((size, ObjectType::Blob)) = odb.read_header(id) else { return Ok(None) };
    if size as u64 > MAX_PARSED {
        return Ok(None);
    }
    let blob = odb.read(id).map_err(|error| read_error(&error))?;
    Ok(String::from_utf8(blob.data().to_vec()).ok())
}

fn object_id(id: git2::Oid) -> ObjectId {
    id.to_string().parse().expect("libgit2 prints object names in full and in lower case")
}

fn refused(path: &str, why: impl Into<String>) -> SourceError {
    let path = path.chars().filter(|c| !c.is_control()).take(200).collect();
    SourceError::Unacceptable { path, why: why.into() }
}
