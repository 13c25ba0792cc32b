//! What a thread and the requester hear of a run.

use jiff::Timestamp;

use super::{clock, code, strong, text, you_are_banned};
use crate::domain::ban::Ban;
use crate::domain::body::{Block, Body, Span};
use crate::domain::id::{RequestId, RunId};
use crate::domain::message::{FILE, MessageRef, OUTPUT, PostKey};
use crate::domain::request::{Request, State};
use crate::domain::run::{Failure, Outcome, RunRecord};

/// Returns the name of a run's output.
pub fn output_key(run: RunId) -> PostKey {
    PostKey(format!("{OUTPUT}{run}"))
}

/// Returns the output of a run as it stands, at most `limit` characters of it.
pub fn output(run: &RunRecord, limit: usize) -> Body {
    let shown = shorten(run, limit);
    let mut blocks = vec![Block::Line(vec![
        strong(run.id.to_string()),
        text(match (&run.outcome, run.ended) {
            (Some(outcome), Some(ended)) => {
                format!(" {} at {}", describe(outcome), clock(ended))
            }
            _ => format!(" runs since {}", clock(run.started)),
        }),
    ])];
    if !shown.is_empty() {
        blocks.push(Block::Code { lang: "text".to_owned(), text: shown });
    } else if run.forgotten {
        let gone = "Its output is not kept any more; settings say for how long it is.";
        blocks.push(Block::Line(vec![text(gone)]));
    } else if run.outcome.is_some() {
        blocks.push(Block::Line(vec![text("It printed nothing.")]));
    }
    if run.dropped > 0 {
        blocks.push(Block::Line(vec![text(format!(
            "{} bytes of output beyond the limit of its intent were dropped; the run went on.",
            run.dropped
        ))]));
    }
    Body(blocks)
}

/// Returns the name of the file that holds the output of a run; `for_message` where somebody asked
/// for it, else in the thread of its request.
pub fn file_key(run: RunId, for_message: Option<&MessageRef>) -> PostKey {
    PostKey(match for_message {
        Some(at) => format!("{FILE}{run}:{}:{}", at.platform, at.id),
        None => format!("{FILE}{run}"),
    })
}

/// Returns the run whose output a post holds as a file, if it is one.
pub fn parse_file_key(key: &PostKey) -> Option<RunId> {
    key.0.strip_prefix(FILE)?.split(':').next()?.parse().ok()
}

/// Says whether a post that shows at most `limit` characters leaves out output that is kept.
pub fn is_cut(run: &RunRecord, limit: usize) -> bool {
    kept(run).trim_end_matches('\n').chars().count() > limit
}

/// Returns how the file with the output of a run is called.
pub fn file_name(run: RunId) -> String {
    format!("output-{run}.txt")
}

/// Returns what stands in the file with the output of a run: all that is kept of it.
pub fn file_text(run: &RunRecord) -> String {
    if run.dropped == 0 {
        return kept(run);
    }
    let RunRecord { head, tail, dropped, .. } = run;
    let head = head.trim_end_matches('\n');
    format!("{head}\n[{dropped} bytes beyond the limit of its intent were dropped here]\n{tail}")
}

/// Returns the output that is kept, with a mark where some was dropped.
fn kept(run: &RunRecord) -> String {
    let mut whole = run.head.clone();
    if run.dropped > 0 && !run.forgotten {
        whole.push_str("\n[…]\n");
    }
    whole.push_str(&run.tail);
    whole
}

/// Returns head and tail of the output, cut to `limit` characters around the middle.
fn shorten(run: &RunRecord, limit: usize) -> String {
    let whole = kept(run);
    let whole = whole.trim_end_matches('\n');
    let count = whole.chars().count();
    if count <= limit {
        return whole.to_owned();
    }
    let half = limit / 2;
    let head: String = whole.chars().take(half).collect();
    let tail: String = whole.chars().skip(count - half).collect();
    format!(
        "{head}\n[… {} characters more: !output {} …]\n{tail}",
        count - 2 * half,
        run.id.request
    )
}

/// Returns how a run ended, in words.
pub fn describe(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Succeeded => "succeeded".to_owned(),
        Outcome::Differs => "found that the world differs".to_owned(),
        Outcome::Failed { how, target } => {
            let on = target.as_ref().map(|target| format!(" on {target}")).unwrap_or_default();
            match how {
                how @ (Failure::Exit(_)
                | Failure::Signal(_)
                | Failure::Memory
                | Failure::Processes) => format!("failed{on}: {how}"),
                Failure::NotStarted(why) => format!("could not be started{on}: {why}"),
                Failure::NotDone(why) => format!("could not do it{on}: {why}"),
            }
        }
        Outcome::TimedOut => "took too long and was ended".to_owned(),
        Outcome::Cancelled => "was ended by a person".to_owned(),
        Outcome::Interrupted => {
            "was interrupted: Tribune stopped while it ran; nothing of it is left running"
                .to_owned()
        }
    }
}

/// Returns the name of what the requester hears at the end.
pub fn outcome_key(request: RequestId) -> PostKey {
    PostKey(format!("outcome:{request}"))
}

/// Returns what the requester hears, privately, when a request has ended.
///
/// Somebody who is banned hears that, and nothing else of why.
pub fn outcome(
    request: &Request,
    command: &str,
    card: PostKey,
    ban: Option<&Ban>,
    now: Timestamp,
) -> Body {
    let mut line = vec![
        Span::Post { text: request.id.to_string(), key: card },
        text(" "),
        code(command),
        text(format!(" — {}", state_words(request.state))),
    ];
    if let (State::Denied, Some(ban)) = (request.state, ban) {
        line.push(text(": "));
        line.extend(you_are_banned(ban));
    } else if let Some(ending) = &request.ended {
        if let Some(by) = &ending.by {
            line.extend([text(" by "), Span::Person(by.clone())]);
        }
        line.push(text(format!(": {}", ending.why)));
    }
    line.push(text(format!(" ({})", clock(now))));
    Body(vec![Block::Line(line)])
}

/// Returns a state as people say it.
pub fn state_words(state: State) -> &'static str {
    match state {
        State::Requested => "being decided",
        State::NeedsApproval => "needs approval",
        State::Permitted => "permitted",
        State::Queued => "queued",
        State::Running => "running",
        State::Succeeded => "succeeded",
        State::Failed => "failed",
        State::TimedOut => "timed out",
        State::Cancelled => "cancelled",
        State::Interrupted => "interrupted",
        State::Denied => "denied",
        State::Vetoed => "vetoed",
        State::Expired => "expired",
        State::Void => "void",
    }
}
