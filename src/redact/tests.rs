//! Cleaning and redaction by example, and what must hold for every input.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;

use super::*;

static SHAPES: LazyLock<Redactor> = LazyLock::new(|| Redactor::new([]).expect("no secrets"));

fn redactor(secrets: &[(&str, &str)]) -> Arc<Redactor> {
    Arc::new(SHAPES.for_secrets(secrets.iter().copied()).expect("usable secrets"))
}

/// Returns what comes out when `bytes` come in pieces of `sizes`, repeated.
fn cleaned(redactor: &Arc<Redactor>, bytes: &[u8], sizes: &[usize]) -> String {
    let mut cleaner = Cleaner::new(Arc::clone(redactor));
    let (mut text, mut rest) = (String::new(), bytes);
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, tail) = rest.split_at((*size).clamp(1, rest.len()));
        text.push_str(&cleaner.push(piece));
        rest = tail;
    }
    text.push_str(&cleaner.finish());
    text
}

#[test]
fn terminals_are_undone_and_the_last_state_of_a_line_stays() {
    let none = redactor(&[]);
    for (raw, clean) in [
        (&b"\x1b[1;31mred\x1b[0m plain\n"[..], "red plain\n"),
        (b"\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x07!\n", "link!\n"),
        (b"\x1b]0;never closed\nnext\n", "\nnext\n"),
        (b"\x1b(B\x1bMup\x1b7\n", "up\n"),
        (b" 10%\r 50%\r100%\r\ndone\r\n", "100%\ndone\n"),
        (b"kept\r", "kept"),
        (b"a\xe2\x80\xaeb\x00c\x07\td\xef\xbb\xbf\n", "abc\td\n"),
        (b"bad \xff\xe2\x82 end\xe2", "bad \u{fffd}\u{fffd} end\u{fffd}"),
    ] {
        assert_eq!(cleaned(&none, raw, &[raw.len()]), clean);
        assert_eq!(cleaned(&none, raw, &[1]), clean);
    }
}

#[test]
fn an_escape_sequence_inside_a_secret_does_not_hide_it() {
    let redactor = redactor(&[("db", "hunter2hunter2")]);
    let text = cleaned(&redactor, b"x hunter2\x1b[31mhunt\xe2\x80\x8ber2 y", &[3]);
    assert_eq!(text, "x [redacted:db] y");
}

#[test]
fn a_secret_is_found_in_every_form_in_which_programs_print_it() {
    let secret = "pa ss/\"W0rd\"+é=";
    let redactor = redactor(&[("db", secret)]);
    let around = |text: String| redactor.redact_text(&format!("a {text} z"));
    use base64::Engine as _;
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    for form in [
        secret.to_owned(),
        base64(secret),
        hex::encode(secret),
        hex::encode_upper(secret),
        "pa%20ss%2F%22W0rd%22%2B%C3%A9%3D".to_owned(),
        "pa+ss%2F%22W0rd%22%2B%C3%A9%3D".to_owned(),
        "pa ss/\\\"W0rd\\\"+é=".to_owned(),
    ] {
        let text = around(form.clone());
        assert_eq!(text, "a [redacted:db] z", "{form}");
    }
    for before in ["u:", "us:", "usr:"] {
        let text = around(base64(&format!("{before}{secret}")));
        assert!(text.contains("[redacted:db]"), "{text}");
    }
}

#[test]
fn a_secret_of_several_lines_is_found_line_by_line() {
    let redactor = redactor(&[("key", "first line of it\r\n  second line of it\n\nend\n")]);
    let text = redactor.redact_text("+ first line of it\n+   second line of it\n");
    assert_eq!(text, "+ [redacted:key]\n+   [redacted:key]\n");
}

#[test]
fn overlapping_secrets_leave_nothing_of_either() {
    let redactor = redactor(&[("one", "my-pass"), ("two", "password"), ("three", "wordy")]);
    assert_eq!(redactor.redact_text("<my-passwordy>"), "<[redacted:one]>");
}

#[test]
fn secrets_that_cannot_be_redacted_are_refused() {
    let refused = |value: &str| SHAPES.for_secrets([("pin", value)]).expect_err("refused");
    assert_eq!(refused("123\n"), SecretError::TooShort { name: "pin".into() });
    assert_eq!(refused("ab\ncd\nef"), SecretError::TooShort { name: "pin".into() });
    assert_eq!(refused(&"x".repeat(LONGEST + 1)), SecretError::TooLong { name: "pin".into() });
    let shown = format!("{:?}", redactor(&[("pin", "12345")]));
    assert!(!shown.contains("12345"), "{shown}");
}

