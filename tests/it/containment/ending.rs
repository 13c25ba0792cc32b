//! How runs end, and that nothing of them is left.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tribune::process::lock::reap;
use tribune::process::wire::{Command, End};

use super::{Bench, alive, binary, sh, text, until};

/// Leaves four processes behind, in sessions of their own and orphaned twice over, and goes on.
const SPREAD: &str = r#"
    for n in 1 2 3 4; do
        setsid sh -c '(setsid sh -c "echo \$\$ >> $HOME/pids; exec sleep 600" &) & exit 0'
    done
    while [ "$(cat $HOME/pids 2>/dev/null | wc -l)" -lt 4 ]; do sleep 0.01; done
    echo $$ >> $HOME/pids
    echo ready
"#;

fn spread(then: &str) -> Bench {
    Bench::new(&format!("{SPREAD}\n{then}"))
}

#[tokio::test]
async fn commands_run_in_order_and_the_first_failure_ends_the_run() {
    let accepted = Command { accepted: vec![2], ..sh("echo two; exit 2") };
    let commands = vec![sh("echo one"), accepted, sh("echo three; exit 3"), sh("echo never")];
    let (end, said) = Bench::of(commands).run().await;
    assert_eq!(end, End::Exited { command: 2, code: 3 });
    assert_eq!(said, "one\ntwo\nthree\n");
}

#[tokio::test]
async fn a_signal_is_told_from_an_exit_code() {
    let (end, _) = Bench::new("kill -SEGV $$").run().await;
    assert_eq!(end, End::Signalled { command: 0, signal: 11 });
}

#[tokio::test]
async fn both_outputs_come_in_the_order_they_were_written() {
    assert_eq!(Bench::new("echo a; echo b >&2; echo c > /dev/stderr").said().await, "a\nb\nc\n");
}

#[tokio::test]
async fn what_a_command_leaves_behind_is_gone_before_the_end_is_told() {
    let bench = spread("exit 0");
    let (end, _) = bench.run().await;
    assert_eq!(end, End::Done { codes: vec![0] });
    assert_eq!(alive(&bench.at("work/pids")), Vec::<String>::new());
    assert!(!bench.at("lock").exists());
}

#[tokio::test]
async fn a_timeout_leaves_nothing() {
    let mut bench = spread("sleep 600");
    bench.spec.limits.timeout = Duration::from_secs(5);
    let (end, _) = bench.run().await;
    assert_eq!(end, End::TimedOut);
    assert_eq!(alive(&bench.at("work/pids")), Vec::<String>::new());
}

#[tokio::test]
async fn a_cancelled_run_leaves_nothing() {
    let bench = spread("trap '' TERM INT HUP; while :; do sleep 600; done");
    let (run, mut output) = bench.start().await;
    until(&mut output, "ready").await;
    run.cancel.send(()).unwrap();
    assert_eq!(run.finished.await, End::Cancelled);
    assert_eq!(alive(&bench.at("work/pids")), Vec::<String>::new());
}

#[tokio::test]
async fn dropping_the_way_to_cancel_cancels() {
    let bench = Bench::new("echo ready; sleep 600");
    let (run, mut output) = bench.start().await;
    until(&mut output, "ready").await;
    drop(run.cancel);
    assert_eq!(run.finished.await, End::Cancelled);
}

#[tokio::test]
async fn a_stopped_tree_is_killed_too() {
    let bench = spread("kill -STOP $$");
    let (run, mut output) = bench.start().await;
    until(&mut output, "ready").await;
    run.cancel.send(()).unwrap();
    assert_eq!(run.finished.await, End::Cancelled);
    assert_eq!(alive(&bench.at("work/pids")), Vec::<String>::new());
}

