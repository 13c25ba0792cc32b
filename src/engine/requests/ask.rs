//! Asking: from a command to a request that is stored, decided and shown.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::change::groups_of;
use super::{Engine, EngineError, Standing};
use crate::domain::arguments::{ArgumentError, arguments};
use crate::domain::audit::{self, Entry};
use crate::domain::body::{Block, Span};
use crate::domain::channel::Wanted;
use crate::domain::command::{self, nearest};
use crate::domain::decision::Outcome;
use crate::domain::digest::{Digest, digest_of};
use crate::domain::id::{ChannelName, ChatChannelId, IntentName, Platform, RequestId, TargetName};
use crate::domain::intent::{Category, Intent};
use crate::domain::message::MessageRef;
use crate::domain::param::Args;
use crate::domain::person::Principal;
use crate::domain::reply::card;
use crate::domain::repo::PolicyRepo;
use crate::domain::request::machine::{self, Effect};
use crate::domain::request::{Mode, Request, State, Via};
use crate::domain::run::PlanError;
use crate::policy::Snapshot;
use crate::ports::store::Change;

/// How long evidence may take to arrive where the intent says nothing.
const COLLECT: SignedDuration = SignedDuration::from_mins(30);

/// The number of the card that a request has first.
pub const FIRST_CARD: u32 = 1;

/// Somebody asks.
#[derive(Debug, Clone)]
pub struct Asking {
    /// Who.
    pub requester: Principal,
    /// By what way.
    pub via: Via,
    /// In which channel; `None` in a direct message.
    pub channel: Option<ChannelName>,
    /// By which message.
    pub message: Option<MessageRef>,
    /// Where the card goes.
    pub card_place: (Platform, ChatChannelId),
    /// What was typed.
    pub ask: command::Ask,
}

/// Why nothing was asked: the command itself does not hold. Nobody needed to be asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AskRefused {
    /// No policy repo is applied.
    #[error("no policy repo is applied yet, so nothing can be permitted")]
    NoSnapshot,
    /// There is no such intent.
    #[error("there is no intent {0}")]
    NoIntent(IntentName),
    /// Arguments do not fit.
    #[error("{}", list(.0))]
    Arguments(Vec<ArgumentError>),
    /// A target is needed.
    #[error("say on what: {intent} acts on {}", .offered.join(", "))]
    NoTarget {
        /// The intent.
        intent: IntentName,
        /// What it acts on.
        offered: Vec<String>,
    },
    /// A target is not one of the intent's.
    #[error("{intent} does not act on {name}; it acts on {}", .offered.join(", "))]
    Target {
        /// The intent.
        intent: IntentName,
        /// What was typed.
        name: String,
        /// What it acts on.
        offered: Vec<String>,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// It cannot be looked at without acting.
    #[error("{0} cannot be checked: it has no check")]
    NoCheck(IntentName),
    /// It cannot be planned.
    #[error(transparent)]
    Plan(PlanError),
    /// Not in this channel.
    #[error("{} intents are not asked for in #{channel}", .category.as_str())]
    Channel {
        /// The channel.
        channel: ChannelName,
        /// The kind that is not asked for there.
        category: Category,
    },
    /// Nobody could approve it where it was asked.
    #[error("{0} takes approvals, and nobody can approve in a direct message")]
    Direct(IntentName),
    /// Nobody could approve it, because the platforms are not connected on which they may.
    #[error(
        "{intent} takes approvals; those of #{channel} count only on {}, which is not connected",
        .on.join(" and ")
    )]
    NobodyApproves {
        /// The intent.
        intent: IntentName,
        /// The channel.
        channel: ChannelName,
        /// Where approvals would count.
        on: Vec<String>,
    },
    /// Nobody could approve it, because Tribune is not where they may.
    #[error(
        "{intent} takes approvals; those of #{channel} count only on {on}, where Tribune does not \
         hear that channel"
    )]
    Unheard {
        /// The intent.
        intent: IntentName,
        /// The channel.
        channel: ChannelName,
        /// Where its card would stand.
        on: Platform,
    },
    /// Nobody could be expected to read it before approving.
    #[error("the request is too long to approve: {length} characters, at most {limit}")]
    TooLong {
        /// How long.
        length: usize,
        /// How long it may be.
        limit: usize,
    },
}

