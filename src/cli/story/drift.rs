//! Steps 11 and 12: what differs from what is declared, and who puts it right.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::look::{GLANCE, Look, PATIENCE, until};
use super::page::Seen;
use super::stage::{Force, Stage};
use super::transcript::StepError;
use super::{DEV, person};
use crate::domain::id::{RepoPath, RequestId};
use crate::domain::request::State;
use crate::source::workbench::Content;
use crate::web::host_api::RequestLine;

/// What should be: a file of the policy repo.
const DECLARED: &str = "playbooks/files/motd";

/// The script that looks and repairs.
const SCRIPT: &str = "playbooks/scripts/keep-file.sh";

/// What somebody makes of it.
const BY_HAND: &str = "edited by hand\n";

/// Repairs that Tribune tries by itself.
const TRIES: usize = 3;

/// 11: a file that somebody edits by hand is told, repaired with an approval, and cleared.
pub async fn repaired(stage: &mut Stage<'_>) -> Result<(), StepError> {
    let (ken, radia) = (person("ken"), person("radia"));
    let declared = declared(stage)?;
    let live = live(stage);
    std::fs::write(&live, &declared).map_err(StepError::broken)?;
    declare(stage, "ask", "cp \"$wanted\" \"$live\"").await?;
    let card = edited(stage).await?;
    stage.tell.answered(&card.text)?;
    let last = newest(stage).await?;
    stage.tell.did("ken", "reacts ✅ on the drift card")?;
    stage.seat(&ken).await?.react(DEV, &card.id, "approve").await?;
    let id = made_after(stage, last).await?;
    let waits = stage.until(id, &[State::NeedsApproval]).await?;
    stage.tell.expect(
        &format!("{id} asks for the repair in ken's name, and his reaction approves nothing"),
        waits.request.requester.person() == Some(&ken) && waits.request.votes.is_empty(),
        format!("{} asks, {:?}", waits.request.requester, waits.request.votes),
    )?;
    stage.react(&radia, DEV, id, "approve").await?;
    stage.until(id, &[State::Succeeded]).await?;
    let cleared = stage
        .message(&ken, DEV, &card.id, "the drift card cleared", |seen| {
            seen.text.contains("cleared")
        })
        .await?;
    stage.tell.answered(&cleared.text)?;
    let by = format!("repaired by {id}");
    stage.tell.expect("the card says by what", cleared.text.contains(&by), &cleared.text)?;
    let now = std::fs::read_to_string(&live).map_err(StepError::broken)?;
    stage.tell.expect("the file is as declared", now == declared, now.trim_end())
}

/// 12: `auto` that cannot repair asks people after three tries.
pub async fn given_up(stage: &mut Stage<'_>) -> Result<(), StepError> {
    let ken = person("ken");
    declare(stage, "auto", "echo 'the disk is read-only' >&2; exit 1").await?;
    let before = repairs(stage).await?.len();
    let card = edited(stage).await?;
    stage.tell.answered(&card.text)?;
    let expected = format!("Tribune to ask people after {TRIES} tries");
    let over = until(&expected, PATIENCE * 2, async || {
        stage.seat(&ken).await?.say(DEV, "!drift check keep-motd").await?;
        tokio::time::sleep(GLANCE * 10).await;
        let tried = repairs(stage).await?.len() - before;
        let now = seen(stage, &card.id).await?;
        let told = format!("{tried} tries; {}", now.text);
        let asks = now.text.contains("repairs within an hour did not help");
        Ok(Look::of(Some(now).filter(|_| asks), || told))
    })
    .await?;
    stage.tell.answered(&over.text)?;
    let tried = repairs(stage).await?;
    let failed = tried.iter().take(tried.len() - before).filter(|it| it.state == State::Failed);
    let count = failed.count();
    stage.tell.expect("it tried three times, and failed", count == TRIES, format!("{count}"))?;
    stage.say(&ken, DEV, "!drift check keep-motd").await?;
    stage.says(&ken, DEV, &["Looking at 1 target now"]).await?;
    tokio::time::sleep(GLANCE * 20).await;
    let count = repairs(stage).await?.len() - before;
    stage.tell.expect("and does not try again", count == TRIES, format!("{count} tries"))?;
    let asks = over.text.contains("!drift repair");
    stage.tell.expect("the card asks people", asks, &over.text)
}

