//! Commands that tell something about requests, runs, the audit log and Tribune itself.

use std::sync::Arc;

use serde_json::json;

use super::{Answer, Given, thread_root};
use crate::domain::audit::{Entry, Event};
use crate::domain::body::Body;
use crate::domain::command::{AuditQuery, Listing};
use crate::domain::decision::Outcome;
use crate::domain::evidence::Evidence;
use crate::domain::id::{PersonId, RequestId, RoleName, RunId};
use crate::domain::message::{Place, Post};
use crate::domain::reply::{answer as reply, drift, run as run_reply, standing};
use crate::domain::request::State;
use crate::engine::schedules::Planned;
use crate::engine::sessions::Applied;
use crate::engine::sessions::reading::Reader;
use crate::engine::sessions::viewing::Viewing;
use crate::engine::{Engine, EngineError};
use crate::policy::{self, Act, Page, Question, Scene, Viewed};
use crate::ports::store::{AuditFilter, RequestFilter};

/// Requests that one answer lists.
const LISTED: u32 = 15;

/// Audit rows that one answer lists.
const ROWS: u32 = 20;

impl Engine {
    /// Returns what policy lets the person see of what there is, by a command typed here.
    pub(super) fn viewing(&self, given: &Given<'_>) -> Viewing {
        let (store, clock) = (Arc::clone(&self.ports.store), Arc::clone(&self.ports.clock));
        let snapshot = Arc::clone(given.snapshot);
        let applied: Applied = Arc::new(move || Some(Arc::clone(&snapshot)));
        Viewing::new(store, clock, applied).asked_in(given.channel.clone())
    }

    pub(super) fn view_denied(&self, given: &Given<'_>, id: RequestId) -> Entry {
        Entry {
            at: self.now(),
            actor: Some(given.principal()),
            event: Event::ViewDenied,
            request: Some(id),
            revision: Some(given.snapshot.revision.clone()),
            detail: json!({ "message": given.message.at }),
        }
    }

    pub(super) async fn overall(&self, given: &Given<'_>) -> Result<Answer, EngineError> {
        let states = super::super::clocks::WAITING.to_vec();
        let filter = RequestFilter { states, ..RequestFilter::default() };
        let open = self.ports.store.requests(&filter).await?;
        let source = self.ports.store.source().await?;
        let (pauses, bans) = (self.pauses().await?, self.binding_bans().await?);
        let schedules: Vec<_> = self.planned().await?.iter().map(Planned::line).collect();
        Ok(Answer::say(standing::overall(&standing::Overall {
            applied: &given.snapshot.revision,
            observed: source.observed.as_ref(),
            trouble: source.trouble.as_ref().map(|trouble| trouble.summary.as_str()),
            unreachable: source.unreachable.as_deref(),
            open: open.len(),
            running: &self.running(),
            standing: &drift::counts(&self.ports.store.watches().await?),
            since: self.started,
            pauses: &pauses,
            bans: &bans,
            schedules: &schedules,
        })))
    }

    pub(super) async fn status_of(
        &self,
        given: &Given<'_>,
        id: RequestId,
    ) -> Result<Answer, EngineError> {
        Ok(match self.visible(given, id).await? {
            Ok(request) => Answer::say(standing::status(&request)),
            Err(answer) => answer,
        })
    }

    pub(super) async fn requests(
        &self,
        given: &Given<'_>,
        listing: Listing,
    ) -> Result<Answer, EngineError> {
        let requester = (listing == Listing::Mine).then(|| given.person.id.clone());
        let filter = RequestFilter { requester, limit: 200, ..RequestFilter::default() };
        let mut found = self.ports.store.requests(&filter).await?;
        let viewing = self.viewing(given);
        found.retain(|request| {
            (listing != Listing::Open || !request.state.is_final())
                && viewing.may_view_request(&given.person.id, request)
        });
        found.truncate(LISTED as usize);
        Ok(Answer::say(standing::listing(&found)))
    }

