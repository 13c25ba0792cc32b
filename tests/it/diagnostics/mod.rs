//! Every diagnostic code has a broken policy repo that shows it, and a place in the docs.

pub mod case;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use tribune::domain::diagnostic::{Code, Severity};

use crate::docs::assert_current;
use case::told;

#[test]
fn the_base_of_all_cases_is_without_fault() {
    let problems: Vec<String> =
        case::problems_of(&case::base()).iter().map(ToString::to_string).collect();
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn every_case_tells_exactly_what_it_expects() {
    let mut wrong = String::new();
    for case in case::all() {
        let problems = case.problems();
        for problem in &problems {
            let hint = problem.hint.as_deref().unwrap_or_default();
            assert!(!hint.is_empty(), "{} has a hint", case.name);
        }
        let found: Vec<String> = {
            let mut found: Vec<String> = problems.iter().map(told).collect();
            found.sort();
            found
        };
        if found != case.expected {
            writeln!(wrong, "{}:\n  expected {:#?}", case.name, case.expected).unwrap();
            for problem in problems {
                writeln!(wrong, "  found {problem}").unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_code_has_a_case_and_every_case_a_code() {
    let cases = case::all();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let shown: BTreeSet<&str> = cases
        .iter()
        .filter(|case| {
            case.expected.iter().any(|line| line.ends_with(&format!(" {}", case.code())))
        })
        .map(case::Case::code)
        .collect();
    let missing: Vec<&str> =
        Code::ALL.iter().map(|code| code.as_str()).filter(|code| !shown.contains(code)).collect();
    assert_eq!(missing, Vec::<&str>::new(), "codes without a case");
    for case in &cases {
        assert!(shown.contains(case.code()), "{} does not show its code", case.name);
    }
}

#[test]
fn the_catalogue_is_consistent() {
    let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names.len(), Code::ALL.len(), "a code stands twice");
    for code in Code::ALL {
        let name = code.as_str();
        assert!(
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
            "{name}"
        );
        for text in [code.summary(), code.advice()] {
            assert!(!text.is_empty() && !text.ends_with('.'), "{name}: {text}");
        }
    }
}

#[test]
fn the_page_of_diagnostics_is_current() {
    let cases = case::all();
    let mut page = String::from(
        "# Diagnostics\n\n\
         Everything that `tribune check` can find, made from the catalogue of codes and its cases \
         below `tests/cases/`; a test keeps it current. An error keeps a revision from being used; \
         with a warning it is used. A code keeps its meaning for ever.\n",
    );
    for code in Code::ALL {
        let severity = match code.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(page, "\n## {code}\n\n{} ({severity}). {}.\n", code.summary(), code.advice())
            .unwrap();
        let example = cases
            .iter()
            .filter(|case| case.code() == code.as_str())
            .flat_map(case::Case::problems)
            .find(|problem| problem.code == *code);
        if let Some(problem) = example {
            write!(page, "\n```text\n{problem}\n").unwrap();
            if let Some(hint) = problem.hint {
                writeln!(page, "  {hint}").unwrap();
            }
            page.push_str("```\n");
        }
    }
    assert_current("diagnostics.md", &page);
}
