//! Accounts that changed their names. People are bound by ids, so nothing hangs on a name; but
//! who reads names should know that one means somebody by another name than yesterday.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::id::PersonId;
use crate::domain::person::Account;

/// The names by which accounts of the policy repo were seen since the daemon started.
#[derive(Debug, Default)]
pub struct Renames(Mutex<BTreeMap<Account, Seen>>);

#[derive(Debug)]
struct Seen {
    person: PersonId,
    first: String,
    now: String,
}

impl Renames {
    /// Notes how an account is named now; says what it was named before, if that is new.
    pub(super) fn note(
        &self,
        account: &Account,
        person: &PersonId,
        name: String,
    ) -> Option<String> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Seen { person: person.clone(), first: name.clone(), now: name.clone() };
        let seen = all.entry(account.clone()).or_insert_with(fresh);
        let before = std::mem::replace(&mut seen.now, name);
        (before != seen.now).then_some(before)
    }

    /// Returns every account that has another name than at first, in words.
    pub(super) fn words(&self) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let renamed = all.iter().filter(|(_, seen)| seen.first != seen.now);
        renamed
            .map(|(account, Seen { person, first, now })| {
                format!("the account {account} of @{person} was {first} and is {now} now")
            })
            .collect()
    }
}