fn list(errors: &[ArgumentError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Engine {
    /// Makes a request, decides it for the first time and shows its card, all in one
    /// transaction with `change` (the message that is thereby handled).
    pub async fn ask(
        self: &std::sync::Arc<Self>,
        asking: Asking,
        change: Change,
    ) -> Result<Result<RequestId, AskRefused>, EngineError> {
        self.ask_with(asking, |_| change).await
    }

    /// As [`Self::ask`], with what else is in the transaction said once the request has a number.
    pub(in crate::engine) async fn ask_with(
        self: &std::sync::Arc<Self>,
        asking: Asking,
        change: impl FnOnce(RequestId) -> Change,
    ) -> Result<Result<RequestId, AskRefused>, EngineError> {
        let Some(snapshot) = self.applied() else { return Ok(Err(AskRefused::NoSnapshot)) };
        let now = self.now();
        let fitted = match fit(&snapshot, &asking) {
            Ok(fitted) => fitted,
            Err(refused) => return Ok(Err(refused)),
        };
        let id = self.ports.store.next_request().await?;
        let request = match new_request(id, &asking, &fitted, &snapshot.repo, now) {
            Ok(request) => request,
            Err(error) => return Ok(Err(AskRefused::Plan(error))),
        };
        if let Err(refused) = check_length(&snapshot, &request, fitted.intent) {
            return Ok(Err(refused));
        }
        let (next, effects, standing) = self.first_decision(&snapshot, &request, now).await?;
        let needs_people = matches!(&next.outcome,
            Some(Outcome::NeedsApproval { missing }) if !missing.slots.is_empty());
        if asking.via == Via::Chat && asking.channel.is_none() && needs_people {
            return Ok(Err(AskRefused::Direct(request.intent)));
        }
        if needs_people && let Some(refused) = self.nobody_approves(&snapshot, &request) {
            return Ok(Err(refused));
        }
        let dispatch = effects.contains(&Effect::Dispatch);
        let made = Entry {
            at: now,
            actor: Some(request.requester.clone()),
            event: audit::Event::RequestMade,
            request: Some(id),
            revision: Some(snapshot.revision.clone()),
            detail: json!({
                "command": command::Ask::of(&request).to_string(),
                "via": request.via,
                "channel": request.channel,
                "message": request.message,
                "targets": request.targets,
                "digest": request.digest,
            }),
        };
        let step = self.change(&snapshot, &request, &next, effects, &standing, now).await?;
        let mut step = step.unwrap_or_default();
        step.audit.insert(0, made);
        self.ports.store.commit(merge(change(id), step)).await?;
        self.wake_outbox();
        self.wake_ledger();
        self.keep_clock(&next);
        if dispatch || standing.trouble.is_some() {
            self.consider(id);
        }
        Ok(Ok(id))
    }

    /// Returns why nobody could approve a request where its card would stand, if that is so because
    /// its channel has better places and none of them is connected, or Tribune is in none.
    fn nobody_approves(&self, snapshot: &Snapshot, request: &Request) -> Option<AskRefused> {
        let (platform, id) = &request.card_place;
        let channel = snapshot.repo.channel_at(platform, id)?;
        let (intent, channel_name) = (request.intent.clone(), channel.name.clone());
        let on = channel.good_for(Wanted::Approvals);
        if !on.is_empty() && !on.contains(&platform) {
            let on = on.iter().map(ToString::to_string).collect();
            return Some(AskRefused::NobodyApproves { intent, channel: channel_name, on });
        }
        let on = platform.clone();
        let refused = || AskRefused::Unheard { intent, channel: channel_name, on };
        self.is_unheard(platform, id).then(refused)
    }

    async fn first_decision(
        &self,
        snapshot: &Snapshot,
        request: &Request,
        now: Timestamp,
    ) -> Result<(Request, Vec<Effect>, Standing), EngineError> {
        let facts = match self.facts(snapshot, request, now).await? {
            Ok(facts) => facts,
            Err(unreadable) => {
                let trouble = Some(unreadable.to_string());
                let standing = Standing { trouble, ..Standing::default() };
                return Ok((request.clone(), vec![Effect::Repaint], standing));
            }
        };
        let execute =
            snapshot.repo.intents[&request.intent].approval.as_ref().map(|rule| rule.execute);
        let (event, decision) = self.weigh(snapshot, request, &facts, now);
        let (next, effects) = machine::step(request, event, execute, now)?;
        let waits_for = self.pause_of(&next).await?;
        Ok((next, effects, Standing { decision, facts, waits_for, ..Standing::default() }))
    }
}

/// What a command means on a snapshot.
struct Fitted<'a> {
    intent: &'a Intent,
    args: Args,
    asked_targets: Vec<String>,
    targets: BTreeSet<TargetName>,
}

fn fit<'a>(snapshot: &'a Snapshot, asking: &Asking) -> Result<Fitted<'a>, AskRefused> {
    let repo = &snapshot.repo;
    let ask = &asking.ask;
    let intent =
        repo.intents.get(&ask.intent).ok_or_else(|| AskRefused::NoIntent(ask.intent.clone()))?;
    let name = || intent.name.clone();
    if ask.mode == Mode::Check && !intent.can_check() {
        return Err(AskRefused::NoCheck(name()));
    }
    if let Some(channel) = asking.channel.as_ref().and_then(|name| repo.channels.get(name))
        && !channel.ask.contains(&intent.category)
    {
        let category = intent.category;
        return Err(AskRefused::Channel { channel: channel.name.clone(), category });
    }
    let args = arguments(intent, &ask.args).map_err(AskRefused::Arguments)?;
    let asked_targets = match (ask.targets.as_slice(), intent.targets.as_slice()) {
        ([], [only]) if repo.inventory.resolve(only).len() == 1 => vec![only.clone()],
        ([], offered) => {
            return Err(AskRefused::NoTarget { intent: name(), offered: offered.to_vec() });
        }
        (typed, _) => typed.to_vec(),
    };
    let mut targets = BTreeSet::new();
    for typed in &asked_targets {
        let found = repo.inventory.resolve(typed);
        if found.is_empty() || !is_offered(repo, intent, &found) {
            let known = offered(repo, intent);
            return Err(AskRefused::Target {
                intent: name(),
                name: typed.clone(),
                offered: intent.targets.clone(),
                nearest: nearest(typed, known.iter().map(String::as_str)).map(str::to_owned),
            });
        }
        targets.extend(found);
    }
    Ok(Fitted { intent, args, asked_targets, targets })
}

