//! From files to a snapshot. `tribune check` and the daemon both come through here, so what
//! passes in CI is what is applied.

use crate::domain::diagnostic::Diagnostic;
use crate::domain::id::Revision;
use crate::manifest::{self, Files};
use crate::policy::Snapshot;
use crate::ports::source::{Source, SourceError};

/// What loading gave.
#[derive(Debug)]
pub struct Loaded {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// What somebody should look at.
    pub warnings: Vec<Diagnostic>,
}

/// Why a revision has no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// It is wrong: all that is, in order of place.
    #[error("{} problems", .0.len())]
    Wrong(Vec<Diagnostic>),
}

/// Loads a revision from the mirror.
pub async fn load_revision(source: &dyn Source, revision: &Revision) -> Result<Loaded, LoadError> {
    let tree = source.tree(revision).await?;
    let wanted = tree.0.iter().filter(|(path, entry)| Files::wants(path, entry));
    let wanted = wanted.map(|(path, entry)| (path.clone(), entry.clone())).collect();
    let contents = source.read_all(&wanted).await?;
    let mut files = Files { tree, contents };
    let templates = source.read_all(&files.templates()).await?;
    files.contents.extend(templates);
    load(files, revision).map_err(LoadError::Wrong)
}

/// Loads files as `revision`: all or nothing, every problem at once.
pub fn load(files: Files, revision: &Revision) -> Result<Loaded, Vec<Diagnostic>> {
    let manifest::Loaded { repo, mut warnings } = manifest::load(&files)?;
    let (snapshot, more) = Snapshot::compile(revision.clone(), repo)?;
    warnings.extend(more);
    warnings.sort();
    Ok(Loaded { snapshot, warnings })
}
