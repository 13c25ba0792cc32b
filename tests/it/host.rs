//! The socket on the host, spoken to by the real program and by hand: every command with its exit
//! code, what the operations channel hears of it, and what the audit log says.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;

use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

use crate::ground::{Daemon, Ground};

const BARBARA: &str = "inventory/people/barbara.yaml";

/// A ground with its daemon, and what the host has told it so far.
struct House {
    ground: Ground,
    daemon: Daemon,
    commands: Vec<String>,
}

impl House {
    async fn build() -> Self {
        let ground = Ground::build(|_| Vec::new()).await;
        let daemon = ground.start();
        let mut house = Self { ground, daemon, commands: Vec::new() };
        house.until("the daemon", |ground| ground.command(&["source", "status"])).await;
        house
    }

    async fn until<T>(&mut self, what: &str, look: impl Fn(&Ground) -> Option<T>) -> T {
        let found = self.ground.until(&mut self.daemon, what, async || look(&self.ground)).await;
        found.unwrap_or_else(|| panic!("the daemon ended\n{}", self.ground.log()))
    }

    /// Runs a command that must exit with `code` and say `expected`; returns all it said.
    #[track_caller]
    fn tell(&self, words: &[&str], code: i32, expected: &str) -> String {
        let (exit, said, failures) = self.ground.tell(words);
        let all = said + &failures;
        assert_eq!(exit, code, "{words:?}: {all}\n{}", self.ground.log());
        assert!(all.contains(expected), "{words:?}: {all}");
        all
    }

    /// Runs a command that the daemon audits, as [`House::tell`] does.
    #[track_caller]
    fn act(&mut self, words: &[&str], code: i32, expected: &str) {
        self.tell(words, code, expected);
        let known = |word: &&&str| !word.starts_with("--");
        self.commands.push(words.iter().take_while(known).copied().collect::<Vec<_>>().join(" "));
    }

    async fn state(&mut self, request: &str, state: &str) {
        self.until(&format!("{request} to be {state}"), |ground| {
            let shown = ground.command(&["request", "show", request, "--json"])?;
            let shown: Value = serde_json::from_str(&shown).ok()?;
            (shown["request"]["state"] == state).then_some(())
        })
        .await;
    }

    async fn say(&mut self, text: &str, nonce: &str) {
        self.ground.say(&mut self.daemon, "ken", text, nonce).await.unwrap();
    }

    /// Returns actor and detail of the audit rows of an event, oldest first.
    fn rows(&self, event: &str) -> Vec<(String, Value)> {
        let rows = self.tell(&["audit", "list", "--limit", "0", "--json"], 0, "");
        let rows: Vec<Value> = serde_json::from_str(&rows).unwrap();
        let entries = rows.into_iter().map(|row| row["entry"].clone());
        entries
            .filter(|entry| entry["event"] == event)
            .map(|entry| (entry["actor"].to_string(), entry["detail"].clone()))
            .collect()
    }
}

