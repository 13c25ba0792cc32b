//! The client of the socket on the host.
//!
//! Reaching the socket is not enough: the content of the token file beside it, new at each start
//! of the daemon, must be shown, and only the daemon's user reads it.

use std::path::Path;

use reqwest::{Client, Method, RequestBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure::Failure;
use crate::settings::Settings;
use crate::web::host_api;

/// A connection to the daemon on this machine.
pub struct HostClient {
    http: Client,
    token: String,
}

impl HostClient {
    /// Prepares to speak to the daemon that runs with these settings.
    pub fn new(settings: &Settings) -> Result<Self, Failure> {
        Self::at(&settings.socket(), &settings.socket_token())
    }

    /// Prepares to speak to the daemon behind this socket.
    pub fn at(socket: &Path, token: &Path) -> Result<Self, Failure> {
        crate::chat::tls::install();
        let token = std::fs::read_to_string(token).map_err(|error| {
            let hint = match error.kind() {
                std::io::ErrorKind::NotFound => {
                    "is the daemon running with these settings? start it with `tribune serve`"
                }
                std::io::ErrorKind::PermissionDenied => {
                    "run this as the user that the daemon runs as, such as `sudo -u tribune …`"
                }
                _ => "see what is wrong with that file",
            };
            Failure::new(format!("failed to read {}: {error}", token.display())).hint(hint)
        })?;
        let http = Client::builder()
            .unix_socket(socket.to_owned())
            .build()
            .map_err(|_| Failure::new("failed to prepare an HTTP client"))?;
        Ok(Self { http, token: token.trim().to_owned() })
    }

    /// Asks for something.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<T, Failure> {
        answer(self.request(Method::GET, path).query(query)).await
    }

    /// Tells to do something.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        answer(self.request(Method::POST, path).json(body)).await
    }

    /// Tells to do something that needs no words.
    pub async fn poke<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        answer(self.request(Method::POST, path)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://localhost{path}")).bearer_auth(&self.token)
    }
}

/// Sends and reads the answer; what the daemon says of a failure is said as it stands.
async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Failure> {
    let response = request.send().await.map_err(|_| {
        Failure::new("the daemon does not answer on its socket")
            .hint("is it running with these settings? start it with `tribune serve`")
    })?;
    let status = response.status();
    let bytes = response
        .bytes()
        .await
        .map_err(|_| Failure::new("the daemon broke off its answer").hint("see its log"))?;
    if status.is_success() {
        return serde_json::from_slice(&bytes).map_err(|_| {
            Failure::new("the daemon's answer is not understood")
                .hint("is it of the same version as this command? restart it")
        });
    }
    match serde_json::from_slice::<host_api::Failure>(&bytes) {
        Ok(failure) => Err(failure.into()),
        Err(_) => Err(Failure::new(format!("the daemon refuses ({status})")).hint("see its log")),
    }
}
