//! Emoji to signs and back.
//!
//! Skin tones and variation selectors say nothing: people's keyboards add and drop them.

use crate::domain::message::Sign;

/// Which emoji say what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emoji {
    /// For a sign: what Tribune puts itself, then what counts as it, all without skin tones.
    lists: [(Sign, Vec<String>); 4],
}

impl Default for Emoji {
    fn default() -> Self {
        let list = |sign, emoji: &str| (sign, vec![emoji.to_owned()]);
        Self {
            lists: [
                list(Sign::Approve, "✅"),
                list(Sign::Veto, "❌"),
                list(Sign::Keep, "⬅️"),
                list(Sign::Ignore, "🔕"),
            ],
        }
    }
}

impl Emoji {
    /// Takes other emoji for a sign; Tribune puts the first. An empty list changes nothing.
    #[must_use]
    pub fn with(mut self, sign: Sign, emoji: Vec<String>) -> Self {
        if !emoji.is_empty()
            && let Some(entry) = self.lists.iter_mut().find(|(of, _)| *of == sign)
        {
            entry.1 = emoji;
        }
        self
    }

    /// Returns what a reaction says, if it says anything.
    pub fn sign(&self, key: &str) -> Option<Sign> {
        let key = bare(key);
        let says = |list: &[String]| !key.is_empty() && list.iter().any(|it| bare(it) == key);
        self.lists.iter().find(|(_, list)| says(list)).map(|(sign, _)| *sign)
    }

    /// Returns what Tribune puts for a sign.
    pub fn key(&self, sign: Sign) -> &str {
        self.lists.iter().find(|(of, _)| *of == sign).map_or("", |(_, list)| &list[0])
    }
}

/// Returns an emoji without variation selectors, skin tones and white space around it.
fn bare(emoji: &str) -> String {
    let says = |c: &char| !matches!(c, '\u{fe0e}' | '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}');
    emoji.trim().chars().filter(says).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skin_tones_and_variation_selectors_say_nothing() {
        let emoji = Emoji::default().with(Sign::Approve, vec!["👍".into(), "✔️".into()]);
        for key in ["👍", "👍🏻", "👍🏿", "👍\u{fe0f}", "✔", "✔\u{fe0f}", "✔\u{fe0e}"]
        {
            assert_eq!(emoji.sign(key), Some(Sign::Approve), "{key}");
        }
        assert_eq!(emoji.sign("⬅"), Some(Sign::Keep));
        for key in ["✅", "👎", "", "🏿", "👍👍", "approve", "❌❌"] {
            assert_eq!(emoji.sign(key), None, "{key}");
        }
    }

    #[test]
    fn tribune_puts_the_first_of_a_list() {
        let emoji = Emoji::default().with(Sign::Veto, vec!["👎".into(), "❌".into()]);
        assert_eq!((emoji.key(Sign::Veto), emoji.key(Sign::Approve)), ("👎", "✅"));
        assert_eq!(Emoji::default().with(Sign::Veto, vec![]), Emoji::default());
    }
}
