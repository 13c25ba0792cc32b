//! Steps 1 to 6: who may, on what evidence, and what ends it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::look::{Look, PATIENCE, until};
use super::stage::{Force, Stage, state_and_why};
use super::transcript::StepError;
use super::{DEV, person};
use crate::cli::demo::town::Merge;
use crate::domain::decision::Outcome;
use crate::domain::intent::Slot;
use crate::domain::request::State;
use crate::source::workbench::Content;
use crate::web::host_api::RequestDetail;

/// How long what happens at once may take on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(10);

/// Returns the slots that a request still misses.
fn missing(detail: &RequestDetail) -> Vec<Slot> {
    match &detail.request.outcome {
        Some(Outcome::NeedsApproval { missing }) => missing.slots.clone(),
        Some(Outcome::Permit | Outcome::Deny) | None => Vec::new(),
    }
}

fn roles(slots: &[Slot]) -> String {
    slots.iter().map(|slot| slot.role.to_string()).collect::<Vec<_>>().join(", ")
}

/// 1: a `user` is denied, told why and who could.
pub async fn denied(stage: &mut Stage<'_>) -> Result<(), StepError> {
    let barbara = person("barbara");
    let asked = stage.ask(&barbara, DEV, "!run restart-service on web-dev service=nginx").await?;
    let id = asked.request.id;
    let denied = stage.until(id, &[State::Denied]).await?;
    stage.tell.good(&format!("{id} is denied"))?;
    let card = stage.card_says(&barbara, DEV, id, "could").await?;
    stage.tell.answered(&card.text)?;
    stage.tell.expect("she is told who could", card.text.contains("ken"), &card.text)?;
    stage.tell.expect("and why", !denied.why.is_empty(), "no reasons")?;
    let acts = stage.acts("service.sh")?;
    stage.tell.expect("nothing ran", acts == 0, format!("{acts} acts"))
}

/// 2: an operator cites a pull request; it serves once.
pub async fn cited(stage: &mut Stage<'_>) -> Result<(), StepError> {
    let (ken, radia, grace) = (person("ken"), person("radia"), person("grace"));
    let command = "restart-service on web-staging service=nginx delay=2";
    let number = stage.town.merge(Merge {
        title: "Restart nginx on web-staging after the certificate change",
        labels: &["ops/restart"],
        run: Some(command),
        author: &radia,
        merger: &grace,
        files: note("restart-nginx"),
    })?;
    stage
        .tell
        .did("grace", &format!("merges radia's pull request #{number}, label ops/restart"))?;
    stage.push(Force::No).await?;
    stage.applied().await?;
    let line = format!("!run {command} pr #{number}");
    let first = stage.ask(&ken, DEV, &line).await?.request.id;
    streams(stage, first, "stopping nginx").await?;
    stage.until(first, &[State::Succeeded]).await?;
    let acts = stage.acts("service.sh")?;
    stage.tell.expect("it ran, once", acts == 1, format!("{acts} acts"))?;
    let second = stage.ask(&ken, DEV, &line).await?.request.id;
    let waits = stage.until(second, &[State::NeedsApproval]).await?;
    let card = stage.card_says(&ken, DEV, second, &first.to_string()).await?;
    stage.tell.answered(&card.text)?;
    stage.tell.good(&format!("cited again, #{number} does not count: {first} used it"))?;
    let wanted = missing(&waits);
    stage.tell.expect("the card says what else would do", !wanted.is_empty(), roles(&wanted))?;
    stage.say(&ken, DEV, &format!("!cancel {second}")).await?;
    stage.until(second, &[State::Cancelled]).await?;
    let acts = stage.acts("service.sh")?;
    stage.tell.expect("nothing ran a second time", acts == 1, format!("{acts} acts"))
}

