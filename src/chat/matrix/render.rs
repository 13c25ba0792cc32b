//! Bodies as a plain text and as HTML, as Matrix carries both side by side.
//!
//! Pure. The plain text is what counts: it is compared when a card is read back. Only
//! [`Block::Rule`] makes a line of three dashes in it. In the HTML nothing that stands in a body
//! as text becomes a tag. [`agrees`] says whether the two say the same, so that a card cannot
//! show people another thing than the one that is compared.

use std::collections::BTreeSet;

use crate::domain::body::{Block, Body, Span};
use crate::domain::id::Platform;

/// The longest message, in bytes of its JSON: an event has 65,535 with all that surrounds it, and
/// an edit holds the text twice.
const LONGEST: usize = 26_000;

/// A body as Matrix takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// For clients that show no markup, and for comparing.
    pub plain: String,
    /// For the others; `None`: it would be too long.
    pub html: Option<String>,
    /// Accounts of this platform that are notified.
    pub notified: BTreeSet<String>,
}

/// Returns a body as Matrix takes it, cut where it is too long.
pub fn render(body: &Body, platform: &Platform) -> Rendered {
    let plain: Vec<String> = body.0.iter().map(plain).filter(|it| !it.is_empty()).collect();
    let html: String = body.0.iter().map(|block| html(block, platform)).collect();
    let notified = notified(body, platform);
    let plain = plain.join("\n\n");
    if json_length(&plain) + json_length(&html) <= LONGEST {
        return Rendered { plain, html: Some(html), notified };
    }
    Rendered { plain: cut(&plain), html: None, notified }
}

fn notified(body: &Body, platform: &Platform) -> BTreeSet<String> {
    let lines = body.0.iter().flat_map(|block| match block {
        Block::Line(spans) => spans.iter().collect::<Vec<_>>(),
        Block::List(items) => items.iter().flatten().collect(),
        Block::Code { .. } | Block::Rule => Vec::new(),
    });
    lines
        .filter_map(|span| match span {
            Span::Account(account) if account.platform == *platform => Some(account.id.to_string()),
            _ => None,
        })
        .collect()
}

fn plain(block: &Block) -> String {
    match block {
        Block::Line(spans) => guard(plain_line(spans)),
        Block::List(items) => items
            .iter()
            .map(|spans| format!("- {}", plain_line(spans)).trim_end().to_owned())
            .collect::<Vec<_>>()
            .join("\n"),
        // Indented, so that no line of it passes for a rule.
        Block::Code { text, .. } => {
            let rows: Vec<String> = rows(text).map(|row| format!("    {row}")).collect();
            rows.join("\n")
        }
        Block::Rule => "---".to_owned(),
    }
}

/// Keeps a line of dashes from passing for the rule.
fn guard(line: String) -> String {
    if line.bytes().all(|b| b == b'-') && !line.is_empty() { format!(" {line}") } else { line }
}

fn plain_line(spans: &[Span]) -> String {
    let text: String = spans
        .iter()
        .map(|span| match span {
            Span::Text(text) | Span::Strong(text) => clean(text),
            Span::Code(text) => format!("`{}`", clean(text)),
            Span::Person(person) | Span::Mention(person) => format!("@{person}"),
            Span::Account(account) => account.id.to_string(),
            Span::Post { text, .. } => clean(text),
            Span::Link { text, url } => match address(url) {
                Some(url) => format!("{} ({url})", clean(text)),
                None => clean(text),
            },
        })
        .collect();
    text.trim().to_owned()
}

fn html(block: &Block, platform: &Platform) -> String {
    let line = |spans: &[Span]| spans.iter().map(|it| html_span(it, platform)).collect::<String>();
    match block {
        Block::Line(spans) => format!("<p>{}</p>", line(spans).trim()),
        Block::List(items) => {
            let items = items.iter().map(|spans| format!("<li>{}</li>", line(spans).trim()));
            format!("<ul>{}</ul>", items.collect::<String>())
        }
        Block::Code { lang, text } => {
            let lang: String =
                lang.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(20).collect();
            let text: Vec<String> = rows(text).map(|row| escape(&row)).collect();
            format!("<pre><code class=\"language-{lang}\">{}</code></pre>", text.join("\n"))
        }
        Block::Rule => "<hr>".to_owned(),
    }
}

