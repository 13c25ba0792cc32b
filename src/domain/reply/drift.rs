//! What is said about drift: cards, notes in their threads, answers to `!drift`.

use jiff::{SignedDuration, Timestamp};

use super::run::state_words;
use super::{code, strong, text, time, uncounted};
use crate::domain::body::{Block, Body, Span};
use crate::domain::drift::machine::Note;
use crate::domain::drift::{Answered, Difference, Found, Incident, Watch};
use crate::domain::duration::short;
use crate::domain::id::IncidentId;
use crate::domain::intent::{Executor, Intent, OnDrift};
use crate::domain::message::{PostKey, Sign};
use crate::domain::press::Offer;
use crate::domain::request::Request;

/// Characters of a difference that a card shows; its thread has more.
const SHOWN: usize = 1_500;

/// Incidents that one answer lists.
const LISTED: usize = 15;

/// Returns the name of an incident's card.
pub fn key(incident: IncidentId) -> PostKey {
    PostKey(format!("drift:{incident}"))
}

/// Returns the incident whose card a post is, if it is one.
pub fn parse_key(key: &PostKey) -> Option<IncidentId> {
    key.0.strip_prefix("drift:")?.parse().ok()
}

/// What the card of an incident says first once it is over.
pub const CLEARED: &str = "cleared";

/// Returns the name of the post that holds the whole difference.
pub fn diff_key(incident: IncidentId) -> PostKey {
    PostKey(format!("drift:{incident}:diff"))
}

/// Returns the name of a note in the thread of a card.
pub fn note_key(incident: IncidentId, number: u32) -> PostKey {
    PostKey(format!("drift:{incident}:note:{number}"))
}

/// Says whether the content that an intent manages is shown to nobody.
pub fn is_sensitive(intent: &Intent) -> bool {
    match &intent.run {
        Executor::Argv(_) => false,
        Executor::File(rule) => rule.sensitive,
    }
}

/// Says whether what is live can become what is declared: the content of a file can.
pub fn can_be_kept(intent: &Intent) -> bool {
    match &intent.run {
        Executor::Argv(_) => false,
        Executor::File(rule) => !rule.sensitive && !rule.template,
    }
}

/// Returns what people may click on a card.
pub fn seeds(incident: &Incident, intent: Option<&Intent>) -> Vec<Sign> {
    let (Some(intent), None) = (intent, &incident.closed) else { return Vec::new() };
    match incident.on_drift {
        OnDrift::Report => Vec::new(),
        OnDrift::Ask | OnDrift::Auto if can_be_kept(intent) => {
            vec![Sign::Approve, Sign::Keep, Sign::Ignore]
        }
        OnDrift::Ask | OnDrift::Auto => vec![Sign::Approve, Sign::Ignore],
    }
}

/// Returns what people may press under a card.
pub fn offers(incident: &Incident) -> Vec<Offer> {
    match incident.closed {
        Some(_) => Vec::new(),
        None => vec![Offer::Details, Offer::Ignore, Offer::HowToReact],
    }
}

/// Returns the first `limit` characters.
pub fn cut(words: &str, limit: usize) -> String {
    match words.char_indices().nth(limit) {
        Some((at, _)) => format!("{}…", &words[..at]),
        None => words.to_owned(),
    }
}

/// Returns the card of an incident. What stands above the rule never changes.
pub fn card(incident: &Incident, intent: Option<&Intent>, now: Timestamp) -> Body {
    let mut head = vec![
        strong(incident.id.to_string()),
        text(" drift: "),
        code(incident.key.intent.to_string()),
        text(" on "),
        strong(incident.key.target.to_string()),
    ];
    head.push(text(format!(", found {}", time(incident.opened))));
    let mut blocks = vec![Block::Line(head), Block::Rule, Block::Line(state(incident))];
    if let Some(closed) = &incident.closed {
        blocks.push(Block::Line(vec![text(format!(
            "It lasted {}, until {}.",
            lasted(closed.at.duration_since(incident.opened)),
            time(closed.at)
        ))]));
        return Body(blocks);
    }
    if let Some(difference) = &incident.difference {
        blocks.push(shown(difference, SHOWN));
    }
    let rows = rows(incident, now);
    if !rows.is_empty() {
        blocks.push(Block::List(rows));
    }
    blocks.extend(choices(incident, intent).map(Block::Line));
    Body(blocks)
}