/// Waits until a run under way has said something in the thread of its request.
async fn streams(
    stage: &mut Stage<'_>,
    id: crate::domain::id::RequestId,
    words: &str,
) -> Result<(), StepError> {
    let ken = person("ken");
    let card = stage.card(&ken, DEV, id).await?;
    let expected = format!("{id} to run and to say {words:?} in its thread");
    let (said, state) = until(&expected, PATIENCE, async || {
        let thread = stage.seat(&ken).await?.thread(DEV, &card.id).await?;
        let said = thread.into_iter().find(|seen| seen.is_tribune() && seen.text.contains(words));
        let detail = stage.request(id).await?;
        let (state, seen) = (detail.request.state, state_and_why(&detail));
        if said.is_none() && state.is_final() {
            return Err(StepError::Wrong { expected: expected.clone(), seen });
        }
        Ok(Look::of(said.map(|said| (said, state)), || seen))
    })
    .await?;
    stage.tell.answered(&said.text)?;
    let running = state == State::Running;
    stage.tell.expect("output streams while it runs", running, state.as_str())
}

/// 3: two roles are needed, of two people who did not ask.
pub async fn approved(stage: &mut Stage<'_>) -> Result<(), StepError> {
    let (ken, grace, radia) = (person("ken"), person("grace"), person("radia"));
    let before = stage.acts("service.sh")?;
    let id = stage.ask(&ken, DEV, "!run restart-service on web-dev service=app").await?.request.id;
    let first = stage.until(id, &[State::NeedsApproval]).await?;
    let wanted = missing(&first);
    stage.tell.expect("it needs an operator and an sre", wanted.len() == 2, roles(&wanted))?;
    stage.react(&ken, DEV, id, "approve").await?;
    let card = stage.card_says(&ken, DEV, id, "own").await?;
    stage.tell.answered(&card.text)?;
    let wanted = missing(&stage.request(id).await?);
    stage.tell.expect("the requester's own does not count", wanted.len() == 2, roles(&wanted))?;
    stage.react(&grace, DEV, id, "approve").await?;
    let half = stage
        .holds(id, "one slot filled", |detail| {
            missing(detail).len() == 1 || detail.request.state != State::NeedsApproval
        })
        .await?;
    stage.tell.expect(
        "grace is operator and sre, and fills one slot only",
        half.request.state == State::NeedsApproval && missing(&half).len() == 1,
        format!("{}, missing: {}", half.request.state.as_str(), roles(&missing(&half))),
    )?;
    let acts = stage.acts("service.sh")?;
    stage.tell.expect(
        "nothing runs yet",
        acts == before,
        format!("{} acts more", acts - before),
    )?;
    stage.react(&radia, DEV, id, "approve").await?;
    stage.until(id, &[State::Succeeded]).await?;
    let acts = stage.acts("service.sh")? - before;
    stage.tell.expect("two people approved, so it ran, once", acts == 1, format!("{acts} acts"))
}

/// 4: one veto ends a request.
pub async fn vetoed(stage: &mut Stage<'_>) -> Result<(), StepError> {
    let (ken, radia, grace) = (person("ken"), person("radia"), person("grace"));
    let before = stage.acts("service.sh")?;
    let id = stage.ask(&ken, DEV, "!run restart-service on web-dev service=app").await?.request.id;
    stage.until(id, &[State::NeedsApproval]).await?;
    stage.react(&radia, DEV, id, "veto").await?;
    stage.until(id, &[State::Vetoed]).await?;
    let card = stage.card_says(&ken, DEV, id, "veto").await?;
    stage.tell.answered(&card.text)?;
    stage.tell.good(&format!("{id} is over"))?;
    stage.react(&grace, DEV, id, "approve").await?;
    let after = stage.request(id).await?.request.state;
    let acts = stage.acts("service.sh")? - before;
    let seen = format!("{}, {acts} acts", after.as_str());
    stage.tell.expect("no approval brings it back", after == State::Vetoed && acts == 0, seen)
}

