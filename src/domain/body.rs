//! What a post says, before any platform's syntax.
//!
//! Text in a body is never markup: renderers escape it, so that nobody's argument or output can
//! make Tribune say something else.

use serde::{Deserialize, Serialize};

use super::id::PersonId;
use super::message::PostKey;
use super::person::Account;

/// A post's content.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Body(pub Vec<Block>);

/// A piece that stands on lines of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// A paragraph.
    Line(Vec<Span>),
    /// A list.
    List(Vec<Vec<Span>>),
    /// Preformatted text with its language (`diff`, `text`).
    Code {
        /// The language.
        lang: String,
        /// The text.
        text: String,
    },
    /// A horizontal rule. On a card it parts what people approve from what Tribune keeps up.
    Rule,
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// Plain text.
    Text(String),
    /// Text that stands out.
    Strong(String),
    /// A literal: a command, an id, a value.
    Code(String),
    /// A person, by name; the platform decides how. Naming is not notifying.
    Person(PersonId),
    /// A person, by name, to be notified.
    Mention(PersonId),
    /// An account to be notified. The outbox puts it for a mention where the person has one.
    Account(Account),
    /// Another post of Tribune's; the outbox turns it into a link once that post is there.
    Post {
        /// What to click.
        text: String,
        /// Which post.
        key: PostKey,
    },
    /// A link.
    Link {
        /// What to click.
        text: String,
        /// Where to.
        url: String,
    },
}

/// Returns what a line says, without its marks.
pub fn plain(line: &[Span]) -> String {
    line.iter()
        .map(|span| match span {
            Span::Text(text) | Span::Strong(text) | Span::Code(text) => text.clone(),
            Span::Person(person) | Span::Mention(person) => format!("@{person}"),
            Span::Account(account) => format!("@{}", account.id),
            Span::Post { text, .. } | Span::Link { text, .. } => text.clone(),
        })
        .collect()
}
