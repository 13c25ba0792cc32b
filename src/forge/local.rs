//! The local forge: pull requests as merge commits with trailers, for teams without a forge.
//!
//! A merge on the first-parent path of the watched branch that says `Pull-Request: 12` is pull
//! request 12. Trailers can be typed by anybody, so they are only claims; what counts is that the
//! merge is signed by the key of a known person, who is then the one who merged it. The first
//! merge that claims a number has it for good: a later one with the same number counts for
//! nothing, and is mentioned. `docs/local-forge.md` says how to make one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::domain::evidence::{Pull, PullRef};
use crate::domain::id::{ForgeName, PersonId, Revision};
use crate::domain::repo::PolicyRepo;
use crate::domain::trust::{Signature, Signers};
use crate::ports::forge::{Forge, ForgeError};
use crate::ports::source::{Commit, Source, SourceError};

/// Pull requests read from the policy repo's own history.
pub struct LocalForge {
    source: Arc<dyn Source>,
    name: ForgeName,
    branch: String,
    /// The merges of the head that was last looked at: history is long and rarely changes.
    seen: Mutex<Option<(Revision, Arc<Merges>)>>,
}

/// Merges that claim to be pull requests, by number, oldest first.
type Merges = BTreeMap<u64, Vec<Commit>>;

impl LocalForge {
    /// Reads the history that `source` holds; `branch` is what it watches.
    pub fn new(source: Arc<dyn Source>, branch: impl Into<String>) -> Self {
        let name = "local".parse().expect("it is a name");
        Self { source, name, branch: branch.into(), seen: Mutex::new(None) }
    }

    async fn merges(&self, head: &Revision) -> Result<Arc<Merges>, ForgeError> {
        if let Some((at, merges)) = &*self.seen.lock().unwrap_or_else(PoisonError::into_inner)
            && at == head
        {
            return Ok(Arc::clone(merges));
        }
        let mut merges = Merges::new();
        for merge in self.source.merges(head).await.map_err(unreadable)? {
            for number in numbers(&merge) {
                merges.entry(number).or_default().push(merge.clone());
            }
        }
        let merges = Arc::new(merges);
        let seen = Some((head.clone(), Arc::clone(&merges)));
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        Ok(merges)
    }

    /// Returns who signed a commit, if somebody known did.
    async fn signer(
        &self,
        commit: &Revision,
        signers: &Signers,
    ) -> Result<(Signature, Option<PersonId>), ForgeError> {
        let signature = self.source.signature(commit, &signers.keys).await.map_err(unreadable)?;
        let person = signers.person(&signature).cloned();
        Ok((signature, person))
    }

    /// Returns who wrote the commits of a merge, the writer of the first one first: those whose
    /// address they bear, and those who signed them.
    async fn writers(
        &self,
        commits: &[Commit],
        signers: &Signers,
        repo: &PolicyRepo,
    ) -> Result<(Option<PersonId>, BTreeSet<PersonId>), ForgeError> {
        let mut writers = BTreeSet::new();
        let mut author = None;
        for (place, commit) in commits.iter().enumerate() {
            let by_address = self.person_of(&commit.email, repo);
            if place == 0 {
                author.clone_from(&by_address);
            }
            writers.extend(by_address);
            writers.extend(self.signer(&commit.revision, signers).await?.1);
        }
        if let Some(author) = &author {
            writers.remove(author);
        }
        Ok((author, writers))
    }

    fn person_of(&self, email: &str, repo: &PolicyRepo) -> Option<PersonId> {
        let account = email.parse().ok()?;
        repo.person_of_forge(&self.name, &account).map(|person| person.id.clone())
    }
}