fn state(incident: &Incident) -> Vec<Span> {
    if let Some(closed) = &incident.closed {
        return vec![strong(CLEARED), text(format!(" — {}", closed.why))];
    }
    match (incident.found, &incident.why) {
        (Found::Unknown, why) => vec![
            strong("cannot tell"),
            text(format!(
                " — looking fails{}",
                why.as_ref().map(|why| format!(": {why}")).unwrap_or_default()
            )),
        ],
        (_, Some(why)) => vec![strong("may not look"), text(format!(" — {why}"))],
        (_, None) => vec![strong("differs"), text(" from what is declared")],
    }
}

fn shown(difference: &Difference, limit: usize) -> Block {
    let is_diff = difference.text.lines().any(|line| line.starts_with("@@ "));
    let lang = if is_diff { "diff" } else { "text" };
    let whole = difference.text.trim_end();
    let count = whole.chars().count();
    let mut words = cut(whole, limit);
    if count > limit {
        words.push_str(&format!("\n[… {} characters more]", count - limit));
    }
    if words.is_empty() {
        words.push_str("(the check says no more than that)");
    }
    Block::Code { lang: lang.to_owned(), text: words }
}

fn rows(incident: &Incident, now: Timestamp) -> Vec<Vec<Span>> {
    let mut rows = Vec::new();
    if incident.differences > 1 {
        rows.push(vec![text(format!(
            "it has differed in {} ways; in this one since {}",
            incident.differences,
            time(incident.changed)
        ))]);
    }
    if let Some(ignored) = incident.ignored.as_ref().filter(|it| it.until > now) {
        let mut row = vec![strong("ignored"), text(format!(" until {} by ", time(ignored.until)))];
        row.push(Span::Person(ignored.by.clone()));
        row.extend(ignored.reason.as_ref().map(|reason| text(format!(": {reason}"))));
        rows.push(row);
    }
    if let Some(repair) = &incident.repair {
        let mut row = vec![text("repair: "), request(repair.request)];
        match &repair.by {
            Some(person) => row.extend([text(", asked for by "), Span::Person(person.clone())]),
            None => row.push(text(", asked for by Tribune itself")),
        }
        rows.push(row);
    } else if let Some(tried) = &incident.tried {
        let row = vec![text("last repair: "), request(tried.repair.request)];
        rows.push([row, vec![text(format!(" {}", tried.how))]].concat());
    }
    if let Some(held) = &incident.held {
        rows.push(vec![strong("not repaired by itself: "), text(held.clone())]);
    }
    if let Some(branch) = &incident.branch {
        rows.push(vec![text("what is live is on branch "), code(branch.clone())]);
    }
    let refused = |it: &Answered| Some((it.who.clone(), it.refused.clone()?));
    rows.extend(uncounted::rows(incident.answered.iter().filter_map(refused)));
    rows
}

fn request(id: crate::domain::id::RequestId) -> Span {
    strong(id.to_string())
}

/// Returns what people may do about it.
fn choices(incident: &Incident, intent: Option<&Intent>) -> Option<Vec<Span>> {
    let id = incident.id;
    let seeds = seeds(incident, intent);
    if seeds.is_empty() || incident.repair.is_some() {
        return None;
    }
    let mut line = vec![text("✅ repair it ("), code(format!("!drift repair {id}"))];
    if seeds.contains(&Sign::Keep) {
        line.extend([text("), ⬅️ keep what is live ("), code(format!("!drift keep {id}"))]);
    }
    line.extend([
        text("), 🔕 ignore it for a day ("),
        code(format!("!drift ignore {id} 7d \"why\"")),
        text(" for longer). Who asks for the repair does not approve it."),
    ]);
    Some(line)
}

/// Returns the whole difference, at most `limit` characters of it.
pub fn whole(difference: &Difference, limit: usize) -> Body {
    let mut blocks = vec![shown(difference, limit)];
    if difference.dropped > 0 {
        blocks.push(Block::Line(vec![text(format!(
            "{} bytes beyond the limit of the intent were dropped.",
            difference.dropped
        ))]));
    }
    if difference.concealed {
        blocks.push(Block::Line(vec![text("A part of it is shown to nobody.")]));
    }
    Body(blocks)
}

