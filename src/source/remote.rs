//! Where the repository is: parsing what settings say, and keeping credentials apart.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;

/// The text is no remote that Tribune fetches from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RemoteError(String);

/// A repository to fetch from: https, ssh, file, or a path.
///
/// Shown and passed to `git` without credentials; those of an https address travel apart, as a
/// header in the environment of the one `git` process.
#[derive(Clone, PartialEq, Eq)]
pub struct Remote {
    address: String,
    protocol: Protocol,
    user: Option<String>,
    header: Option<(String, String)>,
}

/// What `git` speaks to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Files on this machine.
    File(PathBuf),
    /// HTTPS; plain HTTP on loopback only.
    Http(&'static str),
    /// SSH.
    Ssh,
}

impl Remote {
    /// Parses an address or an absolute path.
    pub fn parse(text: &str) -> Result<Self, RemoteError> {
        if text.starts_with('/') {
            return Self::local(text.to_owned(), Path::new(text));
        }
        if text.is_empty() || text.starts_with('-') || text.chars().any(char::is_control) {
            return Err(RemoteError("the address of the policy repo is not an address".into()));
        }
        if !text.contains("://") {
            return Self::scp(text);
        }
        let url = Url::parse(text)
            .map_err(|_| RemoteError("the address of the policy repo cannot be read".into()))?;
        match url.scheme() {
            "https" => Self::http(url, "https"),
            "http" if is_loopback(&url) => Self::http(url, "http"),
            "http" => Err(RemoteError("use https: over http anybody between could answer".into())),
            "ssh" => Self::ssh(url),
            "file" => match url.to_file_path() {
                Ok(path) => Self::local(path.to_string_lossy().into_owned(), &path),
                Err(()) => Err(RemoteError("a file address needs an absolute path".into())),
            },
            other => Err(RemoteError(format!("{other} is not one of https, ssh, file"))),
        }
    }

    fn local(address: String, path: &Path) -> Result<Self, RemoteError> {
        Ok(Self { address, protocol: Protocol::File(path.to_owned()), user: None, header: None })
    }

    /// Takes `git@host:path`, as ssh addresses are often written.
    fn scp(text: &str) -> Result<Self, RemoteError> {
        let rule = || {
            RemoteError(
                "write the policy repo as https://…, ssh://…, git@host:path or /path".into(),
            )
        };
        let (host, path) = text.split_once(':').ok_or_else(rule)?;
        // `name::anything` would make git run the program `git-remote-name`.
        let helper = path.starts_with(':');
        if helper
            || host.is_empty()
            || host.contains(['/', ' '])
            || host.contains("@-")
            || path.is_empty()
        {
            return Err(rule());
        }
        Ok(Self { address: text.to_owned(), protocol: Protocol::Ssh, user: None, header: None })
    }

    fn ssh(mut url: Url) -> Result<Self, RemoteError> {
        if url.password().is_some() {
            return Err(RemoteError("ssh takes no password in the address: use a key".into()));
        }
        if url.host_str().is_none_or(|host| host.starts_with('-'))
            || url.username().starts_with('-')
        {
            return Err(RemoteError("the ssh address names no host".into()));
        }
        url.set_query(None);
        Ok(Self { address: url.into(), protocol: Protocol::Ssh, user: None, header: None })
    }

    fn http(mut url: Url, scheme: &'static str) -> Result<Self, RemoteError> {
        let decode = |text: &str| {
            String::from_utf8(percent_decode(text))
                .map_err(|_| RemoteError("the credentials in the address are not text".into()))
        };
        let user = decode(url.username())?;
        let password = url.password().map(&decode).transpose()?;
        let mut header = None;
        if !user.is_empty() || password.is_some() {
            let pair = STANDARD.encode(format!("{user}:{}", password.unwrap_or_default()));
            let origin = url.origin().ascii_serialization();
            header = Some((
                format!("http.{origin}/.extraHeader"),
                format!("Authorization: Basic {pair}"),
            ));
        }
        let user = Some(user).filter(|user| !user.is_empty());
        // Neither can fail: the address has a host.
        url.set_username("").ok();
        url.set_password(None).ok();
        url.set_query(None);
        url.set_fragment(None);
        Ok(Self { address: url.into(), protocol: Protocol::Http(scheme), user, header })
    }

