//! Reading settings: positions, overrides, and every problem at once.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::SignedDuration;
use toml::de::{DeTable, DeValue};
use url::{Host, Url};

use super::keys::{KEYS, Key, Kind, SECRET_KEYS, TABLES, find, nearest};
use super::{
    Audit, Exec, Log, LogFormat, Origin, Problem, SecretOrigin, Settings, SettingsError, Source,
    Web,
};
use crate::domain::duration;
use crate::domain::id::SecretName;
use crate::domain::trust::TrustMode;

/// A value and where it was given.
struct Given {
    value: toml::Value,
    place: String,
}

/// What was given, and what was wrong with it so far.
struct Reader<'a> {
    file: &'a Path,
    given: BTreeMap<&'static str, Given>,
    secrets: BTreeMap<SecretName, SecretOrigin>,
    problems: Vec<Problem>,
}

/// Makes settings of the text of `file` and the daemon's environment.
///
/// Relative paths in the file lie beside it; relative paths in variables too.
pub fn load(
    file: &Path,
    text: &str,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Settings, SettingsError> {
    let mut reader =
        Reader { file, given: BTreeMap::new(), secrets: BTreeMap::new(), problems: Vec::new() };
    reader.take_file(text);
    reader.take_environment(environment);
    let settings = reader.settings();
    match settings {
        Some(settings) if reader.problems.is_empty() => Ok(settings),
        Some(_) | None => Err(SettingsError { problems: reader.problems }),
    }
}

impl Reader<'_> {
    fn problem(
        &mut self,
        place: impl Into<String>,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        self.problems.push(Problem { place: place.into(), message: message.into(), hint });
    }

    fn take_file(&mut self, text: &str) {
        let lines = Lines { file: self.file.display().to_string(), text };
        match DeTable::parse(text) {
            Ok(table) => self.take_table("", table.get_ref(), &lines),
            Err(error) => {
                let place = lines.place(error.span().map_or(0, |span| span.start));
                self.problem(place, format!("not TOML: {}", error.message()), None);
            }
        }
    }

    fn take_table(&mut self, prefix: &str, table: &DeTable<'_>, lines: &Lines<'_>) {
        for (key, value) in table {
            let place = lines.place(key.span().start);
            let path = if prefix.is_empty() {
                key.get_ref().to_string()
            } else {
                format!("{prefix}.{}", key.get_ref())
            };
            match value.get_ref() {
                DeValue::Table(inner) if path == "secrets" => self.take_secrets(inner, lines),
                DeValue::Table(inner) if TABLES.iter().any(|(name, _)| *name == path) => {
                    self.take_table(&path, inner, lines);
                }
                other => match find(&path) {
                    Some(key) => {
                        let value = plain(other);
                        self.given.insert(key.path, Given { value, place });
                    }
                    None => self.unknown(&path, place),
                },
            }
        }
    }

    fn unknown(&mut self, path: &str, place: String) {
        let known = KEYS.iter().map(|key| key.path).chain(TABLES.iter().map(|(name, _)| *name));
        let hint = match nearest(path, known.filter(|name| !name.is_empty())) {
            Some(near) => format!("did you mean {near}?"),
            None => "`tribune init` writes a file that lists every key".to_owned(),
        };
        self.problem(place, format!("there is no setting {path}"), Some(hint));
    }

    fn take_secrets(&mut self, table: &DeTable<'_>, lines: &Lines<'_>) {
        for (name, value) in table {
            let place = lines.place(name.span().start);
            let id = match SecretName::from_str(name.get_ref()) {
                Ok(id) => id,
                Err(error) => {
                    self.problem(place, error.to_string(), None);
                    continue;
                }
            };
            let Some(entries) = value.get_ref().as_table() else {
                self.secret_form(place, &id);
                continue;
            };
            if let Some(origin) = self.take_secret(&id, entries, place, lines) {
                self.secrets.insert(id, origin);
            }
        }
    }

    fn secret_form(&mut self, place: String, id: &SecretName) {
        self.problem(
            place,
            format!("secret {id} must say where its value comes from, once"),
            Some(format!("write {id} = {{ file = \"/etc/tribune/{id}\" }}, or env or credential")),
        );
    }

    fn take_secret(
        &mut self,
        id: &SecretName,
        entries: &DeTable<'_>,
        place: String,
        lines: &Lines<'_>,
    ) -> Option<SecretOrigin> {
        let mut origins = Vec::new();
        for (key, value) in entries {
            let at = lines.place(key.span().start);
            let name: &str = key.get_ref();
            match (name, value.get_ref().as_str()) {
                ("file", Some(path)) => origins.push(SecretOrigin::File(self.beside(path))),
                ("env", Some(name)) => origins.push(SecretOrigin::Variable(name.to_owned())),
                ("credential", Some(name)) if !name.contains('/') => {
                    origins.push(SecretOrigin::Credential(name.to_owned()));
                }
                (name, _) if SECRET_KEYS.contains(&name) => {
                    self.problem(at, format!("secrets.{id}.{name} is not a name in quotes"), None);
                }
                (name, _) => {
                    let hint = nearest(name, SECRET_KEYS.iter().copied())
                        .map_or("use file, env or credential".to_owned(), |near| {
                            format!("did you mean {near}?")
                        });
                    self.problem(
                        at,
                        format!("there is no setting secrets.{id}.{name}"),
                        Some(hint),
                    );
                }
            }
        }
        match <[SecretOrigin; 1]>::try_from(origins) {
            Ok([origin]) => Some(origin),
            Err(_) => {
                self.secret_form(place, id);
                None
            }
        }
    }

    fn take_environment(&mut self, environment: impl IntoIterator<Item = (String, String)>) {
        for (name, value) in environment {
            if !name.starts_with("TRIBUNE_") || OWN_VARIABLES.contains(&name.as_str()) {
                continue;
            }
            let Some(key) = KEYS.iter().find(|key| key.variable() == name) else {
                let variables: Vec<String> = KEYS.iter().map(Key::variable).collect();
                let hint = nearest(&name, variables.iter().map(String::as_str))
                    .map(|near| format!("did you mean {near}?"));
                self.problem(name.clone(), format!("there is no setting for {name}"), hint);
                continue;
            };
            let value = from_variable(key.kind, &value);
            self.given.insert(key.path, Given { value, place: name });
        }
    }

    /// Returns the value of a key, its default if none was given, and where it was given.
    fn value(&self, path: &'static str) -> Option<(toml::Value, String)> {
        match self.given.get(path) {
            Some(given) => Some((given.value.clone(), given.place.clone())),
            None => {
                let key = find(path).expect("settings are read by names of the catalogue");
                let default = key.default.map(|text| {
                    text.parse::<toml::Value>().expect("defaults of the catalogue are TOML")
                })?;
                Some((default, self.file.display().to_string()))
            }
        }
    }

    fn wrong(&mut self, path: &'static str, place: String) {
        let key = find(path).expect("settings are read by names of the catalogue");
        let message = format!("{path} must be {}", key.kind.wanted());
        self.problem(place, message, Some(format!("for example {} = {}", key.name(), key.example)));
    }

    /// Reads a text and makes something of it.
    fn parsed<T>(
        &mut self,
        path: &'static str,
        make: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (value, place) = self.value(path)?;
        let Some(text) = value.as_str() else {
            self.wrong(path, place);
            return None;
        };
        match make(text) {
            Ok(made) => Some(made),
            Err(why) => {
                self.problem(place, format!("{path}: {why}"), None);
                None
            }
        }
    }

    fn text(&mut self, path: &'static str) -> Option<String> {
        self.parsed(path, |text| Ok(text.to_owned()))
    }

    fn path(&mut self, path: &'static str) -> Option<PathBuf> {
        self.text(path).map(|text| self.beside(&text))
    }

    fn beside(&self, path: &str) -> PathBuf {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        let joined = folder.join(path);
        std::path::absolute(&joined).unwrap_or(joined)
    }

    fn choice<T: Copy>(&mut self, path: &'static str, words: &[(&str, T)]) -> Option<T> {
        let (value, place) = self.value(path)?;
        let chosen = value
            .as_str()
            .and_then(|text| words.iter().find(|(word, _)| *word == text).map(|(_, made)| *made));
        if chosen.is_none() {
            self.wrong(path, place);
        }
        chosen
    }

    fn time(&mut self, path: &'static str, least: SignedDuration) -> Option<SignedDuration> {
        self.parsed(path, |text| {
            let time = duration::parse(text).map_err(|error| error.to_string())?;
            if time < least {
                return Err(format!("{text} is too short, use at least {}s", least.as_secs()));
            }
            Ok(time)
        })
    }

    fn number(&mut self, path: &'static str, least: u32, most: u32) -> Option<u32> {
        let (value, place) = self.value(path)?;
        let Some(number) = value.as_integer() else {
            self.wrong(path, place);
            return None;
        };
        match u32::try_from(number) {
            Ok(number) if (least..=most).contains(&number) => Some(number),
            Ok(_) | Err(_) => {
                self.problem(place, format!("{path} must be from {least} to {most}"), None);
                None
            }
        }
    }

    fn flag(&mut self, path: &'static str) -> Option<bool> {
        let (value, place) = self.value(path)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.wrong(path, place);
        }
        flag
    }

    fn paths(&mut self, path: &'static str) -> Option<Vec<PathBuf>> {
        let (value, place) = self.value(path)?;
        let paths: Option<Vec<PathBuf>> = value.as_array().and_then(|list| {
            list.iter()
                .map(|item| item.as_str().map(PathBuf::from).filter(|path| path.is_absolute()))
                .collect()
        });
        match paths {
            Some(paths) if !paths.is_empty() => Some(paths),
            Some(_) | None => {
                self.wrong(path, place);
                None
            }
        }
    }

    /// Reads every key; problems are noted, so that the caller tells all of them.
    fn settings(&mut self) -> Option<Settings> {
        let state = self.path("state");
        let inside = |name: &str| state.as_ref().map(|state| state.join(name));
        let source = self.source();
        let web = self.web();
        let operations = self.parsed("operations.channel", named);
        let work = self.path("exec.work").or(inside("runs"));
        let path = self.paths("exec.path");
        let max_parallel = self.number("exec.max_parallel", 1, 64);
        let weak_sandbox = self.flag("exec.weak_sandbox");
        let jsonl = self.path("audit.jsonl").or(inside("audit.jsonl"));
        let checkpoints = self.path("audit.checkpoints").or(inside("checkpoints"));
        let key = self.path("audit.key").or(inside("audit.key"));
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
            operations: operations?,
            exec: Exec {
                path: path?,
                work: work?,
                max_parallel: max_parallel?,
                weak_sandbox: weak_sandbox?,
            },
            secrets: std::mem::take(&mut self.secrets),
            audit: Audit { jsonl: jsonl?, checkpoints: checkpoints?, key: key? },
            grace: grace?,
            log: Log { format: format?, level: level? },
        })
    }

    fn source(&mut self) -> Option<Source> {
        let origin = self.origin();
        let branch = self.text("source.branch");
        let interval = self.time("source.interval", SignedDuration::from_secs(1));
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
        })
    }

    fn origin(&mut self) -> Option<Origin> {
        let url = self.parsed("source.url", |text| match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "https" | "ssh") && url.password().is_none() => {
                Ok(Origin::Remote(text.to_owned()))
            }
            Ok(url) if url.password().is_some() => {
                Err("holds a password; give git a credential helper or use ssh".to_owned())
            }
            Ok(_) | Err(_) => Err("use an https:// or ssh:// address".to_owned()),
        });
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
        let external = self.parsed("web.external_url", external_url);
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

