//! What one person may do, intent by intent and environment by environment, as policy says it
//! now. For people to look at; nothing is permitted by it.
//!
//! Targets of one environment that lie in the same groups are asked about once, arguments are
//! samples, and each is asked in the channels that take such requests: a policy that names one
//! host or one value may say otherwise for it, and `!why` tells.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::domain::channel::Channel;
use crate::domain::decision::{Decision, Outcome, Reason};
use crate::domain::evidence::Evidence;
use crate::domain::id::{ChannelName, EnvironmentName, IntentName, PersonId, RoleName, TargetName};
use crate::domain::intent::Intent;
use crate::domain::param::Args;
use crate::domain::person::Principal;
use crate::domain::request::{Mode, Via};

use super::Snapshot;
use super::decide::decide;
use super::may::sample_args;
use super::question::Question;
use super::voting::may_fill;

/// Kinds of targets that are asked about for one intent and environment.
const KINDS: usize = 4;
/// Channels that each is asked in.
const CHANNELS: usize = 3;

/// What a person may do with one intent in one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ability {
    /// Running it: the best that one of the channels and targets gives.
    pub run: Outcome,
    /// Whether that holds for some of the targets only.
    pub on_some: bool,
    /// The channel to ask in, if not every one would do.
    pub channel: Option<ChannelName>,
    /// Why not, if not.
    pub reasons: Vec<Reason>,
    /// Checking it; `None` if the intent has no check.
    pub check: Option<Outcome>,
    /// The roles by which they may approve it when somebody else asks.
    pub approve: BTreeSet<RoleName>,
}

/// Returns what `person` may do, for each intent in each environment that it has targets in.
pub fn abilities(
    snapshot: &Snapshot,
    person: &PersonId,
    now: Timestamp,
) -> BTreeMap<IntentName, BTreeMap<EnvironmentName, Ability>> {
    let look = Look { snapshot, person, principal: Principal::Person(person.clone()), now };
    let intents = snapshot.repo.intents.values();
    intents.map(|intent| (intent.name.clone(), look.intent(intent))).collect()
}

struct Look<'a> {
    snapshot: &'a Snapshot,
    person: &'a PersonId,
    principal: Principal,
    now: Timestamp,
}

