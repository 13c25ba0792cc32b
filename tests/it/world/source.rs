//! A git repository and its mirror, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};
use tribune::domain::digest::Digest;
use tribune::domain::id::{ObjectId, RepoPath, Revision, RunId};
use tribune::domain::person::SigningKey;
use tribune::domain::repo::{Tree, TreeEntry};
use tribune::domain::trust::Signature;
use tribune::ports::source::{Commit, Draft, FileChange, Lineage, Pin, Source, SourceError};
use tribune::source::workbench::Content;

type Files = BTreeMap<RepoPath, Content>;

/// The remote that people push to, and Tribune's mirror of it.
#[derive(Default)]
pub struct FakeSource {
    git: Mutex<Git>,
    pushed: Notify,
    slow: watch::Sender<bool>,
}

#[derive(Default)]
struct Git {
    commits: BTreeMap<Revision, Stored>,
    branches: BTreeMap<String, Revision>,
    /// What the mirror has.
    mirrored: BTreeSet<Revision>,
    /// The head that was last fetched.
    observed: Option<Revision>,
    blobs: BTreeMap<ObjectId, Vec<u8>>,
    pins: Vec<(Pin, Revision)>,
    drafts: Vec<Draft>,
    down: bool,
    quiet: bool,
    broken: bool,
}

#[derive(Clone)]
struct Stored {
    commit: Commit,
    files: Files,
    key: Option<String>,
}

/// How a commit is made.
#[derive(Default, Clone)]
pub struct Made<'a> {
    /// Subject, and more.
    pub message: &'a str,
    /// Trailers.
    pub trailers: Vec<(String, String)>,
    /// Author's name; the address is `NAME@example.org`.
    pub author: &'a str,
    /// When.
    pub at: Timestamp,
    /// The public key that signs it.
    pub key: Option<String>,
}

fn object(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()[..40].to_owned()
}

impl Git {
    fn stored(&self, revision: &Revision) -> Result<&Stored, SourceError> {
        match self.commits.get(revision) {
            Some(stored) if self.mirrored.contains(revision) => Ok(stored),
            _ => Err(SourceError::NoCommit(revision.clone())),
        }
    }

    /// Returns what a revision reaches, itself included.
    fn reach(&self, from: &Revision) -> BTreeSet<Revision> {
        let (mut found, mut open) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(next) = open.pop() {
            if found.insert(next.clone()) {
                open.extend(self.commits[&next].commit.parents.iter().cloned());
            }
        }
        found
    }

    /// Returns the first-parent path of a revision, newest first.
    fn line(&self, from: &Revision) -> Vec<Revision> {
        let next = |at: &Revision| self.commits[at].commit.parents.first().cloned();
        std::iter::successors(Some(from.clone()), next).collect()
    }

    fn entry(content: &Content) -> TreeEntry {
        let object = object(&content.bytes).parse().expect("an object");
        TreeEntry { object, executable: content.executable, size: content.bytes.len() as u64 }
    }
}

impl FakeSource {
    /// Returns what was prepared for people to merge, oldest first.
    pub fn drafts(&self) -> Vec<Draft> {
        self.git().drafts.clone()
    }

