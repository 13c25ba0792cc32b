//! The REST side of the server: who asks, what befalls the request, and to whom it goes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, State as Shared};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::Site;
use super::line::{Cut, Io, Line, Lines};
use super::live;
use super::state::{Fault, State, user_json};

const NO_CHANNELS: &str = "app.channel.get_channels.not_found.app_error";

/// What a request comes to: a status and JSON, or why not.
pub type Answer = Result<(u16, Value), Refusal>;

/// Why not.
pub struct Refusal {
    pub status: u16,
    pub id: &'static str,
}

pub fn refuse<T>(status: u16, id: &'static str) -> Result<T, Refusal> {
    Err(Refusal { status, id })
}

pub fn forbidden<T>() -> Result<T, Refusal> {
    refuse(403, "api.context.permissions.app_error")
}

/// One request of somebody who has shown a token.
pub struct Asked<'a> {
    pub user: String,
    pub query: BTreeMap<String, String>,
    pub body: &'a [u8],
}

impl Asked<'_> {
    pub fn json(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(self.body)
            .or_else(|_| refuse(400, "api.context.invalid_body_param.app_error"))
    }

    pub fn number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        match self.query.get(name).map(|text| text.parse()) {
            None => Ok(None),
            Some(Ok(number)) => Ok(Some(number)),
            Some(Err(_)) => refuse(400, "api.context.invalid_url_param.app_error"),
        }
    }
}

