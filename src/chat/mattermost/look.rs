//! A look at the server before anything depends on it, for `tribune doctor`.

use std::sync::Arc;

use super::rest::{Rest, RestError};
use super::{Config, MattermostError, tls};
use crate::ports::clock::Clock;

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// How the account of the token is called.
    pub username: String,
    /// Whether it is a bot's.
    pub is_bot: bool,
    /// Names of the channels that it is in, direct talk left out.
    pub channels: usize,
    /// For how many seconds posts may be edited; none: for ever.
    pub edit_limit: Option<u64>,
    /// Whether people can move threads, with what it says in the names of others.
    pub moves_threads: bool,
    /// The server's version, as it says.
    pub version: String,
}

/// Why nothing was seen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookError {
    /// There is no client.
    #[error(transparent)]
    Prepare(#[from] MattermostError),
    /// The server does not answer as it should.
    #[error("{0}")]
    Server(String),
}

/// Looks, and changes nothing.
pub async fn look(config: Config, clock: Arc<dyn Clock>) -> Result<Look, LookError> {
    let tls = tls::client_config(config.ca_file.as_deref()).map_err(MattermostError::from)?;
    let rest = Rest::new(config.url, config.token_file, tls, config.timing, clock)?;
    seen(&rest).await.map_err(|error| {
        LookError::Server(match error {
            RestError::Unreachable(why) | RestError::Unknown(why) => why,
            RestError::Refused { why, .. } => format!("it refuses: {why}"),
            RestError::Busy(_) => "it asks to wait".to_owned(),
        })
    })
}

async fn seen(rest: &Rest) -> Result<Look, RestError> {
    let me = rest.me().await?;
    let channels = rest.channels().await?;
    let told = rest.config().await?;
    let text = |name: &str| told.get(name).map(String::as_str);
    Ok(Look {
        username: me.username,
        is_bot: me.is_bot,
        channels: channels.iter().filter(|channel| !channel.team_id.is_empty()).count(),
        moves_threads: rest.moves_threads().await?,
        edit_limit: text("PostEditTimeLimit").and_then(|limit| limit.parse().ok()),
        version: text("Version").unwrap_or("of unknown version").to_owned(),
    })
}
