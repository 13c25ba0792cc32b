//! Looking at a cited pull request: what the forge says, and what Tribune knows besides.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::evidence::Unreadable;
use super::{Engine, EngineError};
use crate::domain::arguments::arguments;
use crate::domain::command::{self, Command, Vocabulary};
use crate::domain::evidence::{Circumstances, Citation, Evidence, Pull, PullRef};
use crate::domain::id::TargetName;
use crate::domain::intent::Intent;
use crate::domain::reply::join;
use crate::domain::request::Request;
use crate::policy::{self, Question, Snapshot};
use crate::ports::Retry;

/// A citation that counts, if it does, and what to say about it.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub citation: Option<Citation>,
    pub notes: Vec<String>,
}

impl Found {
    fn refused(why: String) -> Self {
        Self { citation: None, notes: vec![why] }
    }
}

impl Engine {
    pub(super) async fn citation(
        &self,
        snapshot: &Snapshot,
        request: &Request,
        pull: &PullRef,
        now: Timestamp,
    ) -> Result<Result<Found, Unreadable>, EngineError> {
        let intent = &snapshot.repo.intents[&request.intent];
        let Some(rule) = &intent.cite else {
            let why = format!("{} takes no citation, so {pull} counts for nothing", intent.name);
            return Ok(Ok(Found::refused(why)));
        };
        let found = match self.ports.forge.pull(pull, &snapshot.revision, &snapshot.repo).await {
            Ok(found) => found,
            Err(error) => {
                return Ok(match error.retry() {
                    Retry::Rejected => Ok(Found::refused(error.to_string())),
                    Retry::Transient | Retry::Broken => Err(Unreadable(error.to_string())),
                });
            }
        };
        let mut used = self.ports.store.uses(pull).await?;
        used.retain(|user| *user != request.id);
        if used.len() >= rule.uses as usize {
            let users: Vec<String> = used.iter().map(ToString::to_string).collect();
            let why = format!("{pull} does not count: it was used by {}", join(&users, "and"));
            return Ok(Ok(Found::refused(why)));
        }
        let Some(merge) = found.merge.clone() else {
            return Ok(Ok(Found::refused(format!("{pull} does not count: it is not merged"))));
        };
        let in_history = match self.ports.source.contains(&snapshot.revision, &merge).await {
            Ok(contains) => contains,
            Err(error) => return Ok(Err(Unreadable(error.to_string()))),
        };
        let first_seen = self.ports.store.first_seen(&merge).await?.unwrap_or(now);
        let citation = assess(snapshot, request, intent, found, first_seen, in_history, now);
        let why = policy::objections(intent, &citation);
        let why = why.into_iter().map(|why| format!("{pull} does not count: {why}"));
        let notes = why.chain(citation.pull.notes.iter().cloned()).collect();
        Ok(Ok(Found { citation: Some(citation), notes }))
    }
}

fn assess(
    snapshot: &Snapshot,
    request: &Request,
    intent: &Intent,
    pull: Pull,
    first_seen: Timestamp,
    in_history: bool,
    now: Timestamp,
) -> Citation {
    let evidence = Evidence::default();
    let question = Question::of(&snapshot.repo, request, &evidence, now);
    let eligible = policy::eligible(snapshot, &question);
    let author_flags = pull
        .author
        .as_ref()
        .and_then(|author| snapshot.repo.people.get(author))
        .map(|person| person.flags.clone())
        .unwrap_or_default();
    let bound = names_this(snapshot, request, intent, pull.command.as_deref());
    Citation::assess(
        pull,
        Circumstances {
            requester: request.requester.person(),
            proposer: None,
            eligible: &eligible,
            author_flags,
            first_seen,
            now,
            in_history,
            bound,
        },
    )
}

/// Says whether the command that a pull request names is exactly this request.
fn names_this(
    snapshot: &Snapshot,
    request: &Request,
    intent: &Intent,
    command: Option<&str>,
) -> bool {
    let Some(command) = command else { return false };
    let Ok(Command::Ask(ask)) = command::parse_command(command, &Vocabulary::of(&snapshot.repo))
    else {
        return false;
    };
    let targets: BTreeSet<TargetName> =
        ask.targets.iter().flat_map(|name| snapshot.repo.inventory.resolve(name)).collect();
    ask.intent == request.intent
        && ask.mode == request.mode
        && targets == request.targets
        && arguments(intent, &ask.args).is_ok_and(|args| args == request.args)
}
