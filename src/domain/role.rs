//! Roles and how they nest.

use std::collections::{BTreeMap, BTreeSet};

use super::id::RoleName;

/// All roles; each maps to the roles it lies in (`admin` in `sre` in `operator` in `user`).
///
/// Who bears a role bears every role that it lies in. The loader refuses cycles.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roles(pub BTreeMap<RoleName, BTreeSet<RoleName>>);

impl Roles {
    /// Returns `role` and every role it lies in, directly or not.
    pub fn closure(&self, role: &RoleName) -> BTreeSet<RoleName> {
        let mut found = BTreeSet::new();
        let mut open = vec![role.clone()];
        while let Some(next) = open.pop() {
            if found.insert(next.clone())
                && let Some(parents) = self.0.get(&next)
            {
                open.extend(parents.iter().cloned());
            }
        }
        found
    }

    /// Returns every role that is held by somebody who directly bears `roles`.
    pub fn held<'a>(&self, roles: impl IntoIterator<Item = &'a RoleName>) -> BTreeSet<RoleName> {
        roles.into_iter().flat_map(|role| self.closure(role)).collect()
    }

    /// Says whether `lower` lies properly below `upper`: who bears `upper` bears `lower`, not the reverse.
    pub fn is_below(&self, lower: &RoleName, upper: &RoleName) -> bool {
        lower != upper
            && self.closure(upper).contains(lower)
            && !self.closure(lower).contains(upper)
    }
}