/// Says whether an intent acts on all of `targets`.
pub(super) fn is_offered(
    repo: &PolicyRepo,
    intent: &Intent,
    targets: &BTreeSet<TargetName>,
) -> bool {
    let offered: BTreeSet<TargetName> =
        intent.targets.iter().flat_map(|name| repo.inventory.resolve(name)).collect();
    targets.is_subset(&offered)
}

/// Returns every name by which a target of the intent can be typed.
fn offered(repo: &PolicyRepo, intent: &Intent) -> BTreeSet<String> {
    let hosts = intent.targets.iter().flat_map(|name| repo.inventory.resolve(name));
    hosts.map(String::from).chain(intent.targets.iter().cloned()).collect()
}

fn new_request(
    id: RequestId,
    asking: &Asking,
    fitted: &Fitted<'_>,
    repo: &PolicyRepo,
    now: Timestamp,
) -> Result<Request, PlanError> {
    let collect = fitted.intent.approval.as_ref().map_or(COLLECT, |rule| rule.collect);
    let mut request = Request {
        id,
        version: 0,
        requester: asking.requester.clone(),
        via: asking.via,
        channel: asking.channel.clone(),
        message: asking.message.clone(),
        card_place: asking.card_place.clone(),
        mode: asking.ask.mode,
        intent: fitted.intent.name.clone(),
        args: fitted.args.clone(),
        asked_targets: fitted.asked_targets.clone(),
        targets: fitted.targets.clone(),
        cites: asking.ask.cites.clone(),
        digest: Digest::of(b""),
        card: FIRST_CARD,
        state: State::Requested,
        asked: now,
        collect_by: now.checked_add(collect).ok(),
        permitted: None,
        execute_by: None,
        reminded: false,
        outcome: None,
        votes: Vec::new(),
        attempts: 0,
        ended: None,
    };
    request.digest = digest_of(repo, &request)?;
    Ok(request)
}

