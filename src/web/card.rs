//! How the request behind a card stands, read from the card, so that it can be seen at a glance.

use crate::domain::id::{IncidentId, RequestId, RunId};
use crate::domain::reply::drift;
use crate::domain::reply::run::state_words;
use crate::domain::request::State;

/// Returns the state that a card of Tribune's says first below its rule; `None` if the message is
/// no card.
///
/// The text is what people see, so the colour never says otherwise; and a message is shown before
/// the store knows that it is a card.
pub fn state(text: &str) -> Option<State> {
    let said = first_below(text)?;
    State::ALL.into_iter().find(|state| state_words(*state) == said)
}

/// Says whether nothing can be decided on a card any more: its request or incident is over.
pub fn is_over(text: &str) -> bool {
    match state(text) {
        Some(state) => state.is_final(),
        None => first_below(text) == Some(drift::CLEARED),
    }
}

/// Returns what a card says first below its rule.
fn first_below(text: &str) -> Option<&str> {
    let mut below = text.lines().skip_while(|line| line.trim() != "---").skip(1);
    let first = below.find(|line| !line.trim().is_empty())?;
    Some(first.trim_start().strip_prefix("**")?.split_once("**")?.0)
}

/// Returns the page of what a message of Tribune's is about: the request or incident of a card, the
/// run of its output; `None` if it begins with none of these.
pub fn about(text: &str) -> Option<(String, &'static str)> {
    let (name, _) = text.strip_prefix("**")?.split_once("**")?;
    match (name.parse::<RunId>(), name.parse::<RequestId>()) {
        (Ok(run), _) => Some((format!("/runs/{run}"), "Whole log")),
        (_, Ok(request)) => Some((format!("/requests/{request}"), "Details")),
        (Err(_), Err(_)) => {
            let incident = name.parse::<IncidentId>().ok()?;
            Some((format!("/drift/{incident}"), "Details"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_read_from_its_card() {
        for state in State::ALL {
            let card = format!(
                "**r1** @ada asks\n\n- on: **x**\n\n---\n\n**{}** — why",
                state_words(state)
            );
            assert_eq!(super::state(&card), Some(state));
        }
    }

    #[test]
    fn on_a_card_of_what_is_over_nothing_is_decided() {
        let card = |says: &str| format!("**d1** drift: `motd` on **web1**\n\n---\n\n{says}");
        assert!(is_over(&card("**cleared** — repaired by r3")));
        assert!(!is_over(&card("**differs** from what is declared")));
        assert!(is_over(&card("**succeeded** — done")));
        assert!(!is_over(&card("**needs approval**")));
        assert!(!is_over("**cleared**"));
    }

    #[test]
    fn cards_and_output_lead_to_their_pages() {
        assert_eq!(about("**r7** @ada asks"), Some(("/requests/r7".to_owned(), "Details")));
        assert_eq!(about("**r7.1** runs"), Some(("/runs/r7.1".to_owned(), "Whole log")));
        assert_eq!(about("**d7** drift: `motd`"), Some(("/drift/d7".to_owned(), "Details")));
        assert_eq!(about("**needs approval**"), None);
        assert_eq!(about("r7"), None);
    }

    #[test]
    fn what_has_no_rule_or_no_state_is_no_card() {
        for text in ["**running**", "a\n\n---\n\nrunning", "a\n\n---\n\n**walking**", "---", ""] {
            assert_eq!(state(text), None, "{text}");
        }
    }
}
