//! What people hear of commands that are not acted on: late, missed, too many.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{clock, code, one_line, sentence, strong, text, time};
use crate::domain::body::{Body, Span};
use crate::domain::duration;
use crate::domain::id::{ChatChannelId, MessageId, PersonId, Platform};
use crate::domain::message::PostKey;
use crate::domain::person::Account;

/// Names that a notice tells apart.
const MOST_NAMES: usize = 10;

/// What was too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flood {
    /// One person's commands.
    Person {
        /// How many are heard within a minute.
        limit: u32,
        /// Until when nothing is heard of that person.
        until: Timestamp,
    },
    /// The commands in one channel.
    Channel {
        /// How many are heard within a minute.
        limit: u32,
    },
}

/// Returns that somebody gives too many commands.
pub fn flood(flood: Flood) -> Body {
    sentence(match flood {
        Flood::Person { limit, until } => format!(
            "That is faster than I listen: {limit} commands a minute. What you type until {} is \
             not acted on, nor is it later; reactions and votes in threads count as always.",
            clock(until)
        ),
        Flood::Channel { limit } => format!(
            "More is asked in this channel than I listen to: {limit} commands a minute. Yours was \
             not acted on; type it again in a minute, or write to me directly."
        ),
    })
}

/// Returns that a command came late, and how it is given after all.
pub fn late(person: &PersonId, typed: &str, sent: Timestamp, now: Timestamp) -> Body {
    let age = duration::words(now.duration_since(sent));
    one_line([
        Span::Person(person.clone()),
        text(", I read this only now, "),
        strong(age),
        text(format!(" after it was typed at {}: ", time(sent))),
        code(format!("!{typed}")),
        text(". It was not done. If it is still wanted, type it again."),
    ])
}

/// Who gave a command that was missed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Giver {
    /// Somebody of the policy repo.
    Person(PersonId),
    /// Somebody else.
    Stranger(Account),
}

/// Returns the name of the notice about commands of a channel that were missed, by the first.
pub fn missed_key(platform: &Platform, channel: &ChatChannelId, first: &MessageId) -> PostKey {
    PostKey(format!("missed:{platform}:{channel}:{first}"))
}

/// Returns that commands came too late to be looked at: how many, and whose.
pub fn missed(counts: &BTreeMap<Giver, u64>) -> Body {
    let total: u64 = counts.values().sum();
    let (commands, were) = if total == 1 { ("command", "was") } else { ("commands", "were") };
    let mut spans = vec![text(format!(
        "{total} {commands} from before I was back {were} too old to be acted on: "
    ))];
    let mut by_count: Vec<_> = counts.iter().collect();
    by_count.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (place, (giver, count)) in by_count.iter().take(MOST_NAMES).enumerate() {
        spans.push(text(format!("{}{count} by ", if place > 0 { ", " } else { "" })));
        spans.push(match giver {
            Giver::Person(person) => Span::Person(person.clone()),
            Giver::Stranger(account) => code(account.to_string()),
        });
    }
    if by_count.len() > MOST_NAMES {
        spans.push(text(format!(" and {} others", by_count.len() - MOST_NAMES)));
    }
    spans.push(text(". Type again what is still wanted."));
    one_line(spans)
}

/// Returns the name of the notice that a channel could not be listed.
pub fn unlisted_key(platform: &Platform, channel: &ChatChannelId, now: Timestamp) -> PostKey {
    PostKey(format!("missed:{platform}:{channel}:{}", now.as_millisecond()))
}

/// Returns that what was typed in a channel while Tribune was away cannot be listed.
pub fn unlisted() -> Body {
    sentence(
        "Not everything that was typed here while I was away can be listed, so commands may have \
         been missed. Type again what you got no answer to.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::body::{Block, plain};

    fn said(body: &Body) -> String {
        let Block::Line(line) = &body.0[0] else { panic!("a line") };
        plain(line)
    }

    #[test]
    fn who_missed_most_is_named_first_and_not_everybody_is() {
        let mut counts: BTreeMap<Giver, u64> = (0..12)
            .map(|number| (Giver::Person(format!("p{number:02}").parse().unwrap()), 1))
            .collect();
        let account = Account { platform: "console".parse().unwrap(), id: "x".parse().unwrap() };
        counts.insert(Giver::Stranger(account), 3);
        let told = said(&missed(&counts));
        assert!(told.starts_with("15 commands from before I was back were too old"), "{told}");
        assert!(told.contains(": 3 by console:x, 1 by @p00, 1 by @p01,"), "{told}");
        assert!(
            told.ends_with("1 by @p08 and 3 others. Type again what is still wanted."),
            "{told}"
        );
    }
}
