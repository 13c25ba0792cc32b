//! The daemon as a process: how long it takes to start, and what it holds when it has nothing to do.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::Effort;
use crate::ground::{Ground, TRIBUNE, clean, mebibytes, memory};
use crate::spread::{Spread, counted, timed};

pub async fn measure(effort: Effort) {
    let ground = Ground::shipped();
    // The first start makes the mirror and the store.
    end(start(&ground).0);
    let mut idle = 0;
    let times = (0..effort.of(20, 2)).map(|_| {
        let (child, time) = start(&ground);
        if idle == 0 {
            std::thread::sleep(Duration::from_secs(3));
            idle = memory(child.id(), "VmRSS");
            assert!(idle > 0, "the daemon ended");
        }
        end(child);
        time
    });
    let found = Spread::of(times.collect());
    timed("start to first answer, shipped repo", Duration::from_millis(300), found, &[]);
    let met = idle < 40 << 20;
    counted("idle memory (RSS)", "40 MiB", met, mebibytes(idle), String::new());
}

/// Starts the daemon and waits until it answers.
fn start(ground: &Ground) -> (Child, Duration) {
    let begun = Instant::now();
    let mut daemon = clean(TRIBUNE);
    daemon.args(["serve", "--config"]).arg(ground.settings_file());
    let mut child = daemon.stdout(Stdio::null()).spawn().unwrap();
    while !answers(ground.listen()) {
        assert!(child.try_wait().unwrap().is_none(), "the daemon ended");
        std::thread::sleep(Duration::from_millis(1));
    }
    (child, begun.elapsed())
}

fn answers(listen: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(listen) else { return false };
    let question = format!("GET / HTTP/1.1\r\nHost: {listen}\r\nConnection: close\r\n\r\n");
    stream.write_all(question.as_bytes()).unwrap();
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).is_ok() && &answer == b"HTTP/"
}

fn end(mut child: Child) {
    clean("kill").arg(child.id().to_string()).status().unwrap();
    child.wait().unwrap();
}