#[test]
fn private_keys_disappear_whole_and_text_after_a_mere_mention_stays() {
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
    let key = format!(
        "-----BEGIN RSA PRIVATE KEY-----\n{body}\n{body}\nAb=\n-----END RSA PRIVATE KEY-----"
    );
    let none = redactor(&[]);
    let text = none.redact_text(&format!("before\n{key}\nafter\n"));
    assert_eq!(text, "before\n[redacted:private-key]\nafter\n");
    let diff: String = key.lines().map(|line| format!("+{line}\n")).collect();
    assert_eq!(none.redact_text(&diff), "+[redacted:private-key]\n");
    let one_line = format!("{{\"k\": \"{}\", \"n\": 1}}", key.replace('\n', "\\n"));
    assert!(!none.redact_text(&one_line).contains("MIIE"));
    let talk = "a file with -----BEGIN PRIVATE KEY----- in it\nwas found on web1\n";
    let text = none.redact_text(talk);
    assert_eq!(text, "a file with [redacted:private-key]\nwas found on web1\n");
}

/// Examples are put together here, so that no scanner takes them for real ones.
fn examples() -> Vec<(&'static str, String)> {
    let long = |n: usize| "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9".chars().cycle().take(n).collect::<String>();
    vec![
        ("private-key", format!("-----BEGIN EC PRIVATE KEY-----{}", long(9))),
        ("age-key", format!("AGE-SECRET-KEY-1{}", long(58).to_uppercase())),
        ("aws-key-id", format!("AKIA{}", "ABCDEFGH234567AB")),
        ("aws-secret-key", format!("aws_secret_access_key : {}", long(40))),
        ("github-token", format!("ghp_{}", long(36))),
        ("gitlab-token", format!("glpat-{}", long(20))),
        ("slack-token", format!("xoxb-{}", "123456789012-abcdef")),
        ("slack-webhook", format!("https://hooks.slack.com/services/{}", long(30))),
        ("discord-webhook", format!("https://discord.com/api/webhooks/1234567890123/{}", long(40))),
        ("discord-token", format!("M{}.aBcDeF.{}", long(24), long(30))),
        ("telegram-token", format!("123456789:AA{}", long(33))),
        ("google-key", format!("AIza{}", long(35))),
        ("stripe-key", format!("sk_live_{}", long(24))),
        ("npm-token", format!("npm_{}", long(36))),
        ("pypi-token", format!("pypi-{}", long(60))),
        ("vault-token", format!("hvs.{}", long(30))),
        ("digitalocean-token", format!("dop_v1_{}", "0123456789abcdef".repeat(4))),
        ("sendgrid-key", format!("SG.{}.{}", long(22), long(43))),
        ("api-key", format!("sk-{}", long(40))),
        ("jwt", format!("eyJ{}.eyJ{}.{}", long(20), long(40), long(30))),
        ("url-password", "postgres://app:s3cr3t@db.example.org/app".into()),
        ("authorization", "Authorization: Basic dXNlcjpwYXNz".into()),
        ("bearer-token", format!("sent bearer {}", long(20))),
        ("value", "DB_PASSWORD=hunter2 next".into()),
    ]
}

#[test]
fn every_shape_has_an_example_that_is_found() {
    let none = redactor(&[]);
    let examples = examples();
    assert!(shapes::names().eq(examples.iter().map(|(name, _)| *name)));
    for (name, example) in examples {
        let text = none.redact_text(&format!("see {example} here"));
        assert!(text.contains(&format!("[redacted:{name}]")), "{name}: {text}");
    }
}

#[test]
fn values_of_telling_names_go_and_the_names_stay() {
    let none = redactor(&[]);
    for (raw, clean) in [
        ("password=hunter2;user=app", "password=[redacted:value];user=app"),
        ("\"api_key\": \"abc def\",", "\"api_key\": [redacted:value],"),
        ("client-secret => 'x y'", "client-secret => [redacted:value]"),
        ("?token=abc&page=2", "?token=[redacted:value]&page=2"),
        ("https://u:p@ss@host/x", "https://u:[redacted:url-password]@host/x"),
    ] {
        assert_eq!(none.redact_text(raw), clean);
        assert_eq!(none.redact_text(clean), clean, "redacting twice changes nothing");
    }
}

#[test]
fn a_secret_that_begins_as_a_message_does_is_still_one() {
    let none = redactor(&[]);
    for (raw, clean) in [
        ("token: Permission1 denied", "token: [redacted:value] denied"),
        ("token: permissiondenied", "token: [redacted:value]"),
        ("password: no-more-secrets", "password: [redacted:value]"),
        ("password: \"invalid horse 7\"", "password: [redacted:value]"),
        ("password: swordfish was used", "password: [redacted:value] was used"),
        ("Authorization: Bearer missing0key", "Authorization: Bearer [redacted:authorization]"),
    ] {
        assert_eq!(none.redact_text(raw), clean);
    }
}

