use proptest::prelude::*;

use super::*;
use crate::domain::digest::Digest;
use crate::domain::drift::WatchKey;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}

fn terms(on_drift: OnDrift) -> Terms {
    Terms {
        on_drift,
        remind: SignedDuration::from_hours(24),
        fresh: IncidentId(1),
        place: ("console".parse().unwrap(), "ops".parse().unwrap()),
    }
}

fn watch() -> Watch {
    let key = WatchKey { intent: "motd".parse().unwrap(), target: "web1".parse().unwrap() };
    Watch::new(key, at(0))
}

fn drift(text: &str) -> Observation {
    let fingerprint = Digest::of(text.as_bytes());
    Observation::Differs(Difference {
        fingerprint,
        text: text.to_owned(),
        dropped: 0,
        concealed: false,
    })
}

fn broken() -> Observation {
    Observation::Unknown { why: "it exited with 1".to_owned() }
}

fn ada() -> PersonId {
    "ada".parse().unwrap()
}

/// A watch that lives on, and what came of its last event.
struct Life {
    watch: Watch,
    terms: Terms,
    effects: Vec<Effect>,
}

impl Life {
    fn new(on_drift: OnDrift) -> Self {
        Self { watch: watch(), terms: terms(on_drift), effects: Vec::new() }
    }

    fn event(&mut self, minute: i64, event: Event) -> &mut Self {
        (self.watch, self.effects) = step(&self.watch, event, &self.terms, at(minute));
        self
    }

    fn look(&mut self, minute: i64, observation: Observation) -> &mut Self {
        self.event(minute, Event::Observed(observation))
    }

    fn notes(&self) -> Vec<&Note> {
        let notes = self.effects.iter().filter_map(|effect| match effect {
            Effect::Note(note) => Some(note),
            _ => None,
        });
        notes.collect()
    }

    fn has(&self, effect: &Effect) -> bool {
        self.effects.contains(effect)
    }

    fn incident(&self) -> &Incident {
        self.watch.incident.as_ref().expect("an incident is open")
    }

    /// Tribune repairs and it does not help.
    fn fails(&mut self, minute: i64) -> &mut Self {
        let request = RequestId(minute.unsigned_abs());
        self.event(minute, Event::Asked(Repair { request, by: None }));
        let how = "failed".to_owned();
        self.event(minute, Event::Ended { request, ran: true, how });
        self.look(minute, drift("a"))
    }
}

#[test]
fn the_same_drift_twice_is_no_news_and_another_is_said_on_the_same_card() {
    let mut life = Life::new(OnDrift::Report);
    life.look(1, drift("a"));
    assert!(life.has(&Effect::Repaint) && life.notes().is_empty());
    assert!(!life.has(&Effect::Repair));
    life.look(2, drift("a"));
    assert_eq!(life.effects, []);
    assert_eq!(life.watch.checked, Some(at(2)));
    life.look(3, drift("b"));
    assert_eq!(life.notes(), [&Note::Changed]);
    assert_eq!((life.incident().id, life.incident().differences), (IncidentId(1), 2));
}

#[test]
fn what_clears_is_closed_once() {
    let mut life = Life::new(OnDrift::Ask);
    life.look(1, drift("a")).look(2, Observation::InSync);
    assert_eq!(life.watch.incident, None);
    let Some(Effect::Closed(closed)) = life.effects.last() else { panic!("it is closed") };
    assert_eq!(closed.closed.as_ref().map(|it| it.at), Some(at(2)));
    life.look(3, Observation::InSync);
    assert_eq!(life.effects, []);
}

#[test]
fn a_repair_that_is_no_longer_needed_is_void() {
    let mut life = Life::new(OnDrift::Ask);
    life.look(1, drift("a"));
    life.event(2, Event::Asked(Repair { request: RequestId(7), by: Some(ada()) }));
    life.look(3, Observation::InSync);
    assert!(life.has(&Effect::Moot(RequestId(7))));
}

#[test]
fn a_repair_that_helped_is_named() {
    let mut life = Life::new(OnDrift::Ask);
    life.look(1, drift("a"));
    life.event(2, Event::Asked(Repair { request: RequestId(7), by: Some(ada()) }));
    let how = "succeeded".to_owned();
    life.event(3, Event::Ended { request: RequestId(7), ran: true, how });
    life.look(3, Observation::InSync);
    assert_eq!(life.notes(), [&Note::Closed("repaired by r7".to_owned())]);
    assert!(!life.has(&Effect::Moot(RequestId(7))), "it has ended already");
}

