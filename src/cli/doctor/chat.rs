//! Whether the chats of settings answer.

use std::sync::Arc;
use std::time::Duration;

use url::{Host, Url};

use super::Finding;
use crate::app::chats;
use crate::chat::matrix::Matrix;
use crate::chat::mattermost::{self, Look, LookError};
use crate::chat::tls;
use crate::clock::SystemClock;
use crate::settings::Settings;
use crate::web::bind::is_loopback_name;

const WHAT: &str = "chat";
/// How long a homeserver may take.
const WITHIN: Duration = Duration::from_secs(15);

/// Looks at every chat of settings; they are asked who Tribune is there, and nothing else.
pub async fn all(settings: &Settings) -> Vec<Finding> {
    let mut findings = mattermost(settings).await;
    findings.extend(matrix(settings).await);
    findings
}

/// Looks whether the authorities that settings name can be read; nothing is asked. Without them
/// the daemon does not start.
pub fn authorities(settings: &Settings) -> Vec<Finding> {
    let of_matrix = settings.matrix.iter().map(|it| ("matrix.ca_file", it.ca_file.as_deref()));
    let of_mattermost =
        settings.mattermost.iter().map(|it| ("mattermost.ca_file", it.ca_file.as_deref()));
    let checked = of_matrix.chain(of_mattermost).filter_map(|(key, file)| {
        let error = tls::client_config(Some(file?)).err()?;
        let hint = "name a file with the authority's certificate in PEM, or leave the key out";
        Some(Finding::bad(WHAT, format!("{key}: {error}"), hint))
    });
    checked.collect()
}

async fn matrix(settings: &Settings) -> Option<Finding> {
    let given = settings.matrix.as_ref()?;
    let config = chats::matrix_config(given, String::new());
    let hint = "see docs/matrix.md; the daemon starts without it and goes on trying";
    let address = &given.homeserver;
    let bad = |why: String| Some(Finding::bad(WHAT, why, hint));
    let unprepared = "see docs/matrix.md; the daemon does not start like this";
    let chat = match Matrix::new(config, Arc::new(SystemClock), Arc::new(|| None)) {
        Ok(chat) => chat,
        Err(why) => return Some(Finding::bad(WHAT, format!("matrix: {why}"), unprepared)),
    };
    match tokio::time::timeout(WITHIN, chat.greet()).await {
        Ok(Ok(seen)) => Some(Finding::good(WHAT, format!("matrix: {seen}"))),
        Ok(Err(error)) => bad(format!("{address}: {error}")),
        Err(_) => bad(format!("{address}: matrix does not answer in time")),
    }
}

async fn mattermost(settings: &Settings) -> Vec<Finding> {
    let Some(given) = &settings.mattermost else { return Vec::new() };
    let mut findings = match mattermost::look(chats::config(given), Arc::new(SystemClock)).await {
        Ok(look) => found(&look),
        Err(LookError::Prepare(error)) => vec![Finding::bad(
            WHAT,
            format!("mattermost: {error}"),
            "see docs/mattermost.md; the daemon does not start like this",
        )],
        Err(error) => vec![Finding::bad(
            WHAT,
            format!("{}: mattermost: {error}", given.url),
            "see docs/mattermost.md; the daemon starts without it and goes on trying",
        )],
    };
    findings.extend(given.buttons.as_ref().map(|to| buttons(to, &given.url)));
    findings
}

/// Says whether the server can be expected to reach this daemon, as far as the addresses tell.
fn buttons(to: &Url, server: &Url) -> Finding {
    let host = to.host_str().unwrap_or_default();
    let is_here = |url: &Url| url.host_str().is_some_and(is_loopback_name);
    if is_here(to) && !is_here(server) {
        return Finding::bad(
            WHAT,
            format!("mattermost: buttons lead to {host}, which is another machine for the server"),
            "set mattermost.buttons to an https address at which the server reaches this machine",
        );
    }
    let is_inside = match to.host() {
        Some(Host::Ipv4(ip)) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        Some(Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unique_local(),
        Some(Host::Domain(name)) => is_loopback_name(name) || !name.contains('.'),
        None => false,
    };
    if !is_inside {
        return Finding::good(WHAT, format!("mattermost: buttons lead to {host}"));
    }
    Finding::weak(
        WHAT,
        format!("mattermost: buttons lead to {host}, an address of an inner network"),
        format!(
            "on the server AllowedUntrustedInternalConnections must name {host}; it calls no inner \
             address else"
        ),
    )
}

fn found(look: &Look) -> Vec<Finding> {
    let Look { username, is_bot, channels, edit_limit, moves_threads, version } = look;
    let seen = format!("mattermost {version}: @{username}, in {channels} channels");
    let mut findings = vec![match is_bot {
        true => Finding::good(WHAT, seen),
        false => Finding::weak(
            WHAT,
            format!("{seen}, is a person's account"),
            "make a bot account for Tribune: nobody should be able to sign in as it",
        ),
    }];
    if let Some(seconds) = edit_limit {
        findings.push(Finding::bad(
            WHAT,
            format!("mattermost: posts can be edited for {seconds} s only, and cards are kept up"),
            "set ServiceSettings.PostEditTimeLimit to -1 (any time)",
        ));
    }
    if *moves_threads {
        findings.push(Finding::bad(
            WHAT,
            "mattermost: threads can be moved, which says old commands again for who wrote them",
            "turn the feature flag MoveThreadsEnabled off; Tribune reads nothing there until then",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::Health;
    use super::*;

    #[test]
    fn where_buttons_lead_is_looked_at() {
        let told = |to: &str, server: &str| {
            let finding = buttons(&to.parse().unwrap(), &server.parse().unwrap());
            (finding.health, finding.hint.unwrap_or_default())
        };
        let server = "https://chat.example.org";
        assert_eq!(told("https://tribune.example.org", server).0, Health::Good);
        for inner in ["https://10.0.0.5", "https://tribune", "https://[fd00::5]"] {
            let (health, hint) = told(inner, server);
            assert_eq!(health, Health::Weak, "{inner}");
            assert!(hint.contains("AllowedUntrustedInternalConnections"), "{hint}");
        }
        assert_eq!(told("http://localhost:8410", server).0, Health::Bad);
        assert_eq!(told("http://localhost:8410", "http://127.0.0.1:8065").0, Health::Weak);
    }

    #[test]
    fn what_would_hurt_later_is_told() {
        let fine = Look {
            username: "tribune".into(),
            is_bot: true,
            channels: 3,
            edit_limit: None,
            moves_threads: false,
            version: "11.9.0".into(),
        };
        let found_of = |look: &Look| -> Vec<(Health, String)> {
            found(look).into_iter().map(|finding| (finding.health, finding.seen)).collect()
        };
        let seen = "mattermost 11.9.0: @tribune, in 3 channels".to_owned();
        assert_eq!(found_of(&fine), [(Health::Good, seen)]);
        let person = Look { is_bot: false, edit_limit: Some(300), moves_threads: true, ..fine };
        let healths: Vec<Health> =
            found_of(&person).into_iter().map(|(health, _)| health).collect();
        assert_eq!(healths, [Health::Weak, Health::Bad, Health::Bad]);
    }
}
