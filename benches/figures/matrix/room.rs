//! A room as it stands on the server.

use serde_json::{Value, json};

use super::client::Client;

/// Returns the texts that an account wrote in a room, those that are no edits, oldest first.
pub async fn texts_of(client: &Client, room: &str, account: &str) -> Vec<String> {
    let filter = json!({ "senders": [account], "types": ["m.room.message"] }).to_string();
    let mut texts = vec![];
    let mut from: Option<String> = None;
    loop {
        let mut query = vec![("dir", "f"), ("limit", "1000"), ("filter", filter.as_str())];
        if let Some(from) = &from {
            query.push(("from", from));
        }
        let page = client.get(&["rooms", room, "messages"], &query).await.unwrap();
        texts.extend(page["chunk"].as_array().unwrap().iter().filter_map(first_text));
        match page["end"].as_str() {
            Some(end) => from = Some(end.to_owned()),
            None => return texts,
        }
    }
}

fn first_text(event: &Value) -> Option<String> {
    let content = &event["content"];
    let is_edit = content["m.relates_to"]["rel_type"] == "m.replace";
    (!is_edit).then(|| content["body"].as_str().map(str::to_owned)).flatten()
}
