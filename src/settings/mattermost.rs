//! The settings of Mattermost.

use std::collections::BTreeMap;
use std::path::PathBuf;

use url::{Host, Url};

use super::given::Reader;
use super::read::origin;
use crate::domain::message::Sign;

/// A Mattermost server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mattermost {
    /// The address of the site.
    pub url: Url,
    /// The file with the bot's token.
    pub token_file: PathBuf,
    /// Authorities beside the machine's.
    pub ca_file: Option<PathBuf>,
    /// Names of emoji by what they say; the first is the one that Tribune puts.
    pub emoji: BTreeMap<Sign, Vec<String>>,
    /// The address at which the server reaches this daemon; without it there are no buttons.
    pub buttons: Option<Url>,
}

/// Which key names the emoji of which sign.
const EMOJI: &[(&str, Sign)] = &[
    ("mattermost.approve", Sign::Approve),
    ("mattermost.veto", Sign::Veto),
    ("mattermost.keep", Sign::Keep),
    ("mattermost.ignore", Sign::Ignore),
];

impl Reader<'_> {
    /// Reads the table; without an address there is no Mattermost.
    pub fn mattermost(&mut self) -> Option<Mattermost> {
        let given = |reader: &Self, path: &str| reader.given.contains_key(path);
        let ca_file = self.path("mattermost.ca_file");
        let token_file = self.path("mattermost.token_file");
        let emoji = self.emoji();
        let has_buttons = given(self, "mattermost.buttons");
        let buttons = self.parsed("mattermost.buttons", origin);
        if !given(self, "mattermost.url") {
            let keys = ["mattermost.token_file", "mattermost.ca_file", "mattermost.buttons"];
            let alone = keys.into_iter().chain(EMOJI.iter().map(|(path, _)| *path));
            if let Some(path) = alone.into_iter().find(|path| given(self, path)) {
                self.wants(path, "is given without mattermost.url", "say where the server is");
            }
            return None;
        }
        let url = self.parsed("mattermost.url", site);
        if token_file.is_none() && !given(self, "mattermost.token_file") {
            let hint = "write the bot's token into a file of mode 0600 and name it";
            self.wants("mattermost.url", "is given without mattermost.token_file", hint);
        }
        if has_buttons && buttons.is_none() {
            return None;
        }
        Some(Mattermost { url: url?, token_file: token_file?, ca_file, emoji: emoji?, buttons })
    }

    /// Notes that a key needs another one.
    pub fn wants(&mut self, path: &'static str, what: &str, hint: &str) {
        let place = self.given.get(path).map(|given| given.place.clone());
        let place = place.unwrap_or_else(|| self.file.display().to_string());
        self.problem(place, format!("{path} {what}"), Some(hint.to_owned()));
    }

    fn emoji(&mut self) -> Option<BTreeMap<Sign, Vec<String>>> {
        let mut emoji: BTreeMap<Sign, Vec<String>> = BTreeMap::new();
        for (path, sign) in EMOJI {
            let names = self.parsed(path, |text| {
                let names = names(text)?;
                let known = |name: &&String| emoji.values().any(|others| others.contains(*name));
                match names.iter().find(known) {
                    Some(name) => Err(format!("{name} says something else already")),
                    None => Ok(names),
                }
            })?;
            emoji.insert(*sign, names);
        }
        Some(emoji)
    }
}

/// Reads names of emoji, parted by spaces; colons around one are left out, and of two names for
/// the same one is taken.
fn names(text: &str) -> Result<Vec<String>, String> {
    let plain = |name: &str| match name.trim_matches(':').to_ascii_lowercase().as_str() {
        "thumbsup" => "+1".to_owned(),
        "thumbsdown" => "-1".to_owned(),
        name => name.to_owned(),
    };
    let names: Vec<String> = text.split_whitespace().map(plain).collect();
    let is_name =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'_');
    let is_wrong =
        |name: &&String| name.is_empty() || name.len() > 64 || !name.bytes().all(is_name);
    match names.iter().find(is_wrong) {
        Some(name) => Err(format!("{name:?} is no name of an emoji, such as white_check_mark")),
        None if names.is_empty() => Err("names no emoji".to_owned()),
        None => Ok(names),
    }
}

