//! Well-known shapes of tokens, as data.

use aho_corasick::AhoCorasick;
use regex::Regex;

use super::spans::Found;

/// One shape. A line is searched only if it holds one of the keywords (ASCII case aside); what
/// is secret is the first group of the pattern, or all of it.
struct Shape {
    name: &'static str,
    keywords: &'static [&'static str],
    pattern: &'static str,
}

const fn shape(
    name: &'static str,
    keywords: &'static [&'static str],
    pattern: &'static str,
) -> Shape {
    Shape { name, keywords, pattern }
}

/// Names, keywords and patterns. Add a line to teach Tribune another shape, and an example of it
/// to the table in the tests.
const SHAPES: [Shape; 24] = [
    shape(
        "private-key",
        &["private key"],
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|$)",
    ),
    shape("age-key", &["age-secret-key-"], r"(?i)\b(AGE-SECRET-KEY-1[0-9A-Z]{40,})"),
    shape(
        "aws-key-id",
        &["akia", "asia", "abia", "acca"],
        r"\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})\b",
    ),
    shape(
        "aws-secret-key",
        &["aws"],
        r#"(?i)aws.{0,24}?(?:secret|access|key).{0,24}?[=:"'\s]([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+]|$)"#,
    ),
    shape(
        "github-token",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        r"\b(gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})",
    ),
    shape(
        "gitlab-token",
        &["glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glsoat-", "glagent-", "glft-", "glimt-"],
        r"\b(gl(?:pat|dt|rt|ptt|cbt|soat|agent|ft|imt)-[A-Za-z0-9_.=-]{20,})",
    ),
    shape(
        "slack-token",
        &["xox", "xapp-"],
        r"\b(xox[abceoprs]-[A-Za-z0-9-]{10,}|xapp-\d-[A-Za-z0-9-]{10,})",
    ),
    shape(
        "slack-webhook",
        &["hooks.slack.com"],
        r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9+/_-]{20,})",
    ),
    shape("discord-webhook", &["/api/webhooks/"], r"/api/webhooks/(\d{10,}/[A-Za-z0-9_-]{20,})"),
    shape(
        "discord-token",
        &["."],
        r"\b([MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,})",
    ),
    shape("telegram-token", &[":aa"], r"\b(\d{8,10}:AA[A-Za-z0-9_-]{33})"),
    shape("google-key", &["aiza"], r"\b(AIza[A-Za-z0-9_-]{35})"),
    shape(
        "stripe-key",
        &["sk_live_", "rk_live_", "sk_test_", "rk_test_"],
        r"\b([rs]k_(?:live|test)_[A-Za-z0-9]{10,})",
    ),
    shape("npm-token", &["npm_"], r"\b(npm_[A-Za-z0-9]{36})"),
    shape("pypi-token", &["pypi-"], r"\b(pypi-[A-Za-z0-9_-]{50,})"),
    shape("vault-token", &["hvs.", "hvb."], r"\b(hv[sb]\.[A-Za-z0-9_-]{24,})"),
    shape("digitalocean-token", &["_v1_"], r"\b(do[opr]_v1_[a-f0-9]{64})"),
    shape("sendgrid-key", &["sg."], r"\b(SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,})"),
    shape("api-key", &["sk-"], r"\b(sk-[A-Za-z0-9_-]{20,})"),
    shape("jwt", &["eyj"], r"\b(eyJ[A-Za-z0-9_-]{5,}\.eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*)"),
    shape("url-password", &["://"], r#"[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@"'<>]*:([^\s/"'<>]+)@"#),
    shape(
        "authorization",
        &["authorization"],
        r#"(?i)authorization["']?\s*[:=]\s*["']?(?:[a-z]+\s+)?([A-Za-z0-9._~+/=-]{4,})"#,
    ),
    shape("bearer-token", &["bearer"], r"(?i)\bbearer\s+([A-Za-z0-9._~+/=-]{16,})"),
    shape(
        "value",
        &["passw", "passphrase", "pwd", "secret", "token", "key", "credential"],
        r#"(?i)(?:passwords?|passwd|passphrase|pwd|secrets?|tokens?|credentials?|api[_-]?key|access[_-]?key|private[_-]?key|secret[_-]?key|signing[_-]?key|encryption[_-]?key)["']?\s*(?:=>|:=|[:=])\s*("[^"]+"?|'[^']+'?|[^\s"',;&]+)"#,
    ),
];

