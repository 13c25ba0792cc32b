//! The grammar by example, and the property that canonical text reads back.

use proptest::prelude::*;

use super::super::intent::AliasWord;
use super::super::invisible::is_invisible;
use super::*;

fn vocabulary() -> Vocabulary {
    let alias = |words: &[&str]| {
        Alias(
            words
                .iter()
                .map(|word| match word.strip_prefix('{') {
                    Some("target}") => AliasWord::Target,
                    Some(name) => AliasWord::Param(
                        name.trim_end_matches('}').parse().expect("a parameter name"),
                    ),
                    None => AliasWord::Literal((*word).to_owned()),
                })
                .collect(),
        )
    };
    let intent = |name: &str, aliases: Vec<Alias>| (name.parse().expect("a name"), aliases);
    Vocabulary {
        intents: BTreeMap::from([
            intent("restart-service", vec![alias(&["restart", "{service}", "on", "{target}"])]),
            intent("disk-usage", vec![alias(&["df"]), alias(&["df", "{target}"])]),
            intent("drop-cache", vec![alias(&["drop", "{what}"])]),
            intent(
                "drop-table",
                vec![alias(&["drop", "{name}"]), alias(&["drop", "table", "{name}"])],
            ),
        ]),
        people: ["ada", "bob"].map(|name| name.parse().expect("a name")).into(),
        mentions: BTreeMap::from([(
            "<@U1>".to_owned(),
            Mention::Person("ada".parse().expect("a name")),
        )]),
        bot: vec!["@tribune".to_owned()],
    }
}

/// Returns the canonical form of what was typed, or the error with its hint.
fn said(text: &str) -> String {
    match parse(text, &vocabulary()) {
        Ok(None) => "nothing".to_owned(),
        Ok(Some(Command::Ask(ask))) => ask.to_string(),
        Ok(Some(Command::WhyIf { person, ask })) => format!("@{person}: {ask}"),
        Ok(Some(other)) => format!("{other:?}"),
        Err(error) => format!("{error} | {}", error.hint()),
    }
}

#[test]
fn requests_come_out_in_canonical_form() {
    for (typed, canonical) in [
        (
            "!run restart-service service=nginx delay=0 on web1",
            "!run restart-service on web1 delay=0 service=nginx",
        ),
        (
            "!Check restart-service on web1,web2 db pr 12",
            "!check restart-service on web1 web2 db pr #12",
        ),
        (
            "!run restart-service pr acme/web#7 on \"pr\" note=“two words”",
            "!run restart-service on \"pr\" note=\"two words\" pr acme/web#7",
        ),
        (
            "!restart nginx on web1 web2 delay=5",
            "!run restart-service on web1 web2 delay=5 service=nginx",
        ),
        ("!df", "!run disk-usage"),
        ("!df web1", "!run disk-usage on web1"),
        ("!drop table users", "!run drop-table name=users"),
        ("!why @ada restart-service on web1", "@ada: !run restart-service on web1"),
        ("!why <@U1> disk-usage", "@ada: !run disk-usage"),
    ] {
        assert_eq!(said(typed), canonical, "{typed}");
    }
}

#[test]
fn every_command_is_understood() {
    for command in COMMANDS {
        let parsed = parse(command.example, &vocabulary());
        assert!(matches!(parsed, Ok(Some(_))), "{}: {parsed:?}", command.example);
    }
    for (typed, parsed) in [
        ("!help drop-table", "Help(Some(Intent(IntentName(\"drop-table\"))))"),
        ("@tribune", "Help(None)"),
        ("@Tribune: status 42", "Status(Some(RequestId(42)))"),
        ("!requests mine", "Requests(Mine)"),
        ("!why R42", "Why(RequestId(42))"),
        (
            "!ban @ada \"shared an account\" 7d",
            "Ban { person: PersonId(\"ada\"), reason: \"shared an account\", length: For(168h) }",
        ),
        (
            "!ban @ada it's been a day PERMANENT",
            "Ban { person: PersonId(\"ada\"), reason: \"it's been a day\", length: Permanent }",
        ),
        ("!unban @ada", "Unban(PersonId(\"ada\"))"),
        (
            "!deny r42 don't \"do it",
            "Deny { request: RequestId(42), reason: Some(\"don't \\\"do it\") }",
        ),
        (
            "!audit r42 @zoe",
            "Audit(AuditQuery { request: Some(RequestId(42)), person: Some(PersonId(\"zoe\")), within: None })",
        ),
    ] {
        assert_eq!(said(typed), parsed, "{typed}");
    }
}

