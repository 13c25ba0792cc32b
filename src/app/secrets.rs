//! Secrets of runs, read from where settings say when they are needed.

use std::collections::BTreeMap;
use std::path::Path;

use async_trait::async_trait;

use crate::domain::id::SecretName;
use crate::exec::argv::Secrets;
use crate::settings::SecretOrigin;

/// Secrets as settings name them.
#[derive(Debug, Clone)]
pub struct SettingsSecrets(pub BTreeMap<SecretName, SecretOrigin>);

#[async_trait]
impl Secrets for SettingsSecrets {
    async fn secret(&self, name: &SecretName) -> Result<String, String> {
        let origin = self.0.get(name).ok_or_else(|| {
            format!("settings do not say where secret {name} comes from: add [secrets] {name}")
        })?;
        read(name, origin)
    }
}

impl SettingsSecrets {
    /// Returns every secret that can be read now, and why the others cannot.
    pub fn all(&self) -> (Vec<(SecretName, String)>, Vec<String>) {
        let (mut values, mut problems) = (Vec::new(), Vec::new());
        for (name, origin) in &self.0 {
            match read(name, origin) {
                Ok(value) => values.push((name.clone(), value)),
                Err(why) => problems.push(why),
            }
        }
        (values, problems)
    }
}

/// Reads a value; an error never holds it.
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
    };
    if value.is_empty() { Err(format!("secret {name} is empty")) } else { Ok(value) }
}

fn from_file(name: &SecretName, file: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("secret {name}: {}: {error}", file.display()))?;
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_what_its_file_holds_without_the_last_line_feed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "two\nlines\n").unwrap();
        let name: SecretName = "key".parse().unwrap();
        let origin = SecretOrigin::File(file.path().to_owned());
        assert_eq!(read(&name, &origin).unwrap(), "two\nlines");
        std::fs::write(file.path(), "\n").unwrap();
        assert_eq!(read(&name, &origin).unwrap_err(), "secret key is empty");
    }
}
