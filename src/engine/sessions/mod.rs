//! Sign-in and sessions.
//!
//! A sign-in link bears a token of 256 bits that works once within ten minutes; a session's cookie
//! bears another. Only hashes are stored. Whether a session holds is decided anew each time it is
//! used: it ends with its time, with its person's place in the policy repo, and with a ban.

pub mod reading;
pub mod viewing;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::domain::audit::{Entry, Event};
use crate::domain::ban::Ban;
use crate::domain::digest::Digest;
use crate::domain::id::{AccountId, PersonId, Platform};
use crate::domain::person::{Person, Principal};
use crate::engine::dam::Dam;
use crate::policy::Snapshot;
use crate::ports::clock::Clock;
use crate::ports::store::{Change, Conflict, Session, SignInToken, Store, StoreError};

/// How long a sign-in link works.
const TOKEN_LIFE: SignedDuration = SignedDuration::from_mins(10);
/// How long a session lasts at most.
const SESSION_LIFE: SignedDuration = SignedDuration::from_hours(12);

/// Gives the snapshot that is applied now; `None` before the first.
pub type Applied = Arc<dyn Fn() -> Option<Arc<Snapshot>> + Send + Sync>;

/// Why somebody is not signed in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// Nothing can be decided yet.
    #[error("no revision of the policy repo is applied yet; try again in a moment")]
    NoPolicy,
    /// The policy repo does not know them.
    #[error("nobody is called {0} in the policy repo; add inventory/people/{0}.yaml")]
    UnknownPerson(PersonId),
    /// They cannot write in the console.
    #[error(
        "{0} has no account on the console; add `chat: {{ console: {0} }}` to inventory/people/{0}.yaml"
    )]
    NoAccount(PersonId),
    /// They may do nothing at all.
    #[error("{person} is banned{}: {reason}", ban_end(.until))]
    Banned {
        /// Who.
        person: PersonId,
        /// Until when; `None`: for good.
        until: Option<Timestamp>,
        /// Why.
        reason: String,
    },
    /// The link does not work (any more).
    #[error("this link was used, has expired, or never was; ask for a new one")]
    Spent,
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Says when a ban ends, for the middle of a sentence.
fn ban_end(until: &Option<Timestamp>) -> String {
    until.map(|until| format!(" until {until}")).unwrap_or_default()
}

/// A token as it stands in a link, with its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The token; nobody but its person may see it.
    pub token: String,
    /// When it stops working.
    pub until: Timestamp,
}

/// Somebody who is signed in, as of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// Who.
    pub person: Person,
    /// Their account on the console.
    pub account: AccountId,
    /// When the session ends at the latest.
    pub until: Timestamp,
}

/// Sign-in and sessions.
pub struct Sessions {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    applied: Applied,
    platform: Platform,
    /// When a guess was last told to the audit log, and how many were not since.
    guesses: Dam,
}

