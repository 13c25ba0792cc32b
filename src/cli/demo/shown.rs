//! What the demonstration prints: links to sign in, and the next thing to type.

use std::path::Path;

use super::history::CITED;
use crate::app::App;
use crate::cli::terminal::columns;
use crate::settings::Settings;

/// Returns the page, with a fresh link for everybody.
pub async fn page(app: &App, settings: &Settings, folder: &Path) -> String {
    let port = app.listen().port();
    let config = folder.join("tribune.toml");
    let policy = folder.join("policy");
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let weak = if settings.exec.weak_sandbox {
        "\nThis kernel cannot confine runs: exec.weak_sandbox is set, for the demonstration only.\n"
    } else {
        ""
    };
    let (number, command) = CITED;
    format!(
        "\nTribune is up. Sign in as one of these people; a link works once, for ten minutes:\n\n\
         {people}{weak}\n\
         Then type, in #ops:\n\n  \
         as barbara   !run restart-service on web-staging service=nginx\n               \
         she is a user: denied, with the reasons and who could\n  \
         as ken       !run {command} pr #{number}\n               \
         he cites a merged pull request: it runs; a second time it does not count\n  \
         as ken       !run restart-service on web-dev service=app\n               \
         needs an operator and an sre: click ✅ as radia and as grace, or ❌ to veto\n  \
         as ken       !check house-rules on local, then !run house-rules on local\n               \
         a managed file: the check is a diff; after ✅ of grace it is at {managed}\n  \
         as barbara   !run slow-job on local\n               \
         output streams into the thread\n\n\
         Change the rules and look at #ops:\n\n  \
         edit something below {policy}\n  \
         git -C {policy} -c user.name=ada -c user.email=ada@example.org commit -am \"try this\"\n\n\
         Look from the host, in another terminal:\n\n  \
         tribune --config {config} status\n  \
         tribune --config {config} audit verify\n\n\
         From another machine:  ssh -L {port}:localhost:{port} {host}\n\n\
         Enter prints this again with new links; Ctrl-C ends it.\n",
        people = people(app).await,
        policy = policy.display(),
        managed = folder.join("managed/motd").display(),
        config = config.display(),
    )
}

async fn people(app: &App) -> String {
    let Some(snapshot) = app.engine().applied() else {
        return "  no revision of the policy repo is applied; see above\n".to_owned();
    };
    let mut rows = Vec::new();
    for person in snapshot.repo.people.values() {
        let roles: Vec<String> = person.roles.iter().map(ToString::to_string).collect();
        let link = match app.engine().sign_in_link(&person.id).await {
            Ok((link, _)) => link,
            Err(error) => error.to_string(),
        };
        rows.push(vec![format!("  {}", person.id), roles.join(", "), link]);
    }
    columns(&rows)
}
