//! Which emoji say what. Pure.
//!
//! The server knows emoji by name (`white_check_mark`), with the tone of skin at the end
//! (`+1_medium_skin_tone`); settings name those that count. Names are taken as they stand. Anybody
//! may give the server a picture under any name that is not one of its own, and `White_Check_Mark`
//! and `white_check_mark_dark_skin_tone` are none: whoever joins in such a picture has approved
//! nothing. So a tone is looked past only where the server has that emoji with all tones itself.

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

/// Emoji that the server itself has with every tone.
const TONED: &[&str] =
    &["+1", "thumbsup", "-1", "thumbsdown", "ok_hand", "clap", "wave", "punch", "muscle"];

/// Other names of the server for the same emoji.
const ALIASES: &[(&str, &str)] = &[("thumbsup", "+1"), ("thumbsdown", "-1")];

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
        let is_given = |names: &Vec<String>| names.iter().any(|given| plain(given) == name);
        self.given.iter().find(|(_, names)| is_given(names)).map(|(sign, _)| *sign)
    }

    /// Returns the emoji that Tribune puts.
    pub fn name(&self, sign: Sign) -> &str {
        self.given.get(&sign).and_then(|names| names.first()).map_or("white_check_mark", |it| it)
    }
}

/// Returns the one name of an emoji, without the tone of skin.
fn plain(name: &str) -> &str {
    let bare = TONES.iter().find_map(|tone| name.strip_suffix(tone));
    let bare = bare.filter(|bare| TONED.contains(bare)).unwrap_or(name);
    ALIASES.iter().find(|(alias, _)| *alias == bare).map_or(bare, |(_, plain)| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tones_of_skin_and_other_names_do_not_matter() {
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
            "thumbsup",
            "thumbsup_dark_skin_tone",
        ] {
            assert_eq!(emoji.sign(name), Some(Sign::Approve), "{name}");
        }
        for name in ["+1_skin_tone", "-1", "", "_dark_skin_tone", "white_check_mark_2", "ok"] {
            assert_eq!(emoji.sign(name), None, "{name}");
        }
        assert_eq!(emoji.name(Sign::Approve), "white_check_mark");
        let emoji = Emoji::new([(Sign::Approve, vec!["thumbsup".to_owned()])].into());
        assert_eq!(emoji.sign("+1_dark_skin_tone"), Some(Sign::Approve));
    }

    #[test]
    fn a_picture_of_somebodys_own_says_nothing() {
        let emoji = Emoji::default();
        for name in [
            "White_Check_Mark",
            "WHITE_CHECK_MARK",
            "white_check_mark_dark_skin_tone",
            "white_check_mark_medium_light_skin_tone",
            "white-check-mark",
            "x_light_skin_tone",
        ] {
            assert_eq!(emoji.sign(name), None, "{name}");
        }
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