impl Look<'_> {
    fn intent(&self, intent: &Intent) -> BTreeMap<EnvironmentName, Ability> {
        let args = sample_args(intent);
        let kinds = self.kinds(intent).into_iter();
        kinds
            .map(|(name, targets)| {
                let ability = self.ability(intent, &args, &name, &targets);
                (name, ability)
            })
            .collect()
    }

    /// Returns one target for each set of groups, by environment.
    fn kinds(&self, intent: &Intent) -> BTreeMap<EnvironmentName, Vec<TargetName>> {
        let inventory = &self.snapshot.repo.inventory;
        let named = intent.targets.iter().flat_map(|name| inventory.resolve(name));
        let mut seen = BTreeSet::new();
        let mut kinds: BTreeMap<EnvironmentName, Vec<TargetName>> = BTreeMap::new();
        for target in named.collect::<BTreeSet<_>>() {
            let Some(target) = inventory.targets.get(&target) else { continue };
            let of = kinds.entry(target.environment.clone()).or_default();
            if of.len() < KINDS && seen.insert((&target.environment, inventory.groups_of(target))) {
                of.push(target.name.clone());
            }
        }
        kinds
    }

    fn ability(
        &self,
        intent: &Intent,
        args: &Args,
        environment: &EnvironmentName,
        targets: &[TargetName],
    ) -> Ability {
        let channels = self.channels(intent, environment);
        let mut best: Option<(Decision, Option<ChannelName>)> = None;
        let mut ranks = BTreeSet::new();
        let mut check = None;
        let mut approve = BTreeSet::new();
        for target in targets {
            let ask = Asked { intent, args, target };
            let (decision, channel) = self.best(&ask, Mode::Run, &channels);
            ranks.insert(rank(&decision.outcome));
            if intent.check.is_some() {
                let (other, _) = self.best(&ask, Mode::Check, &channels);
                check = Some(match check {
                    Some(found) if rank(&found) >= rank(&other.outcome) => found,
                    Some(_) | None => other.outcome,
                });
            }
            approve.extend(self.slots(&ask, &channels));
            let better = best
                .as_ref()
                .is_none_or(|(found, _)| rank(&decision.outcome) > rank(&found.outcome));
            if better {
                best = Some((decision, channel));
            }
        }
        let (run, reasons, channel) = match best {
            Some((decision, channel)) => {
                let reasons = decision.reasons.into_iter().flat_map(|target| target.reasons);
                (decision.outcome, reasons.collect(), channel)
            }
            None => (Outcome::Deny, Vec::new(), None),
        };
        Ability { run, on_some: ranks.len() > 1, channel, reasons, check, approve }
    }

    /// Returns the channels that take such a request, those of the environment first.
    fn channels(&self, intent: &Intent, environment: &EnvironmentName) -> Vec<&Channel> {
        let all = self.snapshot.repo.channels.values();
        let mut taking: Vec<&Channel> =
            all.filter(|channel| channel.ask.contains(&intent.category)).collect();
        taking.sort_by_key(|channel| channel.environment.as_ref() != Some(environment));
        taking.truncate(CHANNELS);
        taking
    }

    /// Returns the best answer of any channel, and that channel if another answers worse.
    fn best(
        &self,
        ask: &Asked<'_>,
        mode: Mode,
        channels: &[&Channel],
    ) -> (Decision, Option<ChannelName>) {
        let mut answers: Vec<(Decision, Option<&ChannelName>)> = channels
            .iter()
            .map(|channel| Some(&channel.name))
            .chain(channels.is_empty().then_some(None))
            .map(|channel| (self.decide(ask, mode, channel), channel))
            .collect();
        let ranks: BTreeSet<_> = answers.iter().map(|(found, _)| rank(&found.outcome)).collect();
        // The first of the best: later ones are no better.
        answers.sort_by_key(|(found, _)| std::cmp::Reverse(rank(&found.outcome)));
        let (decision, channel) = answers.swap_remove(0);
        let channel = channel.filter(|_| ranks.len() > 1).cloned();
        (decision, channel)
    }

    fn decide(&self, ask: &Asked<'_>, mode: Mode, channel: Option<&ChannelName>) -> Decision {
        let targets = BTreeSet::from([ask.target.clone()]);
        let none = Evidence::default();
        decide(
            self.snapshot,
            &ask.question(&self.principal, mode, &targets, channel, &none, self.now),
        )
    }

    /// Returns the roles by which the person may fill a slot when somebody else asks.
    fn slots(&self, ask: &Asked<'_>, channels: &[&Channel]) -> BTreeSet<RoleName> {
        let Some(rule) = &ask.intent.approval else { return BTreeSet::new() };
        let repo = &self.snapshot.repo;
        let Some(other) = repo.people.keys().find(|other| *other != self.person) else {
            return BTreeSet::new();
        };
        let requester = Principal::Person(other.clone());
        let targets = BTreeSet::from([ask.target.clone()]);
        let channel = channels.iter().find(|channel| channel.approve).map(|channel| &channel.name);
        let none = Evidence::default();
        let question = ask.question(&requester, Mode::Run, &targets, channel, &none, self.now);
        let roles = rule.slots.iter().map(|slot| &slot.role);
        roles
            .filter(|role| may_fill(self.snapshot, &question, self.person, role))
            .cloned()
            .collect()
    }
}

struct Asked<'a> {
    intent: &'a Intent,
    args: &'a Args,
    target: &'a TargetName,
}

impl Asked<'_> {
    fn question<'q>(
        &'q self,
        requester: &'q Principal,
        mode: Mode,
        targets: &'q BTreeSet<TargetName>,
        channel: Option<&'q ChannelName>,
        evidence: &'q Evidence,
        now: Timestamp,
    ) -> Question<'q> {
        Question {
            requester,
            mode,
            intent: &self.intent.name,
            args: self.args,
            targets,
            via: Via::Chat,
            channel,
            card_channel: channel,
            evidence,
            now,
        }
    }
}

/// The better the greater.
fn rank(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Permit => 2,
        Outcome::NeedsApproval { .. } => 1,
        Outcome::Deny => 0,
    }
}
