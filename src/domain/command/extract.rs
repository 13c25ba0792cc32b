//! Finding the lines of a message that are commands.
//!
//! The message is Markdown. What people see as a quote, code, a heading, a list or a link is
//! talk, not a command. Words are taken from the source text as typed, so that `*` and `_` in
//! arguments survive.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag};

use super::Vocabulary;

/// Returns the command lines of a message, without prefix or mention, in order.
pub(super) fn command_lines<'a>(text: &'a str, words: &Vocabulary) -> Vec<&'a str> {
    if !text.contains('!') && !mentions_bot(text, words) {
        return Vec::new();
    }
    let Prose { paragraphs, opaque } = prose(text);
    let mut found = Vec::new();
    for paragraph in paragraphs {
        let mut start = paragraph.start;
        for line in text[paragraph].split(['\n', '\r']) {
            let at = start + (line.len() - line.trim_start().len());
            start += line.len() + 1;
            if let Some(command) = strip_prefix(line.trim(), words)
                && !opaque.iter().any(|range| range.contains(&at))
            {
                found.push(command);
            }
        }
    }
    found
}

/// The parts of a message that may hold commands, and those within them that may not.
struct Prose {
    paragraphs: Vec<Range<usize>>,
    opaque: Vec<Range<usize>>,
}

fn prose(text: &str) -> Prose {
    let mut prose = Prose { paragraphs: Vec::new(), opaque: Vec::new() };
    let mut depth = 0_usize;
    for (event, range) in Parser::new_ext(text, Options::empty()).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                match tag {
                    Tag::Paragraph if depth == 0 => prose.paragraphs.push(range),
                    Tag::Link { .. } | Tag::Image { .. } => prose.opaque.push(range),
                    _ => {}
                }
                depth += 1;
            }
            Event::End(_) => depth -= 1,
            Event::Code(_) | Event::InlineHtml(_) => prose.opaque.push(range),
            _ => {}
        }
    }
    prose
}

fn mentions_bot(text: &str, words: &Vocabulary) -> bool {
    let text = text.to_ascii_lowercase();
    words.bot.iter().any(|bot| text.contains(&bot.to_ascii_lowercase()))
}

/// Returns what follows `!` or a mention of Tribune, if the line begins with one.
fn strip_prefix<'a>(line: &'a str, words: &Vocabulary) -> Option<&'a str> {
    if let Some(rest) = line.strip_prefix('!') {
        return rest.starts_with(char::is_alphabetic).then_some(rest);
    }
    words.bot.iter().find_map(|bot| {
        let rest = line
            .get(..bot.len())
            .filter(|start| start.eq_ignore_ascii_case(bot))
            .map(|start| &line[start.len()..])?;
        let ends = rest.chars().next().is_none_or(|c| c.is_whitespace() || matches!(c, ':' | ','));
        let rest = rest.trim_start_matches([':', ',']).trim_start();
        ends.then(|| rest.strip_prefix('!').unwrap_or(rest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let words = Vocabulary { bot: vec!["@tribune".to_owned()], ..Vocabulary::default() };
        command_lines(text, &words).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn a_command_stands_at_the_start_of_a_line_of_prose() {
        assert_eq!(lines("!run a x=*b* y=c_d_e"), ["run a x=*b* y=c_d_e"]);
        assert_eq!(lines("please look\n  !run a\nthanks!"), ["run a"]);
        assert_eq!(lines("hello\r\n!run a\r\n"), ["run a"]);
        assert_eq!(lines("@Tribune: run a"), ["run a"]);
        assert_eq!(lines("@tribune !run a"), ["run a"]);
        assert_eq!(lines("@tribune"), [""]);
    }

    #[test]
    fn talk_about_a_command_is_no_command() {
        for talk in [
            "> !run a",
            "> quoted\n!run a",
            "    !run a",
            "```\n!run a\n```",
            "~~~\n!run a",
            "`!run a`",
            "`code\n!run a`",
            "# !run a",
            "!run a\n===",
            "- !run a",
            "1. !run a",
            "[see\n!run a](https://example.org)",
            "![run a](https://example.org/x.png)",
            "<div>\n!run a\n</div>",
            "say !run a",
            "\\!run a",
            "!!!",
            "! run a",
            "@tribunes run a",
            "ask @tribune run a",
        ] {
            assert_eq!(lines(talk), Vec::<String>::new(), "{talk}");
        }
    }
}