/// Returns what the thread of a card hears.
pub fn note(incident: &Incident, note: &Note) -> Body {
    let id = incident.id;
    let line = match note {
        Note::Changed => vec![text(format!("{id} now differs in another way; the card shows it."))],
        Note::CannotTell(why) => {
            vec![text(format!("Nobody can tell any more whether {id} differs: {why}."))]
        }
        Note::Back => vec![text(format!("{id} can be looked at again, and differs as before."))],
        Note::Reminder(since) => {
            vec![text(format!("{id} is still so, unchanged since {}.", time(*since)))]
        }
        Note::Ignored(ignored) => {
            let mut line = vec![Span::Person(ignored.by.clone())];
            line.push(text(format!(" lets {id} be as it is until {}", time(ignored.until))));
            line.push(text(match &ignored.reason {
                Some(reason) => format!(": {reason}."),
                None => ".".to_owned(),
            }));
            line
        }
        Note::IgnoreOver => vec![text(format!("{id} is no longer ignored, and still so."))],
        Note::IgnoreLapsed => vec![text(format!(
            "{id} now differs in another way, so it is no longer ignored; the card shows it."
        ))],
        Note::TurnedToAsk(why) => vec![text(format!(
            "Tribune stops repairing {id} by itself: {why}. From here on people decide."
        ))],
        Note::StillDiffers(request) => {
            vec![text(format!("{request} has ended, and {id} still differs."))]
        }
        Note::Kept { by, branch, from } => {
            let mut line = vec![Span::Person(by.clone())];
            line.push(text(" wants what is live to be declared. "));
            line.extend(merging(from, branch));
            line
        }
        Note::Closed(why) => vec![text(format!("{id} is cleared: {why}."))],
    };
    Body(vec![Block::Line(line)])
}

/// Returns how a request ended, as `r7` goes on: `failed: it exited with 1`.
pub fn ended(request: &Request) -> String {
    let state = state_words(request.state);
    let by = request.ended.as_ref().and_then(|ending| ending.by.as_ref());
    let by = by.map(|person| format!(" by @{person}")).unwrap_or_default();
    match &request.ended {
        Some(ending) if !ending.why.is_empty() => format!("{state}{by}: {}", ending.why),
        Some(_) | None => format!("{state}{by}"),
    }
}

fn lasted(length: SignedDuration) -> String {
    let length = SignedDuration::from_secs(length.as_secs().max(1));
    let rounded = match length.as_secs() {
        0..3_600 => length,
        3_600..172_800 => SignedDuration::from_mins(length.as_mins()),
        _ => SignedDuration::from_hours(length.as_hours()),
    };
    short(rounded)
}

/// Returns how the standing intents that somebody may see are doing.
pub fn overview(watches: &[Watch]) -> Body {
    if watches.is_empty() {
        return super::sentence("There is no standing intent that you may see.");
    }
    let mut blocks = vec![Block::Line(vec![text(counts(watches))])];
    let mut rows: Vec<Vec<Span>> = Vec::new();
    let wrong = |watch: &&Watch| match watch.found {
        Found::Differs | Found::Unknown | Found::Denied => true,
        Found::Unchecked | Found::InSync => watch.incident.is_some(),
    };
    let wrong: Vec<&Watch> = watches.iter().filter(wrong).collect();
    for watch in wrong.iter().take(LISTED) {
        rows.push(watch_line(watch));
    }
    if wrong.len() > LISTED {
        rows.push(vec![text(format!("and {} more", wrong.len() - LISTED))]);
    }
    if !rows.is_empty() {
        blocks.push(Block::List(rows));
    }
    Body(blocks)
}

/// Returns `12 targets of standing intents: 10 in sync, 2 differ`.
pub fn counts(watches: &[Watch]) -> String {
    if watches.is_empty() {
        return "no standing intents".to_owned();
    }
    let kinds = [Found::InSync, Found::Differs, Found::Unknown, Found::Denied, Found::Unchecked];
    let parts: Vec<String> = kinds
        .iter()
        .filter_map(|found| {
            let count = watches.iter().filter(|watch| watch.found == *found).count();
            (count > 0).then(|| format!("{count} {}", plural(*found, count)))
        })
        .collect();
    let noun = if watches.len() == 1 { "target" } else { "targets" };
    format!("{} {noun} of standing intents: {}", watches.len(), super::join(&parts, "and"))
}

