use super::*;

const PAGE: &str = include_str!("../../../docs/policies.md");

#[test]
fn the_page_for_people_who_write_policies_shows_the_schema() {
    let schema = crate::policy::schema(&repo_with(""));
    assert!(PAGE.contains(&schema), "docs/policies.md must hold this schema:\n{schema}");
}

#[test]
fn a_repo_without_anything_has_a_valid_schema() {
    let schema = crate::policy::schema(&PolicyRepo::default());
    assert!(cedar_policy::Schema::from_cedarschema_str(&schema).is_ok(), "{schema}");
}

#[test]
fn a_parameter_may_be_called_like_a_word_of_cedar() {
    let mut repo = repo_with(
        "@id(\"a\") @reason(\"r\") permit (principal, action == Action::\"run\", resource) \
         when { context.args has \"in\" && context.args[\"in\"] == 1 };",
    );
    let integer = || Param {
        summary: None,
        kind: ParamKind::Integer { min: None, max: None },
        default: None,
    };
    let load = repo.intents.get_mut(&id::<IntentName>("load")).unwrap();
    load.params = ["in", "if", "type", "entity", "context", "true", "like"]
        .map(|name| (id(name), integer()))
        .into();
    compiled(repo);
}
