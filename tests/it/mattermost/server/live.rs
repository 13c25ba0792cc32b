//! The socket's side of the server.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_tungstenite::tungstenite::Message;

use super::line::Line;
use super::state::{Socket, State};
use super::text;

/// How long a socket may stay without a login.
const LOGIN_WITHIN: Duration = Duration::from_secs(5);

/// Serves one socket to its end.
pub async fn serve(line: Line, state: Arc<Mutex<State>>) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(line).await else { return };
    let (out, mut told): (UnboundedSender<Option<String>>, UnboundedReceiver<_>) =
        unbounded_channel();
    let mut is_in = false;
    let late = tokio::time::sleep(LOGIN_WITHIN);
    tokio::pin!(late);
    loop {
        tokio::select! {
            () = &mut late, if !is_in => break,
            said = told.recv() => match said {
                Some(Some(text)) => {
                    let is_silent = state.lock().unwrap().is_silent;
                    if !is_silent && socket.send(Message::text(text)).await.is_err() { break }
                }
                Some(None) | None => break,
            },
            heard = socket.next() => match heard {
                Some(Ok(Message::Text(heard))) => {
                    let asked: Value = serde_json::from_str(&heard).unwrap_or_default();
                    match answer(&asked, &state, &out, is_in) {
                        Some(answer) => drop(out.send(Some(answer.to_string()))),
                        None => break,
                    }
                    is_in = true;
                    if state.lock().unwrap().is_flapping { break }
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            },
        }
    }
    state.lock().unwrap().sockets.retain(|socket| !socket.out.same_channel(&out));
}

impl State {
    /// Says whether whoever listens here has shown a token that still holds.
    fn knows(&self, out: &UnboundedSender<Option<String>>) -> bool {
        let here = self.sockets.iter().find(|socket| socket.out.same_channel(out));
        here.is_some_and(|socket| self.tokens.contains_key(&socket.token))
    }
}

/// Answers one thing that was asked over the socket; `None` closes it.
fn answer(
    asked: &Value,
    state: &Mutex<State>,
    out: &UnboundedSender<Option<String>>,
    is_in: bool,
) -> Option<Value> {
    let mut state = state.lock().unwrap();
    let seq = asked["seq"].as_i64().filter(|seq| *seq > 0)?;
    match text(asked, "action") {
        "authentication_challenge" if !is_in => {
            state.logins += 1;
            let token = text(&asked["data"], "token").to_owned();
            let user = state.tokens.get(&token).cloned()?;
            let mut socket = Socket { user, token, seq: 0, out: out.clone(), held: None };
            let hello = json!({
                "event": "hello",
                "data": {
                    "connection_id": state.new_id(),
                    "server_version": "11.9.0.11.9.0.0123456789abcdef.true",
                    "server_hostname": "town",
                },
                "broadcast": { "omit_users": null, "user_id": socket.user, "channel_id": "", "team_id": "", "connection_id": "", "omit_connection_id": "" },
            });
            socket.send(hello);
            state.sockets.push(socket);
            Some(json!({ "status": "OK", "seq_reply": seq }))
        }
        _ if !state.knows(out) => {
            let id = "api.web_socket_router.not_authenticated.app_error";
            let error = json!({ "id": id, "message": "refused", "status_code": 401 });
            Some(json!({ "status": "FAIL", "error": error, "seq_reply": seq }))
        }
        "ping" => {
            let data =
                json!({ "text": "pong", "version": "11.9.0", "server_time": 1, "node_id": "" });
            Some(json!({ "status": "OK", "data": data, "seq_reply": seq }))
        }
        "user_typing" | "get_statuses" => Some(json!({ "status": "OK", "seq_reply": seq })),
        action => {
            state.wrong.push(format!("over the socket: {action}"));
            None
        }
    }
}
