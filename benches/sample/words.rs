//! What generated policy repos are made of. `APP`, `TEAM` and `GROUP` stand for an app, its team
//! and its hosts; `ROUND` for how often a rule came before.

pub const FIRST_NAMES: &[&str] = &[
    "Ada", "Alan", "Amina", "Barbara", "Bjarne", "Chiara", "Claude", "Dana", "Dennis", "Edsger",
    "Elena", "Farid", "Frances", "Grace", "Hana", "Hedy", "Ibrahim", "Ines", "Jean", "Jonas",
    "Karen", "Kenji", "Leslie", "Lotte", "Margaret", "Mei", "Niklaus", "Noor", "Olga", "Pavel",
    "Radia", "Rosa", "Samir", "Shafi", "Tove", "Uma", "Viktor", "Wanda", "Yara", "Zoltan",
];

pub const LAST_NAMES: &[&str] = &[
    "Allen", "Almeida", "Bauer", "Becker", "Castro", "Chen", "Dahl", "Diaz", "Egede", "Engel",
    "Fischer", "Fofana", "Garcia", "Gupta", "Haddad", "Hopper", "Ito", "Ivanova", "Jansen", "Kim",
    "Kovacs", "Lamport", "Lindgren", "Lovelace", "Marin", "Moreau", "Nakamura", "Nilsen", "Okafor",
    "Olsen", "Papp", "Perlman", "Quist", "Ritchie", "Rossi", "Santos", "Schmidt", "Tanaka",
    "Turing", "Usman", "Vidal", "Vogel", "Weber", "Wirth", "Xu", "Yilmaz", "Zeman", "Zhang",
    "Zuse", "Zweig",
];

pub const TEAMS: &[&str] = &[
    "payments", "billing", "search", "catalog", "identity", "mail", "media", "orders", "pricing",
    "reports", "shipping", "stock", "support", "tax", "web", "metrics", "ledger", "fraud", "maps",
    "chat", "partners", "returns", "reviews", "loyalty", "content",
];

pub const PARTS: &[&str] = &["api", "worker", "frontend", "db", "cache"];

/// A standing intent that keeps one file; `NAME` stands for it.
pub const KEEP: &str = "version: 1
intent: NAME
summary: Keep NAME of this machine as this repository has it
category: change
risk: 1
targets: [local]
label: ops/files
cite: { within: 30d, bind: false }
approval:
  slots: [{ role: operator }]
