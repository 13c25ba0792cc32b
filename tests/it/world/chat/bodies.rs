//! Bodies as text.

use tribune::domain::body::{Block, Body, Span};

/// Returns a body as text, for people who read tests.
pub fn plain(body: &Body) -> String {
    let line = |spans: &Vec<Span>| match one_line(&spans.iter().map(span).collect::<String>()) {
        // A line of text is no rule.
        line if line.trim_end() == RULE => format!("\\{line}"),
        line => line,
    };
    let blocks = body.0.iter().map(|block| match block {
        Block::Line(spans) => line(spans),
        Block::List(rows) => {
            rows.iter().map(|row| format!("- {}", line(row))).collect::<Vec<_>>().join("\n")
        }
        Block::Code { lang, text } => format!("```{lang}\n{}\n```", text.trim_end_matches('\n')),
        Block::Rule => RULE.into(),
    });
    blocks.collect::<Vec<_>>().join("\n")
}

const RULE: &str = "---";

/// Text stays on its line, as on every platform.
fn one_line(text: &str) -> String {
    let ends = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.replace(ends, " ")
}

fn span(span: &Span) -> String {
    match span {
        Span::Text(text) | Span::Strong(text) => text.clone(),
        Span::Code(text) => format!("`{text}`"),
        Span::Person(person) | Span::Mention(person) => format!("@{person}"),
        Span::Account(account) => format!("@{}", account.id),
        Span::Post { text, .. } => text.clone(),
        Span::Link { text, url } => format!("{text} <{url}>"),
    }
}
