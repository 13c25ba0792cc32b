//! What was given, by file and by environment, with its place; and reading it by type.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use jiff::SignedDuration;
use toml::de::{DeTable, DeValue};

use super::Problem;
use super::SecretOrigin;
use super::keys::{Key, Kind, SECRET_KEYS, TABLES, find, keys, nearest};
use crate::domain::duration;
use crate::domain::id::{RootName, SecretName};

/// A value and where it was given.
pub struct Given {
    /// The value.
    pub value: toml::Value,
    /// Where.
    pub place: String,
}

/// What was given, and what was wrong with it so far.
pub struct Reader<'a> {
    /// The settings file.
    pub file: &'a Path,
    /// Values by full name of the key.
    pub given: BTreeMap<&'static str, Given>,
    /// Roots of managed files.
    pub roots: BTreeMap<RootName, PathBuf>,
    /// Secrets.
    pub secrets: BTreeMap<SecretName, SecretOrigin>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

impl Reader<'_> {
    /// Notes a problem.
    pub fn problem(
        &mut self,
        place: impl Into<String>,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        self.problems.push(Problem { place: place.into(), message: message.into(), hint });
    }

    /// Takes what the file says.
    pub fn take_file(&mut self, text: &str) {
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
                DeValue::Table(inner) if path == "file.roots" => self.take_roots(inner, lines),
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
        let known = keys().map(|key| key.path).chain(TABLES.iter().map(|(name, _)| *name));
        let hint = match nearest(path, known.filter(|name| !name.is_empty())) {
            Some(near) => format!("did you mean {near}?"),
            None => "`tribune init` writes a file that lists every key".to_owned(),
        };
        self.problem(place, format!("there is no setting {path}"), Some(hint));
    }

    /// Takes the roots of managed files: each a plain absolute folder, and not everything.
    fn take_roots(&mut self, table: &DeTable<'_>, lines: &Lines<'_>) {
        for (name, value) in table {
            let place = lines.place(name.span().start);
            let id = match RootName::from_str(name.get_ref()) {
                Ok(id) => id,
                Err(error) => {
                    self.problem(place, error.to_string(), None);
                    continue;
                }
            };
            let path = value.get_ref().as_str().map(PathBuf::from);
            let plain = |path: &Path| {
                let parts = path.components();
                path.is_absolute() && parts.skip(1).all(|part| matches!(part, Component::Normal(_)))
            };
            match path.filter(|path| plain(path)) {
                Some(path) if path.parent().is_some() => {
                    self.roots.insert(id, path);
                }
                Some(_) | None => self.problem(
                    place,
                    format!("file.roots.{id} must be an absolute folder other than `/`"),
                    Some(format!("for example {id} = \"/srv/{id}\"")),
                ),
            }
        }
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
            Some(format!(
                "write {id} = {{ file = \"/etc/tribune/{id}\" }}, or env, credential or command"
            )),
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
            if name == "command" {
                origins.extend(self.command_of(&id.to_string(), value.get_ref(), at));
                continue;
            }
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
                        .map_or("use file, env, credential or command".to_owned(), |near| {
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

    /// Takes a command: a list of words, the first of which is the whole path of a program.
    fn command_of(&mut self, id: &str, value: &DeValue<'_>, place: String) -> Option<SecretOrigin> {
        let words: Option<Vec<String>> = value.as_array().and_then(|list| {
            list.iter().map(|word| word.get_ref().as_str().map(str::to_owned)).collect()
        });
        let is_whole = |words: &Vec<String>| {
            words.first().is_some_and(|program| Path::new(program).is_absolute())
                && !words.iter().any(|word| word.contains('\0'))
        };
        match words.filter(is_whole) {
            Some(words) => Some(SecretOrigin::Command(words)),
            None => {
                self.problem(
                    place,
                    format!(
                        "secrets.{id}.command is not a list of words that begins with the whole path of a program"
                    ),
                    Some(format!("for example {id} = {{ command = [\"/usr/bin/pass\", \"show\", \"{id}\"] }}; no shell is involved")),
                );
                None
            }
        }
    }

    /// Takes what the environment says; it overrides the file.
    pub fn take_environment(&mut self, environment: impl IntoIterator<Item = (String, String)>) {
        for (name, value) in environment {
            if !name.starts_with("TRIBUNE_") || OWN_VARIABLES.contains(&name.as_str()) {
                continue;
            }
            let Some(key) = keys().find(|key| key.variable() == name) else {
                let variables: Vec<String> = keys().map(Key::variable).collect();
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
    pub fn parsed<T>(
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
                let key = find(path).expect("settings are read by names of the catalogue");
                let hint = format!("for example {} = {}", key.name(), key.example);
                self.problem(place, format!("{path}: {why}"), Some(hint));
                None
            }
        }
    }

    /// Reads a text.
    pub fn text(&mut self, path: &'static str) -> Option<String> {
        self.parsed(path, |text| Ok(text.to_owned()))
    }

    /// Reads a path.
    pub fn path(&mut self, path: &'static str) -> Option<PathBuf> {
        self.text(path).map(|text| self.beside(&text))
    }

    fn beside(&self, path: &str) -> PathBuf {
        let parent = self.file.parent().filter(|parent| *parent != Path::new(""));
        let folder = parent.unwrap_or(Path::new("."));
        let joined = folder.join(path);
        let whole = std::path::absolute(&joined).unwrap_or(joined);
        // People read these paths; where the folder is no link, one step up is one name less.
        match folder.canonicalize() {
            Ok(folder) if path.starts_with("..") => above(&folder, path),
            _ => whole,
        }
    }

    /// Reads one of some words.
    pub fn choice<T: Copy>(&mut self, path: &'static str, words: &[(&str, T)]) -> Option<T> {
        let (value, place) = self.value(path)?;
        let chosen = value
            .as_str()
            .and_then(|text| words.iter().find(|(word, _)| *word == text).map(|(_, made)| *made));
        if chosen.is_none() {
            self.wrong(path, place);
        }
        chosen
    }

    /// Reads a time.
    pub fn time(&mut self, path: &'static str, least: SignedDuration) -> Option<SignedDuration> {
        self.parsed(path, |text| {
            let time = duration::parse(text).map_err(|error| error.to_string())?;
            if time < least {
                return Err(format!("{text} is too short, use at least {}s", least.as_secs()));
            }
            Ok(time)
        })
    }

    /// Reads a time, or `forever`, which is `Some(None)`.
    pub fn kept(
        &mut self,
        path: &'static str,
        least: SignedDuration,
    ) -> Option<Option<SignedDuration>> {
        self.parsed(path, |text| {
            if text == "forever" {
                return Ok(None);
            }
            let time = duration::parse(text).map_err(|error| error.to_string())?;
            if time < least {
                return Err(format!("{text} is too short, use at least {}h", least.as_hours()));
            }
            Ok(Some(time))
        })
    }

    /// Returns every value that holds, as TOML, by full name.
    pub fn values(&self) -> BTreeMap<&'static str, String> {
        let text = |key: &Key| self.value(key.path).map(|(value, _)| value.to_string());
        keys().filter_map(|key| Some((key.path, text(key)?))).collect()
    }

    /// Reads a whole number.
    pub fn number(&mut self, path: &'static str, least: u32, most: u32) -> Option<u32> {
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

    /// Reads a flag.
    pub fn flag(&mut self, path: &'static str) -> Option<bool> {
        let (value, place) = self.value(path)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.wrong(path, place);
        }
        flag
    }

    /// Reads a list of absolute folders.
    pub fn paths(&mut self, path: &'static str) -> Option<Vec<PathBuf>> {
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
}

/// Variables that are not settings.
const OWN_VARIABLES: &[&str] = &["TRIBUNE_CONFIG"];

/// Follows a path that begins with steps up from a folder whose names are no links.
fn above(folder: &Path, path: &str) -> PathBuf {
    let (mut folder, mut rest) = (folder, Path::new(path));
    while let Ok(shorter) = rest.strip_prefix("..") {
        (folder, rest) = (folder.parent().unwrap_or(folder), shorter);
    }
    // No stroke at the end where nothing is left.
    folder.join(rest).components().collect()
}

fn from_variable(kind: Kind, text: &str) -> toml::Value {
    let text_value = || toml::Value::String(text.to_owned());
    match kind {
        Kind::Text | Kind::Path | Kind::Time | Kind::Kept | Kind::Choice(_) => text_value(),
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
