//! People who could do something about a request, as many as somebody reads and is to be called.

use super::{strong, text};
use crate::domain::body::Span;
use crate::domain::id::{PersonId, RequestId, RoleName};

/// More people than this are not named, and nobody beside those named is mentioned.
pub const MOST_NAMED: usize = 8;

/// People who could do something by a role: some of them by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The role.
    pub role: RoleName,
    /// Some of them, in order of name.
    pub people: Vec<PersonId>,
    /// How many more there are.
    pub more: usize,
}

impl Named {
    /// Names some of `people`, who are in order of name. Where there are many, each request names
    /// others, so that it is not always the same who are called.
    pub fn of(request: RequestId, role: RoleName, mut people: Vec<PersonId>) -> Self {
        let more = people.len().saturating_sub(MOST_NAMED);
        if more > 0 {
            let turn = request.0.wrapping_mul(MOST_NAMED as u64) % people.len() as u64;
            people.rotate_left(usize::try_from(turn).unwrap_or_default());
            people.truncate(MOST_NAMED);
            people.sort();
        }
        Self { role, people, more }
    }
}

/// Returns a row that names people by role after `lead`; `None` if there is no role.
pub(super) fn row(named: &[Named], lead: &str) -> Option<Vec<Span>> {
    let mut line = vec![text(lead)];
    for (index, Named { role, people, more }) in named.iter().enumerate() {
        if index > 0 {
            line.push(text("; "));
        }
        line.push(text(format!("{role}: ")));
        if people.is_empty() {
            line.push(strong("nobody"));
        }
        for (index, person) in people.iter().enumerate() {
            if index > 0 {
                line.push(text(", "));
            }
            line.push(Span::Person(person.clone()));
        }
        if *more > 0 {
            line.push(text(format!(" and {more} more")));
        }
    }
    (!named.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(count: usize) -> Vec<PersonId> {
        (0..count).map(|i| format!("p{i:03}").parse().unwrap()).collect()
    }

    fn named(request: u64, count: usize) -> Named {
        Named::of(RequestId(request), "sre".parse().unwrap(), people(count))
    }

    #[test]
    fn few_are_all_named_and_of_many_each_request_names_others() {
        assert_eq!(named(7, 8), named(8, 8));
        assert_eq!((named(7, 8).people, named(7, 8).more), (people(8), 0));
        let (one, next) = (named(1, 100), named(2, 100));
        assert_eq!((one.people.len(), one.more), (8, 92));
        assert!(next.people.iter().all(|person| !one.people.contains(person)));
        assert!(named(12, 100).people.is_sorted());
    }

    #[test]
    fn a_row_says_how_many_more_there_are() {
        let row = |count| {
            let line = row(&[named(0, count)], "could approve: ").unwrap();
            crate::domain::body::plain(&line)
        };
        assert_eq!(row(0), "could approve: sre: nobody");
        assert_eq!(row(2), "could approve: sre: @p000, @p001");
        assert!(row(9).ends_with("@p007 and 1 more"), "{}", row(9));
    }
}
