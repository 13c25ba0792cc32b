//! `tribune init`: a policy repo and settings to begin with.

use std::path::{Path, PathBuf};

use clap::Args;

use super::check::diagnose;
use super::demo::town::{Files, replace_block};
use super::diagnostic::render;
use super::failure::{Exit, Failure};
use super::shipped;
use super::terminal::Terminal;
use crate::domain::diagnostic::Severity;
use crate::domain::id::{AccountId, PersonId, Platform, RepoPath};
use crate::domain::person::Account;
use crate::domain::platform::{PLATFORMS, account_misfit};
use crate::domain::template::FOLDERS;
use crate::settings::render_template;
use crate::source::workbench::Content;

/// The sample admin, who is not written: a real one takes the place.
const SAMPLE_ADMIN: &str = "ada";

/// Write a policy repo and a commented tribune.toml to begin with.
///
/// The policy repo is that of a small sample team, without its admin and without signing keys:
/// policies, intents and scripts to read and to change. --admin names the person who may do
/// everything the policies leave to admins; `tribune serve` refuses a policy repo without one.
/// Nothing that is there is overwritten.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tribune init ops --admin maria --account console:maria\n  tribune init --admin maria --account mattermost:8x3k1mq7rtyw5e9uziopasdfgh\n\nThen:\n  cd ops && git init -b main && git add . && git commit -m 'policy repo'\n  tribune check && tribune serve"
)]
pub struct InitArgs {
    /// The folder to write to; made if it is not there.
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// The first admin: a short lower-case name.
    #[arg(long, value_name = "NAME", requires = "account", value_parser = super::person)]
    admin: Option<PersonId>,
    /// The admin's chat account, such as console:maria. Accounts are named by their immutable id.
    #[arg(long, value_name = "PLATFORM:ID", requires = "admin", value_parser = account)]
    account: Option<Account>,
}

fn account(text: &str) -> Result<Account, String> {
    let (platform, id) =
        text.split_once(':').ok_or("write it as PLATFORM:ID, such as console:maria")?;
    let platform: Platform = platform.parse().map_err(|error| format!("{error}"))?;
    if !PLATFORMS.contains(&platform.as_str()) {
        let known = PLATFORMS.join(", ");
        return Err(format!(
            "there is no platform `{platform}`\nhint: chat platforms are {known}; begin with \
             console:NAME, and add another account to the person's file later"
        ));
    }
    let id: AccountId = id.parse().map_err(|error| format!("{error}"))?;
    match account_misfit(&platform, &id) {
        Some(misfit) => Err(format!("{}\nhint: {}", misfit.why, misfit.hint)),
        None => Ok(Account { platform, id }),
    }
}

/// Writes everything and says what to do next.
pub fn run(args: &InitArgs, out: &mut Terminal) -> Result<Exit, Failure> {
    let dir = std::path::absolute(&args.dir).map_err(Failure::from)?;
    for name in FOLDERS.iter().copied().chain(["tribune.toml"]) {
        if dir.join(name).symlink_metadata().is_ok() {
            return Err(Failure::usage(format!("{} is already there", dir.join(name).display()))
                .hint("name an empty folder, or remove what is there"));
        }
    }
    shipped::write(
        &sample(shipped::files(), args.admin.as_ref().zip(args.account.as_ref())),
        &dir,
    )?;
    let settings = render_template(&[
        ("state", quoted(&state_folder(&dir))),
        ("source.path", "\".\"".to_owned()),
        ("source.branch", "\"main\"".to_owned()),
    ]);
    std::fs::write(dir.join("tribune.toml"), settings)?;
    out.line(&format!("wrote a policy repo and tribune.toml to {}", dir.display()))?;
    for diagnostic in diagnose(&dir)?.iter().filter(|it| it.severity == Severity::Error) {
        out.text(&render(diagnostic))?;
    }
    out.text(&next_steps(args, &dir))?;
    Ok(Exit::Fine)
}

