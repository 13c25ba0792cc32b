//! From one command line to a [`Command`].

use super::ask::{ask, known_intent};
use super::drift::drift;
use super::error::{GrammarError, LONGEST_LINE, LONGEST_REASON, excerpt};
use super::lex::{Word, Words};
use super::nearest;
use super::table::{self, COMMANDS, CommandWord, NOT_YET};
use super::{AuditQuery, Command, Listing, Mention, Topic, Vocabulary, alias};
use crate::domain::duration;
use crate::domain::id::{IntentName, PersonId, RequestId};
use crate::domain::invisible::is_invisible;
use crate::domain::pause::{ALL, Scope};
use crate::domain::request::Mode;

/// Reads a line without prefix. An empty one (a mere mention of Tribune) asks for help.
pub(super) fn parse_line(line: &str, vocabulary: &Vocabulary) -> Result<Command, GrammarError> {
    check_characters(line)?;
    let mut words = Words::new(line);
    let first = match words.next()? {
        Some(Word::Bare(first)) => first,
        Some(other) => return Err(unknown(&other.shown(), vocabulary)),
        None => return Ok(Command::Help(None)),
    };
    if let Some(command) = table::find(&first.to_ascii_lowercase()) {
        return Reader { command, words, vocabulary }.read();
    }
    if let Some((word, instead)) =
        NOT_YET.iter().find(|(word, _)| word.eq_ignore_ascii_case(&first))
    {
        return Err(GrammarError::NotYet { word, instead });
    }
    match alias::ask(&first, line, vocabulary)? {
        Some(ask) => Ok(Command::Ask(ask)),
        None => Err(unknown(&first, vocabulary)),
    }
}

fn check_characters(line: &str) -> Result<(), GrammarError> {
    if line.len() > LONGEST_LINE {
        return Err(GrammarError::TooLong { length: line.len() });
    }
    match line.chars().find(|c| *c != '\t' && is_invisible(*c)) {
        Some(c) => Err(GrammarError::Invisible { code: format!("U+{:04X}", u32::from(c)) }),
        None => Ok(()),
    }
}

fn unknown(typed: &str, vocabulary: &Vocabulary) -> GrammarError {
    let words = COMMANDS
        .iter()
        .map(|command| command.word)
        .chain(NOT_YET.iter().map(|(word, _)| *word))
        .chain(alias::first_words(vocabulary));
    let intent = || {
        nearest(typed, vocabulary.intents.keys().map(IntentName::as_str))
            .map(|intent| format!("run {intent}"))
    };
    let nearest = if vocabulary.intents.keys().any(|intent| intent.as_str() == typed) {
        Some(format!("run {typed}"))
    } else {
        nearest(typed, words).map(str::to_owned).or_else(intent)
    };
    GrammarError::UnknownCommand { typed: excerpt(typed), nearest }
}

/// Reads what follows a command word.
struct Reader<'a> {
    command: &'static CommandWord,
    words: Words<'a>,
    vocabulary: &'a Vocabulary,
}

