//! What stands on disk beside what should: which steps make them equal.

use std::collections::BTreeMap;

/// What something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A file with its content.
    File(Vec<u8>),
}

/// How something should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What it is.
    pub kind: Kind,
    /// Its permissions.
    pub mode: u32,
    /// Who owns it, by number; `None`: whoever does.
    pub owner: Option<u32>,
    /// Its group, by number; `None`: whichever it has.
    pub group: Option<u32>,
}

/// How something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// Its permissions, with the bits that change its user.
    pub mode: u32,
    /// Who owns it, by number.
    pub owner: u32,
    /// Its group, by number.
    pub group: u32,
}

/// What stands in a managed folder, by path below it; the folder (or file) itself is the empty
/// path.
pub type Tree<T> = BTreeMap<String, T>;

/// One step that makes what is equal to what should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It is not there.
    Make(Wanted),
    /// It is there and differs.
    Change {
        /// How it is.
        found: Found,
        /// How it should be.
        wanted: Wanted,
    },
    /// It should not be there.
    Remove(Found),
}

/// Something is there that is neither changed nor removed: a folder where a file should be, or
/// the other way round.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", match .wanted { Kind::Folder => "is a file where a folder should be", Kind::File(_) => "is a folder where a file should be" })]
pub struct Clash {
    /// Where.
    pub place: String,
    /// What should be there.
    pub wanted: Kind,
}

/// Permissions of folders that are compared; the others are the machine's own business.
const FOLDER_BITS: u32 = 0o777;

impl Found {
    /// Says whether it is as it should be.
    pub fn is(&self, wanted: &Wanted) -> bool {
        self.kind == wanted.kind && !self.needs_mode(wanted) && !self.needs_owner(wanted)
    }

    /// Says whether its permissions differ.
    pub fn needs_mode(&self, wanted: &Wanted) -> bool {
        match self.kind {
            Kind::Folder => self.mode & FOLDER_BITS != wanted.mode,
            Kind::File(_) => self.mode != wanted.mode,
        }
    }

    /// Says whether its owner or group differs.
    pub fn needs_owner(&self, wanted: &Wanted) -> bool {
        wanted.owner.is_some_and(|owner| owner != self.owner)
            || wanted.group.is_some_and(|group| group != self.group)
    }
}

/// Returns the steps in an order in which they can be taken: folders before what is in them,
/// and removals last, from the inside out. `found` holds what should be there and, of other
/// things, those to remove.
pub fn compare(found: &Tree<Found>, wanted: &Tree<Wanted>) -> Result<Vec<(String, Step)>, Clash> {
    let mut steps = Vec::new();
    for (place, wanted) in wanted {
        let step = match found.get(place) {
            None => Step::Make(wanted.clone()),
            Some(found) if found.is(wanted) => continue,
            Some(found) => match (&found.kind, &wanted.kind) {
                (Kind::Folder, Kind::Folder) | (Kind::File(_), Kind::File(_)) => {
                    Step::Change { found: found.clone(), wanted: wanted.clone() }
                }
                (Kind::Folder, Kind::File(_)) | (Kind::File(_), Kind::Folder) => {
                    return Err(Clash { place: place.clone(), wanted: wanted.kind.clone() });
                }
            },
        };
        steps.push((place.clone(), step));
    }
    let extra = found.iter().rev().filter(|(place, _)| !wanted.contains_key(*place));
    steps.extend(extra.map(|(place, found)| (place.clone(), Step::Remove(found.clone()))));
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tree(text: &str) -> Tree<Wanted> {
        let entry = |line: &str| {
            let (place, content) = line.split_once('=').unwrap_or((line, ""));
            let kind = match line.contains('=') {
                true => Kind::File(content.as_bytes().to_vec()),
                false => Kind::Folder,
            };
            let mode = if kind == Kind::Folder { 0o755 } else { 0o644 };
            (place.to_owned(), Wanted { kind, mode, owner: None, group: None })
        };
        text.split_whitespace().map(entry).collect()
    }

    fn on_disk(wanted: &Tree<Wanted>) -> Tree<Found> {
        let found = |wanted: &Wanted| Found {
            kind: wanted.kind.clone(),
            mode: wanted.mode,
            owner: wanted.owner.unwrap_or(7),
            group: wanted.group.unwrap_or(7),
        };
        wanted.iter().map(|(place, wanted)| (place.clone(), found(wanted))).collect()
    }

    fn places(found: &Tree<Found>, wanted: &Tree<Wanted>) -> Vec<String> {
        let name = |(place, step): (String, Step)| match step {
            Step::Make(_) => format!("+{place}"),
            Step::Change { .. } => format!("~{place}"),
            Step::Remove(_) => format!("-{place}"),
        };
        compare(found, wanted).unwrap().into_iter().map(name).collect()
    }

    #[test]
    fn folders_come_before_what_is_in_them_and_go_after_it() {
        let wanted = tree("x x/a=1 x/new x/new/b=2");
        let found = on_disk(&tree("x x/a=0 x/old x/old/c=3"));
        assert_eq!(places(&found, &wanted), ["~x/a", "+x/new", "+x/new/b", "-x/old/c", "-x/old"]);
    }

    #[test]
    fn permissions_and_owners_count_where_they_are_declared() {
        let mut wanted = tree("a=1 f");
        let mut found = on_disk(&wanted);
        let set = |found: &mut Tree<Found>, place: &str, mode| {
            found.get_mut(place).unwrap().mode = mode;
        };
        set(&mut found, "f", 0o2755);
        assert_eq!(places(&found, &wanted), Vec::<String>::new(), "a folder may be setgid");
        set(&mut found, "a", 0o4644);
        assert_eq!(places(&found, &wanted), ["~a"], "and a file may not");
        set(&mut found, "a", 0o644);
        wanted.get_mut("a").unwrap().group = Some(8);
        assert_eq!(places(&found, &wanted), ["~a"]);
    }

    #[test]
    fn a_folder_is_never_replaced_by_a_file() {
        let clash = compare(&on_disk(&tree("a")), &tree("a=1")).unwrap_err();
        assert_eq!(
            (clash.place.as_str(), clash.to_string().as_str()),
            ("a", "is a folder where a file should be")
        );
    }

    proptest! {
        #[test]
        fn what_equals_needs_no_step_and_steps_make_equal(
            from in prop::collection::btree_map("[ab]{1,2}", "[01]{0,2}", 0..5),
            to in prop::collection::btree_map("[ab]{1,2}", "[01]{0,2}", 0..5),
        ) {
            let lines = |map: std::collections::BTreeMap<String, String>| {
                map.into_iter().map(|(name, text)| format!("{name}={text}"))
                    .collect::<Vec<_>>().join(" ")
            };
            let (mut disk, wanted) = (on_disk(&tree(&lines(from))), tree(&lines(to)));
            for (place, step) in compare(&disk, &wanted).unwrap() {
                match step {
                    Step::Make(wanted) | Step::Change { wanted, .. } => {
                        disk.insert(place.clone(), on_disk(&[(place.clone(), wanted)].into())
                            .remove(&place).unwrap());
                    }
                    Step::Remove(_) => drop(disk.remove(&place)),
                }
            }
            prop_assert_eq!(compare(&disk, &wanted).unwrap(), vec![]);
        }
    }
}