#[test]
fn every_slip_is_named_with_what_to_type_instead() {
    let typed = [
        "!rnu restart-service",
        "!restart-service on web1",
        "!xyzzy",
        "!adduser @bob",
        "!ban @ada",
        "!ban @ada 7d",
        "!ban @ada \"shared an account\"",
        "!ban @ada shared an account",
        "!ban ci \"noisy\" 7d",
        "!ping\n!status",
        "!run restart-service on web\u{202e}1",
        "!run restart-service note=\"open",
        "!run restart-service note=\"a\"b",
        "!run restart-service =x",
        "!run restart-service Service=x",
        "!run restart-service service= on web1",
        "!run restart-service service=a service=b",
        "!ping pong",
        "!run restart-service web1",
        "!run",
        "!run restrat-service",
        "!run banana",
        "!help rnu",
        "!help banana",
        "!drop users",
        "!run restart-service on",
        "!run restart-service on w/1",
        "!run restart-service on web web",
        "!run restart-service pr",
        "!run restart-service pr twelve",
        "!run restart-service pr 1 pr 2",
        "!approve",
        "!approve soon",
        "!whois",
        "!whois ada",
        "!whois @adda",
        "!whois @somebody",
        "!requests yours",
        "!audit 5x",
    ];
    let told: Vec<String> =
        typed.iter().map(|typed| format!("{}\n  {}", typed.escape_debug(), said(typed))).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    !rnu restart-service
      there is no command `!rnu` | did you mean `!run`? `!help` lists what you may do
    !restart-service on web1
      there is no command `!restart-service` | did you mean `!run restart-service`? `!help` lists what you may do
    !xyzzy
      there is no command `!xyzzy` | `!help` lists what you may do
    !adduser @bob
      `!adduser` is not there yet | propose it by pull request: add a file to `inventory/people/`
    !ban @ada
      `!ban` does not say why | type `!ban @person "<reason>" <duration|permanent>`, such as `!ban @bob "shared an account" 7d`
    !ban @ada 7d
      `!ban` does not say why | type `!ban @person "<reason>" <duration|permanent>`, such as `!ban @bob "shared an account" 7d`
    !ban @ada \"shared an account\"
      a duration is missing: write it as 90s, 30m, 24h, 7d, 2w or 1h30m | type `!ban @person "<reason>" <duration|permanent>`, such as `!ban @bob "shared an account" 7d`
    !ban @ada shared an account
      "account" is not a duration: write it as 90s, 30m, 24h, 7d, 2w or 1h30m | type `!ban @person "<reason>" <duration|permanent>`, such as `!ban @bob "shared an account" 7d`
    !ban ci \"noisy\" 7d
      `ci` does not name a person | type `!ban @person "<reason>" <duration|permanent>`, such as `!ban @bob "shared an account" 7d`; a service is banned by a file of `inventory/bans/`, and stops at once when its owner is banned
    !ping\n!status
      this message holds more than one command: `!ping` and `!status` | send one command per message, such as `!ping` alone
    !run restart-service on web\u{202e}1
      the command holds the character U+202E, which people cannot see | type the command by hand instead of pasting it
    !run restart-service note=\"open
      the quote that begins at `"open` is never closed | put the quotes around the whole value, such as `note="two words"`; inside them, write a quote as `\"`
    !run restart-service note=\"a\"b
      `b` stands right behind the closing quote of `a` | put the quotes around the whole value, such as `note="two words"`; inside them, write a quote as `\"`
    !run restart-service =x
      `=x` has no name before the `=` | write arguments as `key=value` without spaces around `=`, such as `service=nginx`
    !run restart-service Service=x
      `Service` cannot be the name of an argument | names of arguments are `a-z`, `0-9` and `_`, such as `service=nginx`
    !run restart-service service= on web1
      `service=` has no value | write `service=value` without spaces, or `service=""` if it is to be empty
    !run restart-service service=a service=b
      `service` is given twice | give `service` once, such as `service=value`
    !ping pong
      `pong` is out of place in `!ping` | type `!ping` alone
    !run restart-service web1
      `web1` is neither a target nor an argument of restart-service | targets follow `on` and arguments are `key=value`: `!run restart-service on web1` or `!help restart-service`
    !run
      `!run` does not say which intent | type `!run <intent> [on <target>…] [key=value …] [pr <number>]`, such as `!run restart-service on web1 service=nginx`; `!intents` lists them
    !run restrat-service
      there is no intent `restrat-service` | did you mean `restart-service`? `!help restart-service` shows how it is typed
    !run banana
      there is no intent `banana` | `!intents` lists all of them
    !help rnu
      there is no intent or command `rnu` | did you mean `!help run`?
    !help banana
      there is no intent or command `banana` | `!help` lists what you may do, `!intents` lists all intents
    !drop users
      `!drop users` could mean drop-cache or drop-table | say which one: `!run drop-cache …` or `!run drop-table …`
    !run restart-service on
      no target follows `on` | name hosts or groups after `on`, such as `!run restart-service on web1 service=nginx`
    !run restart-service on w/1
      `w/1` cannot be the name of a target | name hosts or groups after `on`, such as `!run restart-service on web1 service=nginx`
    !run restart-service on web web
      the target `web` is named twice | name it once: `on web`
    !run restart-service pr
      no pull request follows `pr` | cite a pull request by its number, such as `pr 12`, or `pr owner/repo#12` of another repository
    !run restart-service pr twelve
      `twelve` is not a pull request | cite a pull request by its number, such as `pr 12`, or `pr owner/repo#12` of another repository
    !run restart-service pr 1 pr 2
      more than one pull request is cited | a request cites one pull request, such as `pr 12`
    !approve
      `!approve` does not say which request | type `!approve <id>`, such as `!approve r42`; `!requests` lists them
    !approve soon
      `soon` is not the number of a request | type `!approve <id>`, such as `!approve r42`
    !whois
      `!whois` does not say who | type `!whois @person`, such as `!whois @ada`
    !whois ada
      `ada` does not name a person | type `!whois @person`, such as `!whois @ada`
    !whois @adda
      nobody in the policy repo is called `@adda` | did you mean `@ada`?
    !whois @somebody
      nobody in the policy repo is called `@somebody` | people are the files of `inventory/people/`; write them as `@ada`
    !requests yours
      `yours` is out of place in `!requests` | type `!requests [mine|open]`, such as `!requests open`
    !audit 5x
      `5x` is out of place in `!audit` | type `!audit [id] [@person] [duration]`, such as `!audit @ada 24h`
    "#);
    let long = format!("!run restart-service note={}", "x".repeat(5_000));
    assert_eq!(
        said(&long),
        "the command is 5025 bytes long | a command is at most 4000 bytes, such as \
         `!run restart-service on web1 service=nginx`"
    );
    let reason = format!("!deny r42 {}", "x".repeat(301));
    assert_eq!(
        said(&reason),
        "the reason is 301 characters long | a reason is at most 300 characters, such as \
         `!deny r42 not today`"
    );
}