fn html_span(span: &Span, platform: &Platform) -> String {
    match span {
        Span::Text(text) | Span::Post { text, .. } => escape(&clean(text)),
        Span::Strong(text) => format!("<strong>{}</strong>", escape(&clean(text))),
        Span::Code(text) => format!("<code>{}</code>", escape(&clean(text))),
        Span::Person(person) | Span::Mention(person) => format!("@{}", escape(person.as_str())),
        Span::Account(account) if account.platform == *platform => {
            let id = escape(account.id.as_str());
            format!("<a href=\"https://matrix.to/#/{}\">{id}</a>", percent(account.id.as_str()))
        }
        Span::Account(account) => escape(account.id.as_str()),
        Span::Link { text, url } => match address(url) {
            Some(url) => format!("<a href=\"{}\">{}</a>", escape(&url), escape(&clean(text))),
            None => escape(&clean(text)),
        },
    }
}

/// Returns an address that a click may lead to, in one word.
fn address(url: &str) -> Option<String> {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    is_web.then(|| {
        let mut out = String::new();
        for c in url.chars().filter(|c| !c.is_control()) {
            match c {
                '<' | '>' | '"' | '\'' | '`' | '\\' | '(' | ')' => {
                    out.push_str(&format!("%{:02X}", c as u32));
                }
                c if c.is_whitespace() => out.push_str("%20"),
                c => out.push(c),
            }
        }
        out
    })
}

/// Returns text on one line, without what programs may take for the end of one.
fn clean(text: &str) -> String {
    let ends = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.chars().map(|c| if ends(c) { ' ' } else { c }).collect()
}

fn rows(text: &str) -> impl Iterator<Item = String> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let rows: Vec<String> = text
        .trim_end_matches('\n')
        .split('\n')
        .map(|row| row.split('\t').map(clean).collect::<Vec<_>>().join("\t"))
        .collect();
    rows.into_iter()
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// Returns an id as matrix.to takes it: all but letters, digits and a few signs as `%XX`.
pub fn percent(id: &str) -> String {
    let mut out = String::new();
    for byte in id.bytes() {
        match byte {
            b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => out.push(char::from(b)),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

fn json_length(text: &str) -> usize {
    let more = |c: char| match c {
        '"' | '\\' | '\n' | '\t' => 2,
        c if c.is_control() => 6,
        c => c.len_utf8(),
    };
    text.chars().map(more).sum()
}

/// Returns the beginning of a text that is too long, up to the end of a line if one is near.
fn cut(plain: &str) -> String {
    let (mut left, mut end) = (LONGEST - 16, 0);
    for c in plain.chars() {
        let more = json_length(c.encode_utf8(&mut [0; 4]));
        if more > left {
            return format!("{} …", plain[..end].trim_end());
        }
        left -= more;
        end += c.len_utf8();
    }
    plain.to_owned()
}

/// Says whether HTML says the same as a plain text, as [`render`] makes both.
pub fn agrees(plain: &str, html: &str) -> bool {
    words(plain) == html_words(html)
}

/// Returns what a text says: its letters, digits and signs, without white space and the marks
/// that stand for tags.
fn words(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '`' | '(' | ')')).collect()
}

fn html_words(html: &str) -> String {
    let (mut text, mut rest, mut link) = (String::new(), html, None);
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(&unescape(before));
        let Some((tag, after)) = after.split_once('>') else { return format!("{text}<") };
        if let Some(url) = tag.strip_prefix("a href=\"").and_then(|it| it.strip_suffix('"')) {
            link = Some(unescape(url)).filter(|url| !url.starts_with("https://matrix.to/#/%40"));
        } else if tag == "/a" {
            text.push_str(&link.take().unwrap_or_default());
        } else if !is_own(tag) {
            // No tag of Tribune's: it says something else.
            text.push_str(&format!("<{tag}>"));
        }
        rest = after;
    }
    text.push_str(&unescape(rest));
    words(&text)
}