    pub(super) async fn output_of(
        &self,
        given: &Given<'_>,
        id: RequestId,
    ) -> Result<Answer, EngineError> {
        let request = match self.visible(given, id).await? {
            Ok(request) => request,
            Err(answer) => return Ok(answer),
        };
        let run = RunId { request: id, attempt: request.attempts };
        let Some(record) = self.ports.store.run(run).await? else {
            return Ok(Answer::say(standing::not_run(id)));
        };
        let shown = self.options.output_shown * 3;
        let at = &given.message.at;
        let file = run_reply::is_cut(&record, shown).then(|| Post {
            key: run_reply::file_key(run, Some(at)),
            place: Place::Reply(match &given.message.thread {
                Some(root) => thread_root(at, root),
                None => at.clone(),
            }),
            body: Body::default(),
            seeds: Vec::new(),
        });
        let posts = file.into_iter().collect();
        Ok(Answer { posts, ..Answer::say(run_reply::output(&record, shown)) })
    }

    pub(super) async fn why(
        self: &Arc<Self>,
        given: &Given<'_>,
        id: RequestId,
    ) -> Result<Answer, EngineError> {
        let request = match self.visible(given, id).await? {
            Ok(request) => request,
            Err(answer) => return Ok(answer),
        };
        let now = self.now();
        let facts = self.facts(given.snapshot, &request, now).await?.unwrap_or_default();
        let question = Question::of(&given.snapshot.repo, &request, &facts.evidence, now);
        let decision = policy::decide(given.snapshot, &question);
        Ok(Answer::say(standing::why(&request, &decision, &facts.citation)))
    }

    pub(super) async fn who(
        &self,
        given: &Given<'_>,
        id: RequestId,
    ) -> Result<Answer, EngineError> {
        let request = match self.visible(given, id).await? {
            Ok(request) => request,
            Err(answer) => return Ok(answer),
        };
        if request.state != State::NeedsApproval {
            return Ok(Answer::say(standing::needs_nobody(&request)));
        }
        let now = self.now();
        let evidence = Evidence { approvals: request.votes.clone(), ..Evidence::default() };
        let question = Question::of(&given.snapshot.repo, &request, &evidence, now);
        let who: Vec<(RoleName, Vec<PersonId>)> = match &request.outcome {
            Some(Outcome::NeedsApproval { missing }) => {
                policy::who_could(given.snapshot, &question, missing).into_iter().collect()
            }
            Some(Outcome::Permit | Outcome::Deny) | None => Vec::new(),
        };
        Ok(Answer::say(standing::who_could(&request, &who)))
    }

    pub(super) async fn audit_rows(
        &self,
        given: &Given<'_>,
        query: AuditQuery,
    ) -> Result<Answer, EngineError> {
        let scene = Scene::chat(given.channel.as_ref(), self.now());
        let act = Act::View(Viewed::Page(Page::Audit));
        let verdict = policy::may(given.snapshot, &given.principal(), &act, &scene);
        if !verdict.allowed {
            let entry = Entry {
                at: self.now(),
                actor: Some(given.principal()),
                event: Event::ViewDenied,
                request: query.request,
                revision: Some(given.snapshot.revision.clone()),
                detail: json!({ "page": "audit" }),
            };
            let body = Some(standing::may_not(&verdict.reasons));
            return Ok(Answer { body, audit: vec![entry], ..Answer::default() });
        }
        let filter = AuditFilter {
            request: query.request,
            person: query.person,
            since: query.within.map(|within| self.now() - within),
            limit: ROWS,
            ..AuditFilter::default()
        };
        let reader = Reader::new(Arc::clone(&self.ports.store), Arc::new(self.viewing(given)));
        let mut rows = reader.read(&given.person.id, &filter).await?.rows;
        rows.reverse();
        Ok(Answer::say(standing::audit(&rows)))
    }

    pub(super) async fn login(&self, given: &Given<'_>) -> Result<Answer, EngineError> {
        if !given.message.direct {
            return Ok(Answer::say(reply::login_elsewhere()));
        }
        Ok(Answer::say(match self.sign_in_link(&given.person.id).await {
            Ok((url, until)) => reply::login(url, until),
            Err(error) => reply::refused(&error, "ask an admin to look at the policy repo"),
        }))
    }
}