#[async_trait]
impl Forge for LocalForge {
    async fn pull(
        &self,
        pull: &PullRef,
        head: &Revision,
        repo: &PolicyRepo,
    ) -> Result<Pull, ForgeError> {
        let refused = |why: String| ForgeError::Refused { pull: pull.clone(), why };
        if !pull.repo.is_empty() {
            return Err(refused("this forge knows only pull requests of the policy repo".into()));
        }
        let merges = self.merges(head).await?;
        let claims = merges.get(&pull.number).map(Vec::as_slice).unwrap_or_default();
        let (merge, later) =
            claims.split_first().ok_or_else(|| ForgeError::NotFound(pull.clone()))?;
        let signers = Signers::everybody(repo);
        let (signature, merged_by) = self.signer(&merge.revision, &signers).await?;
        let merged_by =
            merged_by.ok_or_else(|| refused(not_proved(&merge.revision, &signature, later)))?;
        if merge.parents.len() != 2 || numbers(merge).len() != 1 {
            let why = "its merge joins more than two sides or claims more than one number";
            return Err(refused(why.into()));
        }
        let commands: Vec<&str> = values(merge, "Run").collect();
        if commands.len() > 1 {
            return Err(refused("its merge names more than one command".into()));
        }
        let commits = self.source.brought(&merge.revision).await.map_err(unreadable)?;
        if commits.is_empty() {
            return Err(refused("its merge brings no commit, so nobody wrote anything".into()));
        }
        let (author, contributors) = self.writers(&commits, &signers, repo).await?;
        Ok(Pull {
            pull: pull.clone(),
            title: merge.subject.clone(),
            merged: true,
            base: self.branch.clone(),
            labels: values(merge, "Label").map(str::to_owned).collect(),
            author,
            contributors,
            merged_by: Some(merged_by),
            // Whoever writes a merge can write `Reviewed-by:` into it, so it proves nothing.
            approved_by: BTreeSet::new(),
            merge: Some(merge.revision.clone()),
            command: commands.first().map(|command| (*command).to_owned()),
            labelled_by: None,
            notes: notes(merge, later),
        })
    }

    async fn pull_of(&self, revision: &Revision) -> Result<Option<PullRef>, ForgeError> {
        let commit = self.source.commit(revision).await.map_err(unreadable)?;
        let numbers = if commit.parents.len() > 1 { numbers(&commit) } else { BTreeSet::new() };
        Ok(numbers.first().map(|number| PullRef { repo: String::new(), number: *number }))
    }
}

/// Returns the values of a trailer; keys are compared as git does, whatever their case.
fn values<'a>(commit: &'a Commit, key: &'a str) -> impl Iterator<Item = &'a str> {
    let is_meant = move |found: &str| found.eq_ignore_ascii_case(key);
    commit.trailers.iter().filter(move |(key, _)| is_meant(key)).map(|(_, value)| value.trim())
}

/// Returns the numbers that a merge claims.
fn numbers(merge: &Commit) -> BTreeSet<u64> {
    values(merge, "Pull-Request")
        .filter_map(|value| value.strip_prefix('#').unwrap_or(value).parse().ok())
        .collect()
}

/// Says what is wrong with the signature of the merge that has the number.
fn not_proved(merge: &Revision, signature: &Signature, later: &[Commit]) -> String {
    let short = merge.short();
    let mut why = match signature {
        Signature::Unsigned => format!("its merge {short} is not signed"),
        Signature::By(_) | Signature::Unknown(_) => {
            format!("its merge {short} is not signed by the key of anybody in the policy repo")
        }
        Signature::Bad(what) => {
            format!("its merge {short} bears a signature that does not fit it: {what}")
        }
    };
    if !later.is_empty() {
        why.push_str("; a later merge claims the same number, which is taken: use another");
    }
    why
}

/// Returns what to show beside a pull request and not to count.
fn notes(merge: &Commit, later: &[Commit]) -> Vec<String> {
    let reviewed = values(merge, "Reviewed-by").map(|who| {
        format!("says it was reviewed by {who}; nothing proves it, so it does not count")
    });
    let taken = later.iter().map(|other| {
        let short = other.revision.short();
        format!("a later merge {short} claims the same number and does not count")
    });
    reviewed.chain(taken).collect()
}

/// Says that history could not be read: as good as a forge that does not answer.
fn unreadable(error: SourceError) -> ForgeError {
    ForgeError::Unreachable(error.to_string())
}