    /// Returns the address with a token that settings keep elsewhere, for the user of the address;
    /// if it names none, for `x-access-token`, as forges expect it of tokens.
    #[must_use]
    pub fn with_token(self, token: &str) -> Self {
        let Ok(mut url) = Url::parse(&self.address) else { return self };
        if !matches!(self.protocol, Protocol::Http(_)) {
            return self;
        }
        let user = self.user.as_deref().unwrap_or("x-access-token");
        let given = url.set_username(user).and(url.set_password(Some(token)));
        match given {
            Ok(()) => Self::parse(url.as_str()).unwrap_or(self),
            Err(()) => self,
        }
    }

    /// Returns what `git` is given as the repository: never with credentials.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Returns what `git` speaks.
    pub(super) fn protocol(&self) -> &Protocol {
        &self.protocol
    }

    /// Returns configuration (key, value) that carries the credentials, if there are any.
    pub(super) fn header(&self) -> Option<(&str, &str)> {
        self.header.as_ref().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Returns the folder, if the repository is on this machine.
    pub fn local_path(&self) -> Option<&Path> {
        match &self.protocol {
            Protocol::File(path) => Some(path),
            Protocol::Http(_) | Protocol::Ssh => None,
        }
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remote({})", self.address)
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Undoes `%41`; what is not such a triple stays as it is.
fn percent_decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let triple = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        match triple.and_then(|digits| hex::decode(digits).ok()) {
            Some(decoded) => {
                out.extend(decoded);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_never_show() {
        let remote = Remote::parse("https://bot:s3cr%40t@git.example/team/policy.git").unwrap();
        assert_eq!(remote.to_string(), "https://git.example/team/policy.git");
        assert!(!format!("{remote:?}").contains("s3cr"));
        let (key, value) = remote.header().unwrap();
        assert_eq!(key, "http.https://git.example/.extraHeader");
        assert_eq!(value, format!("Authorization: Basic {}", STANDARD.encode("bot:s3cr@t")));
    }

    #[test]
    fn a_token_from_elsewhere_becomes_a_header() {
        let remote = Remote::parse("https://git.example/policy").unwrap().with_token("a/b:c");
        assert_eq!(remote.address(), "https://git.example/policy");
        let expected = STANDARD.encode("x-access-token:a/b:c");
        assert_eq!(remote.header().unwrap().1, format!("Authorization: Basic {expected}"));
        let remote = Remote::parse("https://deploy%201@git.example/policy").unwrap();
        let expected = STANDARD.encode("deploy 1:t");
        let header = remote.with_token("t").header().unwrap().1.to_owned();
        assert_eq!(header, format!("Authorization: Basic {expected}"));
    }

    #[test]
    fn what_is_taken() {
        for (text, local) in [
            ("/srv/policy.git", true),
            ("file:///srv/policy.git", true),
            ("https://git.example/policy", false),
            ("http://127.0.0.1:3000/policy", false),
            ("http://localhost/policy", false),
            ("ssh://git@git.example:22/policy", false),
            ("git@git.example:team/policy.git", false),
        ] {
            let remote = Remote::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(remote.local_path().is_some(), local, "{text}");
        }
    }

    #[test]
    fn what_is_refused() {
        for text in [
            "",
            "policy",
            "./policy",
            "--upload-pack=touch /tmp/x",
            "http://git.example/policy",
            "git://git.example/policy",
            "ext::sh -c whoami",
            "ssh://git:password@git.example/policy",
            "ssh://-oProxyCommand=x/policy",
            "git@-oProxyCommand=x:policy",
            "https://git.example/\npolicy",
        ] {
            assert!(Remote::parse(text).is_err(), "{text}");
        }
    }
}
