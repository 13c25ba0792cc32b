//! The simulated source keeps what every source promises.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use tribune::domain::id::Revision;
use tribune::ports::source::Source;
use tribune::source::workbench::Content;

use super::source::{Host, Push, files, public, source_suite};
use crate::world::source::{FakeSource, Made};

/// A repository in memory.
pub struct FakeHost(Arc<FakeSource>);

fn made<'a>(push: &Push<'a>) -> Made<'a> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    Made {
        message: push.message,
        trailers: push.trailers.iter().map(owned).collect(),
        author: push.author,
        at: Timestamp::from_second(push.at).unwrap(),
        key: push.key.map(|seed| public(seed).public),
    }
}

#[async_trait]
impl Host for FakeHost {
    async fn new() -> Self {
        Self(Arc::default())
    }

    fn source(&self) -> Arc<dyn Source> {
        Arc::clone(&self.0) as _
    }

    async fn restart(&mut self) {}

    fn commit(
        &self,
        branch: &str,
        changes: &[(&str, Option<Content>)],
        push: &Push<'_>,
    ) -> Revision {
        self.0.commit(branch, files(changes), made(push))
    }

    fn branch(&self, name: &str, from: &str) {
        self.0.branch(name, from);
    }

    fn merge(&self, into: &str, from: &str, push: &Push<'_>) -> Revision {
        self.0.merge(into, from, made(push))
    }

    async fn force_push(&self, to: &Revision) {
        self.0.force("main", to);
    }
}

source_suite!(FakeHost);
