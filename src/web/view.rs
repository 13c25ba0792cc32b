//! Messages as pages show them: plain values for the templates.

use askama::Template;

use super::error::WebError;
use super::place::Place;
use super::reader::Reader;
use super::{Site, card, markdown};
use crate::domain::id::AccountId;
use crate::domain::message::Sign;
use crate::domain::person::Account;
use crate::domain::request::State;
use crate::ports::board::BoardMessage;

/// Tribune's own account on the board.
const TRIBUNE: &str = "tribune";
/// How many colours there are for people without a picture; the style names them.
const HUES: u32 = 8;

/// One message, rendered by `message.html`.
#[derive(Debug, Clone, Template)]
#[template(path = "message.html")]
pub struct MessageView {
    /// Its id.
    pub id: String,
    /// The path of its channel.
    pub base: String,
    /// The session's form token.
    pub csrf: String,
    /// Who wrote it.
    pub author: String,
    /// Their name in commands.
    pub handle: String,
    /// The first letter of their name.
    pub initial: String,
    /// Which colour they have.
    pub hue: u32,
    /// Whether Tribune wrote it.
    pub tribune: bool,
    /// Whether the reader wrote it.
    pub mine: bool,
    /// How the request stands, if the message is its card.
    pub card: Option<&'static str>,
    /// The page of what it is about, with what to click.
    pub about: Option<(String, &'static str)>,
    /// Whether reactions still change something.
    pub open: bool,
    /// When, for programs.
    pub iso: String,
    /// When, for people without script.
    pub clock: String,
    /// When, in milliseconds, for the order.
    pub sent: i64,
    /// Whether it was changed.
    pub edited: bool,
    /// Whether it was deleted.
    pub deleted: bool,
    /// The text as safe HTML.
    pub html: String,
    /// The reactions it takes.
    pub votes: Vec<VoteView>,
    /// How many replies its thread has.
    pub replies: u32,
    /// Whether it stands in the thread's own list.
    pub in_thread: bool,
}

/// One kind of reaction under a message.
#[derive(Debug, Clone)]
pub struct VoteView {
    /// How forms name it.
    pub sign: &'static str,
    /// How it looks, as a path of SVG.
    pub icon: &'static str,
    /// What it does.
    pub verb: &'static str,
    /// What was done.
    pub past: &'static str,
    /// How many people gave it.
    pub count: usize,
    /// Who did.
    pub who: String,
    /// Whether the reader did.
    pub mine: bool,
}

/// ✅ before anybody gave it. Drawn rather than written: not every machine has the letter.
const APPROVE: VoteView = VoteView {
    sign: "approve",
    icon: "M6.4 12.6 2.2 8.4l1.5-1.5 2.7 2.7 5.9-5.9 1.5 1.5z",
    verb: "Approve",
    past: "Approved",
    count: 0,
    who: String::new(),
    mine: false,
};

/// ❌ before anybody gave it.
const VETO: VoteView = VoteView {
    sign: "veto",
    icon: "m8 6.6 3.3-3.3 1.4 1.4L9.4 8l3.3 3.3-1.4 1.4L8 9.4l-3.3 3.3-1.4-1.4L6.6 8 3.3 4.7l1.4-1.4z",
    verb: "Veto",
    past: "Vetoed",
    count: 0,
    who: String::new(),
    mine: false,
};

/// ⬅️ before anybody gave it.
const KEEP: VoteView = VoteView {
    sign: "keep",
    icon: "M7.5 2.5 2 8l5.5 5.5 1.2-1.2-3.4-3.4H14V7.1H5.3l3.4-3.4z",
    verb: "Keep what is live",
    past: "Wants to keep what is live",
    count: 0,
    who: String::new(),
    mine: false,
};

/// 🔕 before anybody gave it.
const IGNORE: VoteView = VoteView {
    sign: "ignore",
    icon: "M8 1.5A4.5 4.5 0 0 0 4.9 2.7l7.6 7.6-.0-4.3A4.5 4.5 0 0 0 8 1.5zM3.5 5.5v3.5L2 11h7zM6 12a2 2 0 0 0 4 0zM2.2 1 1 2.2 13.8 15 15 13.8z",
    verb: "Ignore for a while",
    past: "Ignored for a while",
    count: 0,
    who: String::new(),
    mine: false,
};

/// Which list a message is shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// The channel.
    Stream,
    /// One thread.
    Thread,
}

