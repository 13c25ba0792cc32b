//! Whose word on a card does not count, and why: said on the card, so that nobody wonders.
//!
//! A crowd must not push out what else stands there, so of very many only some are named.

use super::{strong, text};
use crate::domain::body::Span;

/// How many are named.
pub const MOST: usize = 10;

/// Returns a row for each of them, with why; of very many the first, and how many more there are.
pub fn rows<N: Into<String>, W: Into<String>>(
    all: impl IntoIterator<Item = (N, W)>,
) -> Vec<Vec<Span>> {
    let mut all = all.into_iter();
    let row = |(name, why): (N, W)| {
        let why: String = why.into();
        vec![text("does not count: "), strong(name.into()), text(format!(", because {why}"))]
    };
    let mut rows: Vec<Vec<Span>> = all.by_ref().take(MOST).map(row).collect();
    match all.count() {
        0 => {}
        more => rows.push(vec![text("does not count: "), strong(format!("{more} more"))]),
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::body::plain;

    fn said(many: usize) -> Vec<String> {
        let all = (1..=many).map(|number| (format!("@p{number}"), "they are banned"));
        rows(all).iter().map(|row| plain(row)).collect()
    }

    #[test]
    fn a_crowd_takes_no_more_room_than_some() {
        assert_eq!(said(0), [""; 0]);
        let all = said(10);
        assert_eq!(
            (all.len(), all[9].as_str()),
            (10, "does not count: @p10, because they are banned")
        );
        let all = said(1_000);
        assert_eq!((all.len(), all[10].as_str()), (11, "does not count: 990 more"));
    }
}