/// Reads the address of a site: with its path, encrypted unless it is this machine.
pub fn site(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| format!("{text:?} is not an address"))?;
    let is_local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => return Err(format!("{text:?} names no host")),
    };
    if url.query().is_some() || url.fragment().is_some() {
        return Err("give the address of the site only, without ? or #".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("give no name or password in the address; the token has its file".to_owned());
    }
    if url.path().split('/').any(|part| part == "api") {
        return Err("give the address of the site, as people open it, without /api".to_owned());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_local => Ok(url),
        "http" => Err("is plain http to another machine; use https".to_owned()),
        _ => Err("use an https:// address".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::settings::load;

    fn read(text: &str) -> Result<Option<Mattermost>, String> {
        let text = format!("source.path = '/p'\n[mattermost]\n{text}");
        let settings = load(Path::new("/etc/tribune/tribune.toml"), &text, []);
        settings.map(|settings| settings.mattermost).map_err(|error| error.to_string())
    }

    #[test]
    fn without_an_address_there_is_no_mattermost() {
        assert_eq!(read(""), Ok(None));
        assert!(read("token_file = 't'").unwrap_err().contains("without mattermost.url"));
        assert!(read("url = 'https://chat.example.org'").unwrap_err().contains("token_file"));
    }

    #[test]
    fn a_site_may_lie_below_a_path_and_is_encrypted() {
        let read =
            |url: &str| read(&format!("url = '{url}'\ntoken_file = 't'\nca_file = 'ca.pem'"));
        let found = read("https://example.org/chat").unwrap().unwrap();
        assert_eq!(found.url.as_str(), "https://example.org/chat");
        assert_eq!(found.token_file, Path::new("/etc/tribune/t"));
        assert_eq!(found.ca_file.as_deref(), Some(Path::new("/etc/tribune/ca.pem")));
        assert_eq!(found.emoji[&Sign::Approve], ["white_check_mark"]);
        assert!(read("http://127.0.0.1:8065").is_ok());
        for wrong in [
            "http://example.org",
            "https://a:b@example.org",
            "https://example.org/api/v4",
            "x",
            "ws://x",
        ] {
            assert!(read(wrong).unwrap_err().contains("mattermost.url: "), "{wrong}");
        }
    }

    #[test]
    fn buttons_lead_to_an_address_of_this_daemon_that_is_encrypted() {
        let read = |more: &str| read(&format!("url = 'https://x.org'\ntoken_file = 't'\n{more}"));
        assert_eq!(read("").unwrap().unwrap().buttons, None);
        let found = read("buttons = 'https://tribune.example.org:444'").unwrap().unwrap();
        assert_eq!(found.buttons.unwrap().as_str(), "https://tribune.example.org:444/");
        assert!(read("buttons = 'http://localhost:8410'").is_ok());
        for wrong in ["http://10.0.0.5:8410", "https://x.org/below", "https://x.org/?a", "tribune"]
        {
            let told = read(&format!("buttons = '{wrong}'")).unwrap_err();
            assert!(told.contains("mattermost.buttons: "), "{told}");
        }
        let alone = super::tests::read("buttons = 'https://x.org'").unwrap_err();
        assert!(alone.contains("mattermost.buttons is given without mattermost.url"), "{alone}");
    }

    #[test]
    fn an_emoji_says_one_thing() {
        let read = |more: &str| read(&format!("url = 'https://x.org'\ntoken_file = 't'\n{more}"));
        let found = read("approve = 'white_check_mark :+1:'").unwrap().unwrap();
        assert_eq!(found.emoji[&Sign::Approve], ["white_check_mark", "+1"]);
        assert!(read("veto = 'white_check_mark'").unwrap_err().contains("something else already"));
        let both = read("approve = '+1'\nveto = 'x thumbsup'").unwrap_err();
        assert!(both.contains("+1 says something else already"), "{both}");
        assert!(read("veto = '✅'").unwrap_err().contains("no name of an emoji"));
        assert!(read("keep = ''").unwrap_err().contains("names no emoji"));
    }
}