/// 5: a merged ban ends what its subject has open.
pub async fn banned(stage: &mut Stage<'_>) -> Result<(), StepError> {
    let (mallory, ada, barbara) = (person("mallory"), person("ada"), person("barbara"));
    let first = stage.ask(&barbara, DEV, "!run slow-job on local seconds=60").await?.request.id;
    stage.until(first, &[State::Running]).await?;
    let id = stage.ask(&mallory, DEV, "!run slow-job on local seconds=5").await?.request.id;
    stage.until(id, &[State::Queued]).await?;
    stage.tell.good(&format!("{id} of @mallory waits for its turn"))?;
    let files: BTreeMap<_, _> =
        stage.ban.clone().map(|(path, content)| (path, Some(content))).into_iter().collect();
    let files = if files.is_empty() { note("no-ban") } else { files };
    stage.town.merge(Merge {
        title: "Ban mallory",
        labels: &[],
        run: None,
        author: &person("grace"),
        merger: &ada,
        files,
    })?;
    stage.tell.did("ada", "merges grace's pull request: Ban mallory")?;
    stage.push(Force::No).await?;
    stage.applied().await?;
    let over = [State::Denied, State::Cancelled, State::Void];
    let ended = stage.within(AT_ONCE, id, &over).await?;
    let rule = ended.why.join("; ");
    stage.tell.answered(&rule)?;
    stage.tell.expect("it is ended at once, by the ban", rule.contains("banned"), rule.clone())?;
    stage.say(&mallory, DEV, "!ping").await.map_or_else(
        |error| stage.tell.good(&format!("her session is over too ({error})")),
        |_| Ok(()),
    )?;
    stage.say(&barbara, DEV, &format!("!cancel {first}")).await?;
    stage.until(first, &[State::Cancelled]).await?;
    let acts = stage.acts("slow-job.sh")?;
    stage.tell.expect("her job never ran", acts == 1, format!("{acts} acts"))
}

/// 6: approvals hold for exactly what was approved.
pub async fn changed(stage: &mut Stage<'_>) -> Result<(), StepError> {
    let (ken, radia, grace, linus) =
        (person("ken"), person("radia"), person("grace"), person("linus"));
    let uses =
        stage.ask(&ken, DEV, "!run restart-service on web-dev service=nginx").await?.request.id;
    let other = stage.ask(&ken, DEV, "!run wipe-cache on web-dev scope=pages").await?.request.id;
    for id in [uses, other] {
        stage.until(id, &[State::NeedsApproval]).await?;
        stage.react(&grace, DEV, id, "approve").await?;
        stage.holds(id, "grace's approval", |detail| detail.request.votes.len() == 1).await?;
    }
    let before = (stage.request(uses).await?.request, stage.request(other).await?.request);
    let path = "playbooks/scripts/service.sh";
    let text =
        stage.town.text(path).ok_or_else(|| StepError::Broken(format!("{path} is not there")))?;
    let file = path.parse().map_err(StepError::broken)?;
    let new = Content::program(format!("{text}# one more line\n"));
    stage.town.push(&radia, "service.sh: one more line", BTreeMap::from([(file, Some(new))]))?;
    stage.tell.did("radia", "pushes a change of playbooks/scripts/service.sh")?;
    stage.push(Force::No).await?;
    stage.applied().await?;
    let voided = stage
        .holds(uses, "a new card that misses both slots", |detail| {
            detail.request.card > before.0.card && missing(detail).len() == 2
        })
        .await?;
    stage.tell.expect(
        &format!("{uses} would run that script: new digest, new card, no approvals"),
        voided.request.digest != before.0.digest && voided.request.votes.is_empty(),
        format!("{:?}", voided.request.votes),
    )?;
    let card = stage.card(&ken, DEV, uses).await?;
    stage.tell.answered(&card.text)?;
    let kept = stage.request(other).await?;
    stage.tell.expect(
        &format!("{other} would not: same digest, same card, grace's approval stands"),
        kept.request.digest == before.1.digest
            && kept.request.card == before.1.card
            && kept.request.votes == before.1.votes,
        format!("{:?}", kept.request.votes),
    )?;
    stage.react(&linus, DEV, other, "approve").await?;
    let over = [State::Permitted, State::Queued, State::Running, State::Succeeded];
    stage.until(other, &over).await?;
    stage.tell.good("one more approval permits it")?;
    for id in [uses, other] {
        if !stage.request(id).await?.request.state.is_final() {
            stage.say(&ken, DEV, &format!("!cancel {id}")).await?;
            stage.settled(id).await?;
        }
    }
    Ok(())
}

/// Returns a change that touches nothing that anything runs or decides.
fn note(name: &str) -> BTreeMap<crate::domain::id::RepoPath, Option<Content>> {
    format!("playbooks/files/notes/{name}")
        .parse()
        .map(|path| BTreeMap::from([(path, Some(Content::text(format!("{name}\n"))))]))
        .unwrap_or_default()
}
