//! Reactions: what stands, what was withdrawn, and what the server remembers of it.

use serde_json::{Value, json};

use super::http::{Answer, Asked, forbidden, refuse};
use super::state::{Reaction, State};
use super::text;

/// Emoji that one post may bear.
const UNIQUE: usize = 50;

impl State {
    /// Returns the reactions that stand under a post.
    pub fn given(&self, post: &str) -> impl Iterator<Item = &Reaction> {
        let stands = move |it: &&Reaction| it.post_id == post && it.delete_at == 0;
        self.reactions.iter().filter(stands)
    }

    /// GET of one post's: from the cache, if something is there.
    pub fn reactions(&mut self, asked: &Asked<'_>, id: &str) -> Answer {
        let post = self.readable(asked, id)?;
        if let Some(cached) = self.cached.get(&post.id) {
            return Ok((200, cached.clone()));
        }
        let given: Vec<Value> = self.given(&post.id).map(reaction_json).collect();
        Ok((200, if given.is_empty() { Value::Null } else { given.into() }))
    }

    /// POST of several posts': past the cache, those of deleted posts too.
    pub fn reactions_of(&mut self, asked: &Asked<'_>) -> Answer {
        let ids: Vec<String> = serde_json::from_value(asked.json()?)
            .or_else(|_| refuse(400, "api.context.invalid_body_param.app_error"))?;
        let may_read = |id: &String| {
            self.posts.get(id).is_some_and(|it| self.is_member(&asked.user, &it.channel_id))
        };
        if !ids.iter().all(may_read) {
            return forbidden();
        }
        let given = |id: &String| self.given(id).map(reaction_json).collect::<Vec<_>>();
        Ok((200, ids.iter().map(|id| (id.clone(), json!(given(id)))).collect()))
    }

    pub fn react(&mut self, asked: &Asked<'_>) -> Answer {
        let new = asked.json()?;
        let emoji = text(&new, "emoji_name").to_owned();
        if text(&new, "user_id") != asked.user {
            return refuse(403, "api.reaction.save_reaction.user_id.app_error");
        }
        let post = self.readable(asked, text(&new, "post_id"))?;
        if !self.emoji.contains(&emoji) {
            return refuse(404, "app.emoji.get_by_name.no_result");
        }
        let others: std::collections::BTreeSet<_> =
            self.given(&post.id).map(|it| it.emoji.as_str()).collect();
        if others.len() >= UNIQUE && !others.contains(emoji.as_str()) {
            return refuse(400, "app.reaction.save.save.too_many_reactions");
        }
        let at = self.tick();
        // Whoever reacts may say since when, and that is kept whatever comes later.
        let create_at = new["create_at"].as_i64().filter(|at| *at != 0).unwrap_or(at);
        let fresh = Reaction {
            user_id: asked.user.clone(),
            post_id: post.id.clone(),
            emoji,
            create_at,
            update_at: at,
            delete_at: 0,
            remote_id: None,
        };
        match self.reactions.iter_mut().find(|it| it.is_same(&fresh)) {
            Some(known) => (known.update_at, known.delete_at) = (at, 0),
            None => self.reactions.push(fresh.clone()),
        }
        self.tell_reaction("reaction_added", &fresh);
        Ok((200, reaction_json(&fresh)))
    }

    pub fn unreact(&mut self, asked: &Asked<'_>, who: &str, id: &str, emoji: &str) -> Answer {
        let post = self.readable(asked, id)?;
        if who != asked.user {
            return forbidden();
        }
        let at = self.tick();
        let gone = Reaction {
            user_id: who.to_owned(),
            post_id: post.id.clone(),
            emoji: emoji.to_owned(),
            create_at: 0,
            update_at: at,
            delete_at: at,
            remote_id: None,
        };
        if let Some(known) = self.reactions.iter_mut().find(|it| it.is_same(&gone)) {
            (known.update_at, known.delete_at) = (at, at);
        }
        self.tell_reaction("reaction_removed", &Reaction { delete_at: 0, ..gone });
        Ok((200, json!({ "status": "OK" })))
    }

    fn tell_reaction(&mut self, event: &str, reaction: &Reaction) {
        let at = self.tick();
        let post = self.posts.get_mut(&reaction.post_id).unwrap();
        post.update_at = at;
        let channel = post.channel_id.clone();
        let data = json!({ "reaction": reaction_json(reaction).to_string() });
        self.tell(event, data, &channel);
    }
}

pub fn reaction_json(reaction: &Reaction) -> Value {
    json!({
        "user_id": reaction.user_id, "post_id": reaction.post_id, "emoji_name": reaction.emoji,
        "create_at": reaction.create_at, "update_at": reaction.update_at,
        "delete_at": reaction.delete_at,
        "remote_id": reaction.remote_id.as_deref().unwrap_or_default(), "channel_id": "",
    })
}
