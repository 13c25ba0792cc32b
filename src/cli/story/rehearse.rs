//! Preparing a policy repo for the story: scripts leave a trace outside the store, and the ban
//! that the story merges is held back.

use std::path::Path;

use url::Url;

use crate::cli::demo::town::{Files, replace_block};
use crate::domain::id::RepoPath;
use crate::source::workbench::Content;

/// The ban that step 5 merges.
pub const BAN: &str = "inventory/bans/mallory.yaml";

/// What the story is played with.
pub struct Script {
    /// The policy repo that the daemon begins with.
    pub files: Files,
    /// The ban that is merged later, if the policy repo has it.
    pub ban: Option<(RepoPath, Content)>,
}

/// Makes every script append a line (its name, process number and words) to `acts`, and lets runs
/// write there.
pub fn rehearse(mut files: Files, acts: &Path) -> Script {
    let ban = files.keys().find(|path| path.as_str() == BAN).cloned();
    let ban = ban.and_then(|path| files.remove_entry(&path));
    let folder = acts.parent().unwrap_or(acts).display().to_string();
    for (path, content) in &mut files {
        let Ok(text) = String::from_utf8(content.bytes.clone()) else { continue };
        let name = path.as_str().rsplit('/').next().unwrap_or_default();
        if let Some(rest) = text.strip_prefix("#!/bin/sh\n") {
            let trace = format!("echo \"{name} $$ $*\" >> '{}'", acts.display());
            *content = Content::program(format!("#!/bin/sh\n{trace}\n{rest}"));
        } else if path.as_str().starts_with("intents/") && text.contains("argv:") {
            let block = format!("sandbox: {{ write: [\"{folder}\"] }}\n");
            *content = Content::text(replace_block(&text, "sandbox", &block));
        }
    }
    Script { files, ban }
}

/// Returns the settings of the daemon under test: short intervals, everything below one folder.
pub fn settings(state: &Path, origin: &Path, weak_sandbox: bool) -> String {
    format!(
        "state = \"{}\"\n[source]\npath = \"{}\"\ninterval = \"5s\"\n[web]\nlisten = \"127.0.0.1:0\"\n\
         [exec]\nweak_sandbox = {weak_sandbox}\n[shutdown]\ngrace = \"2s\"\n",
        state.display(),
        origin.display(),
    )
}

/// Returns the settings that connect the daemon to a homeserver.
pub fn matrix_settings(homeserver: &Url, token: &Path) -> String {
    format!("[matrix]\nhomeserver = \"{homeserver}\"\ntoken_file = \"{}\"\n", token.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_leave_a_trace_and_the_ban_is_held_back() {
        let file = |path: &str, text: &str| (path.parse().unwrap(), Content::text(text));
        let files = Files::from([
            file("playbooks/scripts/a.sh", "#!/bin/sh\necho hi\n"),
            file("intents/a.yaml", "run: { argv: [a] }\nsandbox: {}\n"),
            file(BAN, "version: 1\n"),
        ]);
        let script = rehearse(files, Path::new("/acts/log"));
        let text = |path: &str| {
            let path: RepoPath = path.parse().unwrap();
            String::from_utf8(script.files[&path].bytes.clone()).unwrap()
        };
        assert_eq!(
            text("playbooks/scripts/a.sh"),
            "#!/bin/sh\necho \"a.sh $$ $*\" >> '/acts/log'\necho hi\n"
        );
        assert_eq!(text("intents/a.yaml"), "run: { argv: [a] }\nsandbox: { write: [\"/acts\"] }\n");
        assert!(script.ban.is_some());
    }
}
