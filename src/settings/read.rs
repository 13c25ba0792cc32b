//! Making settings of what was given; every problem is told at once.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::str::FromStr;

use jiff::SignedDuration;
use url::{Host, Url};

use super::given::Reader;
use super::{
    Audit, Exec, Intake, Log, LogFormat, Managed, Origin, Settings, SettingsError, Source, Web,
};
use crate::domain::retention::Retention;
use crate::domain::trust::TrustMode;

/// Makes settings of the text of `file` and the daemon's environment.
///
/// Relative paths in the file lie beside it; relative paths in variables too.
pub fn load(
    file: &Path,
    text: &str,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Settings, SettingsError> {
    let mut reader = Reader {
        file,
        given: BTreeMap::new(),
        roots: BTreeMap::new(),
        secrets: BTreeMap::new(),
        problems: Vec::new(),
    };
    reader.take_file(text);
    if !reader.problems.is_empty() && reader.given.is_empty() {
        // Nothing could be read of it: what else is missing says nothing.
        return Err(SettingsError { problems: reader.problems });
    }
    reader.take_environment(environment);
    let settings = reader.settings();
    match settings {
        Some(settings) if reader.problems.is_empty() => Ok(settings),
        Some(_) | None => Err(SettingsError { problems: reader.problems }),
    }
}

impl Reader<'_> {
    /// Reads every key; problems are noted, so that the caller tells all of them.
    fn settings(&mut self) -> Option<Settings> {
        let state = self.path("state");
        let inside = |name: &str| state.as_ref().map(|state| state.join(name));
        let source = self.source();
        let web = self.web();
        let mattermost = self.mattermost();
        let matrix = self.matrix();
        let operations = self.parsed("operations.channel", named);
        let work = self.path("exec.work").or(inside("runs"));
        let path = self.paths("exec.path");
        let max_parallel = self.number("exec.max_parallel", 1, 64);
        let weak_sandbox = self.flag("exec.weak_sandbox");
        let keep = self.number("file.keep", 1, 1_000);
        let jsonl = self.path("audit.jsonl").or(inside("audit.jsonl"));
        let checkpoints = self.path("audit.checkpoints").or(inside("checkpoints"));
        let key = self.path("audit.key").or(inside("audit.key"));
        let retention = self.retention();
        let late_after = self.time("chat.late_after", SignedDuration::from_mins(1));
        let per_person = self.number("limits.person", 1, 100_000);
        let per_channel = self.number("limits.channel", 1, 100_000);
        let grace = self.time("shutdown.grace", SignedDuration::ZERO);
        let format =
            self.choice("log.format", &[("text", LogFormat::Text), ("json", LogFormat::Json)]);
        let level = self.parsed("log.level", |text| {
            tracing_subscriber::EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|_| {
                format!("{text:?} is not a log level, use error, warn, info, debug or trace")
            })
        });
        Some(Settings {
            state: state?,
            source: source?,
            web: web?,
            mattermost,
            matrix,
            operations: operations?,
            exec: Exec {
                path: path?,
                work: work?,
                max_parallel: max_parallel?,
                weak_sandbox: weak_sandbox?,
            },
            managed: Managed { roots: std::mem::take(&mut self.roots), keep: keep? },
            secrets: std::mem::take(&mut self.secrets),
            file: std::path::absolute(self.file).unwrap_or_else(|_| self.file.to_owned()),
            audit: Audit { jsonl: jsonl?, checkpoints: checkpoints?, key: key? },
            retention: retention?,
            intake: Intake {
                late_after: late_after?,
                per_person: per_person?,
                per_channel: per_channel?,
            },
            grace: grace?,
            log: Log { format: format?, level: level? },
            values: self.values(),
        })
    }

    fn source(&mut self) -> Option<Source> {
        let origin = self.origin();
        let branch = self.text("source.branch");
        let interval = self.time("source.interval", SignedDuration::from_secs(1));
        let timeout = self.time("source.timeout", SignedDuration::from_secs(1));
        let start =
            self.given.contains_key("source.start").then(|| self.parsed("source.start", named));
        let trust = self.choice(
            "source.trust",
            &[("fast-forward", TrustMode::FastForward), ("signed", TrustMode::Signed)],
        );
        Some(Source {
            origin: origin?,
            branch: branch?,
            interval: interval?,
            start: start.flatten(),
            trust: trust?,
            timeout: timeout?,
            token_file: self.path("source.token_file"),
            ssh_key: self.path("source.ssh_key"),
            known_hosts: self.path("source.known_hosts"),
            ca_file: self.path("source.ca_file"),
        })
    }

    fn retention(&mut self) -> Option<Retention> {
        let (hour, day) = (SignedDuration::from_hours(1), SignedDuration::from_hours(24));
        let every = self.time("retention.interval", SignedDuration::from_mins(1));
        let messages = self.kept("retention.messages", day);
        let sign_ins = self.kept("retention.sign_ins", hour);
        let output = self.kept("retention.output", hour);
        let requests = self.kept("retention.requests", day);
        let posts = self.kept("retention.posts", hour);
        let console = self.kept("retention.console", day);
        let audit = self.kept("retention.audit", day);
        let mirror = self.kept("retention.mirror", day);
        Some(Retention {
            every: every?,
            messages: messages?,
            sign_ins: sign_ins?,
            output: output?,
            requests: requests?,
            posts: posts?,
            console: console?,
            audit: audit?,
            mirror: mirror?,
        })
    }

    fn origin(&mut self) -> Option<Origin> {
        let url = self.text("source.url").map(Origin::Remote);
        let path = self.path("source.path").map(Origin::Local);
        match (url, path) {
            (Some(origin), None) | (None, Some(origin)) => Some(origin),
            (None, None) if self.given.contains_key("source.url") => None,
            (found, _) => {
                let message = match found {
                    Some(_) => "both source.url and source.path are given",
                    None => "neither source.url nor source.path is given",
                };
                let place = self.file.display().to_string();
                self.problem(place, message, Some("say where the policy repo is, once".to_owned()));
                None
            }
        }
    }

    fn web(&mut self) -> Option<Web> {
        let listen: SocketAddr = self.parsed("web.listen", |text| {
            text.parse().map_err(|_| {
                format!("{text:?} is not an address with a port, such as 127.0.0.1:8410")
            })
        })?;
        let given = self.given.contains_key("web.external_url");
        let external = self.parsed("web.external_url", origin);
        if given && external.is_none() {
            return None;
        }
        if !listen.ip().is_loopback() && external.as_ref().is_none_or(|url| url.scheme() != "https")
        {
            let place = self
                .given
                .get("web.listen")
                .map_or(self.file.display().to_string(), |given| given.place.clone());
            self.problem(
                place,
                format!("web.listen is {listen}, which others can reach, without encryption"),
                Some(
                    "listen on 127.0.0.1 and reach it by `ssh -L`, or put an https proxy in front \
                     and set web.external_url to its https:// address"
                        .to_owned(),
                ),
            );
            return None;
        }
        let external_url = external.or_else(|| own_url(listen))?;
        Some(Web { listen, external_url })
    }
}

