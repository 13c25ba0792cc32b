//! What every forge promises, asked of the simulated one here and of each real one beside it.

use async_trait::async_trait;
use tribune::domain::evidence::{Pull, PullRef};
use tribune::domain::id::Revision;
use tribune::domain::repo::PolicyRepo;
use tribune::ports::Retry;
use tribune::ports::forge::{Forge, ForgeError};

use crate::world::forge::{FakeForge, merged};

/// A pull request of `bob`'s that `eve` merged.
pub struct Merged {
    pub number: u64,
    pub label: &'static str,
    pub command: &'static str,
}

/// A forge with the people `bob` and `eve`, and what they do there.
#[async_trait]
pub trait Hub: Sized + Send + Sync {
    async fn new() -> Self;

    /// Returns Tribune's side.
    fn forge(&self) -> &dyn Forge;

    /// Returns the policy repo in which accounts are looked up.
    fn people(&self) -> PolicyRepo;

    /// A pull request is written and merged; returns the merge.
    async fn merge(&self, pull: &Merged) -> Revision;

    /// Somebody pushes a commit that belongs to no pull request.
    async fn push(&self) -> Revision;

    /// Returns the head of the watched branch.
    async fn head(&self) -> Revision;

    /// Pull requests cannot be read from now on.
    async fn cut_off(&self);
}

/// The simulated forge.
struct FakeHub(FakeForge);

fn revision(digit: u64) -> Revision {
    format!("{digit:040}").parse().unwrap()
}

#[async_trait]
impl Hub for FakeHub {
    async fn new() -> Self {
        Self(FakeForge::default())
    }

    fn forge(&self) -> &dyn Forge {
        &self.0
    }

    fn people(&self) -> PolicyRepo {
        PolicyRepo::default()
    }

    async fn merge(&self, pull: &Merged) -> Revision {
        let merge = revision(pull.number);
        self.0.put(merged(pull.number, ("bob", "eve"), pull.label, pull.command, &merge));
        merge
    }

    async fn push(&self) -> Revision {
        revision(0)
    }

    async fn head(&self) -> Revision {
        revision(0)
    }

    async fn cut_off(&self) {
        self.0.set_down(true);
    }
}

const RESTART: Merged =
    Merged { number: 12, label: "ops/restart", command: "!run restart-service on web1" };
const DEPLOY: Merged = Merged { number: 13, label: "ops/deploy", command: "!run deploy on web1" };

fn number(number: u64) -> PullRef {
    PullRef { repo: String::new(), number }
}

async fn ask(hub: &impl Hub, pull: &PullRef) -> Result<Pull, ForgeError> {
    hub.forge().pull(pull, &hub.head().await, &hub.people()).await
}

pub async fn a_merged_pull_request_says_who_and_what<H: Hub>() {
    let hub = H::new().await;
    let (one, two) = (hub.merge(&RESTART).await, hub.merge(&DEPLOY).await);
    for (wanted, merge) in [(&DEPLOY, &two), (&RESTART, &one)] {
        let pull = ask(&hub, &number(wanted.number)).await.unwrap();
        assert_eq!((pull.pull.clone(), pull.merged), (number(wanted.number), true));
        assert_eq!((pull.base.as_str(), pull.merge.as_ref()), ("main", Some(merge)));
        assert!(pull.labels.iter().eq([wanted.label]) && !pull.title.is_empty());
        assert_eq!(pull.command.as_deref(), Some(wanted.command));
        let people = [&pull.author, &pull.merged_by].map(|it| it.as_ref().unwrap().to_string());
        assert_eq!(people, ["bob", "eve"]);
        assert!(!pull.contributors.contains(pull.author.as_ref().unwrap()));
        assert_eq!(ask(&hub, &number(wanted.number)).await, Ok(pull), "it stays as it is");
    }
}

pub async fn what_is_not_there_is_not_found_and_what_is_elsewhere_is_rejected<H: Hub>() {
    let hub = H::new().await;
    hub.merge(&RESTART).await;
    assert_eq!(ask(&hub, &number(13)).await, Err(ForgeError::NotFound(number(13))));
    let elsewhere = PullRef { repo: "other".into(), number: RESTART.number };
    assert_eq!(ask(&hub, &elsewhere).await.unwrap_err().retry(), Retry::Rejected);
}

pub async fn a_commit_belongs_to_the_pull_request_that_brought_it_or_to_none<H: Hub>() {
    let hub = H::new().await;
    let push = hub.push().await;
    let merge = hub.merge(&RESTART).await;
    hub.head().await;
    assert_eq!(hub.forge().pull_of(&merge).await, Ok(Some(number(12))));
    assert_eq!(hub.forge().pull_of(&push).await, Ok(None));
}

pub async fn a_forge_that_cannot_be_read_says_so_and_never_that_nothing_is_there<H: Hub>() {
    let hub = H::new().await;
    let merge = hub.merge(&RESTART).await;
    let head = hub.head().await;
    hub.cut_off().await;
    let read = hub.forge().pull(&number(12), &head, &hub.people()).await.unwrap_err();
    let found = hub.forge().pull_of(&merge).await.unwrap_err();
    for error in [read, found] {
        assert!(matches!(error, ForgeError::Unreachable(_)), "{error:?}");
        assert_eq!(error.retry(), Retry::Transient);
    }
}

/// Runs the suite over a hub.
macro_rules! forge_suite {
    ($hub:ident) => {
        crate::contract::forge::forge_suite!($hub:
            a_merged_pull_request_says_who_and_what
            what_is_not_there_is_not_found_and_what_is_elsewhere_is_rejected
            a_commit_belongs_to_the_pull_request_that_brought_it_or_to_none
            a_forge_that_cannot_be_read_says_so_and_never_that_nothing_is_there
        );
    };
    ($hub:ident: $($name:ident)*) => {
        mod suite {
            $(#[tokio::test]
            async fn $name() {
                crate::contract::forge::$name::<super::$hub>().await;
            })*
        }
    };
}
pub(crate) use forge_suite;

forge_suite!(FakeHub);