    fn git(&self) -> MutexGuard<'_, Git> {
        self.git.lock().unwrap()
    }

    /// The remote cannot be reached, or can again.
    pub fn set_down(&self, down: bool) {
        self.git().down = down;
    }

    /// The mirror takes no branches, or does again.
    pub fn set_broken(&self, broken: bool) {
        self.git().broken = broken;
    }

    /// Fetches do not end, or do again.
    pub fn set_slow(&self, slow: bool) {
        self.slow.send_replace(slow);
    }

    /// Pushes are not noticed by themselves, or are again.
    pub fn set_quiet(&self, quiet: bool) {
        self.git().quiet = quiet;
    }

    /// Commits to a branch of the remote; `None` removes a file.
    pub fn commit(
        &self,
        branch: &str,
        changes: BTreeMap<RepoPath, Option<Content>>,
        made: Made<'_>,
    ) -> Revision {
        let head = self.git().branches.get(branch).cloned();
        let mut files = head.as_ref().map(|it| self.files(it)).unwrap_or_default();
        for (path, content) in changes {
            match content {
                Some(content) => files.insert(path, content),
                None => files.remove(&path),
            };
        }
        self.write(branch, files, head.into_iter().collect(), made)
    }

    /// Makes a branch at the head of another.
    pub fn branch(&self, name: &str, from: &str) {
        let mut git = self.git();
        let head = git.branches[from].clone();
        git.branches.insert(name.into(), head);
    }

    /// Merges a branch into another, always with a merge commit; the branch wins where both
    /// hold a file.
    pub fn merge(&self, into: &str, from: &str, made: Made<'_>) -> Revision {
        let (one, two) = {
            let git = self.git();
            (git.branches[into].clone(), git.branches[from].clone())
        };
        let mut files = self.files(&one);
        files.extend(self.files(&two));
        self.write(into, files, vec![one, two], made)
    }

    /// Sets a branch of the remote to a revision; the mirror keeps what it has.
    pub fn force(&self, branch: &str, to: &Revision) {
        self.git().branches.insert(branch.into(), to.clone());
        self.pushed.notify_one();
    }

    /// Returns the head of a branch of the remote.
    pub fn head(&self, branch: &str) -> Revision {
        self.git().branches[branch].clone()
    }

    /// Returns the files of any revision of the remote.
    pub fn files(&self, revision: &Revision) -> Files {
        self.git().commits[revision].files.clone()
    }

    fn write(
        &self,
        branch: &str,
        files: Files,
        parents: Vec<Revision>,
        made: Made<'_>,
    ) -> Revision {
        let mut git = self.git();
        let listing: Vec<_> = files.iter().map(|(path, it)| (path, Git::entry(it))).collect();
        let told = (&listing, &parents, made.message, &made.trailers, made.author);
        let told = format!("{told:?} {} {:?} {branch}", made.at, made.key);
        let revision: Revision = object(told.as_bytes()).parse().expect("a revision");
        for content in files.values() {
            git.blobs.insert(Git::entry(content).object, content.bytes.clone());
        }
        let commit = Commit {
            revision: revision.clone(),
            parents,
            author: made.author.into(),
            email: format!("{}@example.org", made.author),
            committed: made.at,
            subject: made.message.lines().next().unwrap_or_default().into(),
            trailers: made.trailers,
        };
        git.commits.insert(revision.clone(), Stored { commit, files, key: made.key });
        git.branches.insert(branch.into(), revision.clone());
        if !git.quiet {
            self.pushed.notify_one();
        }
        revision
    }
}

#[async_trait]
impl Source for FakeSource {
    async fn fetch(&self) -> Result<Revision, SourceError> {
        let fast = self.slow.subscribe().wait_for(|slow| !slow).await.map(|_| ());
        fast.expect("the world is there");
        let mut git = self.git();
        if git.down {
            return Err(SourceError::Unreachable("connection refused".into()));
        }
        let head = git.branches.get("main").cloned();
        let head = head.ok_or_else(|| SourceError::Empty("main".into()))?;
        let reach = git.reach(&head);
        git.mirrored.extend(reach);
        git.observed = Some(head.clone());
        Ok(head)
    }

    async fn changed(&self) {
        self.pushed.notified().await;
    }

    async fn path(&self, from: &Revision, to: &Revision) -> Result<Lineage, SourceError> {
        let git = self.git();
        git.stored(from)?;
        git.stored(to)?;
        let line = git.line(to);
        Ok(match line.iter().position(|it| it == from) {
            Some(place) => Lineage::Forward(line[..place].iter().rev().cloned().collect()),
            None => Lineage::Diverged,
        })
    }

    async fn contains(
        &self,
        revision: &Revision,
        ancestor: &Revision,
    ) -> Result<bool, SourceError> {
        let git = self.git();
        git.stored(revision)?;
        Ok(git.reach(revision).contains(ancestor))
    }

    async fn merges(&self, revision: &Revision) -> Result<Vec<Commit>, SourceError> {
        let git = self.git();
        git.stored(revision)?;
        let line = git.line(revision).into_iter().rev().map(|it| git.commits[&it].commit.clone());
        Ok(line.filter(|commit| commit.parents.len() > 1).collect())
    }

    async fn brought(&self, merge: &Revision) -> Result<Vec<Commit>, SourceError> {
        let git = self.git();
        let parents = &git.stored(merge)?.commit.parents;
        let had = parents.first().map(|first| git.reach(first)).unwrap_or_default();
        let mut found = Vec::new();
        for parent in parents.iter().skip(1) {
            let line = git.line(parent).into_iter().take_while(|it| !had.contains(it));
            found.extend(line.map(|it| git.commits[&it].commit.clone()));
        }
        found.reverse();
        Ok(found)
    }

    async fn commit(&self, revision: &Revision) -> Result<Commit, SourceError> {
        Ok(self.git().stored(revision)?.commit.clone())
    }

    async fn signature(
        &self,
        revision: &Revision,
        keys: &[SigningKey],
    ) -> Result<Signature, SourceError> {
        let git = self.git();
        let stored = git.stored(revision)?;
        let Some(public) = &stored.key else { return Ok(Signature::Unsigned) };
        let at = stored.commit.committed;
        let counts = |key: &SigningKey| {
            key.public == *public
                && key.valid_after.is_none_or(|after| after <= at)
                && key.valid_before.is_none_or(|before| at <= before)
        };
        let unknown = || Signature::Unknown(format!("SHA256:{}", object(public.as_bytes())));
        Ok(keys.iter().position(counts).map_or_else(unknown, Signature::By))
    }

