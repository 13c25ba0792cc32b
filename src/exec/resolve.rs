//! From a plan to a spec: programs looked up, the environment put together.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::id::SecretName;
use crate::domain::run::{self, Plan};
use crate::ports::executor::ExecError;
use crate::process::wire::{Command, Limits};

/// Variables that an executor sets and nothing else may.
const RESERVED: [&str; 3] = ["PATH", "HOME", "TMPDIR"];

/// The language that programs speak unless the intent says otherwise.
const LANGUAGE: (&str, &str) = ("LANG", "C.UTF-8");

/// Whether a plan is to act or to look; exit codes that mean "differs" count only for looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To act.
    Act,
    /// To look.
    Look,
}

/// Returns the command lines of a plan with their programs found.
///
/// A first word that is a file of the plan is that file in the tree; any other is looked for on
/// `path`, and must be a name without `/`.
pub(super) fn commands(
    plan: &Plan,
    tree: &Path,
    path: &[PathBuf],
    purpose: Purpose,
) -> Result<Vec<Command>, ExecError> {
    plan.commands()
        .iter()
        .map(|command| {
            let program = program(plan, command, tree, path)?;
            let accepted = match purpose {
                Purpose::Act => Vec::new(),
                Purpose::Look => command.drift_exit.into_iter().collect(),
            };
            Ok(Command { program, argv: command.argv.clone(), accepted })
        })
        .collect()
}

/// Returns the program of a command line.
fn program(
    plan: &Plan,
    command: &run::Command,
    tree: &Path,
    path: &[PathBuf],
) -> Result<PathBuf, ExecError> {
    let word = command
        .argv
        .first()
        .ok_or_else(|| ExecError::Refused(format!("{} names no program", plan.intent)))?;
    if plan.files.keys().any(|file| file.as_str() == word) {
        return Ok(tree.join(word));
    }
    if word.contains('/') {
        return Err(ExecError::Refused(format!(
            "{word} is not a file of the policy repo that {} may read, and programs of this \
             machine are named without a path",
            plan.intent
        )));
    }
    path.iter().map(|folder| folder.join(word)).find(|file| is_program(file)).ok_or_else(|| {
        let folders: Vec<_> = path.iter().map(|it| it.display().to_string()).collect();
        ExecError::NotStarted(format!(
            "there is no program {word} in {}; install it, or add its folder to exec.path",
            folders.join(", ")
        ))
    })
}