fn named<T: FromStr>(text: &str) -> Result<T, String>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// Reads an address of this daemon: encrypted unless it is this machine, and without a path.
pub(super) fn origin(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| format!("{text:?} is not an address"))?;
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => return Err(format!("{text:?} names no host")),
    };
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err("give scheme, host and port only, without a path".to_owned());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if local => Ok(url),
        "http" => Err("is plain http to another machine; use https".to_owned()),
        _ => Err("use an https:// address".to_owned()),
    }
}

fn own_url(listen: SocketAddr) -> Option<Url> {
    let host = match listen.ip() {
        IpAddr::V4(_) | IpAddr::V6(_) if listen.ip().is_loopback() => "localhost".to_owned(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    Url::parse(&format!("http://{host}:{}", listen.port())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::SecretName;
    use crate::settings::SecretOrigin;

    fn read(text: &str, environment: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        load(
            Path::new("/etc/tribune/tribune.toml"),
            text,
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    fn problem(text: &str) -> String {
        let error = read(text, &[]).expect_err("must be refused");
        let hints = error.problems.iter().filter_map(|problem| problem.hint.clone());
        format!("{error}\n{}", hints.collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn defaults_fill_what_is_not_given() {
        let settings = read("source.path = 'policy'", &[]).unwrap();
        assert_eq!(settings.source.origin, Origin::Local("/etc/tribune/policy".into()));
        assert_eq!(settings.exec.work, Path::new("/var/lib/tribune/runs"));
        assert_eq!(settings.web.external_url.as_str(), "http://localhost:8410/");
        assert_eq!(settings.grace, SignedDuration::from_secs(30));
    }

    #[test]
    fn a_path_above_the_file_is_shown_without_steps() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let folder = root.join("ops/policy");
        std::fs::create_dir_all(&folder).unwrap();
        let state = |path: &str| {
            let text = format!("source.path = '/p'\nstate = '{path}'");
            load(&folder.join("tribune.toml"), &text, []).unwrap().state
        };
        assert_eq!(state("../state"), root.join("ops/state"));
        assert_eq!(state("../../state/a"), root.join("state/a"));
        assert_eq!(state(".."), root.join("ops"));
        assert_eq!(state("state"), folder.join("state"));
        // As the kernel follows it: above what the link leads to.
        std::os::unix::fs::symlink(&folder, root.join("link")).unwrap();
        let text = "source.path = '/p'\nstate = '../state'";
        let linked = load(&root.join("link/tribune.toml"), text, []).unwrap().state;
        assert_eq!(linked, root.join("ops/state"));
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let settings = read(
            "source.path = '/p'\nexec.max_parallel = 2",
            &[("TRIBUNE_EXEC_MAX_PARALLEL", "7"), ("TRIBUNE_WEB_LISTEN", "127.0.0.1:1")],
        )
        .unwrap();
        assert_eq!(settings.exec.max_parallel, 7);
        assert_eq!(settings.web.listen.port(), 1);
        let error = read("source.path = '/p'", &[("TRIBUNE_WEB_LISTN", "x")]).unwrap_err();
        assert_eq!(error.problems[0].hint.as_deref(), Some("did you mean TRIBUNE_WEB_LISTEN?"));
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_place_and_the_likely_one() {
        let told = problem("source.path = '/p'\n[web]\nlisten_on = '127.0.0.1:1'\n");
        assert!(told.contains("/etc/tribune/tribune.toml:3:1: there is no setting web.listen_on"));
        assert!(told.contains("did you mean web.listen?"));
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let told = problem("exec.max_parallel = 0\nshutdown.grace = 3\nlog.format = 'xml'");
        assert!(told.contains("exec.max_parallel must be from 1 to 64"));
        assert!(told.contains("shutdown.grace must be a time"));
        assert!(told.contains("log.format must be \"text\" or \"json\""));
        assert!(told.contains("neither source.url nor source.path"));
    }

    #[test]
    fn an_address_that_others_reach_needs_https() {
        let told = problem("source.path = '/p'\nweb.listen = '0.0.0.0:80'");
        assert!(told.contains("which others can reach, without encryption"));
        let told = problem(
            "source.path = '/p'\nweb.listen = '0.0.0.0:80'\nweb.external_url = 'http://a.example'",
        );
        assert!(told.contains("plain http to another machine"));
        let fine =
            "source.path = '/p'\nweb.listen = '0.0.0.0:80'\nweb.external_url = 'https://a.example'";
        assert!(read(fine, &[]).is_ok());
    }

    #[test]
    fn a_root_of_managed_files_is_an_absolute_folder_and_not_everything() {
        let read_roots = |root: &str| read(&format!("source.path='/p'\n[file.roots]\n{root}"), &[]);
        let settings = read_roots("managed = '/srv/managed'\n[file]\nkeep = 3").unwrap();
        assert_eq!(settings.managed.keep, 3);
        let name = "managed".parse().unwrap();
        assert_eq!(settings.managed.roots[&name], Path::new("/srv/managed"));
        for wrong in ["managed = 'srv'", "managed = '/'", "managed = '/srv/../etc'", "managed = 1"]
        {
            let told = read_roots(wrong).unwrap_err().to_string();
            assert!(told.contains("tribune.toml:3:1: file.roots.managed must be"), "{told}");
        }
        assert!(read_roots("Managed = '/srv'").is_err());
    }

    #[test]
    fn a_secret_says_once_where_its_value_is() {
        let text = "source.path='/p'\n[secrets]\nkey = { file = 'key' }\nother = { env = 'OTHER' }";
        let settings = read(text, &[]).unwrap();
        let key: SecretName = "key".parse().unwrap();
        assert_eq!(settings.secrets[&key], SecretOrigin::File("/etc/tribune/key".into()));
        let told = problem("source.path='/p'\n[secrets.key]\nfile = 'a'\nenv = 'B'");
        assert!(told.contains("must say where its value comes from, once"));
        assert!(
            problem("source.path='/p'\n[secrets.key]\nfle = 'a'").contains("did you mean file?")
        );
    }
}