/// Serves until it is aborted; returns the port.
pub async fn serve(
    state: Arc<Mutex<State>>,
    site: &Site,
    port: u16,
) -> (u16, tokio::task::JoinHandle<()>) {
    let listener = loop {
        // The port of before may be held for a moment.
        match TcpListener::bind(("127.0.0.1", port)).await {
            Ok(listener) => break listener,
            Err(error) if port == 0 => panic!("no port: {error}"),
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let port = listener.local_addr().unwrap().port();
    let prefix = site.prefix;
    let tls = site.is_encrypted.then(super::people::acceptor);
    let task = tokio::spawn(async move {
        let (lines, http) = unbounded_channel();
        let router = Router::new()
            .fallback(handle)
            .with_state((Arc::clone(&state), prefix))
            .into_make_service_with_connect_info::<Cut>();
        let serving = async { axum::serve(Lines(http), router).await.unwrap() };
        let mut open = tokio::task::JoinSet::new();
        let accepting = async {
            loop {
                let Ok((tcp, _)) = listener.accept().await else { continue };
                let (state, lines, tls) = (Arc::clone(&state), lines.clone(), tls.clone());
                open.spawn(take(tcp, tls, state, lines, prefix));
            }
        };
        tokio::join!(serving, accepting);
    });
    (port, task)
}

async fn take(
    tcp: TcpStream,
    tls: Option<tokio_rustls::TlsAcceptor>,
    state: Arc<Mutex<State>>,
    lines: UnboundedSender<Line>,
    prefix: &str,
) {
    let io: Box<dyn Io> = match tls {
        None => Box::new(tcp),
        Some(tls) => match tls.accept(tcp).await {
            Ok(stream) => Box::new(stream),
            Err(_) => return,
        },
    };
    let Ok((line, head)) = Line::open(io).await else { return };
    if head.starts_with(&format!("GET {prefix}/api/v4/websocket")) {
        live::serve(line, state).await;
    } else {
        state.lock().unwrap().cuts.push(line.cut.clone());
        drop(lines.send(line));
    }
}

async fn handle(
    Shared((state, prefix)): Shared<(Arc<Mutex<State>>, &'static str)>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let below = uri.path().strip_prefix(&format!("{prefix}/api/v4/")).unwrap_or_default();
    let parts: Vec<&str> = below.split('/').collect();
    if let ("POST", ["posts", id, "actions", action]) = (method.as_str(), parts.as_slice()) {
        return match super::actions::press(state, &headers, (id, action), &body).await {
            Ok((status, json)) => reply(status, &json),
            Err(Refusal { status, id }) => refusal(status, id),
        };
    }
    let mut state = state.lock().unwrap();
    let Some(path) = uri.path().strip_prefix(&format!("{prefix}/api/v4/")) else {
        state.wrong.push(format!("{method} {uri} is not below the site"));
        return StatusCode::NOT_FOUND.into_response();
    };
    *state.asked.entry(format!("{method} {}", pattern(path))).or_default() += 1;
    let wanted = format!("{method} {path}");
    let before = param(&uri, "before");
    let fault = state.faults.iter().position(|(start, fault)| {
        wanted.starts_with(start.as_str()) && (before.is_some() || !matches!(fault, Fault::Gone))
    });
    let fault = fault.and_then(|at| state.faults.remove(at)).map(|(_, fault)| fault);
    match fault {
        Some(Fault::Status(status)) => return refusal(status, "api.fault").into_response(),
        Some(Fault::Busy(seconds)) => return busy(seconds),
        Some(Fault::Before) => {
            cut.now();
            return StatusCode::OK.into_response();
        }
        Some(Fault::Gone) => drop(before.and_then(|id| state.posts.remove(&id))),
        Some(Fault::After | Fault::Lost) | None => {}
    }
    let answer = answer(&mut state, &method, path, &uri, &headers, &body);
    match fault {
        Some(Fault::After) => cut.now(),
        Some(Fault::Lost) => return StatusCode::BAD_GATEWAY.into_response(),
        _ => {}
    }
    match answer {
        // A list that the server had begun to write before it found nothing to put in.
        Err(Refusal { status: 404, id: NO_CHANNELS }) => {
            ([(header::CONTENT_TYPE, "application/json")], format!("[{}", error(404, NO_CHANNELS)))
                .into_response()
        }
        Ok((status, json)) => reply(status, &json),
        Err(Refusal { status, id }) => refusal(status, id),
    }
}

/// Returns a parameter of an address.
fn param(uri: &Uri, name: &str) -> Option<String> {
    let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    query.into_owned().find(|(known, _)| known == name).map(|(_, value)| value)
}

fn reply(status: u16, json: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::EXPIRES, "0")];
    (status, headers, json.to_string()).into_response()
}

fn error(status: u16, id: &str) -> Value {
    json!({
        "id": id, "message": format!("refused: {id}"), "detailed_error": "",
        "request_id": "r", "status_code": status,
    })
}

fn refusal(status: u16, id: &str) -> Response {
    reply(status, &error(status, id))
}

/// The reset is when a whole burst would be taken again.
fn busy(seconds: u64) -> Response {
    let headers = [
        ("X-Ratelimit-Limit", "101".to_owned()),
        ("X-Ratelimit-Remaining", "0".to_owned()),
        ("X-Ratelimit-Reset", (seconds + 10).to_string()),
        ("Retry-After", seconds.to_string()),
    ];
    (StatusCode::TOO_MANY_REQUESTS, headers, "limit exceeded").into_response()
}

/// Returns a path with its ids left out.
fn pattern(path: &str) -> String {
    let part = |part: &str| if is_id(part) { "_".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

pub fn is_id(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// Returns whose token was shown.
pub fn who(state: &State, headers: &HeaderMap) -> Result<String, Refusal> {
    let token = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let token = token.and_then(|it| it.strip_prefix("Bearer ").or(it.strip_prefix("BEARER ")));
    let user = token.and_then(|token| state.tokens.get(token)).cloned();
    match user.filter(|id| state.users[id].delete_at == 0) {
        Some(user) => Ok(user),
        None => refuse(401, "api.context.session_expired.app_error"),
    }
}

fn answer(
    state: &mut State,
    method: &Method,
    path: &str,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Answer {
    let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let query = query.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    if (method, path) == (&Method::GET, "config/client") {
        let limit = state.edit_limit.unwrap_or(-1);
        let config = json!({
            "MaxPostSize": state.post_size.to_string(), "Version": "11.9.0",
            "PostEditTimeLimit": limit.to_string(),
            "FeatureFlagMoveThreadsEnabled": state.moves_threads.to_string(),
        });
        return Ok((200, config));
    }
    if (method, path) == (&Method::GET, "license/client") {
        return Ok((200, json!({ "IsLicensed": state.is_licensed.to_string() })));
    }
    let user = who(state, headers)?;
    let asked = Asked { user, query, body };
    let parts: Vec<&str> = path.split('/').collect();
    let me = |id: &str| if id == "me" { asked.user.clone() } else { id.to_owned() };
    match (method.as_str(), parts.as_slice()) {
        ("GET", ["users", id]) => match state.users.get(&me(id)) {
            Some(user) => Ok((200, user_json(user))),
            None => refuse(404, "app.user.missing_account.const"),
        },
        ("POST", ["users", "ids"]) => state.users_where(&asked, |user| &user.id),
        ("POST", ["users", "usernames"]) => state.users_where(&asked, |user| &user.username),
        ("GET", ["users", id, "channels"]) => state.channels_of(&me(id)),
        ("GET", ["users", _, "teams"]) => Ok((200, state.teams_json())),
        ("GET", ["channels", id]) => state.channel(&asked, id),
        ("POST", ["channels", "direct"]) => state.open_direct(&asked),
        ("POST", ["channels", id, "members", "ids"]) => state.members_among(&asked, id),
        ("GET", ["channels", id, "posts"]) => state.list(&asked, id),
        ("POST", ["posts"]) => state.create(&asked),
        ("GET", ["posts", id]) => state.get(&asked, id),
        ("DELETE", ["posts", id]) => state.delete(&asked, id),
        ("PUT", ["posts", id, "patch"]) => state.patch(&asked, id),
        ("GET", ["posts", id, "thread"]) => state.thread(&asked, id),
        ("POST", ["posts", id, "move"]) => state.move_thread(&asked, id),
        ("POST", ["posts", "ids", "reactions"]) => state.reactions_of(&asked),
        ("GET", ["posts", id, "reactions"]) => state.reactions(&asked, id),
        ("POST", ["reactions"]) => state.react(&asked),
        ("DELETE", ["users", who, "posts", id, "reactions", emoji]) => {
            let emoji = emoji.replace("%2B", "+");
            state.unreact(&asked, &me(who), id, &emoji)
        }
        ("POST", ["files"]) => state.upload(&asked, headers),
        _ => {
            state.wrong.push(format!("{method} {path} is not known here"));
            refuse(404, "api.context.404.app_error")
        }
    }
}

impl State {
    fn users_where(
        &mut self,
        asked: &Asked<'_>,
        name: fn(&super::state::User) -> &String,
    ) -> Answer {
        let wanted: Vec<String> = serde_json::from_value(asked.json()?)
            .or_else(|_| refuse(400, "api.context.invalid_body_param.app_error"))?;
        if wanted.is_empty() {
            self.wrong.push("users of no ids were asked for".to_owned());
            return refuse(400, "api.context.invalid_body_param.app_error");
        }
        let users = self.users.values().filter(|user| wanted.contains(name(user)));
        Ok((200, users.map(user_json).collect()))
    }

    fn channels_of(&self, user: &str) -> Answer {
        let channels = self.channels.values().filter(|channel| channel.members.contains(user));
        match channels.map(channel_json).collect::<Vec<_>>() {
            none if none.is_empty() => refuse(404, NO_CHANNELS),
            some => Ok((200, some.into())),
        }
    }

    fn teams_json(&self) -> Value {
        let team = |(id, name): (&String, &String)| {
            json!({
                "id": id, "create_at": 1, "update_at": 1, "delete_at": 0, "display_name": name,
                "name": name, "description": "", "email": "", "type": "O", "company_name": "",
                "allowed_domains": "", "invite_id": "", "allow_open_invite": false,
                "scheme_id": "", "group_constrained": null, "policy_id": null,
            })
        };
        self.teams.iter().map(team).collect()
    }

    fn channel(&self, asked: &Asked<'_>, id: &str) -> Answer {
        match self.channels.get(id) {
            None => refuse(404, "app.channel.get.existing.app_error"),
            Some(channel) if channel.members.contains(&asked.user) => {
                Ok((200, channel_json(channel)))
            }
            Some(_) => forbidden(),
        }
    }

    fn members_among(&self, asked: &Asked<'_>, id: &str) -> Answer {
        let wanted: Vec<String> = serde_json::from_value(asked.json()?)
            .or_else(|_| refuse(400, "api.context.invalid_body_param.app_error"))?;
        if wanted.is_empty() {
            return refuse(400, "api.context.invalid_body_param.app_error");
        }
        // Of a channel that is not there it is not permitted either.
        let Some(channel) = self.channels.get(id).filter(|it| it.members.contains(&asked.user))
        else {
            return forbidden();
        };
        let member = |user: &String| {
            json!({
                "channel_id": id, "user_id": user, "roles": "channel_user", "last_viewed_at": 0,
                "msg_count": 0, "mention_count": 0, "mention_count_root": 0, "msg_count_root": 0,
                "urgent_mention_count": 0, "notify_props": {}, "last_update_at": 1,
                "scheme_guest": false, "scheme_user": true, "scheme_admin": false,
                "explicit_roles": "",
            })
        };
        Ok((
            200,
            wanted.iter().filter(|user| channel.members.contains(*user)).map(member).collect(),
        ))
    }

    fn open_direct(&mut self, asked: &Asked<'_>) -> Answer {
        let ids: Vec<String> = serde_json::from_value(asked.json()?).unwrap_or_default();
        let [one, other] = ids.as_slice() else {
            return refuse(400, "api.context.invalid_body_param.app_error");
        };
        if !ids.contains(&asked.user) {
            return forbidden();
        }
        if !self.users.contains_key(one) || !self.users.contains_key(other) {
            return refuse(400, "api.channel.create_direct_channel.invalid_user.app_error");
        }
        let id = self.direct(one, other);
        Ok((201, channel_json(&self.channels[&id])))
    }
}

fn channel_json(channel: &super::state::Channel) -> Value {
    json!({
        "id": channel.id, "create_at": channel.create_at, "update_at": channel.create_at,
        "delete_at": 0, "team_id": channel.team, "type": channel.kind,
        "display_name": channel.name, "name": channel.name, "header": "", "purpose": "",
        "last_post_at": channel.last_post_at, "last_root_post_at": channel.last_post_at,
        "total_msg_count": 0, "total_msg_count_root": 0, "extra_update_at": 0, "creator_id": "",
        "scheme_id": null, "props": null, "group_constrained": null, "shared": null,
        "policy_id": null,
    })
}
