//! Finding and reading the settings file.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use crate::settings::{Origin, Settings, default_file, load};
use crate::source::Remote;

/// Returns the settings file: the one named, else `TRIBUNE_CONFIG`, else `tribune.toml` here,
/// else the one in `/etc`.
#[expect(clippy::disallowed_methods, reason = "the environment is read here and handed on")]
pub fn file(named: Option<&Path>) -> PathBuf {
    match (named, std::env::var_os("TRIBUNE_CONFIG")) {
        (Some(path), _) => path.to_owned(),
        (None, Some(path)) if !path.is_empty() => PathBuf::from(path),
        (None, _) => default_file(Path::new(".")),
    }
}

/// Reads and checks the settings.
pub fn read(named: Option<&Path>) -> Result<Settings, Failure> {
    let file = file(named);
    let text = std::fs::read_to_string(&file).map_err(|error| {
        Failure::usage(format!("failed to read settings {}: {error}", file.display())).hint(
            "name the file with --config, or make one with `tribune init`; to just look around, \
             run `tribune demo`",
        )
    })?;
    // Only what is UTF-8 can be a setting; other variables are none of ours.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let settings = load(&file, &text, environment)?;
    if let Origin::Remote(address) = &settings.source.origin {
        check_remote(address).map_err(|why| {
            Failure::usage(format!("{}: source.url: {why}", file.display()))
                .hint("for example https://git.example.org/ops/policy.git")
        })?;
    }
    Ok(settings)
}

/// Checks the address of a repository elsewhere.
fn check_remote(address: &str) -> Result<(), String> {
    let remote = Remote::parse(address).map_err(|error| error.to_string())?;
    match remote.local_path() {
        Some(_) => Err("is a folder; name it as source.path".to_owned()),
        None => Ok(()),
    }
}