/// Prepares a message for `reader`.
pub fn message(
    site: &Site,
    reader: &Reader,
    place: &Place,
    list: List,
    message: &BoardMessage,
) -> MessageView {
    let tribune = message.author.as_str() == TRIBUNE;
    let (author, handle) = name_of(site, &message.author);
    let state = card::state(&message.text).filter(|_| tribune);
    MessageView {
        id: message.id.to_string(),
        base: place.path(),
        csrf: reader.csrf(),
        initial: author.chars().next().unwrap_or('?').to_uppercase().to_string(),
        hue: handle.bytes().fold(0_u32, |sum, b| sum.wrapping_mul(31).wrapping_add(b.into()))
            % HUES,
        author,
        handle,
        tribune,
        iso: message.sent.to_string(),
        clock: message.sent.strftime("%H:%M").to_string(),
        sent: message.sent.as_millisecond(),
        edited: message.edited && !tribune,
        deleted: message.deleted,
        mine: message.author == reader.who.account,
        about: card::about(&message.text).filter(|_| tribune && !message.deleted),
        card: state.map(State::as_str),
        open: !(tribune && card::is_over(&message.text)),
        html: text(message, tribune),
        votes: if message.deleted { Vec::new() } else { votes(site, reader, message) },
        replies: message.replies,
        in_thread: list == List::Thread,
    }
}

/// Prepares a list of messages for `reader`.
pub fn messages(
    site: &Site,
    reader: &Reader,
    place: &Place,
    list: List,
    messages: &[BoardMessage],
) -> Vec<MessageView> {
    messages.iter().map(|one| message(site, reader, place, list, one)).collect()
}

/// Renders a message's text. A command is shown as it was typed: in it, `*` and `_` are no markup.
fn text(message: &BoardMessage, tribune: bool) -> String {
    if !tribune && message.text.starts_with('!') && !message.text.contains('\n') {
        return format!("<p><code>{}</code></p>", markdown::escape(&message.text));
    }
    markdown::render(&message.text)
}

/// Returns the reactions a message takes: those that Tribune put under it for people to click,
/// without its own, and any others that people gave.
fn votes(site: &Site, reader: &Reader, message: &BoardMessage) -> Vec<VoteView> {
    [(Sign::Approve, APPROVE), (Sign::Veto, VETO), (Sign::Keep, KEEP), (Sign::Ignore, IGNORE)]
        .into_iter()
        .filter(|(sign, _)| message.reactions.iter().any(|(given, _)| given == sign))
        .map(|(sign, look)| {
            let people: Vec<&AccountId> = message
                .reactions
                .iter()
                .filter(|(given, account)| *given == sign && account.as_str() != TRIBUNE)
                .map(|(_, account)| account)
                .collect();
            let who: Vec<String> = people.iter().map(|account| name_of(site, account).0).collect();
            VoteView {
                count: people.len(),
                who: who.join(", "),
                mine: people.contains(&&reader.who.account),
                ..look
            }
        })
        .collect()
}

/// Returns what people call the owner of an account, and the name that commands take.
fn name_of(site: &Site, account: &AccountId) -> (String, String) {
    if account.as_str() == TRIBUNE {
        return ("Tribune".to_owned(), TRIBUNE.to_owned());
    }
    let known = Account { platform: site.platform.clone(), id: account.clone() };
    match site.sessions.applied().and_then(|now| now.repo.person_of(&known).cloned()) {
        Some(person) => (person.name, person.id.to_string()),
        None => (account.to_string(), account.to_string()),
    }
}

/// Renders one message by itself, for live events.
pub fn fragment(view: &MessageView) -> Result<String, WebError> {
    view.render().map_err(|error| {
        tracing::error!(%error, "a message cannot be rendered");
        WebError::Trouble("this message cannot be shown".to_owned())
    })
}
