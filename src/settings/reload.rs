//! What is different in settings that were read again, and what of it can be taken up at once.

use super::Settings;
use super::keys::keys;

/// Names of keys whose values are different.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changed {
    /// Those that are taken up at once.
    pub live: Vec<String>,
    /// Those that wait for the next start.
    pub restart: Vec<String>,
}

/// Compares what holds with what was read now. Secrets are named, their origins are not.
pub fn changed(before: &Settings, now: &Settings) -> Changed {
    let mut changed = Changed::default();
    for key in keys().filter(|key| before.values.get(key.path) != now.values.get(key.path)) {
        let list = if key.is_live() { &mut changed.live } else { &mut changed.restart };
        list.push(key.path.to_owned());
    }
    if before.managed.roots != now.managed.roots {
        changed.restart.push("file.roots".to_owned());
    }
    let names = before.secrets.keys().chain(now.secrets.keys());
    let mut secrets: Vec<String> = names
        .filter(|name| before.secrets.get(*name) != now.secrets.get(*name))
        .map(|name| format!("secrets.{name}"))
        .collect();
    secrets.sort();
    secrets.dedup();
    changed.live.extend(secrets);
    changed
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::settings::keys::{LIVE, find};
    use crate::settings::load;

    #[test]
    fn what_waits_for_the_next_start_is_told_apart() {
        let read = |text: &str| load(Path::new("/x/tribune.toml"), text, []).unwrap();
        let before = read("source.path = 'p'\n[secrets]\na = { env = 'A' }\nb = { env = 'B' }");
        let now = read(
            "source.path = 'q'\nlog.level = 'debug'\nlog.format = 'text'\nretention.audit = '90d'\n\
             [secrets]\na = { env = 'A' }\nc = { env = 'B' }",
        );
        let found = changed(&before, &now);
        assert_eq!(found.live, ["retention.audit", "log.level", "secrets.b", "secrets.c"]);
        assert_eq!(found.restart, ["source.path"], "a default that is written out is no change");
        assert_eq!(changed(&now, &now), Changed::default());
    }

    #[test]
    fn live_keys_are_keys() {
        for path in LIVE {
            assert!(find(path).is_some(), "{path}");
        }
    }
}
