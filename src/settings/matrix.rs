//! The settings of Matrix.

use std::collections::BTreeMap;
use std::path::PathBuf;

use url::Url;

use super::given::Reader;
use super::mattermost::site;
use crate::domain::message::Sign;

/// A Matrix homeserver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// Its address.
    pub homeserver: Url,
    /// The file with the access token.
    pub token_file: PathBuf,
    /// Authorities beside the machine's.
    pub ca_file: Option<PathBuf>,
    /// Emoji by what they say; the first is the one that Tribune puts.
    pub emoji: BTreeMap<Sign, Vec<String>>,
    /// Accounts that are no people, `*` standing for anything.
    pub machines: Vec<String>,
}

/// Which key names the emoji of which sign.
const EMOJI: &[(&str, Sign)] = &[
    ("matrix.approve", Sign::Approve),
    ("matrix.veto", Sign::Veto),
    ("matrix.keep", Sign::Keep),
    ("matrix.ignore", Sign::Ignore),
];

impl Reader<'_> {
    /// Reads the table; without a homeserver there is no Matrix.
    pub fn matrix(&mut self) -> Option<Matrix> {
        let ca_file = self.path("matrix.ca_file");
        let token_file = self.path("matrix.token_file");
        let machines = self.parsed("matrix.machines", machines);
        let emoji = self.signs();
        if !self.given.contains_key("matrix.homeserver") {
            let keys = ["matrix.token_file", "matrix.ca_file", "matrix.machines"];
            let mut alone = keys.into_iter().chain(EMOJI.iter().map(|(path, _)| *path));
            if let Some(path) = alone.find(|path| self.given.contains_key(path)) {
                self.wants(path, "is given without matrix.homeserver", "say where the server is");
            }
            return None;
        }
        let homeserver = self.parsed("matrix.homeserver", homeserver);
        if token_file.is_none() && !self.given.contains_key("matrix.token_file") {
            let hint = "write the account's access token into a file of mode 0600 and name it";
            self.wants("matrix.homeserver", "is given without matrix.token_file", hint);
        }
        Some(Matrix {
            homeserver: homeserver?,
            token_file: token_file?,
            ca_file,
            emoji: emoji?,
            machines: machines?,
        })
    }

    fn signs(&mut self) -> Option<BTreeMap<Sign, Vec<String>>> {
        let mut found: BTreeMap<Sign, Vec<String>> = BTreeMap::new();
        for (path, sign) in EMOJI {
            let emoji = self.parsed(path, |text| {
                let emoji = emoji(text)?;
                let taken = |one: &&String| {
                    let same = |other: &String| bare(other) == bare(one);
                    found.values().any(|others| others.iter().any(same))
                };
                match emoji.iter().find(taken) {
                    Some(one) => Err(format!("{one} says something else already")),
                    None => Ok(emoji),
                }
            })?;
            found.insert(*sign, emoji);
        }
        Some(found)
    }
}

/// Reads emoji, parted by spaces.
fn emoji(text: &str) -> Result<Vec<String>, String> {
    let emoji: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    match emoji.iter().find(|one| one.is_ascii() || bare(one).is_empty() || one.len() > 64) {
        Some(one) => Err(format!("{one:?} is no emoji, such as ✅")),
        None if emoji.is_empty() => Err("names no emoji".to_owned()),
        None => Ok(emoji),
    }
}

/// Returns an emoji without variation selectors and skin tones, which say nothing.
fn bare(emoji: &str) -> String {
    let says = |c: &char| !matches!(c, '\u{fe0e}' | '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}');
    emoji.chars().filter(says).collect()
}

/// Reads patterns of ids, parted by spaces.
fn machines(text: &str) -> Result<Vec<String>, String> {
    let patterns: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    let is_wrong = |it: &&String| {
        !it.starts_with('@') || !it.contains(':') || it.contains(',') || it.len() > 255
    };
    match patterns.iter().find(is_wrong) {
        Some(one) if one.contains(',') => Err(format!("{one:?} has a comma: part ids by spaces")),
        Some(one) => Err(format!("{one:?} is no id of an account, such as @bridge_*:example.org")),
        None => Ok(patterns),
    }
}

/// Reads the address of a homeserver.
fn homeserver(text: &str) -> Result<Url, String> {
    let url = site(text)?;
    if url.path().split('/').any(|part| part.starts_with("_matrix")) {
        return Err("give the address of the homeserver, without /_matrix".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::settings::load;

    fn read(text: &str) -> Result<Option<Matrix>, String> {
        let text = format!("source.path = '/p'\n[matrix]\n{text}");
        let settings = load(Path::new("/etc/tribune/tribune.toml"), &text, []);
        settings.map(|settings| settings.matrix).map_err(|error| error.to_string())
    }

    fn whole(more: &str) -> Result<Option<Matrix>, String> {
        read(&format!("homeserver = 'https://hs.example.org'\ntoken_file = 't'\n{more}"))
    }

    #[test]
    fn without_a_homeserver_there_is_no_matrix() {
        assert_eq!(read(""), Ok(None));
        assert!(read("token_file = 't'").unwrap_err().contains("without matrix.homeserver"));
        let told = read("homeserver = 'https://hs.example.org'").unwrap_err();
        assert!(told.contains("without matrix.token_file"), "{told}");
    }

    #[test]
    fn a_homeserver_may_lie_below_a_path_and_is_encrypted() {
        let read = |url: &str| read(&format!("homeserver = '{url}'\ntoken_file = 't'"));
        let found = read("https://example.org/matrix").unwrap().unwrap();
        assert_eq!(found.homeserver.as_str(), "https://example.org/matrix");
        assert_eq!(found.token_file, Path::new("/etc/tribune/t"));
        assert!(read("http://127.0.0.1:8008").is_ok());
        for wrong in ["http://example.org", "https://example.org/_matrix/client", "x"] {
            assert!(read(wrong).unwrap_err().contains("matrix.homeserver: "), "{wrong}");
        }
    }

    #[test]
    fn an_emoji_says_one_thing() {
        let found = whole("approve = '✅ 👍'").unwrap().unwrap();
        assert_eq!(found.emoji[&Sign::Approve], ["✅", "👍"]);
        assert_eq!(found.emoji[&Sign::Keep], ["⬅️"]);
        assert!(whole("veto = '✅\u{fe0f}'").unwrap_err().contains("something else already"));
        assert!(whole("veto = 'x'").unwrap_err().contains("is no emoji"));
        assert!(whole("veto = ''").unwrap_err().contains("names no emoji"));
    }

    #[test]
    fn machines_are_whole_ids() {
        assert_eq!(whole("").unwrap().unwrap().machines, ["@_*:*"]);
        assert!(whole("machines = ''").unwrap().unwrap().machines.is_empty());
        assert!(whole("machines = 'bot'").unwrap_err().contains("is no id of an account"));
        let listed = whole("machines = '@ci:hs.test,@_*:hs.test'").unwrap_err();
        assert!(listed.contains("part ids by spaces"), "{listed}");
    }
}