fn me() -> String {
    format!("{{\"service\":\"host:{}\"}}", rustix::process::geteuid().as_raw())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_on_the_host_is_answered_audited_and_announced() {
    let mut house = House::build().await;
    let weak = i32::from(tribune::process::sandbox::probe().needs_weak());
    house.tell(&["status"], weak, "requests   none open");
    house.tell(&["source", "status"], 0, "branch main\napplied    ");
    house.tell(&["doctor"], 0, "ok    git");
    house.tell(&["request", "list"], 0, "no requests");
    house.tell(&["request", "show", "r9"], 1, "error: there is no request r9");
    house.tell(&["request", "show", "nine"], 2, "invalid value 'nine'");
    house.commands.extend(["login @ken".to_owned(), "login @grace".to_owned()]);

    requests(&mut house).await;
    sign_in(&mut house).await;
    bans(&mut house).await;
    source(&mut house).await;

    let expected: Vec<_> = house.commands.iter().map(|command| (me(), command.clone())).collect();
    let command = |detail: &Value| detail["command"].as_str().unwrap().to_owned();
    let rows = house.rows("host.command");
    let found: Vec<_> = rows.iter().map(|(who, detail)| (who.clone(), command(detail))).collect();
    assert_eq!(found, expected);
    assert!(rows.iter().any(|(_, detail)| detail["detail"]["reason"] == "it hangs"));
    announced(&mut house).await;
    proved(&house);
    house.daemon.end().await;
}

/// Cancels what waits and kills what runs.
async fn requests(house: &mut House) {
    house.say("!run restart-service on web-dev service=nginx", "one").await;
    house.state("r1", "needs_approval").await;
    house.tell(&["request", "list", "--open"], 0, "r1  needs_approval  @ken");
    house.tell(&["request", "show", "r1"], 0, "1 operator and 1 sre to approve");
    house.tell(&["request", "cancel", "r1"], 2, "--reason");
    house.tell(&["request", "cancel", "r1", "--reason", " "], 1, "error: a reason is needed");
    let cancel = ["request", "cancel", "r1", "--reason", "wrong window"];
    house.act(&cancel, 0, "r1 is cancelled");
    house.act(&cancel, 1, "error: r1 is over already: it is cancelled");

    house.say("!run slow-job on local seconds=300", "two").await;
    house.state("r2", "running").await;
    house.tell(
        &["status"],
        i32::from(tribune::process::sandbox::probe().needs_weak()),
        "1 running",
    );
    let kill = ["run", "kill", "r2.1", "--reason", "it hangs"];
    house.act(&kill, 0, "the run of r2 is ended");
    house.state("r2", "cancelled").await;
    house.tell(&kill, 1, "error: no run r2.1 is under way");
    house.tell(&["request", "show", "r2"], 0, "was ended by a person");
}

/// Signs people in and out.
async fn sign_in(house: &mut House) {
    house.act(&["login", "@ada"], 0, "signs in @ada once, until ");
    house.act(&["login", "@nemo"], 1, "nemo");
    assert!(house.ground.page("grace", "/c/ops").await.is_some());
    house.act(&["logout", "@grace"], 0, "ended 1 sessions of @grace");
    assert!(house.ground.page("grace", "/c/ops").await.is_none(), "she is signed out");
}

/// Lists who is banned, and lifts what was asked for in chat.
async fn bans(house: &mut House) {
    house.tell(&["ban", "list"], 0, "inventory/bans/mallory.yaml");
    let lift = ["unban", "@barbara", "--reason", "a mistake"];
    house.act(&lift, 1, "error: @barbara is not banned provisionally");
    house.say("!ban @barbara \"shared an account\" 7d", "three").await;
    house
        .until("the ban with its branch", |ground| {
            let list = ground.command(&["ban", "list"])?;
            list.contains("chat, lapses unless tribune/ban-").then_some(())
        })
        .await;
    let weak = i32::from(tribune::process::sandbox::probe().needs_weak());
    house.tell(&["status"], weak, "banned     @barbara provisionally until ");
    house.tell(&["login", "@barbara"], 1, "barbara is banned until ");
    house.commands.push("login @barbara".to_owned());
    house.act(&lift, 0, "the provisional ban on @barbara is lifted");
    house.act(&lift, 1, "error: @barbara is not banned provisionally");
    let ends = house.rows("ban.end");
    assert_eq!(ends.len(), 1);
    assert_eq!((ends[0].0.as_str(), &ends[0].1["reason"]), (me().as_str(), &"a mistake".into()));
}

/// What is bad, held and rewritten, and the ways out.
async fn source(house: &mut House) {
    let first = house.ground.commit("nothing", &[]);
    house.act(&["reconcile"], 0, &format!("applied    {}", &first[..7]));
    let broken = house.ground.commit("a slip", &[(BARBARA, "roles: [nobody]\n")]);
    house.act(&["reconcile"], 1, &format!("not applied: {}", &broken[..7]));
    house.tell(&["source", "status"], 1, BARBARA);
    house.tell(
        &["source", "accept", "0123456", "--reason", "x"],
        1,
        "no revision that begins with",
    );
    house.tell(&["source", "accept", &broken], 2, "--reason");
    accept(house, "accept", &broken, 1, "mend it by another commit");

    let admin = "version: 1\nname: Barbara Liskov\nroles: [admin]\nchat: { console: barbara }\n";
    let held = house.ground.commit("barbara rises", &[(BARBARA, admin)]);
    house.act(&["reconcile"], 1, "@barbara becomes an admin");
    accept(house, "accept", &held, 0, &format!("applied    {}", &held[..7]));
    accept(house, "accept", &held, 1, "error: no revision is held");

    house.ground.rewind(&first);
    house.act(&["reconcile"], 1, "history was rewritten");
    accept(house, "accept", &first, 1, "that takes `tribune source rearm`");
    accept(house, "rearm", &first, 0, &format!("applied    {}", &first[..7]));
    house.tell(&["source", "status"], 0, &format!("observed   {}", &first[..7]));
}

/// Lets a revision pass by its first characters, and expects that to be written down.
fn accept(house: &mut House, how: &str, revision: &str, code: i32, expected: &str) {
    let short = &revision[..8];
    house.tell(&["source", how, short, "--reason", "OPS-1"], code, expected);
    house.commands.push(format!("source {how} {}", &revision[..10]));
}

/// The operations channel heard of every command.
async fn announced(house: &mut House) {
    let uid = rustix::process::geteuid().as_raw();
    let commands: BTreeSet<String> =
        house.commands.iter().map(|command| format!("tribune {command}")).collect();
    let heard = house.ground.until(&mut house.daemon, "all announcements", async || {
        let page = house.ground.page("ken", "/c/ops").await?;
        assert!(page.contains(&format!("on the host, uid {uid}")), "{page}");
        commands.iter().all(|command| page.contains(command.as_str())).then_some(())
    });
    heard.await.expect("the daemon goes on");
}

/// The log of all this verifies, also with a copy of the checkpoints that was kept elsewhere.
fn proved(house: &House) {
    let copy = house.ground.at("kept-elsewhere");
    fs::copy(house.ground.at("state/checkpoints"), &copy).unwrap();
    let copy = copy.display().to_string();
    house.tell(&["audit", "verify", "--checkpoint", &copy], 0, "the chain is whole");
    house.tell(&["audit", "verify", "--checkpoint", "/nonexistent"], 1, "/nonexistent");
    house.tell(&["audit", "list", "--limit", "3"], 0, "host:");
    let export = house.tell(&["audit", "export"], 0, "");
    let rows: Vec<Value> = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let seqs: Vec<_> = rows.iter().map(|row| row["row"]["seq"].as_u64().unwrap()).collect();
    assert!(seqs.iter().copied().eq(1..=seqs.len() as u64), "{seqs:?}");
}

/// Every command of the socket, as a caller by hand would send it.
const CALLS: [(&str, &str); 11] = [
    ("GET", "/v1/status"),
    ("POST", "/v1/reconcile"),
    ("GET", "/v1/source"),
    ("POST", "/v1/source/accept"),
    ("POST", "/v1/source/rearm"),
    ("GET", "/v1/requests"),
    ("GET", "/v1/requests/r1"),
    ("POST", "/v1/requests/r1/cancel"),
    ("POST", "/v1/runs/r1.1/kill"),
    ("POST", "/v1/login"),
    ("POST", "/v1/logout"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_show_the_token_is_refused_and_cannot_fill_the_audit_log() {
    let mut house = House::build().await;
    let (socket, token) = (house.ground.at("state/host.sock"), house.ground.at("state/host.token"));
    let old = fs::read_to_string(&token).unwrap();
    house.daemon.end().await;
    house.daemon = house.ground.start();
    house.until("the new daemon", |ground| ground.command(&["source", "status"])).await;
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        [mode(&socket), mode(&token), mode(&house.ground.at("state"))],
        [0o600, 0o600, 0o700]
    );

    let before = house.rows("host.command").len();
    // A command that came while the daemon started again may have shown the old token; what is
    // refused soon after that is counted with it.
    let refused = house.rows("host.refused").len();
    let begun = Instant::now();
    tribune::chat::tls::install();
    let http = Client::builder().unix_socket(socket.clone()).build().unwrap();
    let wrong = "0".repeat(43);
    for _ in 0..10 {
        for (method, path) in CALLS {
            let method: Method = method.parse().unwrap();
            for shown in [
                "",
                "Bearer",
                "Bearer ",
                &format!("Bearer {wrong}"),
                &format!("Bearer {}", old.trim()),
            ] {
                let url = format!("http://localhost{path}");
                let call = http.request(method.clone(), url).header("Authorization", shown);
                let status = call.send().await.unwrap().status();
                assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path} {shown:?}");
            }
        }
    }
    let windows = begun.elapsed().as_secs() / 10 + 1;
    assert_eq!(house.rows("host.command").len(), before, "nothing was done");
    let rows = house.rows("host.refused");
    assert!((1..=windows as usize + refused).contains(&rows.len()), "{rows:?}");
    assert!(rows.iter().all(|(who, _)| *who == me()), "{rows:?}");

    // The program shows what stands in the file, and says what to do when that is not it.
    let new = fs::read_to_string(&token).unwrap();
    fs::write(&token, &old).unwrap();
    house.tell(&["login", "@ada"], 1, "error: the token is not that of the daemon that runs now");
    fs::remove_file(&token).unwrap();
    house.tell(&["login", "@ada"], 1, "hint: is the daemon running with these settings?");
    fs::write(&token, new).unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    house.tell(&["login", "@ada"], 0, "signs in @ada");
    strangers(&house);
    house.daemon.end().await;
}

/// Another user of the machine does not even reach the socket. Only root can become one.
fn strangers(house: &House) {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    for folder in ["", "state"] {
        let open = fs::Permissions::from_mode(0o711);
        fs::set_permissions(house.ground.at(folder), open).unwrap();
    }
    let said = house.ground.as_nobody(
        r#"use Socket; socket(my $to, AF_UNIX, SOCK_STREAM, 0) or die;
           print "socket: ", (connect($to, pack_sockaddr_un("$ARGV[0]/host.sock")) ? "open" : $!), "\n";
           print "token: ", (open(my $file, "<", "$ARGV[0]/host.token") ? "open" : $!), "\n";"#,
    );
    assert_eq!(said, "socket: Permission denied\ntoken: Permission denied\n");
}