fn is_own(tag: &str) -> bool {
    let code = tag.strip_prefix("code class=\"language-").and_then(|it| it.strip_suffix('"'));
    let plain = ["p", "ul", "li", "pre", "code", "strong"];
    tag == "hr"
        || plain.contains(&tag.strip_prefix('/').unwrap_or(tag))
        || code.is_some_and(|lang| lang.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
}

/// Returns text with the names of signs that [`escape`] writes put back, and a few more.
pub fn unescape(text: &str) -> String {
    let signs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " ")];
    let text = signs.iter().fold(text.to_owned(), |text, (name, sign)| text.replace(name, sign));
    text.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::person::Account;
    use crate::domain::reply::card::above_rule;

    fn platform() -> Platform {
        "matrix".parse().unwrap()
    }

    fn rendered(body: Body) -> Rendered {
        render(&body, &platform())
    }

    fn text(text: &str) -> Span {
        Span::Text(text.into())
    }

    fn card() -> Body {
        let account = |platform: &str, id: &str| {
            Span::Account(Account { platform: platform.parse().unwrap(), id: id.parse().unwrap() })
        };
        Body(vec![
            Block::Line(vec![
                Span::Person("ada".parse().unwrap()),
                text(" asks: "),
                Span::Code("restart-service on web01 note=\"<b>&\"".into()),
            ]),
            Block::List(vec![
                vec![Span::Strong("web01".into()), text(" in prod_eu")],
                vec![text("- [x] <b>done</b> & *sure*\n---")],
            ]),
            Block::Rule,
            Block::Line(vec![
                account("matrix", "@ken:hs.test"),
                text(", "),
                account("mattermost", "8x3k1m"),
                text(", missing: 1 of "),
                Span::Strong("sre".into()),
                text(", "),
                Span::Link { text: "who".into(), url: "https://x.test/m (1)?a=b&c=\"".into() },
                text(", "),
                Span::Link { text: "here".into(), url: "/m/ops/m1".into() },
            ]),
            Block::Code { lang: "diff".into(), text: "--- a\n+++ b\n---\n</code>\tx\n".into() },
        ])
    }

    #[test]
    fn a_card_reads_like_this() {
        let rendered = rendered(card());
        insta::assert_snapshot!("card_plain", rendered.plain);
        insta::assert_snapshot!(
            "card_html",
            rendered.html.as_deref().unwrap().replace("><", ">\n<")
        );
        assert_eq!(rendered.notified, BTreeSet::from(["@ken:hs.test".to_owned()]));
        assert!(agrees(&rendered.plain, rendered.html.as_deref().unwrap()));
    }

    #[test]
    fn html_that_says_another_thing_does_not_agree() {
        let rendered = rendered(card());
        let html = rendered.html.unwrap();
        for (from, to) in [
            ("web01", "web02"),
            ("<strong>sre</strong>", ""),
            ("<p>", "<p>yes "),
            ("<p>", "<p hidden>"),
            ("<p>", "<img src=\"mxc://x/y\" alt=\"\"><p>"),
            ("x.test", "y.test"),
            ("<hr>", "<details>"),
        ] {
            let other = html.replacen(from, to, 1);
            assert_ne!(other, html, "{from}");
            assert!(!agrees(&rendered.plain, &other), "{from} to {to}");
        }
    }

    #[test]
    fn what_is_too_long_is_cut_at_a_sign_and_shown_without_markup() {
        for sign in ["x", "\"", "\u{1f600}", "\\\n"] {
            let code = Block::Code { lang: "text".into(), text: sign.repeat(60_000) };
            let rendered = rendered(Body(vec![code]));
            let length = serde_json::to_string(&rendered.plain).unwrap().len();
            assert!(length <= LONGEST && length > LONGEST / 2, "{sign}: {length}");
            assert!(rendered.html.is_none() && rendered.plain.ends_with(" …"));
        }
    }

    proptest! {
        #[test]
        fn only_a_rule_is_a_rule(pieces in proptest::collection::vec("[-a\\n\\r \u{2028}]{0,6}", 1..6)) {
            let mut blocks: Vec<Block> = Vec::new();
            for piece in &pieces {
                blocks.push(Block::Line(vec![text(piece)]));
                blocks.push(Block::Line(vec![Span::Strong(piece.clone()), text(piece)]));
                blocks.push(Block::List(vec![vec![text(piece)], vec![]]));
                blocks.push(Block::Code { lang: "diff".into(), text: piece.clone() });
            }
            blocks.push(Block::Line(vec![text("the end")]));
            blocks.push(Block::Rule);
            blocks.push(Block::Line(vec![text("below")]));
            let rendered = rendered(Body(blocks));
            prop_assert!(above_rule(&rendered.plain).ends_with("the end"), "{}", rendered.plain);
        }

        #[test]
        fn text_is_no_markup_and_both_say_the_same(one in "[ -~é\\n]{0,30}", two in "[ -~]{1,30}") {
            let body = Body(vec![
                Block::Line(vec![text(&one), Span::Strong(two.clone()), Span::Code(two.clone())]),
                Block::List(vec![vec![text(&two)]]),
                Block::Code { lang: two.clone(), text: one.clone() },
            ]);
            let rendered = rendered(body);
            let html = rendered.html.unwrap();
            prop_assert!(agrees(&rendered.plain, &html), "{}\n{html}", rendered.plain);
            let tags = html.matches('<').count();
            prop_assert_eq!(tags, 2 + 2 + 2 + 4 + 4, "{}", html);
        }
    }
}
