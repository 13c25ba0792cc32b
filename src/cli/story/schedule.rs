//! Step 13: what asks for itself.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::look::{Look, until};
use super::stage::{Force, Stage};
use super::transcript::StepError;
use super::{DEV, person};
use crate::clock::SystemClock;
use crate::domain::id::{RepoPath, RequestId};
use crate::domain::request::State;
use crate::ports::clock::Clock;
use crate::source::workbench::Content;
use crate::web::host_api::RequestLine;

/// What the schedules run; each of them with its own name as the only word.
const SCRIPT: &str = "playbooks/scripts/host-info.sh";

/// From the push of the schedules to the time that they name.
const LEAD: SignedDuration = SignedDuration::from_secs(6);

/// The schedules fire each minute, so that a slow machine misses the first time only.
const PATIENCE: Duration = Duration::from_secs(75);

/// 13: a scheduled intent runs under policy, and is refused in a freeze window.
pub async fn scheduled(stage: &mut Stage<'_>) -> Result<(), StepError> {
    let ken = person("ken");
    let at = SystemClock.now() + LEAD;
    let files = [
        intent(stage, "look-around", at, "risk: 0")?,
        intent(stage, "look-hard", at, "risk: 2")?,
        intent(stage, "look-later", at, "risk: 0\nwindows: [{ deny: \"* * * * *\", zone: UTC }]")?,
    ];
    let message = "three intents ask for themselves each minute";
    stage.town.push(&person("radia"), message, BTreeMap::from(files))?;
    let what = "pushes three schedules: look-around, look-hard of risk 2, look-later in a freeze";
    stage.tell.did("radia", what)?;
    stage.push(Force::No).await?;
    stage.applied().await?;

    let runs = asked(stage, "look-around").await?;
    stage.until(runs, &[State::Succeeded]).await?;
    let card = stage.card_says(&ken, DEV, runs, "succeeded").await?;
    stage.tell.answered(&card.text)?;
    // By now the next minute may have come. Acts are counted before the requests that they are of.
    let acts = stage.acts("look-around")?;
    let asked_for = of(stage, "look-around").await?.len();
    stage.tell.expect(
        &format!("look-around asked for itself, {runs}, and ran once each time"),
        (1..=asked_for).contains(&acts),
        format!("{acts} acts of {asked_for} requests"),
    )?;

    let denied = asked(stage, "look-hard").await?;
    stage.until(denied, &[State::Denied]).await?;
    let acts = stage.acts("look-hard")?;
    let what = format!("{denied} for look-hard is denied: policy is for schedules too");
    stage.tell.expect(&what, acts == 0, format!("{acts} acts"))?;

    let words = ["schedule: look-later was not asked for", "a freeze window holds"];
    let said = stage.says(&ken, DEV, &words).await?;
    stage.tell.answered(&said.text)?;
    let (made, acts) = (of(stage, "look-later").await?.len(), stage.acts("look-later")?);
    stage.tell.expect(
        "in its freeze window look-later makes no request, and nothing runs",
        made == 0 && acts == 0,
        format!("{made} requests, {acts} acts"),
    )
}

/// Returns an intent that asks for itself in each minute, at the second of a time.
fn intent(
    stage: &Stage<'_>,
    name: &str,
    at: Timestamp,
    more: &str,
) -> Result<(RepoPath, Option<Content>), StepError> {
    let folder = stage.acts.parent().unwrap_or(&stage.acts).display();
    let text = format!(
        "version: 1\nintent: {name}\nsummary: Look at this machine each minute\ncategory: change\n\
         targets: [local]\nchannel: {DEV}\napproval: {{ slots: [{{ role: operator }}] }}\n\
         run: {{ argv: [{SCRIPT}, {name}] }}\nsandbox: {{ write: [\"{folder}\"] }}\n\
         schedule: {{ cron: \"{} * * * * *\", zone: UTC }}\nconcurrency: {{ per: nothing }}\n{more}\n",
        at.strftime("%-S"),
    );
    let path = format!("intents/{name}.yaml").parse().map_err(StepError::broken)?;
    Ok((path, Some(Content::text(text))))
}

/// Waits for the request that a schedule makes.
async fn asked(stage: &Stage<'_>, intent: &str) -> Result<RequestId, StepError> {
    until(&format!("the scheduler to ask for {intent}"), PATIENCE, async || {
        let asked = of(stage, intent).await?.last().map(|line| line.id);
        Ok(Look::of(asked, || "no request".to_owned()))
    })
    .await
}

/// Returns the scheduler's requests for an intent, newest first.
async fn of(stage: &Stage<'_>, intent: &str) -> Result<Vec<RequestLine>, StepError> {
    let mut list: Vec<RequestLine> =
        stage.binary.json(&["request", "list", "--limit", "200", "--json"]).await?;
    list.retain(|line| {
        line.requester.to_string() == "service scheduler" && line.intent.as_str() == intent
    });
    Ok(list)
}
