//! What Tribune says, as lines for templates: the text is never markup.

use crate::domain::body::{Block, Body, Span};
use crate::domain::message::PostKey;
use crate::domain::reply::card;

/// One line.
pub type Line = Vec<Piece>;

/// A piece of a line.
pub struct Piece {
    /// What it says.
    pub text: String,
    /// How it is set: `text`, `strong` or `code`.
    pub kind: &'static str,
    /// Where it leads, if anywhere.
    pub href: Option<String>,
}

/// Returns what a card says below its rule, a line each.
pub fn below_the_rule(card: &Body) -> Vec<Line> {
    let below = card.0.iter().skip_while(|block| **block != Block::Rule).skip(1);
    below.flat_map(lines).collect()
}

fn lines(block: &Block) -> Vec<Line> {
    match block {
        Block::Line(spans) => vec![spans.iter().map(piece).collect()],
        Block::List(items) => items.iter().map(|item| item.iter().map(piece).collect()).collect(),
        Block::Code { text, .. } => {
            let line = |text: &str| vec![plain("code", text, None)];
            text.lines().map(line).collect()
        }
        Block::Rule => Vec::new(),
    }
}

fn piece(span: &Span) -> Piece {
    match span {
        Span::Text(text) => plain("text", text, None),
        Span::Strong(text) => plain("strong", text, None),
        Span::Code(text) => plain("code", text, None),
        Span::Person(person) | Span::Mention(person) => {
            plain("text", &format!("@{person}"), Some(format!("/people/{person}")))
        }
        Span::Account(account) => plain("text", &format!("@{}", account.id), None),
        Span::Post { text, key } => plain("text", text, path(key)),
        Span::Link { text, url } => {
            let safe = url.starts_with("https://") || url.starts_with("http://");
            plain("text", text, safe.then(|| url.clone()))
        }
    }
}

fn plain(kind: &'static str, text: &str, href: Option<String>) -> Piece {
    Piece { text: text.to_owned(), kind, href }
}

/// Returns the page of what a post is about.
fn path(key: &PostKey) -> Option<String> {
    match card::parse_key(key) {
        Some((request, _)) => Some(format!("/requests/{request}")),
        None => key.0.strip_prefix("out:").map(|run| format!("/runs/{run}")),
    }
}
