//! Secrets of runs, read from where settings say when they are needed.
//!
//! Every value that was ever read stays known, in memory, to be cut out of output: also that of a
//! secret that has changed since. Programs are asked only when a run names their secret, each
//! time anew; until then nobody knows the value, this daemon included.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;

use crate::domain::id::SecretName;
use crate::exec::argv::Secrets;
use crate::process::command::{Spec, run};
use crate::redact::{LONGEST, Redactor, SecretError};
use crate::settings::SecretOrigin;

/// How long a program that gives a secret may take.
const WITHIN: Duration = Duration::from_secs(10);
/// Where such a program finds others; it gets no other variable.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Where secrets come from, by name.
pub type Origins = BTreeMap<SecretName, SecretOrigin>;

/// Secrets as settings name them.
pub struct SettingsSecrets {
    origins: ArcSwap<Origins>,
    known: Mutex<BTreeSet<(String, String)>>,
    redactor: Arc<ArcSwap<Redactor>>,
}

#[async_trait]
impl Secrets for SettingsSecrets {
    async fn secret(&self, name: &SecretName) -> Result<String, String> {
        let origin = self.origins.load().get(name).cloned().ok_or_else(|| {
            format!("settings do not say where secret {name} comes from: add [secrets] {name}")
        })?;
        let value = match &origin {
            SecretOrigin::Command(argv) => from_command(name, argv).await?,
            origin => read(name, origin)?,
        };
        self.learn([(name.to_string(), value.clone())]).map_err(|error| error.to_string())?;
        Ok(value)
    }

    fn files(&self) -> Vec<PathBuf> {
        let file = |origin: &SecretOrigin| match origin {
            SecretOrigin::File(file) => Some(file.clone()),
            SecretOrigin::Variable(_) | SecretOrigin::Credential(_) | SecretOrigin::Command(_) => {
                None
            }
        };
        self.origins.load().values().filter_map(file).collect()
    }
}

impl SettingsSecrets {
    /// Reads every secret that can be read now without asking a program, so that it is cut out of
    /// output from the start; returns also why others cannot be read.
    pub fn open(origins: Origins) -> Result<(Self, Vec<String>), SecretError> {
        let secrets = Self {
            origins: ArcSwap::from_pointee(Origins::new()),
            known: Mutex::default(),
            redactor: Arc::new(ArcSwap::from_pointee(Redactor::new([])?)),
        };
        let problems = secrets.look_at(&origins)?;
        secrets.take(origins);
        Ok((secrets, problems))
    }

    /// Learns the values that other origins give now, so that they are cut out of output, and
    /// takes nothing else yet; returns also why some cannot be read.
    pub fn look_at(&self, origins: &Origins) -> Result<Vec<String>, SecretError> {
        let (mut values, mut problems) = (Vec::new(), Vec::new());
        for (name, origin) in origins {
            if matches!(origin, SecretOrigin::Command(_)) {
                continue;
            }
            match read(name, origin) {
                Ok(value) => values.push((name.to_string(), value)),
                Err(why) => problems.push(why),
            }
        }
        self.learn(values)?;
        Ok(problems)
    }

    /// From now on secrets come from there; what was known stays known.
    pub fn take(&self, origins: Origins) {
        self.origins.store(Arc::new(origins));
    }

    /// Returns what cuts every value that is known out of text.
    pub fn redactor(&self) -> Arc<ArcSwap<Redactor>> {
        Arc::clone(&self.redactor)
    }

    /// From now on these values are cut out of output. A value that cannot be is refused.
    fn learn(&self, values: impl IntoIterator<Item = (String, String)>) -> Result<(), SecretError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut more = known.clone();
        more.extend(values);
        if more.len() > known.len() {
            let pairs = more.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let redactor = self.redactor.load().for_secrets(pairs)?;
            self.redactor.store(Arc::new(redactor));
            *known = more;
        }
        Ok(())
    }
}

/// Reads a value that no program gives; an error never holds it.
#[expect(clippy::disallowed_methods, reason = "settings name variables that hold secrets")]
fn read(name: &SecretName, origin: &SecretOrigin) -> Result<String, String> {
    let value = match origin {
        SecretOrigin::File(file) => from_file(name, file)?,
        SecretOrigin::Variable(variable) => std::env::var(variable)
            .map_err(|_| format!("secret {name}: the variable {variable} is not set"))?,
        SecretOrigin::Credential(credential) => {
            let folder = std::env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(|| {
                format!("secret {name}: systemd gave no credentials; add LoadCredential=")
            })?;
            from_file(name, &Path::new(&folder).join(credential))?
        }
        SecretOrigin::Command(_) => return Err(format!("secret {name} is given by a program")),
    };
    not_empty(name, value)
}

