//! What is said of provisional bans, and of lifting bans.

use super::answer::{line, refused};
use super::{ban_end, clock, code, join, merging, one_line, strong, text, time};
use crate::domain::ban::Ban;
use crate::domain::body::{Block, Body, Span};
use crate::domain::id::PersonId;
use crate::domain::message::PostKey;
use crate::domain::person::Principal;
use crate::domain::provisional::{AT_ONCE, End, Prepared, ProvisionalBan, Refused};

/// Returns the name of the post that tells of a ban from its beginning to its end.
pub fn key(ban: &ProvisionalBan) -> PostKey {
    PostKey(format!("ban:{}:{}", ban.subject, ban.since.as_millisecond()))
}

/// Returns what `status` says of a ban that binds.
pub fn holds(ban: &ProvisionalBan) -> String {
    let until = time(ban.until);
    format!("@{} provisionally until {until} by @{}: {}", ban.subject, ban.by, ban.reason)
}

/// Returns the end that the lasting ban would have.
fn lasting(ban: &ProvisionalBan) -> String {
    ban.lasting.map_or("for good".to_owned(), |until| format!("until {}", time(until)))
}

fn subject(ban: &ProvisionalBan) -> Span {
    Span::Person(ban.subject.clone())
}

fn who(principal: &Principal) -> Span {
    match principal {
        Principal::Person(person) => Span::Person(person.clone()),
        Principal::Service(service) => text(format!("service {service}")),
    }
}

/// Returns how a ban stands, for the one post that tells of it.
pub fn announced(ban: &ProvisionalBan) -> Body {
    match &ban.end {
        None => binds(ban),
        Some(end) => Body(vec![Block::Line(ended(ban, end))]),
    }
}

fn binds(ban: &ProvisionalBan) -> Body {
    let mut merge = vec![text(format!("it holds {} once {} is merged", lasting(ban), ban.file))];
    match &ban.prepared {
        Some(prepared) => {
            merge.push(text(": "));
            merge.extend(merging(&prepared.from, &prepared.branch));
        }
        None => merge.push(text("; the branch with it is being prepared")),
    }
    Body(vec![
        line([
            subject(ban),
            text(" is "),
            strong("banned provisionally"),
            text(" by "),
            Span::Person(ban.by.clone()),
            text(format!(" until {}: {}", time(ban.until), ban.reason)),
        ]),
        Block::List(vec![
            merge,
            vec![
                code(format!("!unban @{}", ban.subject)),
                text(" lifts it: for who asked for it, or an admin"),
            ],
        ]),
    ])
}

fn ended(ban: &ProvisionalBan, end: &End) -> Vec<Span> {
    let was = |more: Vec<Span>| {
        let mut spans = vec![
            subject(ban),
            text(" was banned provisionally by "),
            Span::Person(ban.by.clone()),
            text(format!(": {}. ", ban.reason)),
        ];
        spans.extend(more);
        spans
    };
    match end {
        End::Lasting { revision, .. } => vec![
            subject(ban),
            text(" is "),
            strong("banned"),
            text(" by "),
            Span::Person(ban.by.clone()),
            text(format!(": {}. ", ban.reason)),
            strong("Lasting"),
            text(format!(": {} says so since revision ", ban.file)),
            code(revision.short()),
            text("."),
        ],
        End::Lifted { at, by } => {
            let mut more =
                vec![strong("Lifted"), text(" by "), who(by), text(format!(" at {}", clock(*at)))];
            if let Some(prepared) = &ban.prepared {
                more.push(text("; do not merge "));
                more.push(code(prepared.branch.clone()));
            }
            more.push(text("."));
            was(more)
        }
        End::Lapsed if ban.lasting == Some(ban.until) => {
            was(vec![strong("Over"), text(format!(" since {}.", time(ban.until)))])
        }
        End::Lapsed => was(vec![
            strong("Lapsed"),
            text(format!(" at {}: nobody merged {}.", time(ban.until), ban.file)),
        ]),
    }
}

/// Returns that somebody is banned, where that is announced elsewhere.
pub fn done(ban: &ProvisionalBan) -> Body {
    one_line([
        text("Done: "),
        Span::Post { text: format!("@{} is banned", ban.subject), key: key(ban) },
        text(format!(
            " provisionally, until {}; it holds {} once its branch is merged.",
            time(ban.until),
            lasting(ban)
        )),
    ])
}

/// Returns that a ban was lifted, where that is announced elsewhere. `others` are bans of files
/// that hold still.
pub fn lifted(ban: &ProvisionalBan, others: &[&Ban]) -> Body {
    let mut spans = vec![
        text("Done: "),
        Span::Post { text: format!("the ban on @{}", ban.subject), key: key(ban) },
        text(" is lifted."),
    ];
    if let Some(other) = others.first() {
        spans.push(text(format!(
            " {} bans them still, {}: to prepare that it is removed, once more ",
            other.origin,
            ban_end(other)
        )));
        spans.push(code(format!("!unban @{}", ban.subject)));
        spans.push(text("."));
    }
    Body(vec![Block::Line(spans)])
}

/// Returns that a branch is prepared that removes bans of files.
pub fn removal(subject: &PersonId, bans: &[&Ban], prepared: &Prepared) -> Body {
    let files: Vec<String> = bans.iter().map(|ban| ban.origin.to_string()).collect();
    let mut spans = vec![
        Span::Person(subject.clone()),
        text(format!(
            " is banned by {}, which chat cannot lift. A branch that removes it is prepared: ",
            join(&files, "and")
        )),
    ];
    spans.extend(merging(&prepared.from, &prepared.branch));
    spans.push(text(". It takes effect when it is merged, and not before."));
    Body(vec![Block::Line(spans)])
}

/// Returns that the branch that removes bans could not be prepared.
pub fn no_removal(bans: &[&Ban]) -> Body {
    let files: Vec<String> = bans.iter().map(|ban| ban.origin.to_string()).collect();
    refused(
        "the mirror of the policy repo takes no branch now",
        format!("remove {} by pull request", join(&files, "and")),
    )
}

/// Returns why somebody was not banned, whatever policy says.
pub fn not_banned(why: &Refused) -> Body {
    let hint = match why {
        Refused::Oneself => "to take a rest from operations, ask an admin".to_owned(),
        Refused::Banned(ban) => {
            format!("{}, by @{}: {}; `!banlist` lists who is", ban_end(ban), ban.by, ban.reason)
        }
        Refused::TooMany(subjects) => {
            let names: Vec<String> = subjects.iter().map(|id| format!("@{id}")).collect();
            format!(
                "merge or `!unban` one of {}, or let somebody else ban; {AT_ONCE} at once are the most",
                join(&names, "and")
            )
        }
    };
    refused(why, hint)
}

/// Returns what is added to a refusal by policy: that it would be a second ban within a week.
pub fn second(earlier: &ProvisionalBan) -> Block {
    line([text(format!(
        "@{} was banned in chat at {} by @{}, so this is another ban within 7 days.",
        earlier.subject,
        time(earlier.since),
        earlier.by
    ))])
}

/// Returns that somebody is not banned, so that there is nothing to lift.
pub fn nothing_to_lift(subject: &PersonId) -> Body {
    one_line([Span::Person(subject.clone()), text(" is not banned.")])
}
