//! Just enough of Rust to find its string literals.

/// Returns every string literal of some code, as the program has it.
pub fn literals(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find(['"', '\'', '/', 'r']) {
        let before = rest[..at].chars().next_back();
        rest = &rest[at..];
        if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if let Some((text, after)) = raw(rest, before) {
            found.push(text.to_owned());
            rest = after;
        } else if let Some(inner) = rest.strip_prefix('"') {
            let (text, after) = plain(inner);
            found.push(text);
            rest = after;
        } else {
            rest = character(rest).unwrap_or(&rest[1..]);
        }
    }
    found
}

/// Returns a raw literal and what follows it, if one begins here.
fn raw(code: &str, before: Option<char>) -> Option<(&str, &str)> {
    let inner = code.strip_prefix('r').filter(|_| !before.is_some_and(char::is_alphanumeric))?;
    let marks = inner.len() - inner.trim_start_matches('#').len();
    let inner = inner[marks..].strip_prefix('"')?;
    inner.split_once(&format!("\"{}", "#".repeat(marks)))
}

/// Returns a literal, its escapes resolved, and what follows it.
fn plain(code: &str) -> (String, &str) {
    let mut text = String::new();
    let mut rest = code;
    loop {
        let Some(next) = rest.chars().next() else { return (text, rest) };
        rest = &rest[next.len_utf8()..];
        match next {
            '"' => return (text, rest),
            '\\' => {
                let escaped = rest.chars().next().unwrap_or('\\');
                rest = &rest[escaped.len_utf8().min(rest.len())..];
                match escaped {
                    '\n' => rest = rest.trim_start(),
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'u' => {
                        let (code, after) = rest.split_once('}').unwrap_or(("{0", rest));
                        let code = u32::from_str_radix(code.trim_start_matches('{'), 16);
                        text.extend(code.ok().and_then(char::from_u32));
                        rest = after;
                    }
                    other => text.push(other),
                }
            }
            other => text.push(other),
        }
    }
}

/// Returns what follows a character literal; a lifetime is none.
fn character(code: &str) -> Option<&str> {
    let inner = code.strip_prefix('\'')?;
    let first = inner.chars().next()?;
    let after = match first {
        '\\' => inner.get(2..)?.find('\'').filter(|end| *end < 12).map(|end| &inner[2 + end..])?,
        other => &inner[other.len_utf8()..],
    };
    after.strip_prefix('\'')
}

/// Returns the words of a literal, without what is filled in; bits too short to tell are left out.
pub fn fragments(literal: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut in_hole = false;
    let mut rest = literal.chars().peekable();
    while let Some(next) = rest.next() {
        let doubled = rest.peek() == Some(&next);
        match next {
            '{' | '}' if doubled && !in_hole => {
                rest.next();
                parts.last_mut().expect("there is one").push(next);
            }
            '{' => in_hole = true,
            '}' => {
                in_hole = false;
                parts.push(String::new());
            }
            '\n' => parts.push(String::new()),
            other if !in_hole => parts.last_mut().expect("there is one").push(other),
            _ => {}
        }
    }
    let telling = |part: &&str| part.chars().filter(|c| c.is_alphabetic()).count() >= 3;
    parts.iter().map(|part| part.trim()).filter(telling).map(str::to_owned).collect()
}

#[test]
fn literals_are_found_as_the_program_has_them() {
    let code = r##"
        // "not this" and r"not this"
        let a = "one \"two\" \
                 three\n"; let b = r#"raw "x""#; let c = '"'; let d: &'static str = "four \u{2705}";
        let e = '\''; let bar = br"five"; for_("six");
    "##;
    let found = ["one \"two\" three\n", "raw \"x\"", "four \u{2705}", "five", "six"];
    assert_eq!(literals(code), found);
    assert_eq!(fragments("{what} is paused {{by}} {who}: no\nnever"), ["is paused {by}", "never"]);
}