/// Variables that are not settings.
const OWN_VARIABLES: &[&str] = &["TRIBUNE_CONFIG"];

fn named<T: FromStr>(text: &str) -> Result<T, String>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn external_url(text: &str) -> Result<Url, String> {
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

fn from_variable(kind: Kind, text: &str) -> toml::Value {
    let text_value = || toml::Value::String(text.to_owned());
    match kind {
        Kind::Text | Kind::Path | Kind::Time | Kind::Choice(_) => text_value(),
        Kind::Number => text.parse().map_or_else(|_| text_value(), toml::Value::Integer),
        Kind::Flag => text.parse().map_or_else(|_| text_value(), toml::Value::Boolean),
        Kind::Paths => toml::Value::Array(
            text.split(':').map(|part| toml::Value::String(part.to_owned())).collect(),
        ),
    }
}

/// Drops positions from a value.
fn plain(value: &DeValue<'_>) -> toml::Value {
    match value {
        DeValue::String(text) => toml::Value::String(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| toml::Value::String(number.to_string()), toml::Value::Integer),
        DeValue::Float(number) => toml::Value::String(number.to_string()),
        DeValue::Boolean(flag) => toml::Value::Boolean(*flag),
        DeValue::Datetime(time) => toml::Value::Datetime(*time),
        DeValue::Array(list) => {
            toml::Value::Array(list.iter().map(|item| plain(item.get_ref())).collect())
        }
        DeValue::Table(table) => toml::Value::Table(
            table
                .iter()
                .map(|(key, value)| (key.get_ref().to_string(), plain(value.get_ref())))
                .collect(),
        ),
    }
}

/// The text of a file, for positions.
struct Lines<'a> {
    file: String,
    text: &'a str,
}

impl Lines<'_> {
    fn place(&self, offset: usize) -> String {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |tail| tail.chars().count()) + 1;
        format!("{}:{line}:{column}", self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
