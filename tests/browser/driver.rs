//! A small client of the WebDriver protocol, and Debian's chromedriver behind it.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Client;
use serde_json::{Value, json};

/// How long a page may take to show what it is waited for.
const PATIENCE: Duration = Duration::from_secs(90);

/// Chromium without anything that asks the network for anything.
const FLAGS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

/// The program that starts browsers. It ends with this value, and its browsers with it.
pub struct Driver {
    child: Child,
    base: String,
    http: Client,
}

impl Driver {
    /// Starts chromedriver on a free port.
    #[expect(clippy::disallowed_methods, reason = "tests start programs of their own")]
    pub async fn start() -> Self {
        use std::os::unix::process::CommandExt as _;
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let child = std::process::Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("the browser tests need Debian's packages chromium and chromium-driver");
        tribune::chat::tls::install();
        let driver = Self { child, base: format!("http://127.0.0.1:{port}"), http: Client::new() };
        driver.wait_until_ready().await;
        driver
    }

    async fn wait_until_ready(&self) {
        let ready = async {
            while self.http.get(format!("{}/status", self.base)).send().await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ready).await.expect("chromedriver does not start");
    }

    /// Opens a browser of its own, with nobody signed in.
    pub async fn browser(&self) -> Browser {
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "binary": "/usr/bin/chromium", "args": FLAGS },
        } } });
        let answer = self.http.post(format!("{}/session", self.base)).json(&wanted).send().await;
        let value: Value = answer.unwrap().json().await.unwrap();
        let id = value["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("{value}"));
        Browser { base: format!("{}/session/{id}", self.base), http: self.http.clone() }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let group = rustix::process::Pid::from_child(&self.child);
        // It may be gone already.
        let _gone = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _reaped = self.child.wait();
    }
}

/// One browser with one window.
pub struct Browser {
    base: String,
    http: Client,
}

impl Browser {
    async fn call(&self, path: &str, body: Value) -> Result<Value, Value> {
        let url = format!("{}{path}", self.base);
        let answer = self.http.post(url).json(&body).send().await.unwrap();
        let good = answer.status().is_success();
        let value = answer.json::<Value>().await.unwrap()["value"].take();
        if good { Ok(value) } else { Err(value) }
    }

    pub async fn go(&self, url: &str) {
        self.call("/url", json!({ "url": url })).await.unwrap();
    }

    pub async fn size(&self, width: u32, height: u32) {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false }),
        )
        .await;
    }

    async fn devtools(&self, command: &str, params: Value) {
        self.call("/goog/cdp/execute", json!({ "cmd": command, "params": params })).await.unwrap();
    }

    /// Has pages think that the reader prefers `light` or `dark`.
    pub async fn scheme(&self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": [feature] })).await;
    }

    /// Takes a picture of the page as the screen shows it.
    pub async fn picture(&self, file: &Path) {
        let wanted = json!({ "cmd": "Page.captureScreenshot", "params": { "format": "png" } });
        let taken = self.call("/goog/cdp/execute", wanted).await.unwrap();
        let bytes = STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }

    /// Runs a script in the page and returns what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.call("/execute/sync", json!({ "script": script, "args": [] })).await.unwrap()
    }

    /// Waits until a script returns something true, and returns that.
    pub async fn until(&self, what: &str, script: &str) -> Value {
        let look = async {
            loop {
                // While a page is being loaded there is nowhere to run a script.
                let found = self.call("/execute/sync", json!({ "script": script, "args": [] }));
                match found.await {
                    Ok(value) if !value.is_null() && value != json!(false) => return value,
                    _ => tokio::time::sleep(Duration::from_millis(60)).await,
                }
            }
        };
        match tokio::time::timeout(PATIENCE, look).await {
            Ok(value) => value,
            Err(_) => {
                let page = self.run("return document.body.innerText").await;
                panic!("waited in vain for {what}; the page says:\n{}", page.as_str().unwrap_or(""))
            }
        }
    }

    /// Waits until the page shows a text.
    pub async fn sees(&self, text: &str) {
        let quoted = serde_json::to_string(text).unwrap();
        let script = format!("return document.body.innerText.includes({quoted})");
        self.until(text, &script).await;
    }

    /// Waits for an element and clicks it. One that is replaced meanwhile is looked for again.
    pub async fn click(&self, css: &str) {
        loop {
            let element = self.element(css).await;
            match self.call(&format!("/element/{element}/click"), json!({})).await {
                Ok(_) => return,
                Err(error) if error["error"] == "stale element reference" => {}
                Err(error) => panic!("{css} cannot be clicked: {}", error["message"]),
            }
        }
    }

    /// Waits for an element and returns its reference.
    pub async fn element(&self, css: &str) -> String {
        let quoted = serde_json::to_string(css).unwrap();
        let script = format!("return document.querySelector({quoted}) !== null");
        self.until(css, &script).await;
        let wanted = json!({ "using": "css selector", "value": css });
        let found = self.call("/element", wanted).await.unwrap();
        found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned()
    }

    /// Presses keys, whatever has the focus. WebDriver's codes stand for the special ones.
    pub async fn press(&self, keys: &str) {
        let mut actions = Vec::new();
        for key in keys.chars() {
            actions.push(json!({ "type": "keyDown", "value": key.to_string() }));
            actions.push(json!({ "type": "keyUp", "value": key.to_string() }));
        }
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.call("/actions", json!({ "actions": [keyboard] })).await.unwrap();
    }

    /// Presses a key while Shift is held.
    pub async fn press_with_shift(&self, key: char) {
        let step = |kind: &str, value: &str| json!({ "type": kind, "value": value });
        let (shift, key) = (SHIFT.to_string(), key.to_string());
        let actions = [
            step("keyDown", &shift),
            step("keyDown", &key),
            step("keyUp", &key),
            step("keyUp", &shift),
        ];
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.call("/actions", json!({ "actions": [keyboard] })).await.unwrap();
    }

    /// Fails if the browser complained of anything since the last time: an error of the script,
    /// something that the content security policy kept out, a file that is not there.
    pub async fn expect_no_complaints(&self) {
        let log = self.call("/se/log", json!({ "type": "browser" })).await.unwrap();
        let complaints: Vec<&Value> = log
            .as_array()
            .unwrap()
            .iter()
            .filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING")
            .collect();
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
}

pub const ENTER: char = '\u{E007}';
pub const TAB: char = '\u{E004}';
pub const ESCAPE: char = '\u{E00C}';
pub const DOWN: char = '\u{E015}';
pub const SHIFT: char = '\u{E008}';