impl Reader<'_> {
    fn read(mut self) -> Result<Command, GrammarError> {
        let parsed = match self.command.word {
            "run" | "check" => return self.ask().map(Command::Ask),
            "deny" => return self.deny(),
            "why" => return self.why(),
            "drift" => return drift(self.words, self.vocabulary).map(Command::Drift),
            "pause" => return self.pause(),
            "ban" => return self.ban(),
            "help" => Command::Help(self.topic()?),
            "ping" => Command::Ping,
            "whoami" => Command::WhoAmI,
            "whois" => Command::WhoIs(self.person()?),
            "intents" => Command::Intents,
            "approve" => Command::Approve(self.request()?),
            "cancel" => Command::Cancel(self.request()?),
            "again" => Command::Again(self.request()?),
            "status" => Command::Status(self.optional_request()?),
            "requests" => Command::Requests(self.listing()?),
            "output" => Command::Output(self.request()?),
            "who" => Command::Who(self.request()?),
            "resume" => Command::Resume(self.scope()?),
            "reconcile" => Command::Reconcile,
            "audit" => Command::Audit(self.audit_query()?),
            "login" => Command::Login,
            "unban" => Command::Unban(self.person()?),
            "banlist" => Command::BanList,
            other => return Err(unknown(other, self.vocabulary)),
        };
        match self.words.next()? {
            Some(word) => Err(self.unexpected(&word)),
            None => Ok(parsed),
        }
    }

    fn unexpected(&self, word: &Word) -> GrammarError {
        GrammarError::UnexpectedWord { word: word.shown(), command: self.command }
    }

    fn ask(self) -> Result<super::Ask, GrammarError> {
        let mode = if self.command.word == "check" { Mode::Check } else { Mode::Run };
        ask(mode, self.command, self.words, self.vocabulary)
    }

    fn topic(&mut self) -> Result<Option<Topic>, GrammarError> {
        let Some(word) = self.words.next()? else { return Ok(None) };
        let typed = match &word {
            Word::Bare(typed) | Word::Quoted(typed) => typed.as_str(),
            Word::Pair(..) => return Err(self.unexpected(&word)),
        };
        let typed = typed.strip_prefix('!').unwrap_or(typed);
        if let Ok(intent) = known_intent(typed, self.vocabulary) {
            return Ok(Some(Topic::Intent(intent)));
        }
        if let Some(command) = table::find(&typed.to_ascii_lowercase()) {
            return Ok(Some(Topic::Command(command)));
        }
        let known = self.vocabulary.intents.keys().map(IntentName::as_str);
        let known = known.chain(COMMANDS.iter().map(|command| command.word));
        Err(GrammarError::UnknownTopic {
            typed: excerpt(typed),
            nearest: nearest(typed, known).map(str::to_owned),
        })
    }

    fn request(&mut self) -> Result<RequestId, GrammarError> {
        self.optional_request()?.ok_or(GrammarError::MissingRequest { command: self.command })
    }

    fn optional_request(&mut self) -> Result<Option<RequestId>, GrammarError> {
        let Some(word) = self.words.next()? else { return Ok(None) };
        match &word {
            Word::Bare(typed) | Word::Quoted(typed) => request_id(typed),
            Word::Pair(..) => None,
        }
        .map(Some)
        .ok_or_else(|| GrammarError::BadRequest { typed: word.shown(), command: self.command })
    }

    fn person(&mut self) -> Result<PersonId, GrammarError> {
        let word = self.words.next()?;
        let word = word.ok_or(GrammarError::MissingPerson { command: self.command })?;
        match self.mention(&word)? {
            Some(person) => self.known(person),
            None => Err(GrammarError::BadPerson { typed: word.shown(), command: self.command }),
        }
    }

    /// Returns whom a word mentions, known or not. An account that is nobody's is not the person
    /// who happens to be called as it is.
    fn mention(&self, word: &Word) -> Result<Option<PersonId>, GrammarError> {
        let Word::Bare(typed) = word else { return Ok(None) };
        let typed = typed.trim_end_matches([',', ':']);
        match self.vocabulary.mentions.get(typed) {
            Some(Mention::Person(person)) => Ok(Some(person.clone())),
            Some(Mention::Stranger(account)) => Err(GrammarError::UnknownAccount {
                typed: excerpt(typed),
                account: account.to_string(),
            }),
            None => {
                let name = typed.strip_prefix('@');
                Ok(name.and_then(|name| name.to_ascii_lowercase().parse().ok()))
            }
        }
    }

    fn known(&self, person: PersonId) -> Result<PersonId, GrammarError> {
        if self.vocabulary.people.contains(&person) {
            return Ok(person);
        }
        let people = self.vocabulary.people.iter().map(PersonId::as_str);
        Err(GrammarError::UnknownPerson {
            nearest: nearest(person.as_str(), people).map(str::to_owned),
            typed: excerpt(person.as_str()),
        })
    }

    fn listing(&mut self) -> Result<Listing, GrammarError> {
        match self.words.next()? {
            None => Ok(Listing::All),
            Some(Word::Bare(word)) if word == "mine" => Ok(Listing::Mine),
            Some(Word::Bare(word)) if word == "open" => Ok(Listing::Open),
            Some(word) => Err(self.unexpected(&word)),
        }
    }

    /// Reads a request and, taken as typed, a reason: apostrophes in it are no quotes.
    fn deny(mut self) -> Result<Command, GrammarError> {
        let request = self.request()?;
        let reason = self.words.rest();
        let length = reason.chars().count();
        if length > LONGEST_REASON {
            return Err(GrammarError::LongReason { length });
        }
        let reason = (!reason.is_empty()).then(|| reason.to_owned());
        Ok(Command::Deny { request, reason })
    }

    /// Reads what to hold, for how long and why. Quotes around the whole reason are left out.
    fn pause(mut self) -> Result<Command, GrammarError> {
        let scope = self.scope()?;
        let length = match self.words.next()? {
            Some(Word::Bare(typed) | Word::Quoted(typed)) => duration::parse(&typed),
            Some(Word::Pair(..)) | None => duration::parse(""),
        };
        let length =
            length.map_err(|error| GrammarError::BadDuration { error, command: self.command })?;
        let rest = self.words.rest();
        let reason = match self.words.next()? {
            Some(Word::Quoted(reason)) if self.words.rest().is_empty() => reason,
            Some(_) => rest.to_owned(),
            None => String::new(),
        };
        let reason = self.reason(reason)?;
        Ok(Command::Pause { scope, length, reason })
    }

    /// Reads whom to ban, why and for how long. The last word says how long; quotes around the
    /// whole reason are left out.
    fn ban(mut self) -> Result<Command, GrammarError> {
        let person = self.person()?;
        let rest = self.words.rest();
        let quoted = match self.words.next()? {
            Some(Word::Quoted(reason)) => Some(reason),
            Some(Word::Bare(_) | Word::Pair(..)) | None => None,
        };
        let (reason, last) = match quoted {
            Some(reason) => (reason, self.words.rest()),
            None => match rest.rsplit_once(char::is_whitespace) {
                Some((reason, last)) => (reason.trim().to_owned(), last),
                None => (String::new(), rest),
            },
        };
        let reason = self.reason(reason)?;
        let length = duration::parse_length(&last.to_ascii_lowercase())
            .map_err(|error| GrammarError::BadDuration { error, command: self.command })?;
        Ok(Command::Ban { person, reason, length })
    }

    /// Checks a reason.
    fn reason(&self, reason: String) -> Result<String, GrammarError> {
        let count = reason.chars().count();
        match (reason.trim().is_empty(), count > LONGEST_REASON) {
            (true, _) => Err(GrammarError::MissingReason { command: self.command }),
            (false, true) => Err(GrammarError::LongReason { length: count }),
            (false, false) => Ok(reason.trim().to_owned()),
        }
    }

    /// Reads an intent or `all`.
    fn scope(&mut self) -> Result<Scope, GrammarError> {
        match self.words.next()? {
            Some(Word::Bare(typed)) if typed.eq_ignore_ascii_case(ALL) => Ok(Scope::All),
            Some(Word::Bare(typed)) => known_intent(&typed, self.vocabulary).map(Scope::Intent),
            Some(Word::Quoted(_) | Word::Pair(..)) | None => {
                Err(GrammarError::MissingIntent { command: self.command })
            }
        }
    }

    fn why(mut self) -> Result<Command, GrammarError> {
        let mut ahead = self.words.clone();
        let person = match ahead.next()? {
            Some(word) => self.mention(&word)?,
            None => None,
        };
        if let Some(person) = person {
            let person = self.known(person)?;
            let ask = ask(Mode::Run, self.command, ahead, self.vocabulary)?;
            return Ok(Command::WhyIf { person, ask });
        }
        let request = self.request()?;
        match self.words.next()? {
            Some(word) => Err(self.unexpected(&word)),
            None => Ok(Command::Why(request)),
        }
    }

    fn audit_query(&mut self) -> Result<AuditQuery, GrammarError> {
        let mut query = AuditQuery::default();
        while let Some(word) = self.words.next()? {
            let taken = if let Some(person) = self.mention(&word)? {
                query.person.replace(person).is_some()
            } else {
                let Word::Bare(typed) = &word else { return Err(self.unexpected(&word)) };
                match (request_id(typed), duration::parse(typed)) {
                    (Some(request), _) => query.request.replace(request).is_some(),
                    (None, Ok(within)) => query.within.replace(within).is_some(),
                    (None, Err(_)) => return Err(self.unexpected(&word)),
                }
            };
            if taken {
                return Err(self.unexpected(&word));
            }
        }
        Ok(query)
    }
}

/// Reads `r42`, `R42` or `42`.
fn request_id(typed: &str) -> Option<RequestId> {
    let number = typed.strip_prefix(['r', 'R']).unwrap_or(typed);
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| number.parse().ok().map(RequestId)).flatten()
}
