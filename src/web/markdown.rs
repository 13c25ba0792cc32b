//! Markdown of messages as HTML that cannot do harm.
//!
//! Raw HTML is shown as the text it is, pictures become links, and a link goes to http, https or a
//! path of this site. The source is whatever anybody wrote.

use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd, html};

/// Returns `text` with everything escaped that HTML reads, in text and in quoted attributes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// Renders a message.
pub fn render(text: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut out = String::with_capacity(text.len() * 2);
    html::push_html(&mut out, Safe { inner: Parser::new_ext(text, options), open: Vec::new() });
    out
}

/// Where an opened link or picture goes, so that its end is written to match.
#[derive(Clone, Copy, PartialEq)]
enum Opened {
    Link,
    Nothing,
}

/// Events of the parser with the dangerous ones replaced.
struct Safe<'a> {
    inner: Parser<'a>,
    open: Vec<Opened>,
}

impl<'a> Iterator for Safe<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        Some(match self.inner.next()? {
            Event::Html(raw) | Event::InlineHtml(raw) => Event::Text(raw),
            Event::SoftBreak => Event::HardBreak,
            Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
            Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                self.open_link(&dest_url)
            }
            Event::End(TagEnd::Link | TagEnd::Image) => {
                let closed = self.open.pop() == Some(Opened::Link);
                Event::InlineHtml(if closed { "</a>" } else { "" }.into())
            }
            Event::Start(Tag::CodeBlock(kind)) => self.code_block(&kind),
            Event::Start(Tag::Heading { .. }) => Event::InlineHtml("<p class=\"heading\">".into()),
            Event::End(TagEnd::Heading(_)) => Event::InlineHtml("</p>".into()),
            other => other,
        })
    }
}

impl<'a> Safe<'a> {
    /// Opens a link if it goes somewhere harmless; else its words stand alone. Nested ones, as of
    /// a picture in a link, do not open.
    fn open_link(&mut self, url: &str) -> Event<'a> {
        let inside = self.open.contains(&Opened::Link);
        let start = match destination(url) {
            _ if inside => None,
            Some(Destination::Here) => Some(format!("<a href=\"{}\">", escape(url))),
            Some(Destination::Away) => Some(format!(
                "<a href=\"{}\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">",
                escape(url)
            )),
            None => None,
        };
        self.open.push(if start.is_some() { Opened::Link } else { Opened::Nothing });
        Event::InlineHtml(start.unwrap_or_default().into())
    }

    /// Swallows a code block and gives it back as one piece, with the lines of a diff marked.
    fn code_block(&mut self, kind: &CodeBlockKind<'_>) -> Event<'a> {
        let mut text = String::new();
        for event in self.inner.by_ref() {
            match event {
                Event::Text(piece) | Event::Html(piece) => text.push_str(&piece),
                Event::End(TagEnd::CodeBlock) => break,
                _ => {}
            }
        }
        let is_diff = matches!(kind, CodeBlockKind::Fenced(lang) if lang.as_ref() == "diff");
        let inner = if is_diff { diff(&text) } else { escape(&text) };
        let html = format!("<pre tabindex=\"0\"><code>{inner}</code></pre>\n");
        Event::Html(CowStr::from(html))
    }
}

/// Where a harmless link goes.
enum Destination {
    Here,
    Away,
}

/// Says where a link goes; `None` if it must not be one. Only plain ASCII is taken apart: browsers
/// drop control characters and read `\` as `/`, so both are refused.
fn destination(url: &str) -> Option<Destination> {
    if url.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return None;
    }
    if url.starts_with('#') || (url.starts_with('/') && !url.starts_with("//")) {
        return Some(Destination::Here);
    }
    let parsed = url::Url::parse(url).ok()?;
    matches!(parsed.scheme(), "http" | "https").then_some(Destination::Away)
}

/// Marks the lines of a unified diff.
fn diff(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for line in text.lines() {
        let class = match line.as_bytes().first() {
            _ if line.starts_with("+++") || line.starts_with("---") => "meta",
            Some(b'+') => "add",
            Some(b'-') => "del",
            Some(b'@') => "meta",
            _ => "same",
        };
        out.push_str(&format!("<span class=\"{class}\">{}</span>\n", escape(line)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_html_is_shown_as_text() {
        let html = render("<script>alert(1)</script>\n\nhi <img src=x onerror=alert(1)> there");
        assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
        assert!(html.contains("&lt;script&gt;") && html.contains("&lt;img"), "{html}");
    }

    #[test]
    fn links_go_to_http_or_stay_here() {
        assert!(render("[a](/c/ops)").contains("<a href=\"/c/ops\">a</a>"));
        assert!(
            render("[a](https://e.example/x)").contains("rel=\"noopener noreferrer nofollow\"")
        );
        for bad in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "&#106;avascript:alert(1)",
            "data:text/html,x",
            "//evil.example",
            "/\\evil.example",
            "vbscript:x",
            "<java\tscript:alert(1)>",
        ] {
            let html = render(&format!("[a]({bad})"));
            assert!(!html.contains("<a "), "{bad} became {html}");
        }
    }

    #[test]
    fn pictures_are_links_and_never_loaded() {
        let html = render("![pixel](https://t.example/p.gif)");
        assert!(!html.contains("<img") && html.contains("<a href"), "{html}");
        let nested = render("[![x](https://a.example/x)](https://b.example/y)");
        assert_eq!(nested.matches("<a ").count(), 1, "{nested}");
        assert_eq!(nested.matches("</a>").count(), 1, "{nested}");
    }

    #[test]
    fn attributes_cannot_be_left() {
        let html = render("[x](https://e.example/\"onmouseover=alert(1))");
        assert!(!html.contains("\"onmouseover"), "{html}");
        let code = render("```\"><script>\n</code></pre><script>alert(1)</script>\n```");
        assert!(!code.contains("<script"), "{code}");
    }

    #[test]
    fn diffs_have_marked_lines() {
        let html = render("```diff\n@@ -1 +1 @@\n-a < b\n+c\n```");
        assert!(html.contains("<span class=\"del\">-a &lt; b</span>"), "{html}");
        assert!(html.contains("<span class=\"add\">+c</span>"), "{html}");
    }
}
