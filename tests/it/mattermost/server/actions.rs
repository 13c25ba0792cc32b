//! Buttons: actions of attachments, and the integration that is told of a press.

use std::sync::{Arc, Mutex};

use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::http::{Answer, Refusal, is_id, refuse, who};
use super::state::{Post, State};
use super::text;

/// What an action may bear.
const OF_ACTIONS: &[&str] = &[
    "id",
    "type",
    "name",
    "tooltip",
    "disabled",
    "style",
    "data_source",
    "options",
    "default_option",
    "integration",
];
const STYLES: &[&str] = &["", "default", "primary", "success", "good", "warning", "danger"];
/// What an integration may answer.
const OF_ANSWERS: &[&str] = &["update", "ephemeral_text", "skip_slack_parsing"];
const FAILED: &str = "api.post.do_action.action_integration.app_error";

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn actions(props: &Value) -> impl Iterator<Item = &Value> {
    list(&props["attachments"]).flat_map(|attachment| list(&attachment["actions"]))
}

/// Returns properties as readers get them: what an integration is told is the server's alone.
pub fn stripped(props: &Value) -> Value {
    let mut props = props.clone();
    let attachments = props.get_mut("attachments").and_then(Value::as_array_mut);
    let rows = attachments.into_iter().flatten().filter_map(|it| it.get_mut("actions"));
    for action in rows.filter_map(Value::as_array_mut).flatten() {
        action.as_object_mut().map(|action| action.remove("integration"));
    }
    props
}

fn is_word(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl State {
    /// Notes what would never work of the actions that a post is to have.
    pub fn check_actions(&mut self, props: &Value) {
        let mut ids = Vec::new();
        for action in actions(props) {
            let id = text(action, "id").to_owned();
            let is_fine = is_word(&id)
                && !ids.contains(&id)
                && !text(action, "name").is_empty()
                && text(action, "type") == "button"
                && STYLES.contains(&text(action, "style"))
                && text(&action["integration"], "url").starts_with("http");
            let fields = action.as_object().into_iter().flat_map(|fields| fields.keys());
            let known = fields.clone().all(|field| OF_ACTIONS.contains(&field.as_str()));
            if !is_fine || !known {
                self.wrong.push(format!("an action that does not work: {action}"));
            }
            ids.push(id);
        }
    }

    /// Returns where a press goes, and what is told there.
    fn pressed(&mut self, user: &str, id: &str, action: &str) -> Result<(String, Value), Refusal> {
        if !is_id(id) {
            return refuse(400, "api.context.invalid_url_param.app_error");
        }
        let Some(post) = self.posts.get(id).filter(|post| post.delete_at == 0).cloned() else {
            return refuse(404, "app.post.get.app_error");
        };
        if !self.is_member(user, &post.channel_id) {
            return super::http::forbidden();
        }
        let found = actions(&post.props).find(|it| it["id"] == action && is_word(action));
        let Some(integration) = found.and_then(|it| it.get("integration")).cloned() else {
            return refuse(404, "api.post.do_action.action_id.app_error");
        };
        let channel = &self.channels[&post.channel_id];
        let told = json!({
            "user_id": user, "user_name": self.users[user].username,
            "channel_id": post.channel_id, "channel_name": channel.name,
            "team_id": channel.team, "team_domain": self.teams.get(&channel.team),
            "post_id": post.id, "trigger_id": "dHJpZ2dlcg==", "type": "button", "data_source": "",
            "context": integration["context"],
        });
        Ok((self.way_to(text(&integration, "url"))?, told))
    }

    /// Returns where an address leads. Its own network is closed to integrations but for the hosts
    /// that its settings name.
    fn way_to(&self, url: &str) -> Result<String, Refusal> {
        let parsed: url::Url = url.parse().map_err(|_| Refusal { status: 400, id: FAILED })?;
        if let Some(behind) = self.fronts.get(&parsed.origin().ascii_serialization()) {
            return Ok(format!("{behind}{}", parsed.path()));
        }
        let host = parsed.host_str().unwrap_or_default().to_owned();
        if self.allowed.contains(&host) { Ok(url.to_owned()) } else { refuse(400, FAILED) }
    }

    /// Shows a text to one reader of a post's channel and stores nothing.
    fn show(&mut self, user: &str, post: &Post, answer: &Value) {
        for field in answer.as_object().into_iter().flat_map(|fields| fields.keys()) {
            if !OF_ANSWERS.contains(&field.as_str()) {
                self.wrong.push(format!("an integration answers {field}"));
            }
        }
        if !answer["update"].is_null() {
            self.wrong.push("an integration changes a post by its answer".to_owned());
        }
        let shown = text(answer, "ephemeral_text");
        if shown.is_empty() {
            return;
        }
        if answer["skip_slack_parsing"] != true {
            self.wrong.push("Markdown is read as Slack's".to_owned());
        }
        self.shown.push((user.to_owned(), shown.to_owned()));
        let root = if post.root_id.is_empty() { &post.id } else { &post.root_id };
        let (id, at) = (self.new_id(), self.tick());
        let ephemeral = Post {
            number: 0,
            id,
            create_at: at,
            update_at: at,
            edit_at: 0,
            user_id: user.to_owned(),
            root_id: root.clone(),
            message: shown.to_owned(),
            kind: "system_ephemeral".to_owned(),
            props: json!({}),
            ..post.clone()
        };
        let data = json!({ "post": self.post_json(&ephemeral).to_string() });
        self.tell_one("ephemeral_message", data, user);
    }
}

/// Answers POST `posts/{id}/actions/{action}`: asks the integration, with the state unlocked.
pub async fn press(
    state: Arc<Mutex<State>>,
    headers: &HeaderMap,
    (id, action): (&str, &str),
    body: &[u8],
) -> Answer {
    let (user, way, told) = {
        let mut state = state.lock().unwrap();
        *state.asked.entry("POST posts/_/actions/_".to_owned()).or_default() += 1;
        let user = who(&state, headers)?;
        let asked: Value = serde_json::from_slice(body).unwrap_or_default();
        if asked.as_object().is_some_and(|it| {
            it.keys().any(|key| !["selected_option", "cookie"].contains(&key.as_str()))
        }) {
            state.wrong.push(format!("a press bears {asked}"));
        }
        let (way, told) = state.pressed(&user, id, action)?;
        (user, way, told)
    };
    tribune::chat::tls::install();
    let sent = reqwest::Client::new().post(way).json(&told).send().await;
    let answer = match sent {
        Ok(answer) if answer.status() == 200 => answer.text().await.unwrap_or_default(),
        Ok(_) | Err(_) => return refuse(400, FAILED),
    };
    let answer = if answer.is_empty() { Ok(Value::Null) } else { serde_json::from_str(&answer) };
    let Ok(answer) = answer else { return refuse(400, FAILED) };
    let mut state = state.lock().unwrap();
    let post = state.posts[id].clone();
    state.show(&user, &post, &answer);
    Ok((200, json!({ "status": "OK", "trigger_id": state.new_id() })))
}
