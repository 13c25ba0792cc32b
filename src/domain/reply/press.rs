//! What buttons say, and what whoever presses one is shown.

use super::{code, one_line, sentence, text};
use crate::domain::body::{Block, Body, Span};
use crate::domain::drift::Incident;
use crate::domain::id::{Platform, RequestId};
use crate::domain::intent::Intent;
use crate::domain::message::Sign;
use crate::domain::press::Offer;

/// Returns what stands on a button.
pub fn label(offer: Offer) -> &'static str {
    match offer {
        Offer::Details => "Details",
        Offer::Output => "Output",
        Offer::WhoCould => "Who could approve",
        Offer::Ignore => "Ignore for a day",
        Offer::HowToReact => "How to answer",
    }
}

/// Returns how one approves a request, or denies it.
pub fn how_to_approve(request: RequestId) -> Body {
    let line = |spans: Vec<Span>| Block::Line(spans);
    Body(vec![
        line(vec![
            text(
                "Read what stands above the line. React ✅ to approve exactly that, ❌ to veto it; ",
            ),
            text("or reply in the thread: "),
            code(format!("!approve {request}")),
            text(", "),
            code(format!("!deny {request} why")),
            text("."),
        ]),
        line(vec![text(
            "To take it back, remove the reaction or delete the reply. Nobody approves their own \
             request. No button approves: who pressed one cannot be proven.",
        )]),
    ])
}

/// Returns how one answers the card of drift.
pub fn how_to_answer(incident: &Incident, intent: Option<&Intent>) -> Body {
    let id = incident.id;
    let seeds = super::drift::seeds(incident, intent);
    let mut line = Vec::new();
    if seeds.contains(&Sign::Approve) {
        let command = code(format!("!drift repair {id}"));
        line.extend([text("React ✅ to ask for a repair ("), command, text("). ")]);
    }
    if seeds.contains(&Sign::Keep) {
        let command = code(format!("!drift keep {id}"));
        line.extend([text("React ⬅️ to keep what is live ("), command, text("). ")]);
    }
    if seeds.is_empty() {
        line.push(text("This is only told: nothing is repaired from here. "));
    }
    line.extend([
        text("To leave it as it is for longer than a day: "),
        code(format!("!drift ignore {id} 7d \"why\"")),
        text(". No button repairs or keeps: who pressed one cannot be proven."),
    ]);
    Body(vec![Block::Line(line)])
}

/// Returns why drift is left as it is, where a button says so.
pub fn reason(platform: &Platform) -> String {
    format!("by a button on {platform}")
}

/// Returns that somebody else was faster, or that the buttons were old.
pub fn renewed() -> Body {
    sentence("These buttons were renewed a moment ago, and nothing was done. Press once more.")
}

/// Returns that a press is not taken; why is for the log alone.
pub fn not_taken() -> Body {
    one_line([
        text("Nothing was done: this button does not belong to this post as it stands now. "),
        code("!help"),
        text(" lists the commands that do the same."),
    ])
}

/// Returns that something behind a button does not work now.
pub fn trouble() -> Body {
    sentence("Something does not answer now, so this was not done. Press again in a moment.")
}