fn check_length(snapshot: &Snapshot, request: &Request, intent: &Intent) -> Result<(), AskRefused> {
    let groups = groups_of(snapshot, request);
    let command = command::Ask::of(request).to_string();
    let head = card::head(request, intent, &groups, &command);
    let length = head.iter().map(block_length).sum();
    if length > card::TOO_LONG {
        return Err(AskRefused::TooLong { length, limit: card::TOO_LONG });
    }
    Ok(())
}

fn block_length(block: &Block) -> usize {
    let line = |spans: &Vec<Span>| -> usize { spans.iter().map(span_length).sum() };
    match block {
        Block::Line(spans) => line(spans),
        Block::List(rows) => rows.iter().map(line).sum(),
        Block::Code { text, .. } => text.chars().count(),
        Block::Rule => 0,
    }
}

fn span_length(span: &Span) -> usize {
    match span {
        Span::Text(text) | Span::Strong(text) | Span::Code(text) => text.chars().count(),
        Span::Person(person) | Span::Mention(person) => person.as_str().len(),
        Span::Account(account) => account.id.as_str().len(),
        Span::Post { text, .. } | Span::Link { text, .. } => text.chars().count(),
    }
}

/// Returns both changes as one.
pub(in crate::engine) fn merge(first: Change, second: Change) -> Change {
    let Change {
        mut expect,
        mut audit,
        mut requests,
        mut runs,
        mut uses,
        mut posts,
        mut offers,
        pressed,
        mut seen,
        cursor,
        source,
        mut sightings,
        mut revisions,
        token,
        consume,
        session,
        mut end_sessions,
        mut watches,
        mut closed,
        mut looked,
        mut unwatch,
        forget,
        swept,
        mut pauses,
        mut bans,
        mut schedules,
    } = first;
    expect.extend(second.expect);
    audit.extend(second.audit);
    requests.extend(second.requests);
    runs.extend(second.runs);
    uses.extend(second.uses);
    posts.extend(second.posts);
    offers.extend(second.offers);
    seen.extend(second.seen);
    sightings.extend(second.sightings);
    revisions.extend(second.revisions);
    end_sessions.extend(second.end_sessions);
    watches.extend(second.watches);
    closed.extend(second.closed);
    looked.extend(second.looked);
    unwatch.extend(second.unwatch);
    pauses.extend(second.pauses);
    bans.extend(second.bans);
    schedules.extend(second.schedules);
    Change {
        expect,
        audit,
        requests,
        runs,
        uses,
        posts,
        offers,
        pressed: second.pressed.or(pressed),
        seen,
        cursor: second.cursor.or(cursor),
        source: second.source.or(source),
        sightings,
        revisions,
        token: second.token.or(token),
        consume: second.consume.or(consume),
        session: second.session.or(session),
        end_sessions,
        watches,
        closed,
        looked,
        unwatch,
        forget: second.forget.or(forget),
        swept: second.swept.or(swept),
        pauses,
        bans,
        schedules,
    }
}