#[test]
fn one_failed_look_is_not_told_and_two_are_and_each_waits_longer() {
    let every = SignedDuration::from_mins(15);
    let mut life = Life::new(OnDrift::Auto);
    life.look(1, broken());
    assert!(!life.has(&Effect::Repaint), "it may be a hiccup");
    assert_eq!(pause(&life.watch, every), every);
    life.look(2, broken());
    assert!(life.has(&Effect::Repaint) && !life.has(&Effect::Repair));
    assert_eq!(life.incident().found, Found::Unknown);
    assert_eq!(pause(&life.watch, every), every * 2);
    for minute in 3..10 {
        life.look(minute, broken());
        assert_eq!(life.effects, []);
    }
    assert_eq!(pause(&life.watch, every), every * 8);
}

#[test]
fn drift_that_cannot_be_told_any_more_stays_an_incident() {
    let mut life = Life::new(OnDrift::Report);
    life.look(1, drift("a")).look(2, broken()).look(3, broken());
    assert_eq!(life.notes(), [&Note::CannotTell("it exited with 1".to_owned())]);
    life.look(4, drift("a"));
    assert_eq!(life.notes(), [&Note::Back]);
    life.look(5, Observation::Denied { why: "no".to_owned() });
    assert_eq!(life.watch.found, Found::Denied);
    assert_eq!(life.incident().why.as_deref(), Some("no"));
}

#[test]
fn auto_tries_three_times_within_an_hour_and_then_asks() {
    let mut life = Life::new(OnDrift::Auto);
    life.look(1, drift("a"));
    assert!(life.has(&Effect::Repair));
    life.fails(2);
    assert!(!life.has(&Effect::Repair), "the next look tries again, not this one");
    assert_eq!(pause(&life.watch, SignedDuration::from_hours(1)), REPAIR_AGAIN);
    life.look(7, drift("a"));
    assert!(life.has(&Effect::Repair));
    life.fails(8).fails(20);
    assert_eq!(life.incident().on_drift, OnDrift::Ask);
    assert!(life.notes().iter().any(|note| matches!(note, Note::TurnedToAsk(_))));
    life.look(30, drift("a"));
    assert_eq!(life.effects, []);
}

#[test]
fn an_open_incident_does_what_its_intent_says_now() {
    let mut life = Life::new(OnDrift::Report);
    life.look(1, drift("a"));
    life.terms = terms(OnDrift::Auto);
    life.look(2, drift("a"));
    assert_eq!(life.effects, [Effect::Repaint, Effect::Repair]);
    life.fails(3).fails(8).fails(20);
    assert_eq!(life.incident().on_drift, OnDrift::Ask, "it gave up");
    life.look(30, drift("a"));
    assert_eq!(life.effects, [], "and does not begin anew by itself");
    life.terms = terms(OnDrift::Report);
    life.look(31, drift("a"));
    assert_eq!((life.incident().on_drift, &life.incident().held), (OnDrift::Report, &None));
    life.terms = terms(OnDrift::Auto);
    life.look(90, drift("a"));
    assert!(life.has(&Effect::Repair), "somebody wants it to try again");
}

#[test]
fn failures_of_more_than_an_hour_ago_do_not_count() {
    let mut life = Life::new(OnDrift::Auto);
    life.look(1, drift("a")).fails(2).fails(3).fails(70);
    assert_eq!(life.incident().on_drift, OnDrift::Auto);
}

#[test]
fn auto_asks_once_somebody_ends_its_repair_before_it_ran() {
    let mut life = Life::new(OnDrift::Auto);
    life.look(1, drift("a"));
    life.event(2, Event::Asked(Repair { request: RequestId(4), by: None }));
    let how = "was vetoed".to_owned();
    life.event(3, Event::Ended { request: RequestId(4), ran: false, how });
    assert_eq!(life.incident().on_drift, OnDrift::Ask);
    assert_eq!(life.incident().held.as_deref(), Some("r4 was vetoed"));
}

