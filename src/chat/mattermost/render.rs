//! Bodies as the Markdown that Mattermost reads.
//!
//! Pure. Whatever stands in a body as text comes out as text. A backslash is enough for
//! Markdown, but not for what the server and its programs look for in the text behind it:
//! mentions, channels, hashtags, shortcodes, emoticons and bare addresses. After the sign that
//! begins one of those stands a [`GAP`], which nobody sees and which ends the match.

use std::collections::BTreeMap;

use crate::domain::body::{Block, Body, Span};
use crate::domain::id::AccountId;

/// A space without width.
const GAP: char = '\u{200b}';

/// Names by which accounts are notified.
pub type Names = BTreeMap<AccountId, String>;

/// Returns a body as Markdown. Accounts without a name are not notified.
pub fn render(body: &Body, names: &Names) -> String {
    let blocks = body.0.iter().map(|it| block(it, names)).filter(|block| !block.is_empty());
    blocks.collect::<Vec<_>>().join("\n\n")
}

fn block(block: &Block, names: &Names) -> String {
    match block {
        Block::Line(spans) => line(spans, names),
        Block::List(items) => items
            .iter()
            .map(|spans| format!("- {}", line(spans, names)).trim_end().to_owned())
            .collect::<Vec<_>>()
            .join("\n"),
        Block::Code { lang, text } => code_block(lang, text),
        Block::Rule => "---".to_owned(),
    }
}

fn line(spans: &[Span], names: &Names) -> String {
    let mut out = String::new();
    let mut is_mention = false;
    for item in spans {
        let text = span(item, names);
        if is_mention && text.starts_with(is_of_name) {
            out.push(GAP);
        }
        is_mention = matches!(item, Span::Account(_));
        out.push_str(&text);
    }
    guard_beginning(out.trim())
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '\\' | '@' | ':')
}

fn span(span: &Span, names: &Names) -> String {
    match span {
        Span::Text(text) => escape(text),
        Span::Strong(text) => strong(text),
        Span::Code(text) => code_span(text),
        Span::Person(person) | Span::Mention(person) => escape(&format!("@{person}")),
        Span::Account(account) => match names.get(&account.id) {
            Some(name) if is_username(name) => format!("@{name}"),
            Some(_) | None => escape(&format!("@{}", account.id)),
        },
        // A post that is not there yet has no address.
        Span::Post { text, .. } => escape(text),
        Span::Link { text, url } => format!("[{}]({})", escape(text), address(url)),
    }
}

/// Says whether the server would take a text as a user's name, and nothing else in it.
fn is_username(name: &str) -> bool {
    let fine = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
    name.len() <= 64
        && name.bytes().all(fine)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !["all", "here", "channel"].contains(&name)
}

/// Takes away what anybody would read as more than text.
fn escape(text: &str) -> String {
    let text: String = text.chars().map(flat).collect();
    let mut out = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let rest = &text[at + c.len_utf8()..];
        let is_last = rest.is_empty();
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' => out.extend(['\\', c]),
            '~' | '$' => out.extend(['\\', c, GAP]),
            // Also last in this text: what follows it may come from elsewhere.
            '@' | '#' | ';' | '<' | '>' | '&' | ':' if is_last || !rest.starts_with(' ') => {
                out.extend([c, GAP]);
            }
            // `www.` begins an address without a scheme, and `x-d` is a face.
            '.' if is_address(&text[..at]) => out.extend([GAP, c]),
            '-' if matches!(before, 'x' | 'X') && rest.starts_with(['d', 'D', ')']) => {
                out.extend([c, GAP]);
            }
            c => out.push(c),
        }
        before = c;
    }
    out
}

/// Says whether a text ends as the first word of an address does.
fn is_address(before: &str) -> bool {
    let word = before.trim_end_matches(|c: char| c.is_ascii_digit());
    word.len() >= 3 && word.get(word.len() - 3..).is_some_and(|end| end.eq_ignore_ascii_case("www"))
}

/// Keeps a text on its line.
fn flat(c: char) -> char {
    if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }
}

