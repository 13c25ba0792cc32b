//! Which emoji say what. Pure.
//!
//! The server knows emoji by name (`white_check_mark`), with the tone of skin at the end
//! (`+1_medium_skin_tone`); settings name those that count.

use std::collections::BTreeMap;

use crate::domain::message::Sign;

/// Tones of skin as they end a name; the longer ones first.
const TONES: &[&str] = &[
    "_medium_light_skin_tone",
    "_medium_dark_skin_tone",
    "_light_skin_tone",
    "_medium_skin_tone",
    "_dark_skin_tone",
];

/// Marks that only choose how an emoji is drawn.
const VARIATIONS: &[char] = &['\u{fe0e}', '\u{fe0f}'];

/// Which emoji say what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emoji {
    /// By sign; the first of a list is the one that Tribune puts.
    given: BTreeMap<Sign, Vec<String>>,
}

impl Default for Emoji {
    fn default() -> Self {
        let one = |name: &str| vec![name.to_owned()];
        Self {
            given: BTreeMap::from([
                (Sign::Approve, one("white_check_mark")),
                (Sign::Veto, one("x")),
                (Sign::Keep, one("arrow_left")),
                (Sign::Ignore, one("no_bell")),
            ]),
        }
    }
}

impl Emoji {
    /// Takes names by what they say; what is not named says what it says by itself.
    pub fn new(given: BTreeMap<Sign, Vec<String>>) -> Self {
        let mut emoji = Self::default();
        emoji.given.extend(given.into_iter().filter(|(_, names)| !names.is_empty()));
        emoji
    }

    /// Returns what an emoji says; most say nothing.
    pub fn sign(&self, name: &str) -> Option<Sign> {
        let name = plain(name);
        self.given.iter().find(|(_, names)| names.contains(&name)).map(|(sign, _)| *sign)
    }

    /// Returns the emoji that Tribune puts.
    pub fn name(&self, sign: Sign) -> &str {
        self.given.get(&sign).and_then(|names| names.first()).map_or("white_check_mark", |it| it)
    }
}

/// Returns a name without colons, tone of skin and variation, in lower case.
fn plain(name: &str) -> String {
    let name = name.trim_matches(':').replace(VARIATIONS, "").to_ascii_lowercase();
    let bare = TONES.iter().find_map(|tone| name.strip_suffix(tone));
    bare.filter(|bare| !bare.is_empty()).unwrap_or(&name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tones_of_skin_and_variations_do_not_matter() {
        let names = ["white_check_mark".to_owned(), "+1".to_owned()];
        let emoji = Emoji::new([(Sign::Approve, names.to_vec()), (Sign::Veto, vec![])].into());
        for name in [
            "white_check_mark",
            "+1",
            "+1_light_skin_tone",
            "+1_medium_light_skin_tone",
            "+1_medium_skin_tone",
            "+1_medium_dark_skin_tone",
            "+1_dark_skin_tone",
            "White_Check_Mark",
            "white_check_mark\u{fe0f}",
        ] {
            assert_eq!(emoji.sign(name), Some(Sign::Approve), "{name}");
        }
        for name in ["+1_skin_tone", "-1", "", "_dark_skin_tone", "white_check_mark_2", "ok"] {
            assert_eq!(emoji.sign(name), None, "{name}");
        }
        assert_eq!(emoji.name(Sign::Approve), "white_check_mark");
    }

    #[test]
    fn a_thumb_says_nothing_unless_settings_say_so() {
        let emoji = Emoji::default();
        assert_eq!(emoji.sign("+1"), None);
        let all = ["white_check_mark", "x", "arrow_left", "no_bell"];
        let signs = [Sign::Approve, Sign::Veto, Sign::Keep, Sign::Ignore];
        for (name, sign) in all.into_iter().zip(signs) {
            assert_eq!((emoji.sign(name), emoji.name(sign)), (Some(sign), name));
        }
    }
}
