//! The forms in which a secret may be printed.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::SHORTEST;
use crate::domain::invisible::is_invisible;

/// Columns at which common tools break long base64.
const COLUMNS: [usize; 2] = [64, 76];

/// Of a secret of several lines, lines shorter than this are too ordinary to be looked for.
const SHORTEST_LINE: usize = 8;

/// Returns every text to look for, none with a line end in it, since output is searched line by
/// line; empty if there is nothing long enough.
pub(super) fn forms(value: &str) -> BTreeSet<String> {
    let mut forms = lines(value);
    if forms.is_empty() {
        return forms;
    }
    forms.extend(base64_forms(value));
    for hexadecimal in [hex::encode(value), hex::encode_upper(value)] {
        forms.insert(hexadecimal);
    }
    forms.extend([percent(value, Space::Percent), percent(value, Space::Plus)]);
    forms.extend([percent(value, Space::Percent).to_lowercase()].into_iter().filter(|_| {
        // Lower-case escapes; only sound where the text itself has no upper case to lose.
        !value.contains(|c: char| c.is_ascii_uppercase())
    }));
    if let Ok(json) = serde_json::to_string(value) {
        forms.insert(json[1..json.len() - 1].to_owned());
    }
    forms.retain(|form| form.len() >= SHORTEST && !form.contains('\n'));
    forms
}

/// Returns the value itself, cleaned as output is; of several lines each that is long enough.
fn lines(value: &str) -> BTreeSet<String> {
    let visible = |line: &str| -> String {
        line.chars().filter(|c| *c == '\t' || !is_invisible(*c)).collect::<String>()
    };
    let all: BTreeSet<String> =
        value.split(['\n', '\r']).map(|line| visible(line).trim().to_owned()).collect();
    let least = if all.len() > 1 { SHORTEST_LINE } else { SHORTEST };
    let long: BTreeSet<String> = all.iter().filter(|line| line.len() >= least).cloned().collect();
    if long.is_empty() {
        return all.into_iter().filter(|line| line.len() >= SHORTEST).collect();
    }
    long
}

/// Returns base64 of the value wherever it may stand within something longer that is encoded,
/// and in the lines that tools make of it.
fn base64_forms(value: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::new();
    for before in 0..3_usize {
        let padded = [&vec![0; before][..], value.as_bytes()].concat();
        // Characters that depend on a neighbour's bits are left out; at the end only if there
        // may be a neighbour.
        let first = (before * 8).div_ceil(6);
        let last = padded.len() * 8 / 6;
        for encoded in [STANDARD.encode(&padded), URL_SAFE.encode(&padded)] {
            forms.insert(encoded[first..last].to_owned());
            forms.insert(encoded[first..].trim_end_matches('=').to_owned());
            forms.insert(encoded[first..].to_owned());
            if before == 0 {
                forms.extend(COLUMNS.iter().flat_map(|columns| wrapped(&encoded, *columns)));
            }
        }
    }
    forms
}

fn wrapped(encoded: &str, columns: usize) -> impl Iterator<Item = String> + '_ {
    let starts = (0..encoded.len()).step_by(columns);
    starts
        .map(move |start| encoded[start..(start + columns).min(encoded.len())].to_owned())
        .filter(|line| line.len() >= SHORTEST_LINE)
}

/// How a space is escaped in a URL.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Space {
    Percent,
    Plus,
}

fn percent(value: &str, space: Space) -> String {
    value.bytes().fold(String::new(), |mut text, byte| {
        match byte {
            b' ' if space == Space::Plus => text.push('+'),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                text.push(byte.into());
            }
            _ => write!(text, "%{byte:02X}").expect("a String takes everything"),
        }
        text
    })
}
