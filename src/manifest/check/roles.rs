//! Roles: what lies in what.

use std::collections::{BTreeMap, BTreeSet};

use super::super::raw::inventory::RawRoles;
use super::super::yaml::At;
use super::values::Checked;
use crate::domain::diagnostic::Code;
use crate::domain::id::RoleName;
use crate::domain::role::Roles;

/// The role that somebody must hold.
pub const ADMIN: &str = "admin";

/// Checks `inventory/roles.yaml`.
pub fn check(file: &mut Checked<'_>, raw: &RawRoles) -> Roles {
    file.version(&raw.version);
    let mut roles: BTreeMap<RoleName, BTreeSet<RoleName>> = BTreeMap::new();
    let mut places: BTreeMap<RoleName, At> = BTreeMap::new();
    for (name, role) in &raw.roles {
        let Some(name) = file.name::<RoleName>(name, role.key_at) else { continue };
        let parents = file.names::<RoleName>(&role.value.r#in);
        for parent in &parents {
            if !raw.roles.contains_key(parent.value.as_str()) {
                let known = raw.roles.keys().map(String::as_str);
                let what = ("role", parent.value.as_str());
                file.unknown(parent.at, Code::UnknownRole, what, known);
            }
        }
        places.insert(name.clone(), role.key_at);
        roles.insert(name, parents.into_iter().map(|parent| parent.value).collect());
    }
    if !raw.roles.contains_key(ADMIN) {
        let message = format!("there is no role `{ADMIN}`, so nobody can be one");
        file.say(At { line: raw.version.at.line, column: 1 }, Code::NoAdmin, message);
    }
    let roles = Roles(roles);
    if let Some(cycle) = find_cycle(&roles) {
        let names: Vec<&str> = cycle.iter().map(RoleName::as_str).collect();
        let message = format!("these roles lie in one another: {}", names.join(", "));
        let at = cycle.first().and_then(|name| places.get(name)).copied().unwrap_or_default();
        file.say(at, Code::RoleCycle, message);
    }
    roles
}

/// Returns the roles of a cycle, if there is one.
fn find_cycle(roles: &Roles) -> Option<Vec<RoleName>> {
    let circular =
        |role: &RoleName| roles.0[role].iter().any(|parent| roles.closure(parent).contains(role));
    let cycle: Vec<RoleName> = roles.0.keys().filter(|role| circular(role)).cloned().collect();
    (!cycle.is_empty()).then_some(cycle)
}
