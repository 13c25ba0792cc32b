//! What follows `drift`: an incident or intent to tell about, or something to do.

use jiff::SignedDuration;

use super::Vocabulary;
use super::ask::known_intent;
use super::error::{GrammarError, LONGEST_REASON, excerpt};
use super::lex::{Word, Words};
use super::nearest;
use crate::domain::duration;
use crate::domain::id::{IncidentId, IntentName};

/// What a person wants to know of drift, or done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    /// `!drift`
    Overview,
    /// `!drift <intent>`
    OfIntent(IntentName),
    /// `!drift d7`
    OfIncident(IncidentId),
    /// `!drift check [intent]`
    Check(Option<IntentName>),
    /// `!drift repair d7`: declared wins.
    Repair(IncidentId),
    /// `!drift keep d7`: live wins.
    Keep(IncidentId),
    /// `!drift ignore d7 24h "reason"`
    Ignore {
        /// Which incident.
        incident: IncidentId,
        /// For how long.
        length: SignedDuration,
        /// Why, as typed.
        reason: Option<String>,
    },
}

/// Why what follows `drift` is no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriftError {
    /// Neither incident nor intent, nor something to do.
    #[error("`!drift` knows no `{typed}`")]
    Unknown {
        /// The word.
        typed: String,
        /// What may be meant.
        nearest: Option<String>,
    },
    /// No incident is named.
    #[error("`!drift {verb}` does not say which incident")]
    MissingIncident {
        /// What is to be done.
        verb: &'static str,
    },
    /// Not the number of an incident.
    #[error("`{typed}` is not the number of an incident")]
    BadIncident {
        /// The word.
        typed: String,
    },
    /// No duration follows, or what follows is none.
    #[error("`!drift ignore` does not say for how long")]
    NoDuration,
    /// The reason is too long.
    #[error("the reason is longer than {LONGEST_REASON} characters")]
    LongReason,
    /// A word too many.
    #[error("`{word}` is out of place in `!drift`")]
    Unexpected {
        /// The word.
        word: String,
    },
}

impl DriftError {
    /// Returns what to type instead, in Markdown.
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { nearest: Some(nearest), .. } => {
                format!("did you mean `!drift {nearest}`? `!drift` lists what differs")
            }
            Self::Unknown { nearest: None, .. }
            | Self::MissingIncident { .. }
            | Self::BadIncident { .. } => {
                "write incidents as `d7`; `!drift` lists what differs".into()
            }
            Self::NoDuration => {
                "give a duration, such as `!drift ignore d7 24h \"being tested\"`".into()
            }
            Self::LongReason => "say it in fewer words".into(),
            Self::Unexpected { .. } => "`!help drift` shows how it is typed".into(),
        }
    }
}

const VERBS: [&str; 4] = ["check", "repair", "keep", "ignore"];

/// Reads what follows `drift`.
pub(super) fn drift(mut words: Words<'_>, vocabulary: &Vocabulary) -> Result<Drift, GrammarError> {
    let parsed = match words.next()? {
        None => Drift::Overview,
        Some(Word::Bare(word)) => match word.as_str() {
            "check" => match words.next()? {
                None => Drift::Check(None),
                Some(Word::Bare(name)) => Drift::Check(Some(known_intent(&name, vocabulary)?)),
                Some(word) => return Err(unexpected(&word)),
            },
            "repair" => Drift::Repair(incident(&mut words, "repair")?),
            "keep" => Drift::Keep(incident(&mut words, "keep")?),
            "ignore" => return ignore(words),
            word => about(word, vocabulary)?,
        },
        Some(word) => return Err(unexpected(&word)),
    };
    match words.next()? {
        Some(word) => Err(unexpected(&word)),
        None => Ok(parsed),
    }
}

fn unexpected(word: &Word) -> GrammarError {
    DriftError::Unexpected { word: word.shown() }.into()
}

fn about(word: &str, vocabulary: &Vocabulary) -> Result<Drift, DriftError> {
    if let Ok(intent) = known_intent(word, vocabulary) {
        return Ok(Drift::OfIntent(intent));
    }
    word.parse().map(Drift::OfIncident).map_err(|_| {
        let known = vocabulary.intents.keys().map(IntentName::as_str).chain(VERBS);
        DriftError::Unknown {
            typed: excerpt(word),
            nearest: nearest(word, known).map(str::to_owned),
        }
    })
}

fn incident(words: &mut Words<'_>, verb: &'static str) -> Result<IncidentId, GrammarError> {
    let word = words.next()?.ok_or(DriftError::MissingIncident { verb })?;
    let Word::Bare(typed) = &word else { return Err(unexpected(&word)) };
    Ok(typed.parse().map_err(|_| DriftError::BadIncident { typed: excerpt(typed) })?)
}

/// Reads incident, duration and, in quotes or not, a reason.
fn ignore(mut words: Words<'_>) -> Result<Drift, GrammarError> {
    let incident = incident(&mut words, "ignore")?;
    let length = match words.next()? {
        Some(Word::Bare(typed)) => duration::parse(&typed).map_err(|_| DriftError::NoDuration)?,
        Some(_) | None => return Err(DriftError::NoDuration.into()),
    };
    let reason = words.rest().trim();
    let bare = reason.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let reason = bare.unwrap_or(reason).trim();
    if reason.chars().count() > LONGEST_REASON {
        return Err(DriftError::LongReason.into());
    }
    let reason = (!reason.is_empty()).then(|| reason.to_owned());
    Ok(Drift::Ignore { incident, length, reason })
}
