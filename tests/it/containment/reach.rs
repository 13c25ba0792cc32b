//! What a run can see and touch.

use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use tribune::process::sandbox::probe;
use tribune::process::wire::{Command, End};

use super::{Bench, sh};

#[tokio::test]
async fn a_run_has_three_descriptors_and_no_more() {
    // The shell opens the folder itself while it lists it, as one more.
    let said = Bench::new("exec perl -e 'print join q( ), grep { -e qq(/proc/$$/fd/$_) } 0..4000'")
        .said()
        .await;
    assert_eq!(said, "0 1 2");
    let said = Bench::new("readlink /proc/self/fd/0; readlink /proc/self/fd/1").said().await;
    assert!(said.starts_with("/dev/null\npipe:["), "{said}");
}

#[tokio::test]
async fn a_run_has_the_environment_that_it_was_given_and_no_more() {
    let mut bench = Bench::of(vec![Command {
        program: "/usr/bin/env".into(),
        argv: vec!["env".to_owned()],
        accepted: Vec::new(),
    }]);
    bench.spec.env = [("A", "1"), ("B_C", "two words")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    assert_eq!(bench.said().await, "A=1\nB_C=two words\n");
}

#[tokio::test]
async fn words_reach_the_program_as_they_are() {
    let words = ["printf", "[%s]", "a b", "$HOME", "; true", "*"];
    let bench = Bench::of(vec![Command {
        program: "/usr/bin/printf".into(),
        argv: words.map(str::to_owned).into(),
        accepted: Vec::new(),
    }]);
    assert_eq!(bench.said().await, "[a b][$HOME][; true][*]");
}

#[tokio::test]
async fn the_tree_is_read_and_never_written() {
    let bench = Bench::new(
        "cat file
         (echo x > file) 2>/dev/null || echo no write
         (echo x > new) 2>/dev/null || echo no create
         rm -f file 2>/dev/null || echo no remove
         mv file other 2>/dev/null || echo no rename
         perl -e 'truncate(q(file), 0) or print qq(no truncate\n)'",
    );
    let said = bench.said().await;
    assert_eq!(said, "pinned\nno write\nno create\nno remove\nno rename\nno truncate\n");
    assert_eq!(fs::read_to_string(bench.at("tree/file")).unwrap(), "pinned\n");
}

#[tokio::test]
async fn nothing_outside_is_read_or_written() {
    let bench = Bench::new(
        "cat ../token 2>/dev/null || echo no read
         (echo x > ../token) 2>/dev/null || echo no write
         ln ../token $HOME/link 2>/dev/null || echo no link
         ls .. 2>/dev/null || echo no list
         ls /root /home 2>/dev/null || echo no homes
         (echo x > /tmp/tribune-containment) 2>/dev/null || echo no tmp
         cat /etc/shadow 2>/dev/null || echo no shadow",
    );
    let expected = "no read\nno write\nno link\nno list\nno homes\nno tmp\nno shadow\n";
    assert_eq!(bench.said().await, expected);
    assert_eq!(fs::read_to_string(bench.at("token")).unwrap(), "secret\n");
}

#[tokio::test]
async fn the_work_folder_is_the_runs_own() {
    let bench = Bench::new(
        "cd $HOME && mkdir -p a/b && echo hi > a/b/c && mv a/b/c d && ln -s d e && cat e
         printf '#!/bin/sh\\necho made' > made && chmod +x made && ./made",
    );
    assert_eq!(bench.said().await, "hi\nmade\n");
}

#[tokio::test]
async fn what_the_intent_names_beside_is_granted() {
    let mut bench = Bench::new("cat ../extra/in; echo out > ../drop/out; echo x > ../extra/in");
    fs::create_dir(bench.at("extra")).unwrap();
    fs::create_dir(bench.at("drop")).unwrap();
    fs::write(bench.at("extra/in"), "in\n").unwrap();
    bench.spec.view.read = vec![bench.at("extra")];
    bench.spec.view.write = vec![bench.at("drop")];
    let (end, said) = bench.run().await;
    assert!(matches!(end, End::Exited { command: 0, .. }), "{end:?}");
    assert!(said.starts_with("in\n"), "{said}");
    assert_eq!(fs::read_to_string(bench.at("drop/out")).unwrap(), "out\n");
    assert_eq!(fs::read_to_string(bench.at("extra/in")).unwrap(), "in\n");
}

#[tokio::test]
async fn what_is_hidden_stays_hidden_in_a_folder_that_is_granted() {
    let mut bench =
        Bench::new("cat ../extra/state/token 2>/dev/null || echo hidden; cat ../extra/in");
    fs::create_dir_all(bench.at("extra/state")).unwrap();
    fs::write(bench.at("extra/state/token"), "secret\n").unwrap();
    fs::write(bench.at("extra/in"), "in\n").unwrap();
    bench.spec.view.read = vec![bench.at("extra")];
    bench.spec.view.hidden = vec![bench.at("extra/state")];
    assert_eq!(bench.said().await, "hidden\nin\n");
}

#[tokio::test]
async fn a_sandbox_path_that_is_not_there_is_named() {
    let mut bench = Bench::new("echo never");
    bench.spec.view.read = vec![bench.at("nowhere")];
    let (end, said) = bench.run().await;
    let End::NotStarted { command: 0, why } = end else { panic!("{end:?}") };
    assert!(why.contains("nowhere") && why.contains("`sandbox`"), "{why}");
    assert_eq!(said, "");
}

#[tokio::test]
async fn privileges_cannot_be_gained_and_no_core_is_left() {
    let said = Bench::new("grep NoNewPrivs /proc/self/status; ulimit -c; umask").said().await;
    assert_eq!(said, "NoNewPrivs:\t1\n0\n0022\n");
}

#[tokio::test]
async fn a_run_is_in_a_session_of_its_own() {
    let said =
        Bench::new("read pid _ _ _ group session _ < /proc/self/stat; echo $pid $$").said().await;
    assert!(!said.is_empty());
    let said =
        Bench::new("exec perl -e 'print getpgrp(0) == $$ ? q(own) : q(shared)'").said().await;
    assert_eq!(said, "own");
}

#[tokio::test]
async fn processes_outside_are_not_read() {
    let me = std::process::id();
    let script = format!(
        "cat /proc/{me}/environ 2>/dev/null || echo no environ; readlink /proc/{me}/fd/1 || echo no fd; cat /proc/$PPID/environ 2>/dev/null || echo no supervisor"
    );
    assert_eq!(Bench::new(&script).said().await, "no environ\nno fd\nno supervisor\n");
}

#[tokio::test]
async fn signals_leave_the_run_only_on_kernels_that_cannot_hold_them() {
    let me = std::process::id();
    let script = format!(
        "kill -0 {me} 2>/dev/null && echo reaches || echo held
         kill -0 $PPID 2>/dev/null && echo reaches || echo held"
    );
    let expected = if probe().holds_signals() { "held\nheld\n" } else { "reaches\nreaches\n" };
    assert_eq!(Bench::new(&script).said().await, expected);
}

#[tokio::test]
async fn abstract_sockets_are_reached_only_on_kernels_that_cannot_hold_them() {
    let bench = Bench::new("");
    let name = format!("tribune-{}", bench.at("x").display());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let _listener = UnixListener::bind_addr(&address).unwrap();
    let script = format!(
        "perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0) or die;
         print connect(S, pack_sockaddr_un(qq(\\0{name}))) ? q(reaches) : q(held)'"
    );
    let expected = if probe().holds_signals() { "held" } else { "reaches" };
    assert_eq!(Bench::new(&script).said().await, expected);
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let program = Command { program: "/usr/bin/no-such-program".into(), ..sh("") };
    let (end, said) = Bench::of(vec![program]).run().await;
    let End::NotStarted { command: 0, why } = end else { panic!("{end:?}") };
    assert!(why.starts_with("/usr/bin/no-such-program cannot be started: No such file"), "{why}");
    assert_eq!(said, "");
}
