//! What a load starts from: the files of one revision or of a working directory.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha1::{Digest, Sha1};

use crate::domain::id::{ObjectId, RepoPath};
use crate::domain::repo::{Tree, TreeEntry};
use crate::domain::template::FOLDERS;

/// The largest file of `policies/`, `intents/` and `inventory/` that is read, in bytes.
pub const MAX_FILE: u64 = 1 << 20;

/// The files of one revision: all of them by name, and the content of those that are loaded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files {
    /// Every file.
    pub tree: Tree,
    /// The content of every file that is loaded: those for which [`Files::wants`] says yes, and
    /// [`Files::templates`]; others may be here too.
    pub contents: BTreeMap<RepoPath, Vec<u8>>,
}

/// A working directory cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// Reading failed.
    #[error("cannot read {}: {}", path.display(), source)]
    Io {
        /// What was read.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// There is none of the four folders.
    #[error("{} holds no policy repo: none of policies/, intents/, inventory/, playbooks/ is there", .0.display())]
    NoFolder(PathBuf),
    /// Something that is neither a file nor a folder, or whose name is not text.
    #[error("{}: a policy repo holds files and folders only, with names that are text", .0.display())]
    Unacceptable(PathBuf),
}

impl Files {
    /// Says whether a load needs the content of the file.
    pub fn wants(path: &RepoPath, entry: &TreeEntry) -> bool {
        let folder = path.as_str().split_once('/').map(|(folder, _)| folder);
        matches!(folder, Some("policies" | "intents" | "inventory")) && entry.size <= MAX_FILE
    }

    /// Returns the files that may be templates: those that intents with a `template` name. Their
    /// content is needed to tell holes that nothing fills.
    pub fn templates(&self) -> BTreeMap<RepoPath, TreeEntry> {
        let intents =
            self.contents.iter().filter(|(path, _)| path.as_str().starts_with("intents/"));
        let texts = intents.filter_map(|(_, content)| std::str::from_utf8(content).ok());
        texts
            .filter(|text| text.contains("template"))
            .flat_map(|text| text.split(|c: char| c.is_whitespace() || "\"',{}[]".contains(c)))
            .filter(|word| word.starts_with("playbooks/"))
            .filter_map(|word| word.trim_end_matches('/').parse().ok())
            .flat_map(|path: RepoPath| self.tree.below(&path))
            .filter(|(_, entry)| entry.size <= MAX_FILE)
            .collect()
    }

    /// Reads a working directory: the four folders below `top`, with the object ids that git
    /// would give their files.
    pub fn read(top: &Path) -> Result<Self, FilesError> {
        let mut files = Self::default();
        let mut found = false;
        for folder in FOLDERS {
            let path = top.join(folder);
            if path.symlink_metadata().is_ok() {
                found = true;
                files.read_folder(&path, folder)?;
            }
        }
        if found { Ok(files) } else { Err(FilesError::NoFolder(top.to_owned())) }
    }

    fn read_folder(&mut self, folder: &Path, name: &str) -> Result<(), FilesError> {
        let io = |source| FilesError::Io { path: folder.to_owned(), source };
        let refused = |path: &Path| FilesError::Unacceptable(path.to_owned());
        if !folder.symlink_metadata().map_err(io)?.is_dir() {
            return Err(refused(folder));
        }
        for entry in fs::read_dir(folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            let path = entry.path();
            let kind = entry.file_type().map_err(io)?;
            let text = entry.file_name().into_string().map_err(|_| refused(&path))?;
            let name = format!("{name}/{text}");
            if kind.is_dir() {
                self.read_folder(&path, &name)?;
            } else if kind.is_file() {
                let name = name.parse().map_err(|_| refused(&path))?;
                self.read_file(&path, name)?;
            } else {
                return Err(refused(&path));
            }
        }
        Ok(())
    }

    fn read_file(&mut self, path: &Path, name: RepoPath) -> Result<(), FilesError> {
        let io = |source| FilesError::Io { path: path.to_owned(), source };
        let mode = path.metadata().map_err(io)?.permissions().mode();
        let bytes = fs::read(path).map_err(io)?;
        self.insert(name, bytes, mode & 0o100 != 0);
        Ok(())
    }

    /// Adds or replaces a file.
    pub fn insert(&mut self, path: RepoPath, bytes: Vec<u8>, executable: bool) {
        let entry = TreeEntry { object: blob_id(&bytes), executable, size: bytes.len() as u64 };
        if entry.size <= MAX_FILE {
            self.contents.insert(path.clone(), bytes);
        } else {
            self.contents.remove(&path);
        }
        self.tree.0.insert(path, entry);
    }

    /// Removes a file.
    pub fn remove(&mut self, path: &RepoPath) {
        self.tree.0.remove(path);
        self.contents.remove(path);
    }
}

/// Returns the object id that git gives to a blob.
pub fn blob_id(bytes: &[u8]) -> ObjectId {
    let mut sha = Sha1::new();
    sha.update(format!("blob {}\0", bytes.len()));
    sha.update(bytes);
    hex::encode(sha.finalize()).parse().expect("forty hexadecimal digits are an object id")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_ids_are_those_of_git() {
        assert_eq!(blob_id(b"").as_str(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(blob_id(b"hello\n").as_str(), "ce013625030ba8dba906f756967f9e9ca394464a");
    }
}
