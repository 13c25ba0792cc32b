//! Forgetting and counting in the store in memory.

use tribune::domain::message::{Place, PostKey};
use tribune::domain::retention::{is_said_once, posts_of, posts_of_incident};
use tribune::ports::store::{Old, OutboxPost, Stock};

use super::data::Data;

/// Removes what is old, the oldest first; returns how much that was.
pub(super) fn forget(data: &mut Data, what: Old, limit: usize) -> usize {
    match what {
        Old::Messages(before) => {
            data.seen.sort_by_key(|seen| seen.sent);
            let old = data.seen.iter().take_while(|seen| seen.sent < before).count().min(limit);
            data.seen.drain(..old).count()
        }
        Old::SignIns(before) => {
            let tokens = data.tokens.values().map(|(token, _)| (token.until, token.hash));
            let sessions = data.sessions.values().map(|session| (session.until, session.hash));
            let mut old: Vec<_> =
                tokens.chain(sessions).filter(|(until, _)| *until < before).collect();
            old.truncate(limit);
            for (_, hash) in &old {
                data.tokens.remove(hash);
                data.sessions.remove(hash);
            }
            old.len()
        }
        Old::Output(before) => {
            let is_old = |run: &&mut tribune::domain::run::RunRecord| {
                !run.forgotten && run.ended.is_some_and(|ended| ended < before)
            };
            let old = data.runs.values_mut().filter(is_old).take(limit);
            old.map(|run| {
                run.head.clear();
                run.tail.clear();
                run.forgotten = true;
            })
            .count()
        }
        Old::Requests(before) => forget_requests(data, before, limit),
        Old::Incidents(before) => {
            let old = data.drift.forget(before, limit);
            for id in &old {
                let (card, others) = posts_of_incident(*id);
                data.posts
                    .retain(|post| post.post.key != card && !post.post.key.0.starts_with(&others));
            }
            old.len()
        }
        Old::Posts { before, now } => {
            for post in data.posts.iter().filter(|post| stands(post)) {
                let noted = data.settled.entry(post.post.key.clone()).or_insert((0, now));
                if noted.0 != post.generation {
                    *noted = (post.generation, now);
                }
            }
            let roots: Vec<PostKey> = data.posts.iter().filter_map(root).collect();
            let mut left = limit;
            let count = data.posts.len();
            data.posts.retain(|post| {
                let noted = data.settled.get(&post.post.key);
                let is_old = noted
                    .is_some_and(|(generation, at)| *generation == post.generation && *at < before);
                let goes = left > 0 && is_old && stands(post) && !roots.contains(&post.post.key);
                left -= usize::from(goes);
                !goes
            });
            count - data.posts.len()
        }
        // The console's messages are not in this store.
        Old::Console(_) => 0,
        Old::Audit(row) => {
            let old = data.audit.iter().take_while(|kept| kept.seq < row).count().min(limit);
            data.audit.drain(..old).count()
        }
    }
}

fn forget_requests(data: &mut Data, before: jiff::Timestamp, limit: usize) -> usize {
    let newest = data.requests.keys().next_back().copied();
    let old: Vec<_> = data
        .requests
        .values()
        .filter(|request| request.state.is_final() && Some(request.id) != newest)
        .filter(|request| request.ended.as_ref().map_or(request.asked, |it| it.at) < before)
        .map(|request| request.id)
        .take(limit)
        .collect();
    for id in &old {
        let (outcome, starts) = posts_of(*id);
        let of_request = |key: &PostKey| starts.iter().any(|start| key.0.starts_with(start));
        data.posts.retain(|post| {
            let key = &post.post.key;
            *key != outcome && !of_request(key) && !root(post).is_some_and(|root| of_request(&root))
        });
        data.runs.retain(|run, _| run.request != *id);
        data.requests.remove(id);
    }
    old.len()
}

fn stands(post: &OutboxPost) -> bool {
    is_said_once(&post.post.key)
        && (post.given_up >= post.generation
            || (post.posted.is_some()
                && post.sent_generation >= post.generation
                && (post.seeded || post.post.seeds.is_empty())))
}

fn root(post: &OutboxPost) -> Option<PostKey> {
    match &post.post.place {
        Place::ThreadOf(root) => Some(root.clone()),
        Place::Channel(..) | Place::Reply(_) | Place::Direct(_) => None,
    }
}

/// Counts what is kept.
pub(super) fn stock(data: &Data) -> Stock {
    let outputs = data.runs.values().filter(|run| !run.forgotten && run.ended.is_some());
    Stock {
        messages: data.seen.len() as u64,
        sign_ins: (data.tokens.len() + data.sessions.len()) as u64,
        outputs: outputs.count() as u64,
        requests: data.requests.len() as u64,
        posts: data.posts.len() as u64,
        console: 0,
        audit: data.audit.len() as u64,
        audit_first: data.audit.first().map_or(0, |row| row.seq),
    }
}
