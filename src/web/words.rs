//! Lines of spans as HTML, for pages: what a message says of people, names and links.

use std::fmt::Write as _;

use super::markdown::escape;
use crate::domain::body::Span;
use crate::domain::invisible::marked;

/// Renders a line. Text is never markup; only http and https are linked.
pub fn line(spans: &[Span]) -> String {
    let mut html = String::new();
    for span in spans {
        let written = match span {
            Span::Text(text) | Span::Post { text, .. } => {
                write!(html, "{}", escape(&marked(text)))
            }
            Span::Strong(text) => write!(html, "<strong>{}</strong>", escape(text)),
            Span::Code(text) => write!(html, "<code>{}</code>", escape(text)),
            Span::Person(person) | Span::Mention(person) => {
                let name = escape(person.as_str());
                write!(html, "<a href=\"/people/{name}\">@{name}</a>")
            }
            Span::Account(account) => write!(html, "@{}", escape(account.id.as_str())),
            Span::Link { text, url }
                if url.starts_with("https://") || url.starts_with("http://") =>
            {
                write!(html, "<a href=\"{}\" rel=\"noreferrer\">{}</a>", escape(url), escape(text))
            }
            Span::Link { text, .. } => write!(html, "{}", escape(text)),
        };
        written.expect("text can always be added to a string");
    }
    html
}

/// Renders lines, one string each.
pub fn lines(lines: &[Vec<Span>]) -> Vec<String> {
    lines.iter().map(|spans| line(spans)).collect()
}

/// Renders text of Tribune's own, in which `names` stand between backticks.
pub fn ticked(text: &str) -> String {
    let mut html = String::new();
    for (index, part) in text.split('`').enumerate() {
        let part = escape(&marked(part));
        html += &if index % 2 == 1 { format!("<code>{part}</code>") } else { part };
    }
    html
}

/// Returns a sentence of one that begins small and has no full stop.
pub fn sentence(text: &str) -> String {
    let text = marked(text);
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_text_and_links_lead_to_the_web_only() {
        let link = |url: &str| Span::Link { text: "<x>".to_owned(), url: url.to_owned() };
        let spans = [
            Span::Text("<b>\u{202e}".to_owned()),
            Span::Code("a&b".to_owned()),
            link("javascript:alert(1)"),
            link("https://example.org/?a=\"b"),
        ];
        assert_eq!(
            line(&spans),
            "&lt;b&gt;\u{fffd}<code>a&amp;b</code>&lt;x&gt;<a href=\"https://example.org/?a=&quot;b\" \
             rel=\"noreferrer\">&lt;x&gt;</a>"
        );
        assert_eq!(ticked("unknown key `a<b` here"), "unknown key <code>a&lt;b</code> here");
        assert_eq!(sentence("it has a problem"), "It has a problem.");
    }
}