#[tokio::test]
async fn a_run_outlives_no_daemon() {
    let bench = spread("sleep 600");
    fs::write(bench.at("spec"), serde_json::to_vec(&bench.spec).unwrap()).unwrap();
    let mut daemon = stand_in(&bench);
    let mut output = BufReader::new(daemon.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    let early = reap(&bench.at("lock"), Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(early.kind(), std::io::ErrorKind::TimedOut);
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    reap(&bench.at("lock"), Duration::from_secs(30)).await.unwrap();
    assert_eq!(alive(&bench.at("work/pids")), Vec::<String>::new());
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

#[tokio::test]
async fn a_daemon_that_dies_while_it_speaks_starts_nothing() {
    let bench = Bench::new("echo ran > $HOME/ran");
    let whole = serde_json::to_vec(&bench.spec).unwrap();
    fs::write(bench.at("spec"), &whole[..whole.len() - 1]).unwrap();
    let mut daemon = stand_in(&bench);
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    reap(&bench.at("lock"), Duration::from_secs(30)).await.unwrap();
    assert!(!bench.at("work/ran").exists());
}

/// Starts a stand-in for the daemon: it takes the lock, starts a supervisor, sends it the file
/// `spec` without the line's end if it is not whole, and holds the lifeline until it is killed.
#[expect(clippy::disallowed_methods, reason = "the stand-in is a process of the test's own")]
fn stand_in(bench: &Bench) -> std::process::Child {
    const SCRIPT: &str = r#"
        my ($binary, $folder) = @ARGV;
        socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, 0) or die;
        open(my $lock, "+>>", "$folder/lock") or die;
        flock($lock, 2) or die;
        syswrite($lock, "$folder/work\n");
        if (!fork) {
            open(STDIN, "<&", $theirs); open(STDERR, ">&", $lock);
            exec $binary, "__supervise" or die;
        }
        close($theirs); close($lock); close(STDOUT);
        open(my $spec, "<", "$folder/spec") or die;
        my $text = join "", <$spec>;
        $text .= "\n" if $text =~ /\}$/ && $text =~ /processes":\d+\}\}$/;
        syswrite($ours, $text);
        sleep 600;
    "#;
    std::process::Command::new("perl")
        .args(["-MSocket", "-e", SCRIPT])
        .arg(binary())
        .arg(bench.at(""))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn a_supervisor_that_is_killed_takes_nothing_with_it_and_leaves_nothing() {
    let bench = spread("echo supervisor=$PPID.; sleep 600");
    let (run, mut output) = bench.start().await;
    until(&mut output, "supervisor=").await;
    let stat = fs::read_to_string(bench.at("work/pids")).unwrap();
    let main = stat.lines().last().unwrap();
    let status = fs::read_to_string(Path::new("/proc").join(main).join("status")).unwrap();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap();
    let parent = Pid::from_raw(parent.trim().parse().unwrap()).unwrap();
    kill_process(parent, Signal::TERM).unwrap();
    assert!(Path::new("/proc").join(main).exists(), "a supervisor does not follow SIGTERM");
    kill_process(parent, Signal::KILL).unwrap();
    assert_eq!(run.finished.await, End::Lost);
    assert_eq!(alive(&bench.at("work/pids")), Vec::<String>::new());
    drop(run.cancel);
}

#[tokio::test]
async fn a_memory_hog_is_killed_and_named() {
    let mut bench = Bench::new("perl -e 'push @all, q(x) x 1_000_000 while 1' & wait");
    bench.spec.limits.memory = 96 << 20;
    assert_eq!(bench.run().await.0, End::Memory { command: 0 });
}

#[tokio::test]
async fn a_fork_bomb_is_killed_and_named() {
    let mut bench = Bench::of(vec![sh("true"), sh("exec perl -e 'fork for 1..8; sleep 600'")]);
    bench.spec.limits.processes = 20;
    bench.spec.limits.memory = 16 << 30;
    assert_eq!(bench.run().await.0, End::Processes { command: 1 });
}

#[tokio::test]
async fn output_without_end_does_not_hold_up_the_end() {
    let mut bench = Bench::new("yes");
    bench.spec.limits.timeout = Duration::from_secs(3);
    let (end, said) = bench.run().await;
    assert_eq!(end, End::TimedOut);
    assert!(said.len() > 1 << 20 && said.starts_with("y\ny\n"));
}

#[tokio::test]
async fn a_reader_that_does_not_read_loses_output_and_not_the_run() {
    let bench = Bench::new("head -c 2000000 /dev/zero | tr '\\0' x");
    let (run, output) = bench.start().await;
    let _cancel = run.cancel;
    assert_eq!(run.finished.await, End::Done { codes: vec![0] });
    let said = text(output).await;
    let kept = said.bytes().filter(|byte| *byte == b'x').count();
    assert!(kept < 2_000_000, "{kept}");
}

#[tokio::test]
async fn a_reader_that_went_away_does_not_stop_the_run() {
    let bench = Bench::new("yes | head -c 1000000; echo done > $HOME/done");
    let (run, output) = bench.start().await;
    let _cancel = run.cancel;
    drop(output);
    assert_eq!(run.finished.await, End::Done { codes: vec![0] });
    assert!(bench.at("work/done").exists());
}

#[tokio::test]
async fn a_lock_that_is_held_refuses_a_second_run() {
    let bench = Bench::new("echo ready; sleep 600");
    let (run, mut output) = bench.start().await;
    until(&mut output, "ready").await;
    let (to, _from) = tokio::sync::mpsc::channel(1);
    let launcher = tribune::process::supervised::Launcher::new(binary());
    assert!(launcher.start(&bench.spec, &bench.at("lock"), to).await.is_err());
    run.cancel.send(()).unwrap();
    assert_eq!(run.finished.await, End::Cancelled);
}
