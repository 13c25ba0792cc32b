//! The state folder: there, ours, and nobody else's.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::Path;

use anyhow::{Context as _, bail};

use crate::domain::id::RootName;

/// Makes a folder that only this user can get at, or checks that it is one.
pub fn private(folder: &Path) -> anyhow::Result<()> {
    let shown = folder.display();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("failed to make {shown}"))?;
    let found = std::fs::metadata(folder).with_context(|| format!("failed to look at {shown}"))?;
    let me = rustix::process::geteuid().as_raw();
    if found.uid() != me {
        bail!("{shown} belongs to user {}, and this is user {me}", found.uid());
    }
    if found.mode() & 0o077 != 0 {
        bail!("others can get at {shown}: make it private with `chmod 700 {shown}`");
    }
    Ok(())
}

/// Checks that a root of managed files is a folder. It is not made: a wrong name should show.
pub fn root(name: &RootName, folder: &Path) -> anyhow::Result<()> {
    let shown = folder.display();
    let found = std::fs::metadata(folder).with_context(|| {
        format!("file.roots.{name} cannot be used: make {shown}, or remove it from the settings")
    })?;
    if !found.is_dir() {
        bail!("file.roots.{name} is {shown}, which is not a folder");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_that_others_can_get_at_is_refused() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("a/state");
        private(&folder).unwrap();
        private(&folder).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o750)).unwrap();
        assert!(private(&folder).unwrap_err().to_string().contains("chmod 700"));
    }
}