fn not_empty(name: &SecretName, value: String) -> Result<String, String> {
    if value.is_empty() { Err(format!("secret {name} is empty")) } else { Ok(value) }
}

fn from_file(name: &SecretName, file: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("secret {name}: {}: {error}", file.display()))?;
    Ok(without_feed(&text).to_owned())
}

/// Asks a program. Nothing that it prints, on either output, is part of an error.
async fn from_command(name: &SecretName, argv: &[String]) -> Result<String, String> {
    let spec =
        Spec::new(argv).env("PATH", PATH).env("LC_ALL", "C").timeout(WITHIN).max_output(LONGEST);
    let failed = |why: String| format!("secret {name}: {why}");
    let output = run(&spec).await.map_err(|error| failed(error.to_string()))?;
    let program = argv.first().map_or("", String::as_str);
    if !output.status.success() {
        return Err(failed(format!("{program} failed: {}", output.status)));
    }
    match String::from_utf8(output.stdout) {
        Ok(text) if !text.contains('\0') => not_empty(name, without_feed(&text).to_owned()),
        Ok(_) | Err(_) => Err(failed(format!("{program} printed what is no text"))),
    }
}

fn without_feed(text: &str) -> &str {
    text.strip_suffix('\n').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> SecretName {
        text.parse().unwrap()
    }

    fn command(words: &[&str]) -> SecretOrigin {
        SecretOrigin::Command(words.iter().map(|word| (*word).to_owned()).collect())
    }

    fn open(origins: &[(&str, SecretOrigin)]) -> SettingsSecrets {
        let origins = origins.iter().map(|(id, origin)| (name(id), origin.clone())).collect();
        SettingsSecrets::open(origins).unwrap().0
    }

    #[test]
    fn a_secret_is_what_its_file_holds_without_the_last_line_feed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "two\nlines\n").unwrap();
        let origin = SecretOrigin::File(file.path().to_owned());
        assert_eq!(read(&name("key"), &origin).unwrap(), "two\nlines");
        std::fs::write(file.path(), "\n").unwrap();
        assert_eq!(read(&name("key"), &origin).unwrap_err(), "secret key is empty");
    }

    #[tokio::test]
    async fn a_program_gives_a_secret_that_is_cut_out_of_output_from_then_on() {
        let secrets = open(&[("key", command(&["/bin/echo", "opens the vault"]))]);
        let text = "it opens the vault";
        assert_eq!(secrets.redactor().load().redact_text(text), text, "nobody asked yet");
        assert_eq!(secrets.secret(&name("key")).await.unwrap(), "opens the vault");
        assert_eq!(secrets.redactor().load().redact_text(text), "it [redacted:key]");
    }

    #[tokio::test]
    async fn a_program_sees_nothing_of_the_daemons_environment() {
        let secrets = open(&[("all", command(&["/usr/bin/env"]))]);
        let value = secrets.secret(&name("all")).await.unwrap();
        let names: BTreeSet<&str> =
            value.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
        assert_eq!(names, BTreeSet::from(["LC_ALL", "PATH"]));
    }

    #[tokio::test]
    async fn a_program_that_fails_is_named_and_what_it_printed_is_not() {
        for (words, why) in [
            (&["/bin/sh", "-c", "echo hush; echo hush >&2; exit 3"][..], "exit status: 3"),
            (&["/bin/sh", "-c", "yes hush"][..], "wrote more than"),
            (&["/bin/sh", "-c", "printf 'hush\\377'"][..], "printed what is no text"),
            (&["/bin/true"][..], "is empty"),
            (&["/nowhere/at/all"][..], "failed to start /nowhere/at/all"),
            (&["/bin/echo", "abc"][..], "is shorter than 4 bytes"),
        ] {
            let secrets = open(&[("key", command(words))]);
            let error = secrets.secret(&name("key")).await.unwrap_err();
            assert!(error.contains("secret key") && error.contains(why), "{error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_secret_that_changed_is_cut_out_as_it_was_and_as_it_is() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "first value").unwrap();
        let secrets = open(&[("key", SecretOrigin::File(file.path().to_owned()))]);
        std::fs::write(file.path(), "second value").unwrap();
        secrets.secret(&name("key")).await.unwrap();
        secrets.take(Origins::new());
        let text = secrets.redactor().load().redact_text("first value, second value");
        assert_eq!(text, "[redacted:key], [redacted:key]");
        assert!(secrets.secret(&name("key")).await.unwrap_err().contains("add [secrets] key"));
    }
}