fn any_ask() -> impl Strategy<Value = Ask> {
    let target =
        prop_oneof![Just("on".to_owned()), Just("pr".to_owned()), "[A-Za-z0-9][A-Za-z0-9._-]{0,9}"];
    let value = "\\PC{0,20}|[ \"'\\\\=“”’,#]{0,6}"
        .prop_filter("visible", |value| !value.contains(is_invisible));
    let pull =
        ("(acme/[a-z.]{1,5}x)?", 1..=u64::MAX).prop_map(|(repo, number)| PullRef { repo, number });
    (
        prop_oneof![Just(Mode::Run), Just(Mode::Check)],
        prop::collection::btree_set(target, 0..4),
        prop::collection::btree_map("[a-z][a-z0-9_]{0,5}", value, 0..4),
        prop::option::of(pull),
    )
        .prop_map(|(mode, targets, args, cites)| Ask {
            mode,
            intent: "restart-service".parse().expect("a name"),
            targets: targets.into_iter().collect(),
            args: args
                .into_iter()
                .map(|(name, value)| (name.parse().expect("a name"), value))
                .collect(),
            cites,
        })
}

proptest! {
    #[test]
    fn the_canonical_form_parses_back_to_the_same_request(ask in any_ask()) {
        let parsed = parse(&ask.to_string(), &vocabulary());
        prop_assert_eq!(parsed, Ok(Some(Command::Ask(ask))));
    }
}