/// Escapes what Markdown reads at the beginning of a line only: headings, lists, quotes, rules.
fn guard_beginning(line: &str) -> String {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let at = match line.as_bytes().get(digits) {
        Some(b'.' | b')') if digits > 0 => digits,
        Some(b'#' | b'+' | b'-' | b'>') if digits == 0 => 0,
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

/// Nothing within code is looked at for mentions or addresses.
fn code_span(text: &str) -> String {
    let text: String = text.chars().map(flat).collect();
    if text.trim().is_empty() {
        return escape(&text);
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    let edge = |c: char| c == '`' || c == ' ';
    let pad = if text.starts_with(edge) || text.ends_with(edge) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Languages that the programs draw instead of showing them are left out.
fn code_block(lang: &str, text: &str) -> String {
    let fence = "`".repeat((longest_run(text) + 1).max(3));
    let lang: String =
        lang.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(20).collect();
    let lang =
        if matches!(lang.to_ascii_lowercase().as_str(), "latex" | "tex") { "" } else { &lang };
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{lang}\n{text}{end}{fence}")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Keeps an address within its parentheses.
fn address(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    for c in url.chars() {
        match c {
            '<' | '>' | '(' | ')' | '\\' | ' ' | '"' | '\'' | '`' | '*' | '[' | ']' => {
                out.push_str(&format!("%{:02X}", u32::from(c)));
            }
            c if c.is_control() || c.is_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

    use super::*;
    use crate::domain::person::Account;

    fn render(body: &Body) -> String {
        super::render(body, &Names::new())
    }

    fn line_of(span: Span) -> String {
        render(&Body(vec![Block::Line(vec![span])]))
    }

    fn account(id: &str) -> Span {
        Span::Account(Account { platform: "mattermost".parse().unwrap(), id: id.parse().unwrap() })
    }

    /// What a reader's parser makes of a text, what nobody sees left out.
    fn read(markdown: &str) -> Vec<String> {
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_MATH
            | Options::ENABLE_GFM;
        let mut read: Vec<String> = Vec::new();
        for event in Parser::new_ext(markdown, options) {
            match event {
                Event::Text(text) => {
                    let text = text.replace(GAP, "");
                    match read.last_mut() {
                        Some(last) if last.starts_with("text ") => last.push_str(&text),
                        _ => read.push(format!("text {text}")),
                    }
                }
                Event::Code(text) => read.push(format!("code {text}")),
                Event::Start(Tag::CodeBlock(_)) => read.push("block".into()),
                Event::Start(Tag::Paragraph)
                | Event::End(TagEnd::Paragraph | TagEnd::CodeBlock) => {}
                other => read.push(format!("{other:?}")),
            }
        }
        read
    }

    /// What the server and its programs find in a text: mentions, channels, tags, shortcodes,
    /// addresses. After their patterns, on the text that Markdown leaves.
    fn found(markdown: &str) -> Vec<String> {
        let patterns = [
            r"@[A-Za-z0-9]",
            r"~[a-z0-9]",
            r"#\p{L}",
            r":[A-Za-z0-9_+-]+:",
            r"[:;][-']?[()\[\]dDpPoOsSxX/$|@]",
            r"(?i)\bwww\d{0,3}\.",
            r"[A-Za-z][A-Za-z0-9+.-]*://",
            r"<[/!?A-Za-z3]",
            r"&#?\w+;",
            r"\$[^\s\x{200b}]",
            r"(?i)\bx-[d)]",
        ];
        let parsed = Parser::new_ext(markdown, Options::empty());
        let text: String = parsed
            .filter_map(|event| match event {
                Event::Text(text) => Some(text.into_string()),
                _ => None,
            })
            .collect();
        patterns
            .iter()
            .filter(|pattern| regex::Regex::new(pattern).unwrap().is_match(&text))
            .map(|pattern| format!("{pattern} in {text:?}"))
            .collect()
    }

    proptest! {
        #[test]
        fn text_reads_back_as_text(text in "[ -~é\\n\\t]{0,40}") {
            let plain: String = text.chars().map(flat).collect();
            let plain = plain.trim();
            let expected: Vec<String> =
                if plain.is_empty() { vec![] } else { vec![format!("text {plain}")] };
            prop_assert_eq!(read(&line_of(Span::Text(text))), expected);
        }

        #[test]
        fn nothing_is_found_in_text(text in "[ -~é]{0,40}") {
            prop_assert_eq!(found(&line_of(Span::Text(text))), Vec::<String>::new());
        }

        #[test]
        fn nothing_is_found_in_pieces(
            one in "[a-z]{0,3}[@~#:;<&$.wx-]{0,2}", two in "[@~#:;<&$.w()d-]{0,2}[a-z/]{0,6}"
        ) {
            let spans = vec![Span::Text(one), Span::Text(two.clone()), Span::Strong(two)];
            let markdown = render(&Body(vec![Block::Line(spans)]));
            let found: Vec<String> = found(&markdown)
                .into_iter()
                .filter(|it| !it.contains("www") && !it.contains("x-"))
                .collect();
            prop_assert_eq!(found, Vec::<String>::new());
        }

        #[test]
        fn text_in_pieces_reads_back_as_text(one in "[0-9#+.)>-]{1,3}", two in "[.) #-]{0,3}x") {
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
            match text.as_str() {
                "" => expected.push("text after".into()),
                text => {
                    let end = if text.ends_with('\n') { "" } else { "\n" };
                    expected.push(format!("text {text}{end}after"));
                }
            }
            prop_assert_eq!(read(&markdown), expected);
        }

        #[test]
        fn an_address_stays_an_address(url in "https://[ -~]{0,20}") {
            let read = read(&line_of(Span::Link { text: "here".into(), url }));
            prop_assert_eq!(read.len(), 3, "{:?}", read);
            prop_assert!(read[0].starts_with("Start(Link"), "{:?}", read);
            prop_assert_eq!(&read[1], "text here");
        }
    }

    #[test]
    fn only_accounts_are_notified() {
        let names = Names::from([
            ("u1".parse().unwrap(), "ada".to_owned()),
            ("u2".parse().unwrap(), "channel".to_owned()),
            ("u3".parse().unwrap(), "x y".to_owned()),
        ]);
        let body = Body(vec![
            Block::Line(vec![account("u1"), Span::Text(": ask @all, @here! or @bob".into())]),
            Block::Line(vec![account("u1"), Span::Text("_x".into())]),
            Block::Line(vec![account("u2"), account("u3"), account("u9")]),
            Block::Line(vec![
                Span::Person("ken".parse().unwrap()),
                Span::Mention("eve".parse().unwrap()),
            ]),
        ]);
        let text = super::render(&body, &names).replace(GAP, "·");
        insta::assert_snapshot!(text, @r"
        @ada·: ask @·all, @·here! or @·bob

        @ada·\_x

        @·u2·@·u3·@·u9

        @·ken@·eve
        ");
    }

    #[test]
    fn a_card_reads_like_this() {
        let text = |text: &str| Span::Text(text.into());
        let body = Body(vec![
            Block::Line(vec![
                Span::Person("ada".parse().unwrap()),
                text(" asks: "),
                Span::Code("restart-service on web01 service=@app".into()),
            ]),
            Block::List(vec![
                vec![Span::Strong("web01".into()), text(" in prod_eu, at 10:30:00 :)")],
                vec![text("- [x] <b>done</b> & *sure* #tag ~town www.example.org https://x.y $a$")],
            ]),
            Block::Rule,
            Block::Line(vec![
                text("missing: 1 of "),
                Span::Strong("sre".into()),
                text(", "),
                Span::Link { text: "who".into(), url: "https://x.y/team/pl/m1 (x)".into() },
            ]),
            Block::Code { lang: "diff".into(), text: "--- a\n+++ b\n```\n@all".into() },
        ]);
        insta::assert_snapshot!(render(&body).replace(GAP, "·"), @r"
        @·ada asks: `restart-service on web01 service=@app`

        - **web01** in prod\_eu, at 10:·30:·00 :·)
        - \- \[x\] <·b>·done<·/b> & \*sure\* #·tag \~·town www·.example.org https:·//x.y \$·a\$·

        ---

        missing: 1 of **sre**, [who](https://x.y/team/pl/m1%20%28x%29)

        ````diff
        --- a
        +++ b
        ```
        @all
        ````
        ");
    }
}
