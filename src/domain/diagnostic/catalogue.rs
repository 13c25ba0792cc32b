//! The catalogue of diagnostic codes: every kind of problem that loading a policy repo can find.
//!
//! A code never changes its meaning and is never used again for another one. Each has a broken
//! policy repo as its case below `tests/cases/`, and `docs/diagnostics.md` is made from this table.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Severity;

macro_rules! catalogue {
    ($($variant:ident $text:literal $severity:ident $summary:literal $advice:literal;)*) => {
        /// A kind of problem, shown and stored as its kebab-case name.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum Code {
            $(
                #[doc = $summary]
                #[serde(rename = $text)]
                $variant,
            )*
        }

        impl Code {
            /// All of them, in the order of the catalogue.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Returns the code as reports show it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Returns how bad such a problem is.
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// Returns what such a problem is, one sentence without a full stop.
            pub fn summary(self) -> &'static str {
                match self { $(Self::$variant => $summary,)* }
            }

            /// Returns what to do about such a problem, one sentence without a full stop.
            pub fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice,)* }
            }
        }
    };
}

catalogue! {
    // Files and their shape.
    FileUnknown "file-unknown" Error "A file that no part of the policy repo reads" "Move it to playbooks/, or give it the name its kind asks for";
    FileMissing "file-missing" Error "A file that every policy repo has is missing" "Add it; `tribune init` writes one";
    FileTooLarge "file-too-large" Error "A file is larger than the loader reads" "Split it, or move data that only runs need to playbooks/";
    NotUtf8 "not-utf8" Error "A file is not UTF-8 text" "Save it as UTF-8";
    YamlSyntax "yaml-syntax" Error "A file is not valid YAML" "Look at indentation, quotes and brackets just before the place";
    YamlDuplicateKey "yaml-duplicate-key" Error "A key stands twice in one mapping" "Remove one of the two";
    YamlLimit "yaml-limit" Error "A file is nested too deep, or too large once its aliases are filled in" "Make it flatter; write aliases out";
    NotYetSupported "not-yet-supported" Error "A key or file that this version refuses because nothing would act on it" "Remove it until the version that supports it";
    VersionUnsupported "version-unsupported" Error "A file is of a version that this Tribune does not know" "Write `version: 1`, or use a newer Tribune";
    UnknownKey "unknown-key" Error "A key that its kind does not have" "Correct the spelling, or remove it";
    MissingKey "missing-key" Error "A key that its kind must have is missing" "Add it";
    WrongType "wrong-type" Error "A value is of another type than its key takes" "Write a value of that type; text that looks like a number or `true` needs quotes";
    BadValue "bad-value" Error "A value is not one of those that its key takes" "Use one of the values that the message lists";
    BadName "bad-name" Error "A name breaks the rule for names of its kind" "Rename it by the rule that the message gives";
    BadText "bad-text" Error "A text is empty, too long, or holds control characters" "Write one line of plain text";
    BadDuration "bad-duration" Error "A duration cannot be read, or lies outside what its key takes" "Write a number and a unit, such as `90s`, `30m`, `24h`, `7d`, `2w`";
    BadSize "bad-size" Error "A size cannot be read, or lies outside what its key takes" "Write a number and a unit, such as `256KiB`, `512MiB`, `1GiB`";
    BadTime "bad-time" Error "A point in time cannot be read" "Write it with an offset, such as `2026-12-01T09:00:00Z`";
    OutOfRange "out-of-range" Error "A number lies outside what its key takes" "Use a number in the range that the message gives";
    DuplicateEntry "duplicate-entry" Error "An entry stands twice in one list" "Remove one of the two";
    NameMismatch "name-mismatch" Error "A file's name is not the name of what it declares" "Rename one of the two";
    NameReserved "name-reserved" Error "A name that Tribune itself uses" "Choose another name";

    // People, services, roles, bans.
    UnknownRole "unknown-role" Error "A role that `inventory/roles.yaml` does not declare" "Correct the spelling, or declare the role";
    RoleCycle "role-cycle" Error "Roles that lie in one another" "Remove one of the `in` entries of the cycle";
    NoAdmin "no-admin" Error "Nobody holds the role `admin`" "Give at least one person the role `admin`, or one that lies in it";
    UnknownPerson "unknown-person" Error "A person that has no file in `inventory/people/`" "Correct the spelling, or add the person";
    UnknownService "unknown-service" Error "A service that has no file in `inventory/services/`" "Correct the spelling, or add the service";
    AccountTwice "account-twice" Error "A chat or forge account belongs to two people" "Remove it from one of them";
    AccountForm "account-form" Warning "A chat account that is not written as its platform's ids are, and so belongs to nobody" "Write what `!whoami` prints for that account";
    PlatformUnknown "platform-unknown" Warning "A chat platform that Tribune does not know, so that nothing is read or said there" "Correct the spelling, or leave it out until there is such a chat";
    SigningKeyInvalid "signing-key-invalid" Error "A signing key is not an SSH public key" "Copy the one line of the `.pub` file";
    SigningKeyTwice "signing-key-twice" Error "A signing key belongs to two people, or stands twice" "Remove it from one of them";
    SigningKeyNeverValid "signing-key-never-valid" Error "A signing key ends before it begins" "Swap or correct `valid_after` and `valid_before`";
    BanSubject "ban-subject" Error "A ban names both a person and a service, or neither" "Name exactly one of `person` and `service`";
    BanByItself "ban-by-itself" Error "A ban whose subject is also its issuer" "Name the person who decided the ban in `by`";

    // Channels, hosts, environments.
    ChannelTwice "channel-twice" Error "A chat channel belongs to two channels" "Remove it from one of them";
    ChannelForm "channel-form" Error "The id of a channel is not written as its platform's ids are, and so names none" "Copy the channel's id from the platform";
    ChannelNobodyAsks "channel-nobody-asks" Error "A channel in which something may be asked, and none of its places may request" "Add `request` to the `may` of one of them, or remove `ask`";
    ChannelNobodyApproves "channel-nobody-approves" Error "A channel in which approvals count, and none of its places may approve" "Add `approve` to the `may` of one of them, or remove `approve: true`";
    StrengthEmpty "strength-empty" Error "A place of a channel that may do nothing" "Name `request`, `approve` or both, or remove the place";
    StrengthUnused "strength-unused" Warning "A place of a channel may do what its channel is not for" "Remove it from `may`, or give the channel `ask` or `approve: true`";
    StrengthUndeclared "strength-undeclared" Warning "A channel for production is on several platforms, and one of them does not say what may be done there" "Write `{ id: …, may: [request, approve] }`, and `approve` only where you trust the sign-in";
    UnknownChannel "unknown-channel" Error "A channel that `inventory/channels.yaml` does not declare" "Correct the spelling, or declare the channel";
    UnknownEnvironment "unknown-environment" Error "An environment that `inventory/environments.yaml` does not declare" "Correct the spelling, or declare the environment";
    UnknownGroup "unknown-group" Error "A group that `inventory/hosts.yaml` does not declare" "Correct the spelling, or declare the group";
    UnknownTarget "unknown-target" Error "A target that is neither a host nor a group, nor `local`" "Correct the spelling, or add it to `inventory/hosts.yaml`";
    EmptyTarget "empty-target" Error "A group without any host is used as a target" "Add a host to the group, or remove it from the targets";
    GroupCycle "group-cycle" Error "Groups that lie in one another" "Remove one of the `children` entries of the cycle";
    HostRange "host-range" Error "A host range cannot be read, or names too many hosts" "Write it as `web[01:20]` or `db[a:c]`";
    HostShape "host-shape" Error "A group of the inventory is not of the form Ansible reads" "Give groups `hosts`, `children` and `vars`, each a mapping";
    NameClash "name-clash" Error "A host and a group have the same name" "Rename one of the two";
    TwoEnvironments "two-environments" Error "A target lies in two environments" "Leave it in one of them";
    NoEnvironment "no-environment" Error "A target lies in no environment" "Add it or one of its groups to an environment";

    // Intents.
    IntentNoTarget "intent-no-target" Error "An intent without any target" "Name groups, hosts or `local`";
    ParamTypeClash "param-type-clash" Error "A parameter name has two types in the policy repo" "Rename one of the parameters, or give both one type";
    ParamLimit "param-limit" Error "A limit of a parameter does not fit its type, or cannot hold" "Remove or correct the limit";
    ParamPattern "param-pattern" Error "A parameter's pattern is not a regular expression" "Correct it; look-around and back-references are not there";
    ParamDefault "param-default" Error "A parameter's default breaks the parameter's own limits" "Correct the default, or widen the limit";
    ParamUnused "param-unused" Warning "A parameter that neither the command nor the environment uses" "Use it, or remove it";
    HoleSyntax "hole-syntax" Error "A text with `{` or `}` that is not a hole" "Write `{name}` for a hole, `{{` and `}}` for braces themselves";
    UnknownParam "unknown-param" Error "A hole that names no parameter of the intent" "Correct the spelling, or declare the parameter";
    AliasStart "alias-start" Error "An alias that does not begin with a word of its own" "Begin it with a literal word, such as `restart {service}`";
    AliasHole "alias-hole" Error "An alias with a hole that is not a word of its own, or stands twice" "Make each hole a word of its own, once";
    AliasShadowsCommand "alias-shadows-command" Error "An alias begins with the name of a command" "Begin it with another word";
    AliasAmbiguous "alias-ambiguous" Error "One message could mean two aliases" "Make them differ in a literal word";
    ArgvEmpty "argv-empty" Error "A command line without a program" "Give the program as the first word";
    ArgvProgram "argv-program" Error "A program that is neither a path in the policy repo nor a bare name" "Write `playbooks/…` or a bare program name; holes cannot choose the program";
    ArgvPathMissing "argv-path-missing" Error "A command line names a path that the policy repo does not have" "Correct the path, or add the file";
    ArgvNotExecutable "argv-not-executable" Error "A program in the policy repo is not executable" "Run `chmod +x` on it and commit, or start it through its interpreter";
    ArgvSudo "argv-sudo" Warning "A command line uses `sudo` or `su`, which cannot work in a run" "Let polkit allow the action, or act over ssh (docs/policy-repo.md)";
    ReadsMissing "reads-missing" Error "`reads` names a path that the policy repo does not have" "Correct the path, or add the file";
    RunExecutor "run-executor" Error "An intent that runs nothing, or two things" "Name exactly one executor under `run`: `argv` or `file`";
    ExecutorKey "executor-key" Error "A key that the intent's executor has no use for" "Remove it";
    FileSource "file-source" Error "The source of a managed file is not in the policy repo, or too large" "Correct the path, add the file, or split it";
    FilePath "file-path" Error "A managed file's path is not a root and a plain path below it" "Write `root/path`, where `root` is one of `file.roots` in the settings, without `.` and `..`";
    FileTarget "file-target" Error "A managed file on another target than `local`" "Write `targets: [local]`; only the machine that Tribune runs on is reached";
    CheckExit "check-exit" Error "The exit code for drift cannot be told from success" "Use a code from 1 to 125";
    EnvName "env-name" Error "A variable of the environment has a name that cannot be used" "Use letters, digits and `_`, and leave the names that Tribune sets";
    EnvTwice "env-twice" Error "A secret and a variable have the same name in the environment" "Rename one of the two";
    SandboxPath "sandbox-path" Error "A path of the sandbox is not absolute and plain, or opens everything" "Write an absolute path without `.` and `..`";
    CronSyntax "cron-syntax" Error "A cron expression cannot be read" "Write five fields: minute hour day month weekday";
    ZoneUnknown "zone-unknown" Error "A time zone that does not exist" "Use an IANA name such as `Europe/Berlin` or `UTC`";
    ScheduleNever "schedule-never" Error "A schedule that names no time" "Correct the day or month";
    ScheduleTooOften "schedule-too-often" Error "A schedule that asks more than once a minute" "Write one second, such as `0 */5 * * * *`";
    ScheduleDestroy "schedule-destroy" Error "An intent that destroys is scheduled" "Remove the schedule; let a person ask";
    ScheduleNoChannel "schedule-no-channel" Error "A scheduled intent says nowhere where its cards stand" "Add `channel`";
    ScheduleTarget "schedule-target" Error "A schedule names no target, or one that its intent does not act on" "Name targets of the intent";
    ScheduleArgs "schedule-args" Error "Arguments of a schedule do not fit the parameters of its intent" "Give every parameter without default a value that it takes";
    CiteWithoutLabel "cite-without-label" Error "An intent takes citations and has no label to look for" "Add `label`";
    LabelWithoutCite "label-without-cite" Warning "An intent has a label and takes no citations" "Add `cite`, or remove the label";
    BindRequired "bind-required" Error "A citation that need not name what it is for, where production is changed" "Write `bind: true`";
    SlotsEmpty "slots-empty" Error "Approval without a slot" "Add a slot, or remove `approval`";
    SlotCount "slot-count" Error "A slot that nobody would have to fill" "Write a count of at least 1";
    TooFewApprovers "too-few-approvers" Warning "Fewer people can approve than slots and a requester need" "Give more people the role, or ask for fewer";
    StandingWithoutCheck "standing-without-check" Error "A standing intent that cannot be looked at without acting" "Add `check`, or remove `standing`";
    StandingWithoutChannel "standing-without-channel" Error "A standing intent that does not say where drift is told" "Add `channel`";
    StandingDestroy "standing-destroy" Error "Tribune is to destroy something by itself" "Write `on_drift: ask` or `report`";
    StandingTarget "standing-target" Error "A standing intent looks at what the intent does not act on, or at nothing" "Name targets of the intent";
    StandingArgs "standing-args" Error "Arguments of a standing intent do not fit its parameters" "Correct them; parameters without a default must be given";
    DestroyUnguarded "destroy-unguarded" Warning "An intent that destroys has no approval slots or no veto" "Add `approval` with `slots` and `veto`";

    // Policies.
    PolicySyntax "policy-syntax" Error "A policy file is not valid Cedar" "Correct it just before the place; every policy ends with `;`";
    PolicyTemplate "policy-template" Error "A policy with a slot such as `?principal`" "Name the principal and resource, or grant by a role";
    PolicyIdMissing "policy-id-missing" Error "A policy without an `@id`" "Write `@id(\"a-unique-name\")` above it";
    PolicyIdTwice "policy-id-twice" Error "Two policies have the same `@id`" "Rename one of the two";
    PolicyReasonMissing "policy-reason-missing" Error "A policy without a `@reason`" "Say in `@reason(\"…\")` what it is for; people who are denied read it";
    PolicyNone "policy-none" Error "No policy permits anything" "Write at least one `permit`; what nothing permits is denied";
    PolicyUnknownType "policy-unknown-type" Error "A policy names an entity type that does not exist" "Use a type of the vocabulary in docs/policies.md";
    PolicyUnknownAction "policy-unknown-action" Error "A policy names an action that does not exist" "Use an action of the vocabulary in docs/policies.md";
    PolicyUnknownAttribute "policy-unknown-attribute" Error "A policy reads an attribute that does not exist" "Correct the spelling; the vocabulary is in docs/policies.md";
    PolicyUnguarded "policy-unguarded" Error "A policy reads an attribute or tag that may be absent" "Ask `has` (or `hasTag`) first, with `&&`";
    PolicyTooDeep "policy-too-deep" Error "A policy reads an attribute of an entity that it reached through another" "Use what the context itself names; the vocabulary is in docs/policies.md";
    PolicyEnum "policy-enum" Error "A policy names a category, environment, page, way or kind that does not exist" "Use one of the values that the hint lists";
    PolicyType "policy-type" Error "A policy uses a value as what it is not" "Compare and combine values of one type";
    PolicyNeverHolds "policy-never-holds" Error "A policy can never hold" "Correct its scope or its conditions, or remove it";
    PolicyConfusable "policy-confusable" Error "A policy holds characters that look like others" "Write it in plain ASCII";
    PolicyHasUnknown "policy-has-unknown" Error "A policy asks `has` for an attribute that nothing ever has" "Correct the spelling; the vocabulary is in docs/policies.md";
    PolicyUnknownEntity "policy-unknown-entity" Error "A policy names a person, role, intent or other entity that does not exist" "Correct the spelling, or add it";
    PolicyUnknownRole "policy-unknown-role" Error "A policy counts approvals by a role that does not exist" "Use a role of `inventory/roles.yaml`";
    PolicyUnknownFlag "policy-unknown-flag" Error "A policy asks for a flag that nobody bears" "Correct the spelling, or give somebody the flag";
    PolicyUnknownValue "policy-unknown-value" Error "A policy compares an argument with a value that it can never have" "Use a value of the parameter's `enum`";
    PolicyForbidType "policy-forbid-type" Error "A forbid reads an attribute that some principals never have, and so never meets them" "Say `principal is Person` (or `Service`) in its scope";
    PolicyScheduleClosed "policy-schedule-closed" Warning "A schedule whose requests policy denies" "Write a permit for `Service::\"scheduler\"`, or remove the schedule";
    PolicyIntentClosed "policy-intent-closed" Error "An intent that no policy can ever permit" "Write a permit for it, or give it `approval` or `cite`";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
