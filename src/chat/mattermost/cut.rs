//! Bodies within the size that the server takes. Pure.
//!
//! Code gives way first, then what stands last. What stands above a card's rule is what people
//! approve: it is said whole or not at all.

use super::render::{Names, render};
use crate::domain::body::{Block, Body};
use crate::domain::reply;

/// Returns a body as Markdown of at most `most` characters; `None` if a card's upper part is
/// longer.
pub(super) fn fit(body: &Body, names: &Names, most: usize) -> Option<String> {
    let text = render(body, names);
    if length(&text) <= most {
        return Some(text);
    }
    let mut blocks = body.0.clone();
    let rule = blocks.iter().position(|block| *block == Block::Rule);
    let first = rule.map_or(0, |at| at + 1);
    for at in (first..blocks.len()).rev() {
        let over = length(&render(&Body(blocks.clone()), names)).saturating_sub(most);
        if over == 0 {
            break;
        }
        if let Block::Code { text, .. } = &mut blocks[at] {
            *text = shortened(text, over);
        }
    }
    loop {
        let text = render(&Body(blocks.clone()), names);
        if length(&text) <= most {
            return Some(text);
        }
        let note = reply::post_cut().0;
        let is_noted = blocks.ends_with(&note);
        if is_noted {
            blocks.truncate(blocks.len() - note.len());
        }
        if blocks.len() <= first {
            return match rule {
                Some(_) => None,
                None => Some(String::new()),
            };
        }
        blocks.pop();
        blocks.extend(note);
    }
}

/// Returns the beginning of a text, about `over` characters and room for the note shorter.
fn shortened(text: &str, over: usize) -> String {
    let note = reply::output_cut();
    let keep = length(text).saturating_sub(over + length(&note) + 2);
    let kept: String = text.chars().take(keep).collect();
    format!("{kept}\n{note}")
}

/// The server counts code points.
fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::body::Span;

    fn line(text: &str) -> Block {
        Block::Line(vec![Span::Text(text.into())])
    }

    fn code(text: &str) -> Block {
        Block::Code { lang: "text".into(), text: text.into() }
    }

    fn fit(blocks: Vec<Block>, most: usize) -> Option<String> {
        let text = super::fit(&Body(blocks), &Names::new(), most);
        assert!(text.iter().all(|text| length(text) <= most));
        text
    }

    #[test]
    fn what_fits_is_left_as_it_is() {
        assert_eq!(fit(vec![line("é"), code("x")], 20).unwrap(), "é\n\n```text\nx\n```");
    }

    #[test]
    fn output_is_cut_and_says_so() {
        let text = fit(vec![line("head"), code(&"é\n".repeat(500)), line("tail")], 200).unwrap();
        assert!(text.starts_with("head\n\n```text\né\n"), "{text}");
        assert!(text.ends_with("does not fit into a post\n```\n\ntail"), "{text}");
    }

    #[test]
    fn what_stands_last_goes_where_there_is_no_code() {
        let text = fit(vec![line("head"), line(&"x".repeat(300)), line("tail")], 100).unwrap();
        assert_eq!(text, "head\n\n… the rest does not fit into a post");
    }

    #[test]
    fn what_people_approve_is_said_whole_or_not_at_all() {
        let card =
            |above: &str| vec![line(above), code("small"), Block::Rule, line(&"x".repeat(300))];
        let text = fit(card("a card"), 100).unwrap();
        assert!(text.starts_with("a card\n\n```text\nsmall\n```\n\n---"), "{text}");
        assert_eq!(fit(card(&"y".repeat(100)), 100), None);
    }
}
