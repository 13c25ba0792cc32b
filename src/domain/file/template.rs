//! Templates: files whose `{param}` is filled.
//!
//! Only `{name}`, where `name` is one that a parameter can have, is a hole, so that braces of
//! other languages stay as they are. A hole that names no parameter is a mistake, never text;
//! `{{name}}` is the text `{name}`.

use std::collections::BTreeMap;

use crate::domain::id::ParamName;

/// A hole of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// The parameter.
    pub param: ParamName,
    /// Its line, from 1.
    pub line: u32,
    /// Its column in characters, from 1.
    pub column: u32,
}

/// A hole that nothing fills.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: nothing fills `{{{param}}}`; write `{{{{{param}}}}}` for the text itself")]
pub struct Unfilled {
    /// The parameter that it names.
    pub param: ParamName,
    /// Its line, from 1.
    pub line: u32,
}

enum Piece<'a> {
    Text(&'a str),
    Hole(ParamName),
}

/// Returns the holes of a template, in order.
pub fn holes(text: &str) -> Vec<Hole> {
    let mut holes = Vec::new();
    pieces(text, |offset, piece| {
        if let Piece::Hole(param) = piece {
            let (line, column) = place(text, offset);
            holes.push(Hole { param, line, column });
        }
    });
    holes
}

/// Returns the template with its holes filled.
pub fn fill(text: &str, values: &BTreeMap<ParamName, String>) -> Result<String, Unfilled> {
    let mut filled = String::with_capacity(text.len());
    let mut missing = None;
    pieces(text, |offset, piece| match piece {
        Piece::Text(text) => filled.push_str(text),
        Piece::Hole(param) => match values.get(&param) {
            Some(value) => filled.push_str(value),
            None if missing.is_none() => {
                missing = Some(Unfilled { param, line: place(text, offset).0 });
            }
            None => {}
        },
    });
    missing.map_or(Ok(filled), Err)
}

/// Gives every piece of `text` with its offset.
fn pieces<'a>(text: &'a str, mut give: impl FnMut(usize, Piece<'a>)) {
    let mut done = 0;
    let mut next = 0;
    while let Some(found) = text[next..].find('{') {
        let open = next + found;
        let rest = &text[open..];
        if let Some(name) = hole(rest, "{{", "}}") {
            give(done, Piece::Text(&text[done..=open]));
            // Of the braces one pair is left: the text begins and ends inside of the other.
            let end = open + name.len() + 3;
            give(open + 2, Piece::Text(&text[open + 2..end]));
            (done, next) = (end + 1, end + 1);
        } else if let Some(name) = hole(rest, "{", "}") {
            give(done, Piece::Text(&text[done..open]));
            if let Ok(param) = name.parse() {
                give(open, Piece::Hole(param));
            }
            (done, next) = (open + name.len() + 2, open + name.len() + 2);
        } else {
            next = open + 1;
        }
    }
    give(done, Piece::Text(&text[done..]));
}

/// Returns the name between `open` and `close` at the beginning of `text`, if a parameter can
/// have it.
fn hole<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(open)?;
    let end = rest.find(|c: char| !matches!(c, 'a'..='z' | '0'..='9' | '_'))?;
    let name = rest.get(..end).filter(|name| name.parse::<ParamName>().is_ok())?;
    rest.get(end..)?.starts_with(close).then_some(name)
}

fn place(text: &str, offset: usize) -> (u32, u32) {
    let before = &text[..offset];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |tail| tail.chars().count()) + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(text: &str) -> Result<String, Unfilled> {
        let values = BTreeMap::from([("port".parse().unwrap(), "80".to_owned())]);
        fill(text, &values)
    }

    #[test]
    fn holes_are_filled_and_braces_of_other_languages_stay() {
        let conf =
            "server { listen {port}; }\n# ${HOME} {} { port } {Port} {{ $x }} {\"a\": {b: 1}}";
        assert_eq!(filled(conf).unwrap(), conf.replace("{port}", "80"));
        assert_eq!(filled("${{port}} {{{port}}}").unwrap(), "${port} {{port}}");
        assert_eq!(filled("{port}{port}").unwrap(), "8080");
    }

    #[test]
    fn a_value_is_never_read_as_a_template() {
        let values = BTreeMap::from([("a".parse().unwrap(), "{b}".to_owned())]);
        assert_eq!(fill("{a}", &values).unwrap(), "{b}");
    }

    #[test]
    fn a_hole_that_nothing_fills_is_told_with_its_place() {
        let error = filled("a\nä {prot}").unwrap_err().to_string();
        assert_eq!(error, "line 2: nothing fills `{prot}`; write `{{prot}}` for the text itself");
        let hole = holes("a\nä {prot}").remove(0);
        assert_eq!((hole.param.as_str(), hole.line, hole.column), ("prot", 2, 3));
    }

    proptest! {
        #[test]
        fn text_without_holes_stays_as_it_is(text in "[{} a\n$]{0,12}") {
            prop_assume!(!text.contains("{a"));
            prop_assert_eq!(fill(&text, &BTreeMap::new()).unwrap(), text);
        }
    }
}