/// Pushes the standing intent, and a script whose repair is `apply`.
async fn declare(stage: &mut Stage<'_>, on_drift: &str, apply: &str) -> Result<(), StepError> {
    let live = live(stage);
    let folder = live.parent().unwrap_or(&live).display().to_string();
    let live = live.display();
    let intent = format!(
        "version: 1\nintent: keep-motd\nsummary: Keep the message of the day as declared\n\
         category: change\nrisk: 1\ntargets: [local]\nchannel: {DEV}\n\
         approval: {{ slots: [{{ role: operator }}] }}\n\
         run: {{ argv: [{SCRIPT}, apply, {DECLARED}, \"{live}\"] }}\n\
         check: {{ argv: [{SCRIPT}, check, {DECLARED}, \"{live}\"], drift_exit: 2 }}\n\
         sandbox: {{ write: [\"{folder}\"] }}\n\
         standing: {{ every: 1m, targets: [local], on_drift: {on_drift} }}\n"
    );
    let script = format!(
        "#!/bin/sh\nset -eu\nverb=$1 wanted=$2 live=$3\ncase $verb in\n\
         check) diff -u --label live --label declared \"$live\" \"$wanted\" || exit 2 ;;\n\
         apply) {apply} ;;\nesac\n"
    );
    let path = |text: &str| text.parse::<RepoPath>().map_err(StepError::broken);
    let files = BTreeMap::from([
        (path("intents/keep-motd.yaml")?, Some(Content::text(intent))),
        (path(SCRIPT)?, Some(Content::program(script))),
    ]);
    let message = format!("keep the message of the day: on_drift {on_drift}");
    stage.town.push(&person("radia"), &message, files)?;
    stage
        .tell
        .did("radia", &format!("pushes the standing intent keep-motd, on_drift: {on_drift}"))?;
    stage.push(Force::No).await?;
    stage.applied().await?;
    Ok(())
}

/// Edits the file by hand, and returns the card that tells of it.
async fn edited(stage: &mut Stage<'_>) -> Result<Seen, StepError> {
    let ken = person("ken");
    std::fs::write(live(stage), BY_HAND).map_err(StepError::broken)?;
    stage.tell.did("somebody", "edits the message of the day by hand, on the machine")?;
    stage.say(&ken, DEV, "!drift check keep-motd").await?;
    until("a drift card that shows the edit", PATIENCE, async || {
        let stream = stage.seat(&ken).await?.stream(DEV).await?;
        let card = stream.into_iter().rfind(|seen| {
            let words = ["drift: keep-motd", BY_HAND.trim_end(), "differs"];
            seen.is_tribune() && words.iter().all(|word| seen.text.contains(word))
        });
        Ok(Look::of(card, || "none".to_owned()))
    })
    .await
}

async fn seen(stage: &mut Stage<'_>, id: &str) -> Result<Seen, StepError> {
    stage.message(&person("ken"), DEV, id, "the drift card", |_| true).await
}

/// Returns Tribune's own requests, newest first.
async fn repairs(stage: &Stage<'_>) -> Result<Vec<RequestLine>, StepError> {
    let mut list: Vec<RequestLine> =
        stage.binary.json(&["request", "list", "--limit", "200", "--json"]).await?;
    list.retain(|line| line.requester.to_string() == "service reconciler");
    Ok(list)
}

async fn newest(stage: &Stage<'_>) -> Result<Option<RequestId>, StepError> {
    let list: Vec<RequestLine> =
        stage.binary.json(&["request", "list", "--limit", "1", "--json"]).await?;
    Ok(list.first().map(|line| line.id))
}

/// Waits for a request that was not there before.
async fn made_after(stage: &Stage<'_>, last: Option<RequestId>) -> Result<RequestId, StepError> {
    until("a request made by the reaction", PATIENCE, async || {
        let newest = newest(stage).await?;
        let made = newest.filter(|id| Some(*id) > last);
        Ok(Look::of(made, || format!("{newest:?} is still the newest")))
    })
    .await
}

fn declared(stage: &Stage<'_>) -> Result<String, StepError> {
    stage.town.text(DECLARED).ok_or_else(|| StepError::Broken(format!("{DECLARED} is not there")))
}

/// The file on the machine that is kept as declared.
fn live(stage: &Stage<'_>) -> PathBuf {
    stage.acts.with_file_name("motd")
}
