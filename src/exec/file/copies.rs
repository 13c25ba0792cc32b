//! Previous copies: what stood where Tribune wrote, in a private folder of its own.
//!
//! Each path has a folder named by the hash of the path; each copy is a file `N.data` and, once
//! that is on disk, a file `N.json` that tells of it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::problem::Problem;
use crate::domain::file::path::ManagedPath;
use crate::domain::file::{PreviousCopy, tell};
use crate::domain::id::RunId;

/// Where previous copies are, and how many of each path.
#[derive(Debug, Clone)]
pub struct Store {
    /// The folder; made when it is needed.
    pub folder: PathBuf,
    /// How many copies of one path stay, the newest.
    pub keep: usize,
}

/// What is told of a copy beside its content.
#[derive(Debug)]
pub struct Kept {
    /// Where it stood.
    pub path: ManagedPath,
    /// When it is replaced.
    pub at: Timestamp,
    /// By which run.
    pub run: Option<RunId>,
    /// Its permissions.
    pub mode: u32,
    /// Its owner.
    pub owner: u32,
    /// Its group.
    pub group: u32,
    /// Whether its content is never shown.
    pub sensitive: bool,
}

impl Store {
    /// Keeps a copy; when it returns, the copy is on disk. Older ones beyond the limit go.
    pub fn keep(&self, kept: Kept, content: &[u8]) -> Result<(), Problem> {
        let folder = self.of(&kept.path);
        let shown = || format!("the folder of previous copies {}", folder.display());
        let done = self.write(&folder, kept, content);
        done.map_err(|error| Problem::io(&shown(), &error))
    }

    fn write(&self, folder: &Path, kept: Kept, content: &[u8]) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let numbers = numbers(folder)?;
        let number = numbers.last().map_or(1, |last| last + 1);
        let Kept { path, at, run, mode, owner, group, sensitive } = kept;
        let copy = PreviousCopy {
            path,
            number,
            kept: at,
            run,
            mode,
            owner,
            group,
            size: content.len() as u64,
            sha256: tell::sha256(content),
            lines: tell::lines(content),
            sensitive,
        };
        write_new(&folder.join(format!("{number}.data")), content)?;
        write_new(&folder.join(format!("{number}.json")), &serde_json::to_vec(&copy)?)?;
        File::open(folder)?.sync_all()?;
        let too_many = (numbers.len() + 1).saturating_sub(self.keep);
        for old in numbers.iter().take(too_many) {
            for end in ["json", "data"] {
                remove(&folder.join(format!("{old}.{end}")))?;
            }
        }
        Ok(())
    }

    /// Returns what is kept of `path` and below it, or of everything; by path, newest first.
    pub fn list(&self, path: Option<&ManagedPath>) -> io::Result<Vec<PreviousCopy>> {
        let mut copies = Vec::new();
        for folder in folders(&self.folder)? {
            let found = numbers(&folder)?.into_iter().filter_map(|number| told(&folder, number));
            let wanted = |copy: &PreviousCopy| path.is_none_or(|path| copy.path.is_within(path));
            copies.extend(found.filter(wanted));
        }
        copies.sort_by(|a, b| a.path.cmp(&b.path).then(b.number.cmp(&a.number)));
        Ok(copies)
    }

    /// Returns a copy of exactly `path` with its content: the one of that number, or the newest.
    pub fn read(
        &self,
        path: &ManagedPath,
        number: Option<u64>,
    ) -> io::Result<Option<(PreviousCopy, Vec<u8>)>> {
        let folder = self.of(path);
        let found = numbers(&folder)?.into_iter().rev().filter_map(|it| told(&folder, it));
        let mut found = found.filter(|copy| number.is_none_or(|number| copy.number == number));
        let Some(copy) = found.next() else { return Ok(None) };
        let content = fs::read(folder.join(format!("{}.data", copy.number)))?;
        if tell::sha256(&content) != copy.sha256 {
            return Err(io::Error::other(format!("copy {} of {path} is damaged", copy.number)));
        }
        Ok(Some((copy, content)))
    }

    fn of(&self, path: &ManagedPath) -> PathBuf {
        self.folder.join(&tell::sha256(path.to_string().as_bytes())[..32])
    }
}

fn told(folder: &Path, number: u64) -> Option<PreviousCopy> {
    let text = fs::read(folder.join(format!("{number}.json"))).ok()?;
    serde_json::from_slice(&text).ok()
}

fn folders(top: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(top) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Returns the numbers in use in a folder, ascending; those of copies cut off half-way too.
fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers: Vec<u64> = folders(folder)?
        .iter()
        .filter_map(|path| path.file_stem()?.to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(path: &str) -> Kept {
        Kept {
            path: path.parse().unwrap(),
            at: Timestamp::UNIX_EPOCH,
            run: None,
            mode: 0o640,
            owner: 1,
            group: 2,
            sensitive: false,
        }
    }

    fn numbers_of(store: &Store, path: Option<&str>) -> Vec<u64> {
        let path = path.map(|path| path.parse().unwrap());
        store.list(path.as_ref()).unwrap().iter().map(|copy| copy.number).collect()
    }

    #[test]
    fn the_newest_copies_of_each_path_stay_and_numbers_are_never_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store { folder: folder.path().join("previous"), keep: 2 };
        assert_eq!(numbers_of(&store, None), Vec::<u64>::new());
        for content in ["one", "two", "three"] {
            store.keep(kept("m/a"), content.as_bytes()).unwrap();
        }
        store.keep(kept("m/b/c"), b"other").unwrap();
        assert_eq!(numbers_of(&store, None), [3, 2, 1]);
        assert_eq!(numbers_of(&store, Some("m/b")), [1], "what is below counts");
        let read = |number| store.read(&"m/a".parse().unwrap(), number).unwrap();
        assert_eq!(read(None).unwrap().1, b"three");
        assert_eq!(read(Some(2)).unwrap().1, b"two");
        assert_eq!(read(Some(1)), None);
    }

    #[test]
    fn a_copy_that_was_cut_off_or_damaged_is_not_taken_for_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store { folder: folder.path().to_owned(), keep: 5 };
        let path: ManagedPath = "m/a".parse().unwrap();
        store.keep(kept("m/a"), b"whole").unwrap();
        let of = store.of(&path);
        fs::write(of.join("2.data"), "hal").unwrap();
        assert_eq!(numbers_of(&store, None), [1]);
        store.keep(kept("m/a"), b"next").unwrap();
        assert_eq!(numbers_of(&store, None), [3, 1]);
        fs::write(of.join("3.data"), "else").unwrap();
        assert!(store.read(&path, None).unwrap_err().to_string().contains("damaged"));
    }
}
