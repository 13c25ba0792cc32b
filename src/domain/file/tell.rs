//! What differs, in words and as a unified diff: the same bytes for the same difference.

use sha2::{Digest as _, Sha256};

use super::compare::{Found, Kind, Step, Wanted};
use super::path::ManagedPath;
use crate::domain::invisible::is_invisible;

/// Larger texts are told by hash and size, since a diff of them would take too long to make.
const LARGEST_TEXT: usize = 256 << 10;

/// Texts of more lines likewise.
const MOST_LINES: usize = 5_000;

/// How much of content is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Text as it is.
    Content,
    /// Hashes and counts of lines.
    Hashes,
}

/// Returns what one step changes at `path`; each line ends with a line feed.
pub fn tell(path: &ManagedPath, step: &Step, shown: Shown) -> String {
    match step {
        Step::Make(wanted) => match &wanted.kind {
            Kind::Folder => format!("folder {path}/ is missing\n"),
            Kind::File(content) => {
                let mode = format!("{path} is missing: mode {:04o}\n", wanted.mode);
                mode + &content_change(path, None, Some(content), shown)
            }
        },
        Step::Change { found, wanted } => {
            let mut told = attributes(path, found, wanted);
            if let (Kind::File(before), Kind::File(after)) = (&found.kind, &wanted.kind)
                && before != after
            {
                told += &content_change(path, Some(before), Some(after), shown);
            }
            told
        }
        Step::Remove(found) => match &found.kind {
            Kind::Folder => format!("folder {path}/ is not declared\n"),
            Kind::File(content) => {
                let told = format!("{path} is not declared\n");
                told + &content_change(path, Some(content), None, shown)
            }
        },
    }
}

fn attributes(path: &ManagedPath, found: &Found, wanted: &Wanted) -> String {
    let mut told = String::new();
    let mut line = |what: &str, from: String, to: String| {
        told += &format!("{path} has {what} {from}, declared is {to}\n");
    };
    if found.needs_mode(wanted) {
        line("mode", format!("{:04o}", found.mode), format!("{:04o}", wanted.mode));
    }
    if let Some(owner) = wanted.owner.filter(|owner| *owner != found.owner) {
        line("owner", found.owner.to_string(), owner.to_string());
    }
    if let Some(group) = wanted.group.filter(|group| *group != found.group) {
        line("group", found.group.to_string(), group.to_string());
    }
    told
}

fn content_change(
    path: &ManagedPath,
    before: Option<&[u8]>,
    after: Option<&[u8]>,
    shown: Shown,
) -> String {
    let names = [
        before.map_or("/dev/null".to_owned(), |_| format!("live/{path}")),
        after.map_or("/dev/null".to_owned(), |_| format!("declared/{path}")),
    ];
    let texts = (before.map_or(Some(""), text), after.map_or(Some(""), text));
    if let (Shown::Content, (Some(before), Some(after))) = (shown, texts) {
        return unified(&names, &visible(before), &visible(after));
    }
    let side = |content: Option<&[u8]>| content.map_or("nothing".to_owned(), summary);
    let [live, declared] = names;
    format!("--- {live}\n+++ {declared}\n-{}\n+{}\n", side(before), side(after))
}

/// Returns content as text, if it is text that a diff is made of.
fn text(content: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(content).ok()?;
    let fits = content.len() <= LARGEST_TEXT && text.lines().count() <= MOST_LINES;
    (fits && !text.contains('\0')).then_some(text)
}

/// Returns a text in which everything that would be unseen is written out.
fn visible(text: &str) -> String {
    let mut seen = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => seen.push(c),
            c if is_invisible(c) => seen.extend(c.escape_unicode()),
            c => seen.push(c),
        }
    }
    seen
}

fn unified([live, declared]: &[String; 2], before: &str, after: &str) -> String {
    let diff = similar::TextDiff::from_lines(before, after);
    let told = diff.unified_diff().context_radius(3).header(live, declared).to_string();
    // An empty file has no lines that a diff could show.
    if told.is_empty() { format!("--- {live}\n+++ {declared}\n") } else { told }
}