/// Returns the sample team's files without its admin and its keys, with the named admin.
fn sample(files: Files, admin: Option<(&PersonId, &Account)>) -> Files {
    let own = |name: &str| format!("inventory/people/{name}.yaml");
    let mut made = Files::new();
    for (path, content) in files {
        if path.as_str() == own(SAMPLE_ADMIN) {
            continue;
        }
        let Ok(text) = String::from_utf8(content.bytes.clone()) else {
            made.insert(path, content);
            continue;
        };
        let text = if path.as_str().starts_with("inventory/people/") {
            replace_block(&text, "signing_keys", "")
        } else if let Some((admin, _)) = admin {
            text.replace(&format!("by: {SAMPLE_ADMIN}\n"), &format!("by: {admin}\n"))
        } else {
            text.replace(&format!("by: {SAMPLE_ADMIN}\n"), "by: grace\n")
        };
        made.insert(path, Content { bytes: text.into_bytes(), executable: content.executable });
    }
    if let Some((admin, account)) = admin
        && let Ok(path) = own(admin.as_str()).parse::<RepoPath>()
    {
        let text = format!(
            "version: 1\nname: {admin}\nroles: [admin]\nchat: {{ {}: {:?} }}\n",
            account.platform,
            account.id.as_str()
        );
        made.insert(path, Content::text(text));
    }
    made
}

/// Returns where the daemon of this user keeps its state.
#[expect(clippy::disallowed_methods, reason = "the environment is read here and written down")]
fn state_folder(dir: &Path) -> PathBuf {
    let name = dir.file_name().map_or("policy".into(), |name| name.to_string_lossy().into_owned());
    if rustix::process::geteuid().is_root() {
        return Path::new("/var/lib/tribune").join(name);
    }
    let home = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .filter(|home| home.is_absolute())
        .or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".local/state")));
    home.unwrap_or_else(|| PathBuf::from("/var/lib")).join("tribune").join(name)
}

fn quoted(path: &Path) -> String {
    toml::Value::String(path.display().to_string()).to_string()
}

fn next_steps(args: &InitArgs, dir: &Path) -> String {
    let mut text = String::new();
    if args.admin.is_none() {
        text.push_str(
            "\nNobody is admin yet, and `tribune serve` refuses that. Add yourself, for example:\n  \
             inventory/people/maria.yaml: version: 1, name: Maria, roles: [admin], chat: { console: maria }\n",
        );
    }
    let login = args.admin.as_ref().map_or("NAME".to_owned(), ToString::to_string);
    text.push_str(&format!(
        "\nNext:\n  \
         cd {}\n  \
         git init -b main && git add . && git commit -m \"policy repo\"\n  \
         tribune check                 # would this be applied?\n  \
         tribune doctor                # is this machine fit?\n  \
         tribune serve                 # in another terminal:\n  \
         tribune login @{login}\n\
         The people in inventory/people are samples: replace them by yours.\n",
        dir.display()
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(admin: Option<(&str, &str)>) -> tempfile::TempDir {
        let top = tempfile::tempdir().unwrap();
        let admin = admin.map(|(name, at)| (name.parse().unwrap(), account(at).unwrap()));
        let files = sample(shipped::files(), admin.as_ref().map(|(name, at)| (name, at)));
        shipped::write(&files, top.path()).unwrap();
        top
    }

    fn errors(top: &Path) -> Vec<String> {
        let found = diagnose(top).unwrap();
        found.iter().filter(|it| it.severity == Severity::Error).map(render).collect()
    }

    #[test]
    fn with_an_admin_it_would_be_applied() {
        for admin in [("maria", "console:maria"), ("ada", "console:ada")] {
            assert_eq!(errors(written(Some(admin)).path()), Vec::<String>::new());
        }
    }

    #[test]
    fn an_account_that_can_be_nobodys_is_refused() {
        let told = ["maria", "consle:maria", "mattermost:maria", "matrix:maria"]
            .map(|text| account(text).unwrap_err())
            .join("\n");
        insta::assert_snapshot!(told, @r#"
        write it as PLATFORM:ID, such as console:maria
        there is no platform `consle`
        hint: chat platforms are console, mattermost, matrix; begin with console:NAME, and add another account to the person's file later
        `maria` looks like a user name; an id has 26 of a-z and 0-9
        hint: let them type `!whoami` to Tribune, or look them up in the System Console under Users
        `maria` is no Matrix id; one is written "@ada:example.org"
        hint: let them type `!whoami` to Tribune, or copy the id below the display name in their profile
        "#);
    }

    #[test]
    fn without_an_admin_it_would_not() {
        let found = errors(written(None).path());
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("admin"), "{found:?}");
    }
}
