//! The policy repos that benches make are ones that Tribune applies.

use tribune::domain::id::Revision;
use tribune::engine::load::load;
use tribune::manifest::Files;

#[path = "../../benches/sample/repo.rs"]
mod repo;
#[path = "../../benches/sample/words.rs"]
mod words;

use repo::{Size, policy_repo, write};

#[test]
fn a_generated_policy_repo_is_of_its_size_and_without_fault() {
    let folder = tempfile::tempdir().unwrap();
    let size = Size { files: 3, ..Size::new(60, 20, 40) };
    write(folder.path(), &policy_repo(&size)).unwrap();
    let revision: Revision = "0".repeat(40).parse().unwrap();
    let loaded = load(Files::read(folder.path()).unwrap(), &revision).unwrap();
    assert_eq!(loaded.warnings, vec![]);
    let repo = &loaded.snapshot.repo;
    let files = repo.intents.values().filter(|intent| intent.standing.is_some()).count();
    let found = Size {
        people: repo.people.len(),
        intents: repo.intents.len() - files,
        policies: loaded.snapshot.policies.rules().count(),
        services: repo.services.len(),
        // `local` is one too.
        hosts: repo.inventory.targets.len() - 1,
        files,
        ..size
    };
    assert_eq!(found, size);
}

#[test]
fn a_size_and_a_seed_give_the_same_bytes_and_another_seed_others() {
    let size = Size::new(30, 10, 30);
    assert_eq!(policy_repo(&size), policy_repo(&size));
    assert_ne!(policy_repo(&size), policy_repo(&Size { seed: 2, ..size.clone() }));
}
