//! Steps 7 to 10: what goes wrong, and that nothing comes of it.

use std::collections::BTreeMap;

use super::stage::{Force, Stage};
use super::transcript::StepError;
use super::{DEV, person};
use crate::domain::audit::Row;
use crate::domain::id::{RepoPath, Revision};
use crate::domain::request::State;
use crate::ports::store::TroubleKind;
use crate::process::command::Output;
use crate::source::workbench::Content;

/// The file that step 7 breaks.
const BROKEN: &str = "policies/house.cedar";

/// What is added to it: in its last line a role that nobody has.
const WRONG: &str = "
@id(\"operaters-propose\")
@reason(\"A misspelled role\")
permit (principal in Role::\"operater\", action == Action::\"propose\", resource);
";

/// Lets somebody run what everybody may run: a proof that the rules in force still decide.
async fn still_decides(stage: &mut Stage<'_>, what: &str) -> Result<(), StepError> {
    let barbara = person("barbara");
    let before = stage.acts("host-info.sh")?;
    let id = stage.ask(&barbara, DEV, "!run host-info on local").await?.request.id;
    stage.until(id, &[State::Succeeded]).await?;
    let acts = stage.acts("host-info.sh")? - before;
    stage.tell.expect(what, acts == 1, format!("{acts} acts"))
}

fn one_file(path: &str, text: String) -> Result<BTreeMap<RepoPath, Option<Content>>, StepError> {
    let path = path.parse().map_err(StepError::broken)?;
    Ok(BTreeMap::from([(path, Some(Content::text(text)))]))
}

/// 7: a broken policy is not applied, and is said once, until it is mended.
pub async fn broken(stage: &mut Stage<'_>) -> Result<(), StepError> {
    let (radia, ken) = (person("radia"), person("ken"));
    let good = stage.applied().await?.state.applied;
    let text = stage.town.text(BROKEN).unwrap_or_default();
    let line = text.lines().count() + WRONG.lines().count();
    let wrong = one_file(BROKEN, format!("{text}{WRONG}"))?;
    let bad = stage.town.push(&radia, "house: operaters propose", wrong)?;
    stage.tell.did("radia", &format!("pushes {} with a misspelled role", bad.short()))?;
    stage.push(Force::No).await?;
    let status = held(stage, &bad, TroubleKind::Bad).await?;
    stage.tell.expect("the old revision stays applied", status == good, format!("{status:?}"))?;
    let place = format!("{BROKEN}:{line}:");
    let said = stage.says(&ken, DEV, &[bad.short(), &place]).await?;
    stage.tell.answered(&said.text)?;
    stage.tell.good("it is told with file, line and column")?;
    still_decides(stage, "the old rules still decide").await?;
    let fixed = stage.town.push(&radia, "house: mend", one_file(BROKEN, text)?)?;
    stage.tell.did("radia", &format!("pushes the fix {}, its child", fixed.short()))?;
    stage.push(Force::No).await?;
    let status = stage.applied().await?;
    let clear = status.state.trouble.is_none();
    stage.tell.expect(
        "the fix is applied and clears it",
        clear,
        format!("{:?}", status.state.trouble),
    )?;
    let mended = stage
        .message(&ken, DEV, &said.id, "the message to be edited", |now| now.text != said.text)
        .await?;
    stage.tell.answered(&mended.text)?;
    stage.tell.good("the same message says so, edited in place")
}

/// Waits until a revision is held for a reason; returns what is applied.
async fn held(
    stage: &mut Stage<'_>,
    revision: &Revision,
    kind: TroubleKind,
) -> Result<Option<Revision>, StepError> {
    let status = stage
        .source(&format!("{} held as {kind:?}", revision.short()), |status| {
            status
                .state
                .trouble
                .as_ref()
                .is_some_and(|trouble| trouble.revision == *revision && trouble.kind == kind)
        })
        .await?;
    stage.tell.good(&format!("{} is not applied", revision.short()))?;
    Ok(status.state.applied)
}

/// 8: rewritten history is refused.
pub async fn rewritten(stage: &mut Stage<'_>) -> Result<(), StepError> {
    let radia = person("radia");
    let good = stage.applied().await?.state.applied;
    let head = stage.town.head()?;
    let root = stage.first.clone();
    stage.town.rewind(&root)?;
    let forged = stage.town.push(
        &radia,
        "another past",
        one_file("playbooks/files/past", "x\n".to_owned())?,
    )?;
    stage.tell.did("radia", &format!("forces the branch to {}, another past", forged.short()))?;
    stage.push(Force::Yes).await?;
    let status = held(stage, &forged, TroubleKind::Diverged).await?;
    stage.tell.expect("what was applied stays applied", status == good, format!("{status:?}"))?;
    still_decides(stage, "the rules in force still decide").await?;
    stage.town.rewind(&head)?;
    stage.tell.did("radia", "puts the branch back")?;
    stage.push(Force::Yes).await?;
    stage.source("the trouble to clear", |status| status.state.trouble.is_none()).await?;
    stage.tell.good("nothing is held any more")
}

/// 9: a daemon killed in a run says so, and neither repeats nor leaves it.
pub async fn killed(stage: &mut Stage<'_>) -> Result<(), StepError> {
    let barbara = person("barbara");
    let before = stage.acts("slow-job.sh")?;
    let id = stage.ask(&barbara, DEV, "!run slow-job on local seconds=120").await?.request.id;
    stage.until(id, &[State::Running]).await?;
    let process = stage.process_of("slow-job.sh", before).await?;
    stage.tell.expect(
        &format!("the run is under way as process {process}"),
        is_alive(process),
        "it is not there",
    )?;
    stage.binary.kill().await?;
    stage.tell.did("somebody", "kills the daemon with SIGKILL, and starts it again")?;
    stage.start_again().await?;
    let ended = stage.until(id, &[State::Interrupted]).await?;
    let attempts = ended.runs.len();
    stage.tell.expect(
        &format!("{id} is interrupted"),
        attempts == 1,
        format!("{attempts} runs"),
    )?;
    let card = stage.card_says(&barbara, DEV, id, "interrupted").await?;
    stage.tell.answered(&card.text)?;
    let left = is_alive(process);
    stage.tell.expect("nothing of its tree survives", !left, format!("{process} is alive"))?;
    still_decides(stage, "the new daemon works").await?;
    let acts = stage.acts("slow-job.sh")? - before;
    stage.tell.expect("the job did not run twice", acts == 1, format!("{acts} acts"))
}

/// Says whether a process is there and is more than a name waiting to be collected.
fn is_alive(process: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| {
        !stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
    })
}

/// A text that stands in the audit log, and what it is changed to behind its back.
const MARK: (&str, &str) = ("story-mark-0001", "story-mark-0002");

/// 10: the audit log shows what was done to it.
pub async fn audited(stage: &mut Stage<'_>) -> Result<(), StepError> {
    let ken = person("ken");
    let id =
        stage.ask(&ken, DEV, "!run restart-service on web-dev service=nginx").await?.request.id;
    stage.until(id, &[State::NeedsApproval]).await?;
    let words = ["request", "cancel", &id.to_string(), "--reason", MARK.0];
    let cancelled = stage.binary.command(&words).await?;
    let told = String::from_utf8_lossy(&cancelled.stderr).into_owned();
    stage.tell.expect("the host ends a request", cancelled.status.success(), told)?;
    stage.binary.stop().await?;
    verified(stage, "the chain verifies", 0, "the chain is whole").await?;
    let row = marked(stage).await?;
    let head = last_row(stage).await?;

    let store = stage.store();
    let bytes = std::fs::read(&store).map_err(StepError::broken)?;
    let (changed, count) = replace(&bytes, MARK.0.as_bytes(), MARK.1.as_bytes());
    if count == 0 {
        return Err(StepError::Broken(format!("{} is not in the store", MARK.0)));
    }
    std::fs::write(&store, changed).map_err(StepError::broken)?;
    stage.tell.did("somebody", &format!("changes row {row} in the store behind its back"))?;
    let names = format!("row {row} ");
    verified(stage, "verify says which row was changed", 1, &names).await?;

    std::fs::write(&store, &bytes).map_err(StepError::broken)?;
    stage.start_again().await?;
    still_decides(stage, "the daemon goes on, and writes more rows").await?;
    stage.binary.stop().await?;
    verified(stage, "the longer chain verifies", 0, "the chain is whole").await?;
    let lost = last_row(stage).await? - head;
    let longer = std::fs::read(&store).map_err(StepError::broken)?;
    std::fs::write(&store, &bytes).map_err(StepError::broken)?;
    stage.tell.did("somebody", "cuts the newest rows off, by putting an older store back")?;
    let names = format!("{lost} rows are missing after row {head}");
    verified(stage, "verify says how many rows are missing, and after which", 1, &names).await?;
    std::fs::write(&store, &longer).map_err(StepError::broken)?;
    stage.start_again().await?;
    still_decides(stage, "with the rows put back, the daemon goes on").await
}

/// Returns the number of the audit row that holds the mark.
async fn marked(stage: &Stage<'_>) -> Result<u64, StepError> {
    let rows: Vec<Row> = stage.binary.json(&["audit", "list", "--limit", "0", "--json"]).await?;
    rows.iter()
        .find(|row| row.entry.detail.to_string().contains(MARK.0))
        .map(|row| row.seq)
        .ok_or_else(|| StepError::Broken(format!("no audit row tells of {}", MARK.0)))
}

/// Returns the number of the last audit row.
async fn last_row(stage: &Stage<'_>) -> Result<u64, StepError> {
    let rows: Vec<Row> = stage.binary.json(&["audit", "list", "--limit", "1", "--json"]).await?;
    Ok(rows.last().map_or(0, |row| row.seq))
}

/// Lets the audit log be verified; the exit code must be `code`, and the verdict must name `fact`.
async fn verified(
    stage: &mut Stage<'_>,
    what: &str,
    code: i32,
    fact: &str,
) -> Result<(), StepError> {
    let output: Output = stage.binary.command(&["audit", "verify"]).await?;
    let told = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let seen = match output.status.code() {
        Some(code) => format!("audit verify, exit {code}: {told}"),
        None => format!("audit verify, {}: {told}", output.status),
    };
    stage.tell.answered(&seen)?;
    let is_so = output.status.code() == Some(code) && told.contains(fact);
    stage.tell.expect(what, is_so, seen)
}

/// Replaces each occurrence of one text by another of the same length.
fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> (Vec<u8>, usize) {
    let mut changed = bytes.to_vec();
    let mut count = 0;
    let places: Vec<usize> = bytes
        .windows(from.len())
        .enumerate()
        .filter(|(_, part)| *part == from)
        .map(|it| it.0)
        .collect();
    for place in places {
        changed[place..place + to.len()].copy_from_slice(to);
        count += 1;
    }
    (changed, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_changed_in_place() {
        assert_eq!(replace(b"a-one-b-one", b"one", b"two"), (b"a-two-b-two".to_vec(), 2));
    }

    #[test]
    fn this_process_is_alive() {
        assert!(is_alive(std::process::id()));
        assert!(!is_alive(u32::MAX));
    }
}
