//! A forge in memory: pull requests are what a test says they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use async_trait::async_trait;
use tribune::domain::evidence::{Pull, PullRef};
use tribune::domain::id::Revision;
use tribune::domain::repo::PolicyRepo;
use tribune::ports::forge::{Forge, ForgeError};

/// Pull requests by number.
#[derive(Default)]
pub struct FakeForge {
    pulls: Mutex<BTreeMap<PullRef, Pull>>,
    down: Mutex<bool>,
}

/// Returns a pull request of `author`, merged as `merge` by `merged_by`, with one label, that
/// names `command`.
pub fn merged(
    number: u64,
    (author, merged_by): (&str, &str),
    label: &str,
    command: &str,
    merge: &Revision,
) -> Pull {
    Pull {
        pull: PullRef { repo: String::new(), number },
        title: format!("Pull request {number}"),
        merged: true,
        base: "main".into(),
        labels: BTreeSet::from([label.to_owned()]),
        author: Some(author.parse().unwrap()),
        contributors: BTreeSet::new(),
        merged_by: Some(merged_by.parse().unwrap()),
        approved_by: BTreeSet::new(),
        merge: Some(merge.clone()),
        command: Some(command.into()),
        labelled_by: None,
        notes: Vec::new(),
    }
}

impl FakeForge {
    /// Puts a pull request there, or another in its place.
    pub fn put(&self, pull: Pull) {
        self.pulls.lock().unwrap().insert(pull.pull.clone(), pull);
    }

    /// The forge cannot be reached, or can again.
    pub fn set_down(&self, down: bool) {
        *self.down.lock().unwrap() = down;
    }

    fn call(&self) -> Result<(), ForgeError> {
        match *self.down.lock().unwrap() {
            true => Err(ForgeError::Unreachable("no route to it".into())),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Forge for FakeForge {
    async fn pull(
        &self,
        pull: &PullRef,
        _head: &Revision,
        _repo: &PolicyRepo,
    ) -> Result<Pull, ForgeError> {
        self.call()?;
        let found = self.pulls.lock().unwrap().get(pull).cloned();
        found.ok_or_else(|| ForgeError::NotFound(pull.clone()))
    }

    async fn pull_of(&self, revision: &Revision) -> Result<Option<PullRef>, ForgeError> {
        self.call()?;
        let pulls = self.pulls.lock().unwrap();
        Ok(pulls
            .values()
            .find(|pull| pull.merge.as_ref() == Some(revision))
            .map(|pull| pull.pull.clone()))
    }
}