channel: ops
run:
  file: { source: playbooks/files/NAME.conf, path: managed/NAME.conf, mode: \"0644\" }
idempotent: true
standing: { every: 15m, targets: [local], on_drift: report }
";

/// Intents that every app has: verb and file.
pub const VERBS: &[(&str, &str)] = &[
    (
        "status",
        r#"version: 1
intent: status-APP
summary: Show how APP does
category: read
risk: 0
targets: [GROUP]
run: { argv: [playbooks/scripts/app.sh, status, APP, "{target}"] }
limits: { timeout: 30s }
concurrency: { per: nothing }
"#,
    ),
    (
        "restart",
        r#"version: 1
intent: restart-APP
summary: Restart APP
category: change
risk: 2
params:
  graceful: { type: boolean, default: true, summary: Let open connections finish first }
  delay: { type: integer, min: 0, max: 600, default: 0, summary: Seconds to wait between hosts }
targets: [GROUP]
aliases: ["bounce APP on {target}"]
label: ops/restart
cite: { within: 7d, uses: 1, bind: true }
approval:
  slots: [{ role: operator, count: 1 }, { role: sre, count: 1 }]
  collect: 30m
  execute: 15m
  veto: [operator]
run: { argv: [playbooks/scripts/app.sh, restart, APP, "{target}", "{graceful}", "{delay}"] }
check: { argv: [playbooks/scripts/app.sh, check, APP, "{target}"], drift_exit: 2 }
limits: { timeout: 15m, output: 256KiB, memory: 256MiB, processes: 16 }
"#,
    ),
    (
        "deploy",
        r#"version: 1
intent: deploy-APP
summary: Deploy a version of APP
category: change
risk: 2
params:
  release: { type: string, pattern: 'v[0-9]+\.[0-9]+\.[0-9]+', summary: "Which version, such as v1.4.2" }
targets: [GROUP]
label: ops/deploy
cite: { within: 2d }
approval:
  slots: [{ role: team-TEAM }, { role: sre }]
  veto: [operator]
run: { argv: [playbooks/scripts/app.sh, deploy, APP, "{release}", "{target}"] }
env: { RELEASE: "{release}", LANG: C.UTF-8 }
limits: { timeout: 10m }
concurrency: { per: target, on_busy: refuse }
windows: [{ deny: "* 16-23 * * 5", zone: Europe/Berlin }]
"#,
    ),
    (
        "scale",
        r#"version: 1
intent: scale-APP
summary: Run more or fewer processes of APP
category: change
risk: 2
params:
  replicas: { type: integer, min: 1, max: 200, summary: How many on each host }
targets: [GROUP_pro, GROUP_sta]
label: ops/scale
cite: { within: 7d }
approval:
  slots: [{ role: team-TEAM }]
run: { argv: [playbooks/scripts/app.sh, scale, APP, "{replicas}", "{target}"] }
"#,
    ),
    (
        "logs",
        r#"version: 1
intent: logs-APP
summary: Show the last lines that APP logged
category: read
risk: 1
params:
  lines: { type: integer, min: 1, max: 200, default: 20, summary: How many lines }
  level: { type: string, enum: [debug, info, warning, error], default: info, summary: From which level }
targets: [GROUP]
run: { argv: [playbooks/scripts/app.sh, logs, APP, "{lines}", "{level}", "{target}"] }
limits: { timeout: 30s, output: 64KiB }
concurrency: { per: nothing }
"#,
    ),
    (
        "rotate",
        r#"version: 1
intent: rotate-APP
summary: Rotate the logs of APP
category: change
risk: 1
targets: [GROUP_sta, GROUP_dev]
label: ops/rotate
cite: { within: 30d, bind: false }
approval:
  slots: [{ role: operator }]
run: { argv: [playbooks/scripts/app.sh, rotate, APP, "{target}"] }
check: { argv: [playbooks/scripts/app.sh, check-logs, APP, "{target}"], drift_exit: 2 }
idempotent: true
"#,
    ),
    (
        "wipe",
        r#"version: 1
intent: wipe-APP
summary: Throw away what APP keeps in its cache
category: destroy
risk: 3
params:
  scope: { type: string, enum: [pages, images, all], summary: Which part }
targets: [GROUP]
aliases: ["wipe {scope} cache of APP on {target}"]
approval:
  slots: [{ role: sre, count: 2 }]
  collect: 30m
  execute: 10m
  veto: [operator]
run: { argv: [playbooks/scripts/app.sh, wipe, APP, "{scope}", "{target}"] }
limits: { timeout: 2m }
concurrency: { per: intent, on_busy: refuse }
windows: [{ deny: "* 18-21 * * *", zone: Europe/Berlin }]
"#,
    ),
    (
        "backup",
        r#"version: 1
intent: backup-APP
summary: Make a backup of APP now
category: change
risk: 1
params:
  keep: { type: integer, min: 1, max: 365, default: 30, summary: Days to keep it }
targets: [GROUP]
label: ops/backup
cite: { within: 30d }
approval:
  slots: [{ role: team-TEAM }]
run: { argv: [playbooks/scripts/app.sh, backup, APP, "{keep}", "{target}"] }
idempotent: true
"#,
    ),
];

/// Rules that teams add for their apps.
pub const RULES: &[&str] = &[
    r#"@id("APP-outside-prod-ROUND")
@reason("The team of APP restarts it outside production as it likes")
permit (principal in Role::"team-TEAM", action == Action::"run", resource == Intent::"restart-APP")
when { context.target.environment != Environment::"prod" };

"#,
    r#"@id("APP-deployed-by-team-ROUND")
@reason("Only the team of APP, SREs and its pipeline deploy it")
forbid (principal is Person, action == Action::"run", resource == Intent::"deploy-APP")
unless { principal in Role::"team-TEAM" || principal in Role::"sre" };

"#,
    r#"@id("APP-contractors-ROUND")
@reason("Contractors leave the hosts of APP alone")
forbid (principal is Person, action == Action::"run", resource)
when { principal.flags.contains("contractor") && context.target in Group::"GROUP_pro" };

"#,
    r#"@id("APP-pipeline-ROUND")
@reason("The pipeline of APP deploys what was built to dev")
permit (principal == Service::"ci-APP", action in [Action::"run", Action::"check"], resource == Intent::"deploy-APP")
when { context.target.environment == Environment::"dev" && context.via == Via::"api" };

"#,
    r#"@id("APP-scale-ROUND")
@reason("More processes of APP than usual take the approval of an SRE")
forbid (principal, action == Action::"run", resource == Intent::"scale-APP")
when { context.args has replicas && context.args.replicas > 40 }
unless { context.approvals.hasTag("sre") };

"#,
    r#"@id("APP-fresh-review-ROUND")
@reason("What APP is deployed with was reviewed, and its author is no contractor")
forbid (principal, action == Action::"run", resource == Intent::"deploy-APP")
when { context has pr && (!context.pr.independent_review || context.pr.author_flags.contains("contractor")) };

"#,
    r#"@id("APP-wipe-calm-ROUND")
@reason("Everything of APP is wiped with two approvals at least")
forbid (principal, action == Action::"run", resource == Intent::"wipe-APP")
when { context.args has scope && context.args.scope == "all" && context.approvals.count < 2 };

"#,
    r#"@id("APP-approve-team-ROUND")
@reason("A slot of the team of APP is not filled by contractors")
forbid (principal is Person, action == Action::"approve", resource == Intent::"deploy-APP")
when { principal.flags.contains("contractor") && context has role && context.role == Role::"team-TEAM" };

"#,
];
