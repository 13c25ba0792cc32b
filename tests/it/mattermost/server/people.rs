//! People who act through the server's own API, and what encrypts it.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

const CERTIFICATE: &[u8] = include_bytes!("../tls/server.pem");
const KEY: &[u8] = include_bytes!("../tls/server.key");

/// Returns what encrypts the server.
pub fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Somebody with an account.
pub struct Person {
    http: reqwest::Client,
    url: String,
    pub id: String,
    pub token: String,
}

impl Person {
    pub fn new(url: String, id: String, token: String) -> Self {
        tribune::chat::tls::install();
        // A connection of before a restart of the server is of no use after it.
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
        Self { http, url, id, token }
    }

    /// Asks the server for something and returns the answer; it must not refuse.
    pub async fn ask(&self, method: &str, path: &str, body: Value) -> Value {
        let method = method.parse().unwrap();
        let request = self.http.request(method, format!("{}/api/v4/{path}", self.url));
        let answer = request.bearer_auth(&self.token).json(&body).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Posts; `root` may be empty.
    pub async fn post(&self, channel: &str, root: &str, text: &str) -> Value {
        let new = json!({ "channel_id": channel, "root_id": root, "message": text });
        self.ask("POST", "posts", new).await
    }

    pub async fn edit(&self, id: &str, text: &str) {
        self.ask("PUT", &format!("posts/{id}/patch"), json!({ "message": text })).await;
    }

    pub async fn delete(&self, id: &str) {
        self.ask("DELETE", &format!("posts/{id}"), Value::Null).await;
    }

    pub async fn react(&self, id: &str, emoji: &str) {
        let new = json!({ "user_id": self.id, "post_id": id, "emoji_name": emoji });
        self.ask("POST", "reactions", new).await;
    }

    pub async fn unreact(&self, id: &str, emoji: &str) {
        let path = format!("users/{}/posts/{id}/reactions/{emoji}", self.id);
        self.ask("DELETE", &path, Value::Null).await;
    }

    /// Presses a button; says whether the server could tell of it.
    pub async fn press(&self, post: &str, action: &str) -> bool {
        let url = format!("{}/api/v4/posts/{post}/actions/{action}", self.url);
        let asked = json!({ "selected_option": "" });
        let answer = self.http.post(url).bearer_auth(&self.token).json(&asked).send().await;
        answer.unwrap().status().is_success()
    }

    /// Opens direct talk and returns its channel.
    pub async fn direct(&self, other: &str) -> String {
        let channel = self.ask("POST", "channels/direct", json!([self.id, other])).await;
        channel["id"].as_str().unwrap().to_owned()
    }
}
