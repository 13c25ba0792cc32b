//! The commented settings file, and the table of the documentation.

use super::keys::{Key, TABLES, keys};

/// Values that a commented file sets for real, by full name of the key, as TOML.
pub type Chosen<'a> = [(&'a str, String)];

/// Returns a settings file that lists every key with its default and unit; those of `chosen` are
/// set, the rest are commented out.
pub fn render(chosen: &Chosen<'_>) -> String {
    let mut text = String::from(
        "# Settings of Tribune. Every key is listed; what is commented out shows its default or an example.\n\
         # Times carry their unit: 90s, 30m, 24h, 7d. Relative paths lie beside this file.\n\
         # The environment overrides this file: TRIBUNE_WEB_LISTEN is web.listen, and so on.\n\
         # `tribune serve --check-config` tells what is wrong with it.\n",
    );
    for (table, about) in TABLES {
        text.push_str(&format!("\n# {about}\n"));
        if !table.is_empty() {
            text.push_str(&format!("[{table}]\n"));
        }
        for key in keys().filter(|key| key.table() == *table) {
            text.push_str(&entry(key, chosen));
        }
    }
    text.push_str(ROOTS);
    for (path, value) in chosen {
        if let Some(name) = path.strip_prefix("file.roots.") {
            text.push_str(&format!("{name} = {value}\n"));
        }
    }
    text.push_str(SECRETS);
    text
}

const ROOTS: &str = "\n\
# Folders below which intents with `run: { file: … }` manage files, by the name that their paths begin\n\
# with: `managed/motd` is /srv/managed/motd. Absolute, and Tribune's user must be able to write there.\n\
# Without any, no file is managed.\n\
[file.roots]\n\
# managed = \"/srv/managed\"\n";

const SECRETS: &str = "\n\
# Secrets that intents name under `secrets:`. Each says once where its value is: a file (mode 0600), a\n\
# variable of the daemon's environment, a systemd credential (LoadCredential=), or what a program prints\n\
# (a list of words, no shell, environment of PATH only, at most 10 s and 64 KiB). Values are read when a\n\
# run needs them, never kept, and are cut out of every output.\n\
[secrets]\n\
# deploy-key = { file = \"/etc/tribune/deploy-key\" }\n\
# api-token = { env = \"API_TOKEN\" }\n\
# db-password = { credential = \"db-password\" }\n\
# vault-token = { command = [\"/usr/bin/pass\", \"show\", \"vault-token\"] }\n";

fn entry(key: &Key, chosen: &Chosen<'_>) -> String {
    let mut text = String::new();
    for line in key.about.lines() {
        text.push_str(&format!("# {line}\n"));
    }
    match chosen.iter().find(|(path, _)| *path == key.path) {
        Some((_, value)) => text.push_str(&format!("{} = {value}\n", key.name())),
        None => {
            let note = if key.default.is_some() { "" } else { "   # an example, no default" };
            text.push_str(&format!(
                "# {} = {}{note}\n",
                key.name(),
                key.default.unwrap_or(key.example)
            ));
        }
    }
    text
}

/// Returns the table of all settings for the documentation, as Markdown.
pub fn reference() -> String {
    let mut text = String::from(
        "| key | default | what it does | variable | on SIGHUP |\n|---|---|---|---|---|\n",
    );
    for key in keys() {
        let default = key.default.map_or("none".to_owned(), |value| format!("`{value}`"));
        let about = key.about.replace('\n', " ");
        text.push_str(&format!(
            "| `{}` | {default} | {about} ({}) | `{}` | {} |\n",
            key.path,
            key.kind.wanted(),
            key.variable(),
            if key.is_live() { "taken" } else { "next start" }
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::settings::load;

    #[test]
    fn the_commented_file_loads_once_the_source_is_named() {
        let text = render(&[("source.path", "\"policy\"".to_owned())]);
        let settings = load(Path::new("/x/tribune.toml"), &text, []).unwrap();
        let bare = load(Path::new("/x/tribune.toml"), "source.path = 'policy'", []).unwrap();
        assert_eq!(settings, bare, "what is commented out is the default");
    }

    #[test]
    fn the_commented_file_lists_every_key_and_each_example_loads() {
        let text = render(&[]);
        let lines: Vec<String> = text
            .lines()
            .filter_map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.split_once(" = ").is_some_and(|(name, _)| is_key(name)) => {
                    Some(rest.to_owned())
                }
                Some(_) => None,
                None => Some(line.to_owned()),
            })
            .filter(|line| !line.starts_with("path = \"/srv"))
            .collect();
        let full = lines.join("\n");
        load(Path::new("/x/tribune.toml"), &full, []).unwrap();
        let table: toml::Table = full.parse().unwrap();
        for key in keys().filter(|key| key.path != "source.path") {
            let mut value = Some(&toml::Value::Table(table.clone())).cloned();
            for part in key.path.split('.') {
                value = value.and_then(|value| value.get(part).cloned());
            }
            assert!(value.is_some(), "{} is not in the file", key.path);
        }
    }

    fn is_key(text: &str) -> bool {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b'-'))
    }
}
