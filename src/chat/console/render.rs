//! Bodies as Markdown text, as the console stores them and returns them.
//!
//! Pure. Whatever stands in a body as text comes out as text: no argument, no output and no name
//! becomes markup, a mention or a rule of its own. The tests read the result back with a Markdown
//! parser.

use crate::domain::body::{Block, Body, Span};

/// Returns a body as Markdown.
pub fn render(body: &Body) -> String {
    let blocks = body.0.iter().map(block).filter(|block| !block.is_empty());
    blocks.collect::<Vec<_>>().join("\n\n")
}

fn block(block: &Block) -> String {
    match block {
        Block::Line(spans) => line(spans),
        Block::List(items) => items
            .iter()
            .map(|spans| format!("- {}", line(spans)).trim_end().to_owned())
            .collect::<Vec<_>>()
            .join("\n"),
        Block::Code { lang, text } => code_block(lang, text),
        Block::Rule => "---".to_owned(),
    }
}

fn line(spans: &[Span]) -> String {
    let text: String = spans.iter().map(span).collect();
    guard_beginning(text.trim())
}

fn span(span: &Span) -> String {
    match span {
        Span::Text(text) => escape(text),
        Span::Strong(text) => strong(text),
        Span::Code(text) => code_span(text),
        Span::Person(person) | Span::Mention(person) => format!("@{person}"),
        Span::Account(account) => format!("@{}", account.id),
        // A post that is not there yet has no address.
        Span::Post { text, .. } => escape(text),
        Span::Link { text, url } => format!("[{}](<{}>)", escape(text), address(url)),
    }
}