#[test]
fn ignoring_holds_for_one_difference_and_one_time() {
    let ignored = Ignored { by: ada(), until: at(100), reason: Some("testing".to_owned()) };
    let mut life = Life::new(OnDrift::Auto);
    life.look(1, drift("a")).event(2, Event::Ignored(ignored.clone()));
    assert_eq!(next_tick(&life.watch, life.terms.remind), Some(at(100)));
    life.look(3, drift("a"));
    assert_eq!(life.effects, [], "no repair while it is ignored");
    life.look(4, drift("b"));
    assert_eq!(life.notes(), [&Note::IgnoreLapsed]);
    assert!(life.has(&Effect::Repair));
    life.event(5, Event::Ignored(ignored)).event(99, Event::Tick);
    assert_eq!(life.effects, []);
    life.event(100, Event::Tick);
    assert_eq!(life.notes(), [&Note::IgnoreOver]);
}

#[test]
fn people_are_reminded_once_per_interval() {
    let mut life = Life::new(OnDrift::Report);
    life.look(1, drift("a")).event(60, Event::Tick);
    assert_eq!(life.effects, []);
    life.event(1 + 24 * 60, Event::Tick);
    assert_eq!(life.notes(), [&Note::Reminder(at(1))]);
    life.event(2 + 24 * 60, Event::Tick);
    assert_eq!(life.effects, []);
}

#[test]
fn a_reaction_counts_once_until_it_is_taken_back() {
    let answered = |refused: Option<&str>| {
        let refused = refused.map(str::to_owned);
        Event::Answered(Answered { who: "ada".to_owned(), sign: Sign::Approve, refused })
    };
    let mut life = Life::new(OnDrift::Ask);
    life.look(1, drift("a")).event(2, answered(Some("no")));
    assert_eq!(life.effects.len(), 2, "audited and shown");
    life.event(3, answered(Some("no")));
    assert_eq!(life.effects, []);
    life.event(4, Event::Withdrawn { who: "ada".to_owned(), sign: Sign::Approve });
    assert_eq!(life.incident().answered, []);
}

#[test]
fn what_is_no_longer_watched_is_closed() {
    let mut life = Life::new(OnDrift::Ask);
    life.look(1, drift("a")).event(2, Event::Removed { why: "it was removed".to_owned() });
    assert_eq!(life.watch.incident, None);
    assert!(matches!(life.effects.last(), Some(Effect::Closed(_))));
}

fn any_event() -> impl Strategy<Value = Event> {
    let request = (1..4u64).prop_map(RequestId);
    prop_oneof![
        Just(Event::Observed(Observation::InSync)),
        "[ab]".prop_map(|text| Event::Observed(drift(&text))),
        Just(Event::Observed(broken())),
        Just(Event::Observed(Observation::Denied { why: "no".to_owned() })),
        (request.clone(), any::<bool>())
            .prop_map(|(request, own)| { Event::Asked(Repair { request, by: own.then(ada) }) }),
        (request, any::<bool>())
            .prop_map(|(request, ran)| { Event::Ended { request, ran, how: "ended".to_owned() } }),
        (0..300i64).prop_map(|until| {
            Event::Ignored(Ignored { by: ada(), until: at(until), reason: None })
        }),
        Just(Event::Tick),
        Just(Event::Held(Some("frozen".to_owned()))),
        Just(Event::Held(None)),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_what_is_found_and_what_is_told_agree(
        events in proptest::collection::vec(any_event(), 0..40),
        auto in any::<bool>(),
    ) {
        let mut life = Life::new(if auto { OnDrift::Auto } else { OnDrift::Ask });
        for (minute, event) in (0..).zip(events) {
            let before = life.watch.clone();
            life.event(minute, event.clone());
            let incident = life.watch.incident.as_ref();
            if life.watch.found == Found::InSync {
                prop_assert!(incident.is_none(), "in sync, and an incident is open");
            }
            if let Event::Observed(Observation::Differs(difference)) = &event {
                let shown = incident.and_then(|it| it.difference.as_ref());
                prop_assert_eq!(shown, Some(difference));
            }
            if life.has(&Effect::Repair) {
                let it = incident.expect("only drift is repaired");
                prop_assert!(it.on_drift == OnDrift::Auto && it.found == Found::Differs);
                prop_assert!(it.repair.is_none() && it.ignored.is_none());
            }
            if before.incident.is_some() && incident.is_none() {
                prop_assert!(matches!(life.effects.last(), Some(Effect::Closed(_))));
            }
            // Seeing the same once more is never news.
            if let Event::Observed(Observation::InSync | Observation::Differs(_)) = event {
                life.event(minute, event);
                life.effects.retain(|effect| *effect != Effect::Repair);
                prop_assert_eq!(&life.effects, &[]);
            }
        }
    }
}