    async fn tree(&self, revision: &Revision) -> Result<Tree, SourceError> {
        let git = self.git();
        let files = &git.stored(revision)?.files;
        Ok(Tree(files.iter().map(|(path, it)| (path.clone(), Git::entry(it))).collect()))
    }

    async fn read(&self, entry: &TreeEntry) -> Result<Vec<u8>, SourceError> {
        let found = self.git().blobs.get(&entry.object).cloned();
        found.ok_or_else(|| SourceError::Corrupt(entry.object.to_string()))
    }

    async fn read_all(
        &self,
        files: &BTreeMap<RepoPath, TreeEntry>,
    ) -> Result<BTreeMap<RepoPath, Vec<u8>>, SourceError> {
        let mut contents = BTreeMap::new();
        for (path, entry) in files {
            contents.insert(path.clone(), self.read(entry).await?);
        }
        Ok(contents)
    }

    async fn changes(
        &self,
        from: &Revision,
        to: &Revision,
    ) -> Result<Vec<FileChange>, SourceError> {
        let git = self.git();
        let (before, after) = (&git.stored(from)?.files, &git.stored(to)?.files);
        let text = |files: &Files, path: &RepoPath| match files.get(path) {
            Some(content) => String::from_utf8(content.bytes.clone()).map(Some),
            None => Ok(None),
        };
        let paths: BTreeSet<&RepoPath> = before.keys().chain(after.keys()).collect();
        let differ = paths.into_iter().filter(|path| before.get(*path) != after.get(*path));
        Ok(differ
            .filter_map(|path| {
                let (before, after) = (text(before, path).ok()?, text(after, path).ok()?);
                Some(FileChange { path: path.clone(), before, after })
            })
            .collect())
    }

    async fn checkout(
        &self,
        files: &BTreeMap<RepoPath, TreeEntry>,
        folder: &Path,
    ) -> Result<(), SourceError> {
        let broken = |error: std::io::Error| SourceError::Broken(error.to_string());
        if std::fs::read_dir(folder).map_err(broken)?.next().is_some() {
            return Err(SourceError::Broken("the folder is not empty".into()));
        }
        let mut folders = BTreeSet::from([folder.to_owned()]);
        for (path, entry) in files {
            let file = folder.join(path.as_str());
            let parent = file.parent().expect("a file lies in a folder");
            std::fs::create_dir_all(parent).map_err(broken)?;
            let above = parent.ancestors().take_while(|it| it.starts_with(folder));
            folders.extend(above.map(Path::to_owned));
            std::fs::write(&file, self.read(entry).await?).map_err(broken)?;
            set_mode(&file, if entry.executable { 0o500 } else { 0o400 }).map_err(broken)?;
        }
        folders.iter().try_for_each(|it| set_mode(it, 0o500)).map_err(broken)
    }

    async fn discard(&self, folder: &Path) -> Result<(), SourceError> {
        match folder.exists() {
            true => remove(folder).map_err(|error| SourceError::Broken(error.to_string())),
            false => Ok(()),
        }
    }

    async fn draft(&self, draft: &Draft) -> Result<String, SourceError> {
        self.git().stored(&draft.base)?;
        if self.git().broken {
            return Err(SourceError::Broken("no space is left".to_owned()));
        }
        self.git().drafts.push(draft.clone());
        Ok("/state/mirror".to_owned())
    }

    async fn pin(&self, pin: &Pin, revision: Option<&Revision>) -> Result<(), SourceError> {
        let mut git = self.git();
        if let Some(revision) = revision {
            git.stored(revision)?;
        }
        git.pins.retain(|(other, _)| other != pin);
        git.pins.extend(revision.map(|it| (pin.clone(), it.clone())));
        Ok(())
    }

    /// Everything was touched just now: only where nothing may be kept anything goes.
    async fn tidy(&self, open: &[RunId], unreached: SignedDuration) -> Result<(), SourceError> {
        let mut git = self.git();
        git.pins.retain(|(pin, _)| match pin {
            Pin::Run(run) => open.contains(run),
            Pin::Applied | Pin::Held => true,
        });
        if unreached.is_zero() {
            let roots = git.pins.iter().map(|(_, it)| it).chain(&git.observed);
            let reached: BTreeSet<_> = roots.flat_map(|it| git.reach(it)).collect();
            git.mirrored.retain(|it| reached.contains(it));
        }
        Ok(())
    }

    async fn pinned(&self, pin: &Pin) -> Result<Option<Revision>, SourceError> {
        let git = self.git();
        Ok(git.pins.iter().find(|(other, _)| other == pin).map(|(_, it)| it.clone()))
    }
}

fn set_mode(path: &Path, mode: u32) -> std::io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// Removes a folder whatever its mode, following no symlink.
fn remove(folder: &Path) -> std::io::Result<()> {
    set_mode(folder, 0o700)?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        } else {
            std::fs::remove_file(entry.path())?;
        }
    }
    std::fs::remove_dir(folder)
}
