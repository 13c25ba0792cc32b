//! Where the console may listen, and under which names it answers.

use std::net::SocketAddr;

use tokio::net::TcpListener;
use url::Url;

/// Why the console does not start with these settings.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Anybody on the network could read sign-in links.
    #[error(
        "listening on {0}, which is not loopback, needs an https `external_url`: put a reverse proxy with TLS before it, or listen on 127.0.0.1"
    )]
    NeedsHttps(SocketAddr),
    /// The address for people is no web address.
    #[error(
        "external_url {0} is not of the form https://name or https://name:port, without path, query and user"
    )]
    NotAnOrigin(Url),
    /// The address cannot be listened on.
    #[error("failed to listen on {at}: {error}; choose another with `web.listen`")]
    Taken {
        /// Which.
        at: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
}

/// Listens, if people's sign-in links and cookies cannot be read on the way.
pub async fn listen(at: SocketAddr, external: Option<&Url>) -> Result<TcpListener, BindError> {
    check(at, external)?;
    TcpListener::bind(at).await.map_err(|error| BindError::Taken { at, error })
}

/// Returns the address for people with the port that the system chose, where settings left the
/// choice to it.
pub fn with_port(external: &Url, port: u16) -> Url {
    let mut url = external.clone();
    if url.port() == Some(0) && url.set_port(Some(port)).is_err() {
        tracing::warn!(%url, "an address that takes no port");
    }
    url
}

/// Checks that people's sign-in links and cookies cannot be read on the way.
fn check(listen: SocketAddr, external: Option<&Url>) -> Result<(), BindError> {
    if let Some(url) = external {
        let plain = matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !plain {
            return Err(BindError::NotAnOrigin(url.clone()));
        }
        if url.scheme() == "http" && !is_loopback_name(url.host_str().unwrap_or_default()) {
            return Err(BindError::NeedsHttps(listen));
        }
    }
    let encrypted = external.is_some_and(|url| url.scheme() == "https");
    if listen.ip().is_loopback() || encrypted { Ok(()) } else { Err(BindError::NeedsHttps(listen)) }
}

/// Says whether a host name always means this machine.
pub fn is_loopback_name(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]") || host.ends_with(".localhost")
}

/// The names the site answers under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    external: Option<Url>,
}

/// One name as a request gave it, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The host name without port, in lower case.
    pub host: String,
    /// What a browser on this site sends as `Origin`.
    pub origin: String,
    /// Whether the browser reached it by https.
    pub secure: bool,
}

impl Names {
    /// Takes the settings' external address, which `check` found good.
    pub fn new(external: Option<Url>) -> Self {
        Self { external }
    }

    /// Returns the name that a `Host` header gives; `None` if the site does not go by it.
    ///
    /// This is what keeps a foreign page from reaching the console by having its own name point
    /// to this machine.
    pub fn find(&self, host_header: &str) -> Option<Name> {
        let given = host_header.to_ascii_lowercase();
        let host = without_port(&given)?.to_owned();
        if let Some(url) = &self.external
            && url.host_str() == Some(host.as_str())
            && !is_loopback_name(&host)
        {
            let secure = url.scheme() == "https";
            return Some(Name { host, origin: url.origin().ascii_serialization(), secure });
        }
        is_loopback_name(&host).then(|| Name {
            origin: format!("http://{given}"),
            host,
            secure: false,
        })
    }
}

/// Takes the port off a `Host` header.
fn without_port(host: &str) -> Option<&str> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']')? + 2;
            host.split_at(end)
        }
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let digits = port.strip_prefix(':').unwrap_or(port);
    (port.is_empty() || !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
        .then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn only_loopback_goes_without_https() {
        let loopback = "127.0.0.1:8180".parse().unwrap();
        let everywhere = "0.0.0.0:8180".parse().unwrap();
        let needs_https = |listen, external: Option<&Url>| matches!(check(listen, external), Err(BindError::NeedsHttps(at)) if at == listen);
        assert!(check(loopback, None).is_ok());
        assert!(needs_https(everywhere, None));
        assert!(check(everywhere, Some(&url("https://t.example"))).is_ok());
        let plain = url("http://t.example");
        assert!(needs_https(everywhere, Some(&plain)) && needs_https(loopback, Some(&plain)));
        assert!(check(loopback, Some(&url("http://localhost:8180"))).is_ok());
        assert!(needs_https(everywhere, Some(&url("http://localhost:8180"))));
        let path = check(loopback, Some(&url("https://t.example/console")));
        assert!(matches!(path, Err(BindError::NotAnOrigin(_))));
    }

    #[test]
    fn a_foreign_name_is_not_ours() {
        let names = Names::new(Some(url("https://t.example")));
        for good in ["localhost:1", "127.0.0.1", "[::1]:80", "ada.localhost:8180", "T.example"] {
            assert!(names.find(good).is_some(), "{good}");
        }
        for bad in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.nip.io",
            "",
            "localhost:x",
            "xlocalhost",
        ] {
            assert!(names.find(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_origin_follows_from_the_name() {
        let names = Names::new(Some(url("https://t.example:444")));
        assert_eq!(names.find("ada.localhost:8180").unwrap().origin, "http://ada.localhost:8180");
        let outside = names.find("t.example:444").unwrap();
        assert_eq!((outside.origin.as_str(), outside.secure), ("https://t.example:444", true));
    }
}
