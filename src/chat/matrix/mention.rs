//! Whom a text mentions.
//!
//! Pure. What counts is what the server and clients act on: a pill's address, the list of
//! `m.mentions`, and whole ids typed as words; never the name that a pill shows. In a person's
//! text the name of a pill is replaced by the id that it stands for, so that a command sees
//! whom it means.

use std::collections::BTreeSet;

use serde_json::Value;

use super::render::unescape;

/// A text with whom it mentions: the word and the id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mentions {
    /// The text, with ids for the names of pills.
    pub text: String,
    /// The words of it that mention somebody, and whom.
    pub words: Vec<(String, String)>,
}

/// Finds whom a message's content mentions.
pub fn find(content: &Value) -> Mentions {
    let body = content["body"].as_str().unwrap_or_default();
    let html = content["formatted_body"].as_str().unwrap_or_default();
    let text = with_ids(body, &pills(html));
    let listed: BTreeSet<&str> = content["m.mentions"]["user_ids"]
        .as_array()
        .map(|ids| ids.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let mut words: Vec<(String, String)> = Vec::new();
    for word in text.split_whitespace() {
        let word = word.trim_end_matches([',', ':', '.', ';', '!', '?', ')']);
        let Some(id) = meant(word, &listed) else { continue };
        let found = (word.to_owned(), id.to_owned());
        if !words.contains(&found) {
            words.push(found);
        }
    }
    Mentions { text, words }
}

/// Returns the id that a word means: itself if it is one, else the one of the list with that
/// local part, if there is only one.
fn meant<'a>(word: &'a str, listed: &BTreeSet<&'a str>) -> Option<&'a str> {
    let name = word.strip_prefix('@')?;
    if is_id(word) {
        return Some(word);
    }
    let same = |id: &&&str| id.strip_prefix('@').and_then(|id| id.split(':').next()) == Some(name);
    let mut found = listed.iter().filter(same);
    match (found.next(), found.next()) {
        (Some(id), None) => Some(id),
        _ => None,
    }
}

/// Says whether a word is a whole Matrix id.
pub fn is_id(word: &str) -> bool {
    let parts = word.strip_prefix('@').and_then(|rest| rest.split_once(':'));
    parts.is_some_and(|(local, server)| !local.is_empty() && !server.is_empty())
}

/// Returns the pills of a text in HTML, in order: the name that each shows, and its id.
fn pills(html: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once("<a ") {
        let Some((tag, after)) = after.split_once('>') else { break };
        let Some((shown, after)) = after.split_once("</a>") else { break };
        if let Some(id) = pill_id(tag) {
            found.push((unescape(&without_tags(shown)), id));
        }
        rest = after;
    }
    found
}

fn pill_id(tag: &str) -> Option<String> {
    let (_, after) = tag.split_once("href=")?;
    let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let address = after[1..].split(quote).next()?;
    let id = address
        .strip_prefix("https://matrix.to/#/")
        .or_else(|| address.strip_prefix("matrix:u/"))?;
    let id = id.split('?').next()?;
    let id = unpercent(&unescape(id))?;
    let id = if address.starts_with("matrix:") { format!("@{id}") } else { id };
    (is_id(&id) && !id.contains(char::is_whitespace)).then_some(id)
}

fn unpercent(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = after;
            continue;
        }
        let digits = std::str::from_utf8(after.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &after[2..];
    }
    String::from_utf8(bytes).ok()
}

fn without_tags(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        rest = after.split_once('>').map_or("", |(_, after)| after);
    }
    out + rest
}

/// Replaces the names that pills show by their ids, one after the other.
fn with_ids(body: &str, pills: &[(String, String)]) -> String {
    let (mut text, mut rest) = (String::new(), body);
    for (shown, id) in pills {
        let Some((before, after)) = rest.split_once(shown.as_str()).filter(|_| !shown.is_empty())
        else {
            continue;
        };
        text.push_str(
            before.strip_suffix('@').filter(|_| !shown.starts_with('@')).unwrap_or(before),
        );
        text.push_str(id);
        rest = after;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(content: Value) -> (String, Vec<(String, String)>) {
        let found = find(&content);
        (found.text, found.words)
    }

    fn pair(word: &str, id: &str) -> (String, String) {
        (word.to_owned(), id.to_owned())
    }

    #[test]
    fn a_pill_means_its_address_and_not_the_name_it_shows() {
        let (text, words) = of(json!({
            "body": "!ban Ada Lovelace: spam, says Bob",
            "formatted_body": "!ban <a href=\"https://matrix.to/#/%40eve%3Ahs.test\">Ada \
                <b>Lovelace</b></a>: spam, says <a href='https://matrix.to/#/@bob:hs.test?via=x'>Bob</a>",
        }));
        // Its name has a tag in it, which the plain text does not.
        assert_eq!(text, "!ban @eve:hs.test: spam, says @bob:hs.test");
        assert_eq!(
            words,
            [pair("@eve:hs.test", "@eve:hs.test"), pair("@bob:hs.test", "@bob:hs.test")]
        );
    }

    #[test]
    fn a_listed_account_is_mentioned_where_its_name_stands() {
        let (text, words) = of(json!({
            "body": "@ada, look; @bob too",
            "m.mentions": { "user_ids": ["@ada:hs.test", "@zoe:hs.test"] },
        }));
        assert_eq!(text, "@ada, look; @bob too");
        assert_eq!(words, [pair("@ada", "@ada:hs.test")]);
    }

    #[test]
    fn a_name_that_two_accounts_have_means_neither() {
        let list = json!({ "user_ids": ["@ada:one.test", "@ada:two.test"] });
        assert_eq!(of(json!({ "body": "@ada", "m.mentions": list })).1, []);
    }

    #[test]
    fn a_whole_id_is_a_mention_by_itself() {
        let (_, words) = of(json!({ "body": "ask @ada:hs.test:8448. or a@b:c, @x" }));
        assert_eq!(words, [pair("@ada:hs.test:8448", "@ada:hs.test:8448")]);
    }

    #[test]
    fn broken_markup_mentions_nobody() {
        for html in [
            "<a href=\"https://matrix.to/#/%4\">Ada</a>",
            "<a href=https://matrix.to/#/@a:b>Ada</a>",
            "<a href=\"https://evil.test/#/@a:b\">Ada</a>",
            "<a href=\"https://matrix.to/#/@a:b\">Ada",
            "<a href=\"https://matrix.to/#/!room:b\">Ada</a>",
        ] {
            let (text, words) = of(json!({ "body": "Ada", "formatted_body": html }));
            assert_eq!((text.as_str(), words), ("Ada", vec![]), "{html}");
        }
    }
}
