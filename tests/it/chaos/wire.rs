//! A network between Tribune and a chat server that is cut at a chosen moment, is down for as long
//! as somebody wants, or carries late.
//!
//! Every piece that passes in either direction is counted; at the chosen one, before it arrives,
//! all connections end, and for a while nobody gets through.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::chance::Chance;

/// How long nobody gets through after a cut.
const DOWN: Duration = Duration::from_millis(300);
/// How late a piece may be, in milliseconds.
const LATE: u64 = 60;
const NEVER: u64 = u64::MAX;

pub struct Wire {
    at: SocketAddr,
    line: Arc<Line>,
}

struct Line {
    server: SocketAddr,
    passed: AtomicU64,
    cut_at: AtomicU64,
    is_down: AtomicBool,
    down_until: Mutex<Instant>,
    /// How often it was cut.
    cuts: watch::Sender<u64>,
    /// Says how late each piece is, if any is.
    late: Mutex<Option<Chance>>,
}

impl Wire {
    /// Leads to a server.
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let line = Arc::new(Line {
            server,
            passed: AtomicU64::new(0),
            cut_at: AtomicU64::new(NEVER),
            is_down: AtomicBool::new(false),
            down_until: Mutex::new(Instant::now()),
            cuts: watch::Sender::new(0),
            late: Mutex::new(None),
        });
        tokio::spawn(accept(listener, Arc::clone(&line)));
        Self { at, line }
    }

    /// Returns where it begins.
    pub fn at(&self) -> SocketAddr {
        self.at
    }

    /// Will be cut as the `nth` piece from now passes; `None`: not at all.
    pub fn cut_after(&self, nth: Option<u64>) {
        self.line.passed.store(0, Ordering::SeqCst);
        self.line.cut_at.store(nth.unwrap_or(NEVER), Ordering::SeqCst);
    }

    /// Returns how many pieces have passed since.
    pub fn passed(&self) -> u64 {
        self.line.passed.load(Ordering::SeqCst)
    }

    /// Returns how often it was cut.
    pub fn cuts(&self) -> u64 {
        *self.line.cuts.borrow()
    }

    /// Nobody gets through from now on, or everybody again.
    pub fn set_down(&self, is_down: bool) {
        self.line.is_down.store(is_down, Ordering::SeqCst);
        if is_down {
            self.line.cut();
        }
    }

    /// From now on each piece is late by chance.
    pub fn carry_late(&self, chance: Chance) {
        *self.line.late.lock().unwrap() = Some(chance);
    }
}

impl Line {
    /// Counts a piece; `false`: the line is cut here.
    fn pass(&self) -> bool {
        let nth = self.passed.fetch_add(1, Ordering::SeqCst) + 1;
        let is_cut =
            self.cut_at.compare_exchange(nth, NEVER, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if is_cut {
            *self.down_until.lock().unwrap() = Instant::now() + DOWN;
            self.cut();
        }
        !is_cut
    }

    fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    fn is_down(&self) -> bool {
        self.is_down.load(Ordering::SeqCst) || Instant::now() < *self.down_until.lock().unwrap()
    }

    fn late_by(&self) -> Option<Duration> {
        let mut late = self.late.lock().unwrap();
        late.as_mut().map(|chance| Duration::from_millis(chance.below(LATE)))
    }
}

async fn accept(listener: TcpListener, line: Arc<Line>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        if line.is_down() {
            continue;
        }
        let Ok(server) = TcpStream::connect(line.server).await else { continue };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::spawn(carry(from_client, to_server, Arc::clone(&line)));
        tokio::spawn(carry(from_server, to_client, Arc::clone(&line)));
    }
}

/// Carries pieces until one side ends or the line is cut.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, line: Arc<Line>) {
    let mut cuts = line.cuts.subscribe();
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut piece) => read,
            _ = cuts.changed() => return,
        };
        let Ok(length @ 1..) = read else { return };
        if let Some(late) = line.late_by() {
            tokio::time::sleep(late).await;
        }
        if !line.pass() || to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}