impl Sessions {
    /// Makes sessions for the console, which is the chat platform `platform`.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        applied: Applied,
        platform: Platform,
    ) -> Self {
        Self { store, clock, applied, platform, guesses: Dam::default() }
    }

    /// Makes a token that signs `person` in once.
    pub async fn issue_token(&self, person: &PersonId) -> Result<Issued, SessionError> {
        let now = self.clock.now();
        self.admit(person, now)?;
        let token = self.secret();
        let until = now + TOKEN_LIFE;
        let hash = Digest::of(token.as_bytes());
        let token_row = SignInToken { hash, person: person.clone(), until };
        self.store.commit(Change { token: Some(token_row), ..Change::default() }).await?;
        Ok(Issued { token, until })
    }

    /// Consumes a token and begins a session on `host`; returns the cookie's value.
    pub async fn sign_in(&self, token: &str, host: &str) -> Result<String, SessionError> {
        let now = self.clock.now();
        let hash = Digest::of(token.as_bytes());
        let Some(found) = self.store.token(&hash).await? else {
            self.note_guess(now, host).await?;
            return Err(SessionError::Spent);
        };
        if found.until <= now {
            return self.refuse(&found.person, now, host, SessionError::Spent, "expired").await;
        }
        if let Err(refusal) = self.admit(&found.person, now) {
            let why = refusal.to_string();
            return self.refuse(&found.person, now, host, refusal, &why).await;
        }
        let cookie = self.secret();
        let session = Session {
            hash: Digest::of(cookie.as_bytes()),
            person: found.person.clone(),
            host: host.to_owned(),
            since: now,
            until: now + SESSION_LIFE,
        };
        let entry = entry(now, Event::SessionStart, &found.person, json!({ "host": host }));
        let change = Change {
            audit: vec![entry],
            consume: Some((hash, now)),
            session: Some(session),
            ..Change::default()
        };
        match self.store.commit(change).await {
            Ok(_) => Ok(cookie),
            Err(StoreError::Conflict(Conflict::Seen)) => Err(SessionError::Spent),
            Err(other) => Err(other.into()),
        }
    }

    /// Returns who is signed in with this cookie on this host, decided now. A session that does
    /// not hold any more is ended, with an audit row that says why.
    pub async fn session(
        &self,
        cookie: &str,
        host: &str,
    ) -> Result<Option<SignedIn>, SessionError> {
        let now = self.clock.now();
        let hash = Digest::of(cookie.as_bytes());
        let Some(session) = self.store.session(&hash).await? else { return Ok(None) };
        if session.host != host {
            return Ok(None);
        }
        if session.until <= now {
            self.end(now, vec![session], "12 hours are over").await?;
            return Ok(None);
        }
        match self.admit(&session.person, now) {
            Ok((person, account)) => Ok(Some(SignedIn { person, account, until: session.until })),
            Err(SessionError::NoPolicy) => Err(SessionError::NoPolicy),
            Err(refusal) => {
                self.end(now, vec![session], &refusal.to_string()).await?;
                Ok(None)
            }
        }
    }

    /// Ends the session with this cookie, if there is one.
    pub async fn sign_out(&self, cookie: &str) -> Result<(), SessionError> {
        match self.store.session(&Digest::of(cookie.as_bytes())).await? {
            Some(session) => self.end(self.clock.now(), vec![session], "signed out").await,
            None => Ok(()),
        }
    }

    /// Ends every session of `person`; returns how many.
    pub async fn sign_out_everywhere(&self, person: &PersonId) -> Result<u32, SessionError> {
        let mut sessions = self.store.sessions().await?;
        sessions.retain(|session| session.person == *person);
        let count = u32::try_from(sessions.len()).unwrap_or(u32::MAX);
        if count > 0 {
            self.end(self.clock.now(), sessions, "signed out on the host").await?;
        }
        Ok(count)
    }

    /// Returns the snapshot that is applied now.
    pub fn applied(&self) -> Option<Arc<Snapshot>> {
        (self.applied)()
    }

    /// Checks that `person` is known, has a console account and is not banned.
    fn admit(
        &self,
        person: &PersonId,
        now: Timestamp,
    ) -> Result<(Person, AccountId), SessionError> {
        let snapshot = self.applied().ok_or(SessionError::NoPolicy)?;
        let repo = &snapshot.repo;
        let known =
            repo.people.get(person).ok_or_else(|| SessionError::UnknownPerson(person.clone()))?;
        if let Some(Ban { until, reason, .. }) =
            repo.live_ban(&Principal::Person(person.clone()), now)
        {
            return Err(SessionError::Banned {
                person: person.clone(),
                until: *until,
                reason: reason.clone(),
            });
        }
        let account = known
            .chat
            .get(&self.platform)
            .and_then(|accounts| accounts.first())
            .ok_or_else(|| SessionError::NoAccount(person.clone()))?;
        Ok((known.clone(), account.clone()))
    }

    /// Writes a refused sign-in to the audit log, then returns `refusal`.
    async fn refuse(
        &self,
        person: &PersonId,
        now: Timestamp,
        host: &str,
        refusal: SessionError,
        why: &str,
    ) -> Result<String, SessionError> {
        let detail = json!({ "host": host, "why": why });
        let audit = vec![entry(now, Event::SessionRefused, person, detail)];
        self.store.commit(Change { audit, ..Change::default() }).await?;
        Err(refusal)
    }

    /// Writes a token that nobody has to the audit log, unless one was written a moment ago.
    async fn note_guess(&self, now: Timestamp, host: &str) -> Result<(), SessionError> {
        let Some(more) = self.guesses.pass(now) else { return Ok(()) };
        let audit = vec![Entry {
            at: now,
            actor: None,
            event: Event::SessionRefused,
            request: None,
            revision: None,
            detail: json!({ "host": host, "why": "no such token", "more_since_last": more }),
        }];
        self.store.commit(Change { audit, ..Change::default() }).await?;
        Ok(())
    }

    /// Ends sessions with an audit row each.
    async fn end(
        &self,
        now: Timestamp,
        sessions: Vec<Session>,
        why: &str,
    ) -> Result<(), SessionError> {
        let audit = sessions
            .iter()
            .map(|session| {
                let detail = json!({ "host": session.host, "why": why });
                entry(now, Event::SessionEnd, &session.person, detail)
            })
            .collect();
        let end_sessions = sessions.into_iter().map(|session| session.hash).collect();
        self.store.commit(Change { audit, end_sessions, ..Change::default() }).await?;
        Ok(())
    }

    /// Makes 256 random bits as text for links and cookies.
    fn secret(&self) -> String {
        let mut bytes = [0; 32];
        self.clock.random(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

/// Makes an audit entry about a person's sign-in.
fn entry(at: Timestamp, event: Event, person: &PersonId, detail: serde_json::Value) -> Entry {
    let actor = Some(Principal::Person(person.clone()));
    Entry { at, actor, event, request: None, revision: None, detail }
}
