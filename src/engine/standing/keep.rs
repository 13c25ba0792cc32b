//! "Live wins": what is live, prepared as a branch for somebody to merge.
//!
//! What is prepared is exactly what the card shows: the declared file with the difference
//! undone. So what is hidden from the card cannot get into a branch, and what changed since is
//! not taken over unseen.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::answers::Wish;
use crate::domain::body::Body;
use crate::domain::drift::machine::Event;
use crate::domain::drift::{Found, Incident, patch};
use crate::domain::id::RepoPath;
use crate::domain::intent::Executor;
use crate::domain::reply::drift as reply;
use crate::domain::repo::TreeEntry;
use crate::engine::{Engine, EngineError};
use crate::policy::Snapshot;
use crate::ports::source::Draft;

impl Engine {
    /// Prepares what is live as a branch, or says why not.
    pub(super) async fn keep_live(
        self: &Arc<Self>,
        snapshot: &Arc<Snapshot>,
        incident: &Incident,
        wish: &Wish<'_>,
    ) -> Result<Result<Body, String>, EngineError> {
        if !self.may_keep(snapshot, wish) {
            return Ok(Err("policy does not let them propose what is live".to_owned()));
        }
        let (path, entry) = match kept_file(snapshot, incident) {
            Ok(file) => file,
            Err(why) => return Ok(Err(why.to_owned())),
        };
        let declared = String::from_utf8(self.ports.source.read(&entry).await?).ok();
        let shown = incident.difference.as_ref().map(|difference| difference.text.as_str());
        let live = declared.zip(shown).and_then(|(declared, shown)| patch::live(&declared, shown));
        let Some(live) = live else {
            return Ok(Err("what differs is more than lines of one text file".to_owned()));
        };
        let branch = format!("tribune/drift-{}", incident.id);
        let message = format!(
            "{path}: take over what is live on {}\n\n{} found that it differs ({}).\n\n\
             Requested-by: {}\n",
            incident.key.target, incident.key.intent, incident.id, wish.person
        );
        let draft = Draft {
            base: snapshot.revision.clone(),
            branch: branch.clone(),
            files: BTreeMap::from([(path, Some(live.into_bytes()))]),
            message,
            at: self.now(),
        };
        let from = self.ports.source.draft(&draft).await?;
        let body = reply::kept(incident.id, &from, &branch);
        let event = Event::Kept { by: wish.person.clone(), branch, from };
        self.tell(snapshot, &incident.key, event, None).await?;
        Ok(Ok(body))
    }
}

/// Returns the one file whose live content may be taken over, or why none may.
fn kept_file(
    snapshot: &Snapshot,
    incident: &Incident,
) -> Result<(RepoPath, TreeEntry), &'static str> {
    const ONLY_FILES: &str = "only the content of a managed file can be taken over";
    let intent = snapshot.repo.intents.get(&incident.key.intent).ok_or(ONLY_FILES)?;
    let Executor::File(rule) = &intent.run else { return Err(ONLY_FILES) };
    let difference = incident.difference.as_ref().filter(|_| incident.found == Found::Differs);
    let difference = difference.ok_or("nobody can tell what differs now")?;
    if difference.concealed || rule.sensitive {
        return Err("a part of what differs is shown to nobody");
    }
    if rule.template {
        return Err("the declared file is a template, which what is live does not tell");
    }
    if difference.dropped > 0 {
        return Err("the difference is too long to be shown whole");
    }
    let entry = snapshot.repo.tree.0.get(&rule.source);
    let entry = entry.ok_or("what is declared is a folder; take over its files by hand")?;
    Ok((rule.source.clone(), entry.clone()))
}
