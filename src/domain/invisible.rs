//! Characters that people cannot see, or that make others look different from what they are.

/// Says whether `c` is a control character, changes the direction of text, takes no space, or
/// parts lines and paragraphs unseen.
///
/// Such a character could make a command look like another one to the people who approve it.
/// Tab and line feed are control characters too; callers that want them allow them first.
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Returns `text` with a mark in the place of every invisible character but tab and line feed, so
/// that nothing turns around or hides in it.
pub fn marked(text: &str) -> String {
    let mark = |c: char| if is_invisible(c) && !matches!(c, '\t' | '\n') { '\u{fffd}' } else { c };
    text.chars().map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_marked() {
        assert_eq!(marked("a\u{202e}b\tc\n\u{200b}é"), "a\u{fffd}b\tc\n\u{fffd}é");
    }

    #[test]
    fn what_hides_or_turns_text_is_invisible_and_letters_are_not() {
        for c in ['\0', '\u{1b}', '\r', '\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}', '\u{e0041}']
        {
            assert!(is_invisible(c), "{c:?}");
        }
        for c in ['a', ' ', 'ß', '本', '✅', '\u{fe0f}', '\u{a0}'] {
            assert!(!is_invisible(c), "{c:?}");
        }
    }
}