/// Words that stand where a value could stand when programs say what is wrong with it, or that
/// there is none: nobody's secret.
const SAID_OF_VALUES: [&str; 40] = [
    "access",
    "authentication",
    "bad",
    "cannot",
    "could",
    "denied",
    "does",
    "empty",
    "error",
    "expired",
    "failed",
    "false",
    "file",
    "forbidden",
    "incorrect",
    "invalid",
    "is",
    "mismatch",
    "missing",
    "must",
    "never",
    "nil",
    "no",
    "none",
    "not",
    "null",
    "operation",
    "permission",
    "redacted",
    "rejected",
    "required",
    "revoked",
    "the",
    "true",
    "unable",
    "unauthorized",
    "undefined",
    "unknown",
    "unset",
    "wrong",
];

/// The table, ready to search.
pub(super) struct Shapes {
    keywords: AhoCorasick,
    /// For each keyword, the shape it belongs to.
    owners: Vec<usize>,
    patterns: Vec<Regex>,
}

impl Shapes {
    pub(super) fn new() -> Self {
        let all = || {
            SHAPES
                .iter()
                .enumerate()
                .flat_map(|(at, shape)| shape.keywords.iter().map(move |word| (at, *word)))
        };
        Self {
            keywords: AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .build(all().map(|(_, word)| word))
                .expect("the keywords are few and fixed"),
            owners: all().map(|(shape, _)| shape).collect(),
            patterns: SHAPES
                .iter()
                .map(|shape| Regex::new(shape.pattern).expect("a test compiles every pattern"))
                .collect(),
        }
    }

    /// Appends every stretch of `line` that has one of the shapes.
    pub(super) fn find(&self, line: &str, found: &mut Vec<Found<'_>>) {
        let mut wanted = [false; SHAPES.len()];
        for hit in self.keywords.find_overlapping_iter(line) {
            wanted[self.owners[hit.pattern().as_usize()]] = true;
        }
        let shapes = SHAPES.iter().zip(&self.patterns).zip(wanted);
        for ((shape, pattern), _) in shapes.filter(|(_, wanted)| *wanted) {
            for groups in pattern.captures_iter(line) {
                let Some(secret) = groups.get(1).or_else(|| groups.get(0)) else { continue };
                if !is_known_harmless(shape, secret.as_str()) {
                    found.push(Found { range: secret.range(), name: shape.name });
                }
            }
        }
    }
}

/// Says whether what was found is a redaction already, or what programs say of a value.
fn is_known_harmless(shape: &Shape, found: &str) -> bool {
    let bare = found.trim_start_matches(['"', '\'']);
    if bare.starts_with("[redacted:") {
        return true;
    }
    let guesses = matches!(shape.name, "value" | "authorization");
    let words = bare.trim_end_matches(['"', '\'', '.', ':', ')', '!']);
    let is_text = words.bytes().all(|b| b.is_ascii_alphabetic() || b == b' ');
    let first = words.split(' ').next().unwrap_or_default();
    guesses && is_text && SAID_OF_VALUES.iter().any(|word| first.eq_ignore_ascii_case(word))
}

/// Says whether a private key begins in this line and goes on in the next.
pub(super) fn begins_key(line: &str) -> bool {
    line.rsplit_once("-----BEGIN ")
        .is_some_and(|(_, rest)| rest.contains("PRIVATE KEY") && !rest.contains("-----END "))
}

/// Says whether a private key ends in this line.
pub(super) fn ends_key(line: &str) -> bool {
    line.contains("-----END ")
}

/// Says whether a line that follows the beginning of a private key is part of it, also behind
/// the marks of a diff or a prefix that a log adds.
pub(super) fn is_key_line(line: &str) -> bool {
    const HEADERS: [&str; 4] = ["Proc-Type:", "DEK-Info:", "Version:", "Comment:"];
    const LONG: usize = 40;
    let mut words = line.trim_start_matches(['+', '-', ' ', '>', '|']).split_whitespace().rev();
    let Some(last) = words.next() else { return true };
    let encoded =
        last.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
    ends_key(line)
        || HEADERS.iter().any(|header| line.contains(header))
        || encoded && (last.len() >= LONG || words.next().is_none())
}

#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SHAPES.iter().map(|shape| shape.name)
}
