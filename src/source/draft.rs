//! Preparing changes for people to merge: branches of the mirror, committed as Tribune.

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Repository, Signature, Time};

use super::mirror::{self, read_error, revision};
use crate::domain::id::Revision;
use crate::ports::source::{Draft, SourceError};

/// Who writes what Tribune prepares.
const AUTHOR: (&str, &str) = ("Tribune", "tribune@localhost");

/// Commits a draft and sets its branch to it.
pub(super) fn write(repo: &Repository, draft: &Draft) -> Result<Revision, SourceError> {
    let failed = |error: git2::Error| read_error(&error);
    let base = mirror::commit(repo, &draft.base)?;
    let tree = base.tree().map_err(failed)?;
    let mut update = TreeUpdateBuilder::new();
    for (path, content) in &draft.files {
        let Some(content) = content else {
            update.remove(path.as_str());
            continue;
        };
        let before = tree.get_path(std::path::Path::new(path.as_str())).ok();
        let mode = match before.map(|entry| entry.filemode()) {
            Some(0o100_755) => FileMode::BlobExecutable,
            Some(_) | None => FileMode::Blob,
        };
        update.upsert(path.as_str(), repo.blob(content).map_err(failed)?, mode);
    }
    let tree = update.create_updated(repo, &tree).map_err(failed)?;
    let tree = repo.find_tree(tree).map_err(failed)?;
    let author =
        Signature::new(AUTHOR.0, AUTHOR.1, &Time::new(draft.at.as_second(), 0)).map_err(failed)?;
    let id =
        repo.commit(None, &author, &author, &draft.message, &tree, &[&base]).map_err(failed)?;
    let name = format!("refs/heads/{}", draft.branch);
    repo.reference(&name, id, true, "prepared by tribune").map_err(failed)?;
    Ok(revision(id))
}