/// Says whether a file can be executed by somebody.
fn is_program(file: &Path) -> bool {
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Returns the whole environment of a run: what every run has, what the intent gives, secrets.
pub(super) fn environment(
    plan: &Plan,
    work: &Path,
    path: &[PathBuf],
    secrets: BTreeMap<SecretName, String>,
) -> Result<BTreeMap<String, String>, ExecError> {
    let text = |path: &Path| {
        path.to_str()
            .map(str::to_owned)
            .ok_or_else(|| ExecError::Refused(format!("{} is not a path in UTF-8", path.display())))
    };
    let folders = path.iter().map(|it| text(it)).collect::<Result<Vec<_>, _>>()?;
    let mut env = BTreeMap::from([(LANGUAGE.0.to_owned(), LANGUAGE.1.to_owned())]);
    let secrets = secrets.into_iter().map(|(name, value)| (variable(&name), value));
    for (name, value) in plan.env.clone().into_iter().chain(secrets) {
        check_variable(plan, &name, &value)?;
        env.insert(name, value);
    }
    env.insert("PATH".to_owned(), folders.join(":"));
    for name in ["HOME", "TMPDIR"] {
        env.insert(name.to_owned(), text(work)?);
    }
    Ok(env)
}

/// Returns the variable that holds a secret.
fn variable(name: &SecretName) -> String {
    name.as_str().to_uppercase().replace(['-', '.'], "_")
}

/// Refuses variables that would change where programs and libraries come from, and ones that no
/// environment can hold. The value is never in the message: it may be a secret.
fn check_variable(plan: &Plan, name: &str, value: &str) -> Result<(), ExecError> {
    let refuse = |why: &str| {
        Err(ExecError::Refused(format!("{} sets the variable {name:?}: {why}", plan.intent)))
    };
    if RESERVED.contains(&name) || name.starts_with("LD_") {
        return refuse("Tribune sets it, or nobody may");
    }
    if name.is_empty() || name.contains(['=', '\0']) {
        return refuse("that is no name of a variable");
    }
    if value.contains('\0') {
        return refuse("its value holds a zero byte");
    }
    Ok(())
}

/// Returns what the whole tree of a run may use.
pub(super) fn limits(plan: &Plan) -> Result<Limits, ExecError> {
    let timeout = Duration::try_from(plan.limits.timeout)
        .map_err(|_| ExecError::Refused(format!("{} has a negative timeout", plan.intent)))?;
    Ok(Limits { timeout, memory: plan.limits.memory, processes: plan.limits.processes })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::domain::repo::TreeEntry;
    use crate::domain::run::Work;

    fn plan(argv: &[&str]) -> Plan {
        let file = TreeEntry { object: "0".repeat(40).parse().unwrap(), executable: true, size: 1 };
        Plan {
            run: "r1.1".parse().unwrap(),
            intent: "restart".parse().unwrap(),
            work: Work::Commands(vec![run::Command {
                target: None,
                argv: argv.iter().map(|word| (*word).to_owned()).collect(),
                drift_exit: Some(2),
            }]),
            env: BTreeMap::new(),
            secrets: Vec::new(),
            files: BTreeMap::from([("playbooks/restart.sh".parse().unwrap(), file)]),
            sandbox: Default::default(),
            limits: crate::domain::intent::Limits {
                timeout: SignedDuration::from_secs(5),
                output: 1,
                memory: 1,
                processes: 1,
            },
        }
    }

    fn found(argv: &[&str]) -> Result<Vec<Command>, ExecError> {
        let path = ["/nowhere".into(), "/bin".into()];
        commands(&plan(argv), "/run/tree".as_ref(), &path, Purpose::Look)
    }

    #[test]
    fn a_program_is_a_file_of_the_plan_or_a_name_on_the_fixed_path() {
        let tree = found(&["playbooks/restart.sh", "x"]).unwrap();
        assert_eq!(tree[0].program, Path::new("/run/tree/playbooks/restart.sh"));
        assert_eq!(tree[0].argv, ["playbooks/restart.sh", "x"]);
        assert_eq!(found(&["sh"]).unwrap()[0].program, Path::new("/bin/sh"));
    }

    #[test]
    fn a_path_that_is_no_file_of_the_plan_is_refused() {
        for word in ["/bin/sh", "playbooks/other.sh", "../sh", "./sh"] {
            assert!(matches!(found(&[word]), Err(ExecError::Refused(_))), "{word}");
        }
        assert!(matches!(found(&[]), Err(ExecError::Refused(_))));
        let missing = found(&["no-such-program"]).unwrap_err().to_string();
        assert!(missing.contains("no-such-program") && missing.contains("exec.path"), "{missing}");
    }

    #[test]
    fn a_code_that_means_differs_counts_only_for_looking() {
        assert_eq!(found(&["sh"]).unwrap()[0].accepted, [2]);
        let act = commands(&plan(&["sh"]), "/".as_ref(), &["/bin".into()], Purpose::Act);
        assert!(act.unwrap()[0].accepted.is_empty());
    }

    #[test]
    fn secrets_and_variables_join_what_every_run_has() {
        let mut plan = plan(&["sh"]);
        plan.env = BTreeMap::from([("LANG".to_owned(), "de".to_owned())]);
        let secrets = BTreeMap::from([("api-token".parse().unwrap(), "s3cret".to_owned())]);
        let env = environment(&plan, "/work".as_ref(), &["/a".into(), "/b".into()], secrets);
        let all: Vec<_> = env.unwrap().into_iter().map(|(k, v)| format!("{k}={v}")).collect();
        let expected = ["API_TOKEN=s3cret", "HOME=/work", "LANG=de", "PATH=/a:/b", "TMPDIR=/work"];
        assert_eq!(all, expected);
    }

    #[test]
    fn variables_that_say_where_code_comes_from_are_refused_and_values_are_not_told() {
        for name in ["PATH", "HOME", "TMPDIR", "LD_PRELOAD", "", "A=B"] {
            let mut plan = plan(&["sh"]);
            plan.env = BTreeMap::from([(name.to_owned(), "s3cret".to_owned())]);
            let error = environment(&plan, "/".as_ref(), &[], BTreeMap::new()).unwrap_err();
            assert!(matches!(&error, ExecError::Refused(why) if !why.contains("s3cret")), "{name}");
        }
        let secrets = BTreeMap::from([("path".parse().unwrap(), "s3cret".to_owned())]);
        assert!(environment(&plan(&["sh"]), "/".as_ref(), &[], secrets).is_err());
    }
}