/// Escapes what Markdown reads anywhere in a line, and what would look like a mention.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '~' | '|' | '@' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() || is_line_end(c) => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Says whether some programs begin a new line here though it is no control character.
fn is_line_end(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// Escapes what Markdown reads at the beginning of a line only: headings, lists, rules.
fn guard_beginning(line: &str) -> String {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let at = match line.as_bytes().get(digits) {
        Some(b'.' | b')') if digits > 0 => digits,
        Some(b'#' | b'+' | b'-' | b'=' | b':') if digits == 0 => 0,
        _ => return line.to_owned(),
    };
    format!("{}\\{}", &line[..at], &line[at..])
}

/// White space goes outside: Markdown takes no `** x **`.
fn strong(text: &str) -> String {
    let inner = text.trim();
    if inner.is_empty() {
        return escape(text);
    }
    let (before, after) = text.split_once(inner).unwrap_or_default();
    format!("{}**{}**{}", escape(before), escape(inner), escape(after))
}

fn code_span(text: &str) -> String {
    let text: String =
        text.chars().map(|c| if c.is_control() || is_line_end(c) { ' ' } else { c }).collect();
    if text.trim().is_empty() {
        return escape(&text);
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    // One space on each side is taken off again, so that backticks and spaces at the ends stay.
    let edge = |c: char| c == '`' || c == ' ';
    let pad = if text.starts_with(edge) || text.ends_with(edge) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

fn code_block(lang: &str, text: &str) -> String {
    let fence = "`".repeat((longest_run(text) + 1).max(3));
    let lang: String =
        lang.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(20).collect();
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{lang}\n{text}{end}{fence}")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Keeps an address within its angle brackets.
fn address(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    for c in url.chars() {
        match c {
            '<' | '>' | '\\' | ' ' | '&' | '`' => out.push_str(&format!("%{:02X}", c as u32)),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

    fn line_of(span: Span) -> String {
        render(&Body(vec![Block::Line(vec![span])]))
    }

    /// What a reader's parser makes of a text: what kind of thing, and its words.
    fn read(markdown: &str) -> Vec<String> {
        // What the console's page reads, and what others commonly read on top.
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_HEADING_ATTRIBUTES
            | Options::ENABLE_GFM
            | Options::ENABLE_DEFINITION_LIST;
        let mut read: Vec<String> = Vec::new();
        for event in Parser::new_ext(markdown, options) {
            match event {
                Event::Text(text) => match read.last_mut() {
                    Some(last) if last.starts_with("text ") => last.push_str(&text),
                    _ => read.push(format!("text {text}")),
                },
                Event::Code(text) => read.push(format!("code {text}")),
                Event::Start(Tag::CodeBlock(_)) => read.push("block".into()),
                Event::Start(Tag::Paragraph)
                | Event::End(TagEnd::Paragraph | TagEnd::CodeBlock) => {}
                other => read.push(format!("{other:?}")),
            }
        }
        read
    }

    proptest! {
        #[test]
        fn text_reads_back_as_text(text in "[ -~é\\n\\t]{0,40}") {
            let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            let plain = plain.trim();
            let expected: Vec<String> =
                if plain.is_empty() { vec![] } else { vec![format!("text {plain}")] };
            prop_assert_eq!(read(&line_of(Span::Text(text))), expected);
        }

        #[test]
        fn text_in_pieces_reads_back_as_text(one in "[0-9#+.)-]{1,3}", two in "[.) #-]{0,3}x") {
            let spans = vec![Span::Text(one.clone()), Span::Text(two.clone())];
            let read = read(&render(&Body(vec![Block::Line(spans)])));
            prop_assert_eq!(read, vec![format!("text {one}{two}")]);
        }

        #[test]
        fn code_reads_back_as_code(text in "[ -~]{0,20}[!-~]") {
            prop_assert_eq!(read(&line_of(Span::Code(text.clone()))), vec![format!("code {text}")]);
        }

        #[test]
        fn a_code_block_ends_only_at_its_end(text in "[`~a\\n -]{0,40}") {
            let code = Block::Code { lang: "text".into(), text: text.clone() };
            let after = Block::Line(vec![Span::Text("after".into())]);
            let markdown = render(&Body(vec![code, after]));
            let mut expected = vec!["block".to_owned()];
            if !text.is_empty() {
                let end = if text.ends_with('\n') { "" } else { "\n" };
                expected.push(format!("text {text}{end}after"));
            } else {
                expected.push("text after".into());
            }
            prop_assert_eq!(read(&markdown), expected);
        }

        #[test]
        fn an_address_stays_an_address(url in "https://[ -~]{0,20}") {
            let link = Span::Link { text: "here".into(), url };
            let read = read(&line_of(link));
            prop_assert_eq!(read.len(), 3, "{:?}", read);
            prop_assert!(read[0].starts_with("Start(Link"), "{:?}", read);
            prop_assert_eq!(&read[1], "text here");
        }
    }

    #[test]
    fn an_argument_cannot_mention_anybody() {
        assert_eq!(line_of(Span::Text("@bob said yes".into())), "\\@bob said yes");
        assert_eq!(line_of(Span::Person("bob".parse().unwrap())), "@bob");
    }

    #[test]
    fn a_card_reads_like_this() {
        let text = |text: &str| Span::Text(text.into());
        let body = Body(vec![
            Block::Line(vec![
                Span::Person("ada".parse().unwrap()),
                text(" asks: "),
                Span::Code("restart-service on web01 service=app".into()),
            ]),
            Block::List(vec![
                vec![Span::Strong("web01".into()), text(" in prod_eu")],
                vec![text("- [x] <b>done</b> & *sure*")],
            ]),
            Block::Rule,
            Block::Line(vec![
                text("missing: 1 of "),
                Span::Strong("sre".into()),
                text(", "),
                Span::Link { text: "who".into(), url: "/m/ops/m1 (x)".into() },
            ]),
            Block::Code { lang: "diff".into(), text: "--- a\n+++ b\n```\n---".into() },
        ]);
        insta::assert_snapshot!(render(&body), @r"
        @ada asks: `restart-service on web01 service=app`

        - **web01** in prod\_eu
        - \- \[x\] \<b\>done\</b\> \& \*sure\*

        ---

        missing: 1 of **sre**, [who](</m/ops/m1%20(x)>)

        ````diff
        --- a
        +++ b
        ```
        ---
        ````
        ");
    }
}
