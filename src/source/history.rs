//! Reading history: first-parent paths, merges, what commits say about themselves.

use git2::{ErrorCode, Repository, Sort};
use jiff::Timestamp;

use crate::domain::id::Revision;
use crate::ports::source::{Commit, Lineage, SourceError};

use super::mirror::{commit, oid, read_error, revision};

/// Returns how `to` lies to `from`.
pub(super) fn path(
    repo: &Repository,
    from: &Revision,
    to: &Revision,
) -> Result<Lineage, SourceError> {
    let goal = commit(repo, from)?.id();
    let mut path = Vec::new();
    let mut next = Some(commit(repo, to)?);
    while let Some(commit) = next {
        if commit.id() == goal {
            path.reverse();
            return Ok(Lineage::Forward(path));
        }
        path.push(revision(commit.id()));
        next = first_parent(&commit)?;
    }
    Ok(Lineage::Diverged)
}

/// Says whether `ancestor` is part of the history of `of`. What the mirror lacks is part of none.
pub(super) fn contains(
    repo: &Repository,
    of: &Revision,
    ancestor: &Revision,
) -> Result<bool, SourceError> {
    let of = commit(repo, of)?.id();
    let ancestor = oid(ancestor.as_str())?;
    match repo.find_commit(ancestor) {
        Ok(_) => {}
        Err(error) if error.code() == ErrorCode::NotFound => return Ok(false),
        Err(error) => return Err(read_error(&error)),
    }
    Ok(of == ancestor
        || repo.graph_descendant_of(of, ancestor).map_err(|error| read_error(&error))?)
}

/// Returns the merges on the first-parent path, oldest first.
pub(super) fn merges(repo: &Repository, head: &Revision) -> Result<Vec<Commit>, SourceError> {
    let mut merges = Vec::new();
    let mut next = Some(commit(repo, head)?);
    while let Some(commit) = next {
        if commit.parent_count() > 1 {
            merges.push(describe(&commit)?);
        }
        next = first_parent(&commit)?;
    }
    merges.reverse();
    Ok(merges)
}

/// Returns the commits that a merge brought, oldest first.
pub(super) fn brought(repo: &Repository, merge: &Revision) -> Result<Vec<Commit>, SourceError> {
    let merge = commit(repo, merge)?;
    let walk = || -> Result<Vec<git2::Oid>, git2::Error> {
        let mut walk = repo.revwalk()?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE)?;
        for (place, parent) in merge.parent_ids().enumerate() {
            match place {
                0 => walk.hide(parent)?,
                _ => walk.push(parent)?,
            }
        }
        walk.collect()
    };
    walk()
        .map_err(|error| read_error(&error))?
        .into_iter()
        .map(|id| describe(&repo.find_commit(id).map_err(|error| read_error(&error))?))
        .collect()
}

/// Returns what a commit says about itself.
pub(super) fn describe(commit: &git2::Commit<'_>) -> Result<Commit, SourceError> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let author = commit.author();
    let committed = Timestamp::from_second(commit.time().seconds())
        .map_err(|_| SourceError::Corrupt(format!("{} has an impossible time", commit.id())))?;
    Ok(Commit {
        revision: revision(commit.id()),
        parents: commit.parent_ids().map(revision).collect(),
        author: text(author.name_bytes()),
        email: text(author.email_bytes()),
        committed,
        subject: text(commit.summary_bytes().unwrap_or_default()),
        trailers: trailers(&text(commit.message_bytes())),
    })
}

/// Returns the trailers of a message, as `git interpret-trailers` finds them.
fn trailers(message: &str) -> Vec<(String, String)> {
    match git2::message_trailers_strs(message) {
        Ok(found) => {
            found.iter().map(|(key, value)| (key.to_owned(), value.trim().to_owned())).collect()
        }
        // Only a message with a NUL has none to find.
        Err(_) => Vec::new(),
    }
}

fn first_parent<'r>(commit: &git2::Commit<'r>) -> Result<Option<git2::Commit<'r>>, SourceError> {
    match commit.parent(0) {
        Ok(parent) => Ok(Some(parent)),
        Err(_) if commit.parent_count() == 0 => Ok(None),
        Err(error) => Err(read_error(&error)),
    }
}
