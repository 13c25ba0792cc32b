//! The policy repo that comes with Tribune, embedded, and policy repos in folders.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use include_dir::{Dir, include_dir};

use super::demo::town::Files;
use super::failure::Failure;
use crate::domain::id::RepoPath;
use crate::domain::template::FOLDERS;
use crate::source::workbench::Content;

static POLICIES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/policies");
static INTENTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/intents");
static INVENTORY: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/inventory");
static PLAYBOOKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/playbooks");

/// Returns every file of the shipped policy repo.
pub fn files() -> Files {
    let mut files = Files::new();
    let folders = [
        ("policies", &POLICIES),
        ("intents", &INTENTS),
        ("inventory", &INVENTORY),
        ("playbooks", &PLAYBOOKS),
    ];
    for (name, folder) in folders {
        take(folder, name, &mut files);
    }
    files
}

fn take(folder: &Dir<'_>, top: &str, files: &mut Files) {
    for file in folder.files() {
        let path = format!("{top}/{}", file.path().display());
        let path: RepoPath = path.parse().expect("shipped files have plain names");
        let bytes = file.contents().to_vec();
        // Modes are not embedded; what begins as a script is a program.
        let executable = bytes.starts_with(b"#!");
        files.insert(path, Content { bytes, executable });
    }
    for below in folder.dirs() {
        take(below, top, files);
    }
}

/// Reads the policy repo in a folder.
pub fn read(top: &Path) -> Result<Files, Failure> {
    let mut files = Files::new();
    for folder in FOLDERS {
        if top.join(folder).is_dir() {
            read_folder(top, folder, &mut files)?;
        }
    }
    if files.is_empty() {
        return Err(Failure::usage(format!("{} holds no policy repo", top.display()))
            .hint("name the folder that holds policies/, intents/, inventory/ and playbooks/"));
    }
    Ok(files)
}

fn read_folder(top: &Path, folder: &str, files: &mut Files) -> Result<(), Failure> {
    let failed = |error| Failure::new(format!("failed to read {folder}: {error}"));
    for entry in std::fs::read_dir(top.join(folder)).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().map_err(failed)?.is_dir() {
            read_folder(top, &name, files)?;
        } else {
            let bytes = std::fs::read(entry.path()).map_err(failed)?;
            let mode = entry.metadata().map_err(failed)?.permissions().mode();
            let path: RepoPath =
                name.parse().map_err(|error| Failure::usage(format!("{error}")))?;
            files.insert(path, Content { bytes, executable: mode & 0o100 != 0 });
        }
    }
    Ok(())
}

/// Writes files below a folder.
pub fn write(files: &Files, top: &Path) -> Result<(), Failure> {
    for (path, content) in files {
        let to = top.join(path.as_str());
        let failed = |error| Failure::new(format!("failed to write {}: {error}", to.display()));
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        std::fs::write(&to, &content.bytes).map_err(failed)?;
        let mode = if content.executable { 0o755 } else { 0o644 };
        std::fs::set_permissions(&to, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_embedded_is_what_stands_in_the_repository() {
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(files(), read(top).unwrap(), "touch src/cli/shipped.rs and build again");
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let top = tempfile::tempdir().unwrap();
        write(&files(), top.path()).unwrap();
        assert_eq!(read(top.path()).unwrap(), files());
    }
}
