//! From a unified diff back to what is live: the declared text with the diff undone.

/// Returns what is live, given what is declared and a unified diff of one file from live to
/// declared; `None` if the diff is of anything else, or does not fit.
pub fn live(declared: &str, diff: &str) -> Option<String> {
    let mut left = declared.split_inclusive('\n');
    let mut taken = 0;
    let mut live = String::new();
    let mut hunks = 0;
    let mut lines = diff.lines().peekable();
    // Between the headers of files stands what is no content, such as permissions.
    let headers = diff.lines().filter(|line| line.starts_with("+++ ")).count();
    while let Some(line) = lines.next() {
        let Some((first, count)) = declared_range(line) else { continue };
        hunks += 1;
        // A hunk without declared lines names the line that it follows.
        let before = if count == 0 { first } else { first.checked_sub(1)? };
        while taken < before {
            live.push_str(left.next()?);
            taken += 1;
        }
        while let Some(line) = lines.next_if(|line| !line.starts_with("@@ ")) {
            match line.split_at_checked(1) {
                Some((" ", text)) => {
                    let same = left.next().filter(|it| it.trim_end_matches('\n') == text)?;
                    live.push_str(same);
                    taken += 1;
                }
                Some(("+", text)) => {
                    left.next().filter(|it| it.trim_end_matches('\n') == text)?;
                    taken += 1;
                }
                Some(("-", text)) => {
                    live.push_str(text);
                    live.push('\n');
                    let no_newline = lines.peek().is_some_and(|next| next.starts_with('\\'));
                    if no_newline {
                        live.pop();
                    }
                }
                Some(("\\", _)) => {}
                Some(_) | None => return None,
            }
        }
    }
    live.extend(left);
    (hunks > 0 && headers == 1).then_some(live)
}

/// Reads `@@ -1,2 +3,4 @@`: where the declared side begins, and how many lines it has.
fn declared_range(line: &str) -> Option<(usize, usize)> {
    let range = line.strip_prefix("@@ -")?.split(" +").nth(1)?.split(' ').next()?;
    match range.split_once(',') {
        Some((first, count)) => Some((first.parse().ok()?, count.parse().ok()?)),
        None => Some((range.parse().ok()?, 1)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn diff(live: &str, declared: &str) -> String {
        let diff = similar::TextDiff::from_lines(live, declared);
        diff.unified_diff().context_radius(3).header("live/a", "declared/a").to_string()
    }

    proptest! {
        #[test]
        fn a_diff_undone_gives_what_was_there(
            live_text in "([a-c]{0,2}\n){0,12}[a-c]{0,2}",
            declared in "([a-c]{0,2}\n){0,12}[a-c]{0,2}",
        ) {
            prop_assume!(live_text != declared);
            let diff = diff(&live_text, &declared);
            prop_assert_eq!(live(&declared, &diff), Some(live_text));
        }
    }

    #[test]
    fn what_is_no_diff_of_one_file_or_does_not_fit_gives_nothing() {
        let one = diff("a\n", "b\n");
        assert_eq!(live("b\n", &one).as_deref(), Some("a\n"));
        assert_eq!(live("c\n", &one), None, "it does not fit");
        assert_eq!(live("b\n", &format!("{one}{one}")), None, "two files");
        assert_eq!(live("b\n", "motd has mode 0600, declared is 0644\n"), None);
        assert_eq!(live("b\n", ""), None);
    }
}