fn plural(found: Found, count: usize) -> &'static str {
    match found {
        Found::InSync => "in sync",
        Found::Differs if count == 1 => "differs",
        Found::Differs => "differ",
        Found::Unknown => "that nobody can tell",
        Found::Denied => "that policy does not let Tribune look at",
        Found::Unchecked => "not looked at yet",
    }
}

fn watch_line(watch: &Watch) -> Vec<Span> {
    let mut line = Vec::new();
    match &watch.incident {
        Some(incident) => {
            line.push(Span::Post { text: incident.id.to_string(), key: key(incident.id) })
        }
        None => line.push(text("—")),
    }
    line.extend([
        text(" "),
        code(watch.key.intent.to_string()),
        text(" on "),
        strong(watch.key.target.to_string()),
        text(format!(": {} since {}", watch.found.as_str(), time(watch.since))),
    ]);
    if let Some(why) = &watch.why {
        line.push(text(format!(" ({why})")));
    }
    let incident = watch.incident.as_ref();
    if let Some(ignored) = incident.and_then(|incident| incident.ignored.as_ref()) {
        line.push(text(format!(", ignored until {}", time(ignored.until))));
    }
    if let Some(repair) = incident.and_then(|incident| incident.repair.as_ref()) {
        line.push(text(format!(", {} repairs it", repair.request)));
    }
    line
}

/// Returns the latest incidents of an intent, and how its targets are now.
pub fn history(watches: &[Watch], incidents: &[Incident]) -> Body {
    let mut blocks = vec![Block::List(watches.iter().map(watch_line).collect())];
    if incidents.is_empty() {
        blocks.push(Block::Line(vec![text("Nothing was ever found to differ.")]));
    } else {
        blocks.push(Block::List(incidents.iter().take(LISTED).map(incident_line).collect()));
    }
    Body(blocks)
}

fn incident_line(incident: &Incident) -> Vec<Span> {
    let mut line = vec![
        Span::Post { text: incident.id.to_string(), key: key(incident.id) },
        text(format!(" {}: ", incident.key.target)),
    ];
    line.push(text(match &incident.closed {
        Some(closed) => format!(
            "from {} for {} — {}",
            time(incident.opened),
            lasted(closed.at.duration_since(incident.opened)),
            closed.why
        ),
        None => format!("since {}", time(incident.opened)),
    }));
    line
}

/// Returns all of the difference, at most `limit` characters of it; where there is none, the card.
pub fn details(incident: &Incident, intent: Option<&Intent>, limit: usize, now: Timestamp) -> Body {
    match &incident.difference {
        Some(difference) => whole(difference, limit),
        None => card(incident, intent, now),
    }
}

/// Returns one incident, as its card says it.
pub fn incident(incident: &Incident, intent: Option<&Intent>, now: Timestamp) -> Body {
    card(incident, intent, now)
}

/// Returns that targets are looked at now.
pub fn looking(count: usize) -> Body {
    match count {
        0 => super::sentence("No standing intent that you may check is there to be looked at."),
        1 => super::sentence("Looking at 1 target now; `!drift` says what is found."),
        many => {
            super::sentence(format!("Looking at {many} targets now; `!drift` says what is found."))
        }
    }
}

/// Returns that a repair was asked for.
pub fn repairing(incident: IncidentId, request: crate::domain::id::RequestId) -> Body {
    super::sentence(format!("{request} is to repair {incident}; its card says what it waits for."))
}

/// Returns how to take over what was prepared.
fn merging(from: &str, branch: &str) -> Vec<Span> {
    let mut spans = vec![text("It is prepared; ")];
    spans.extend(super::merging(from, branch));
    spans.push(text(", look at it, and have it merged as any change."));
    spans
}

/// Returns that what is live was prepared to be declared.
pub fn kept(incident: IncidentId, from: &str, branch: &str) -> Body {
    let mut line = vec![strong(incident.to_string()), text(": ")];
    line.extend(merging(from, branch));
    Body(vec![Block::Line(line)])
}

/// Returns that an incident is ignored.
pub fn ignoring(incident: IncidentId, until: Timestamp) -> Body {
    super::sentence(format!("{incident} is left as it is until {}.", time(until)))
}