/// Returns what is told of content that is not shown: hash, and lines or bytes.
pub fn summary(content: &[u8]) -> String {
    let hash = sha256(content);
    let size = match lines(content) {
        Some(1) => "1 line".to_owned(),
        Some(lines) => format!("{lines} lines"),
        None => format!("{} bytes, not text", content.len()),
    };
    format!("sha256 {} ({size})", &hash[..16])
}

/// Returns the SHA-256 of content, in hexadecimal.
pub fn sha256(content: &[u8]) -> String {
    hex::encode(Sha256::digest(content))
}

/// Returns how many lines a text has; `None`: it is not text.
pub fn lines(content: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(content).ok().filter(|text| !text.contains('\0'))?;
    u64::try_from(text.lines().count()).ok()
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn path() -> ManagedPath {
        "managed/motd".parse().unwrap()
    }

    fn wanted(content: &[u8]) -> Wanted {
        Wanted { kind: Kind::File(content.to_vec()), mode: 0o644, owner: Some(0), group: None }
    }

    fn change(before: &[u8], after: &[u8]) -> Step {
        let kind = Kind::File(before.to_vec());
        let found = Found { kind, mode: 0o600, owner: 7, group: 7 };
        Step::Change { found, wanted: wanted(after) }
    }

    #[test]
    fn a_changed_text_is_a_unified_diff_with_what_else_differs() {
        let step = change(b"one\ntwo\n", b"one\nTWO");
        assert_snapshot!(tell(&path(), &step, Shown::Content), @r"
        managed/motd has mode 0600, declared is 0644
        managed/motd has owner 7, declared is 0
        --- live/managed/motd
        +++ declared/managed/motd
        @@ -1,2 +1,2 @@
         one
        -two
        +TWO
        \ No newline at end of file
        ");
    }

    #[test]
    fn what_is_missing_or_not_declared_is_a_diff_against_nothing() {
        let kind = Kind::File(b"old\n".to_vec());
        let extra = Step::Remove(Found { kind, mode: 0o644, owner: 0, group: 0 });
        let missing = Step::Make(wanted(b"new\n"));
        let both = tell(&path(), &missing, Shown::Content) + &tell(&path(), &extra, Shown::Content);
        assert_snapshot!(both, @r"
        managed/motd is missing: mode 0644
        --- /dev/null
        +++ declared/managed/motd
        @@ -0,0 +1 @@
        +new
        managed/motd is not declared
        --- live/managed/motd
        +++ /dev/null
        @@ -1 +0,0 @@
        -old
        ");
    }

    #[test]
    fn sensitive_content_is_hashes_and_counts_of_lines() {
        let told = tell(&path(), &change(b"hunter2\n", b"hunter3\nx\n"), Shown::Hashes);
        assert!(!told.contains("hunter"));
        assert_snapshot!(told, @r"
        managed/motd has mode 0600, declared is 0644
        managed/motd has owner 7, declared is 0
        --- live/managed/motd
        +++ declared/managed/motd
        -sha256 46a9d5bde718bf36 (1 line)
        +sha256 a47ab7aaaa3a3139 (2 lines)
        ");
    }

    #[test]
    fn what_is_not_text_is_a_hash_and_its_size() {
        let told = tell(&path(), &change(b"\0\x01", &[0xff; 3]), Shown::Content);
        assert!(told.contains("(2 bytes, not text)") && told.contains("(3 bytes, not text)"));
        let long = "x\n".repeat(MOST_LINES + 1);
        let told = tell(&path(), &change(long.as_bytes(), b""), Shown::Content);
        assert!(told.contains("(5001 lines)"), "{told}");
    }

    #[test]
    fn what_would_be_unseen_is_written_out() {
        let told = tell(&path(), &change(b"a\r\n", "a\u{202e}\n".as_bytes()), Shown::Content);
        assert!(told.contains("-a\\u{d}\n") && told.contains("+a\\u{202e}\n"), "{told}");
    }
}