#[test]
fn ordinary_output_stays_as_it_is() {
    let text = "restarted nginx on web1 in 3.2s\n\
        tokens: none left, the secret is out there\n\
        head: cannot open token: Permission denied\n\
        /etc/app/secret: No such file or directory; token: expired.\n\
        {\"password\": null, \"token\": \"invalid or unknown\"}\n\
        authorization: permission denied; key: value, api_key: missing\n\
        commit 4f2c8e0b9d1a7c6e5f3b2a190817263544a3b2c1\n\
        https://example.org:8080/a@b passes; ask-me sk-short\n\
        keyboard: us, monkey: 3, 10:45:12 OK\n\
        sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n";
    assert_eq!(redactor(&[("db", "hunter2hunter2")]).redact_text(text), text);
}

#[test]
fn a_line_without_end_is_given_out_in_parts_and_keeps_its_secrets() {
    let secret = "correct-horse-battery-staple";
    let redactor = redactor(&[("db", secret)]);
    for filler in ["x", "word ", "é"] {
        let line: String =
            (0..9_000).map(|n| format!("{}{secret}", filler.repeat(n % 23))).collect();
        let mut cleaner = Cleaner::new(Arc::clone(&redactor));
        let mut largest = 0;
        let mut text = String::new();
        for piece in line.as_bytes().chunks(777) {
            text.push_str(&cleaner.push(piece));
            largest = largest.max(cleaner.line.capacity());
        }
        text.push_str(&cleaner.finish());
        assert_eq!(text, line.replace(secret, "[redacted:db]"));
        assert!(largest < 512 * 1024, "{largest}");
    }
    let endless = format!("password={}end after", "x".repeat(300_000));
    assert_eq!(cleaned(&redactor, endless.as_bytes(), &[4_096]), "password=[redacted:value] after");
}

fn noise() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..12),
        "[a-z \n\r\t]{0,12}".prop_map(String::into_bytes),
        "(\\x1b\\[[0-9;]{0,3}[mK]|\\x1b\\][a-z]{0,3}\\x07|\\x1b)".prop_map(String::into_bytes),
        "(ghp_|password=|https://u:)\\PC{0,9}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn pieces_of_any_size_give_the_same_text(
        bytes in noise(),
        sizes in prop::collection::vec(1..9_usize, 1..6),
    ) {
        let redactor = redactor(&[("one", "abcd"), ("two", "cdefgh\nijklmnop")]);
        let whole = cleaned(&redactor, &bytes, &[bytes.len()]);
        prop_assert_eq!(&cleaned(&redactor, &bytes, &sizes), &whole);
        let shown = |c: char| matches!(c, '\n' | '\t') || !crate::domain::invisible::is_invisible(c);
        prop_assert!(whole.chars().all(shown), "{:?}", whole);
    }

    #[test]
    fn a_secret_never_appears_however_it_is_split(
        before in noise(), after in noise(),
        secret in "[a-zA-Z0-9+/@:=_-]{4,40}",
        sizes in prop::collection::vec(1..9_usize, 1..6),
    ) {
        prop_assume!(!"[redacted:zz]".contains(&secret));
        let redactor = redactor(&[("zz", &secret)]);
        let bytes = [&before[..], secret.as_bytes(), &after[..]].concat();
        let text = cleaned(&redactor, &bytes, &sizes);
        prop_assert!(!text.contains(&secret), "{:?}", text);
    }

    #[test]
    fn head_and_tail_do_not_depend_on_pieces_and_account_for_every_byte(
        text in "\\PC{0,60}", limit in 0..80_usize, cuts in prop::collection::vec(1..7_usize, 1..4),
    ) {
        let mut whole = HeadTail::new(limit);
        whole.push(&text);
        let mut parts = HeadTail::new(limit);
        let (mut rest, mut sizes) = (text.as_str(), cuts.iter().cycle());
        while !rest.is_empty() {
            let at = rest.ceil_char_boundary(*sizes.next().expect("endless"));
            parts.push(&rest[..at]);
            rest = &rest[at..];
        }
        prop_assert_eq!((parts.head(), parts.tail(), parts.dropped()), (whole.head(), whole.tail(), whole.dropped()));
        prop_assert!(whole.head().len() + whole.tail().len() <= limit);
        prop_assert!(text.starts_with(whole.head()) && text.ends_with(whole.tail()));
        let kept = (whole.head().len() + whole.tail().len()) as u64;
        prop_assert_eq!(whole.dropped() + kept, text.len() as u64);
        if text.len() <= limit {
            prop_assert_eq!(whole.dropped(), 0);
        }
    }
}