#[test]
fn drift_is_told_by_intent_or_incident_and_decided_by_incident() {
    let table = [
        "!drift",
        "!drift restart-service",
        "!drift d7",
        "!drift check",
        "!drift check disk-usage",
        "!drift repair d7",
        "!drift keep D7",
        "!drift ignore d7 24h",
        "!drift ignore d7 2w \"it's being tested\"",
        "!drift d7 d8",
        "!drift chek",
        "!drift check restart",
        "!drift repair",
        "!drift repair r7",
        "!drift ignore d7",
        "!drift ignore d7 soon",
    ];
    let told: Vec<String> =
        table.iter().map(|typed| format!("{typed}\n  {}", said(typed))).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    !drift
      Drift(Overview)
    !drift restart-service
      Drift(OfIntent(IntentName("restart-service")))
    !drift d7
      Drift(OfIncident(IncidentId(7)))
    !drift check
      Drift(Check(None))
    !drift check disk-usage
      Drift(Check(Some(IntentName("disk-usage"))))
    !drift repair d7
      Drift(Repair(IncidentId(7)))
    !drift keep D7
      Drift(Keep(IncidentId(7)))
    !drift ignore d7 24h
      Drift(Ignore { incident: IncidentId(7), length: 24h, reason: None })
    !drift ignore d7 2w "it's being tested"
      Drift(Ignore { incident: IncidentId(7), length: 336h, reason: Some("it's being tested") })
    !drift d7 d8
      `d8` is out of place in `!drift` | `!help drift` shows how it is typed
    !drift chek
      `!drift` knows no `chek` | did you mean `!drift check`? `!drift` lists what differs
    !drift check restart
      there is no intent `restart` | `!intents` lists all of them
    !drift repair
      `!drift repair` does not say which incident | write incidents as `d7`; `!drift` lists what differs
    !drift repair r7
      `r7` is not the number of an incident | write incidents as `d7`; `!drift` lists what differs
    !drift ignore d7
      `!drift ignore` does not say for how long | give a duration, such as `!drift ignore d7 24h "being tested"`
    !drift ignore d7 soon
      `!drift ignore` does not say for how long | give a duration, such as `!drift ignore d7 24h "being tested"`
    "#);
}

#[test]
fn a_reason_to_ignore_drift_has_an_end() {
    let typed = format!("!drift ignore d7 24h {}", "x".repeat(301));
    assert_eq!(said(&typed), "the reason is longer than 300 characters | say it in fewer words");
}
