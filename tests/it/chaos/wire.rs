//! A network between Tribune and a chat server that is cut at a chosen moment.
//!
//! Every piece that passes in either direction is counted; at the chosen one, before it arrives,
//! all connections end, and for a while nobody gets through.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How long nobody gets through after a cut.
const DOWN: Duration = Duration::from_millis(300);
const NEVER: u64 = u64::MAX;

pub struct Wire {
    at: SocketAddr,
    line: Arc<Line>,
}

struct Line {
    server: SocketAddr,
    passed: AtomicU64,
    cut_at: AtomicU64,
    down_until: Mutex<Instant>,
    /// How often it was cut.
    cuts: watch::Sender<u64>,
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
            down_until: Mutex::new(Instant::now()),
            cuts: watch::Sender::new(0),
        });
        tokio::spawn(accept(listener, Arc::clone(&line)));
        Self { at, line }
    }

    /// Returns where it begins.
    pub fn at(&self) -> SocketAddr {
        self.at
    }

    /// Will be cut as the `nth` piece from now passes.
    pub fn cut_after(&self, nth: u64) {
        self.line.passed.store(0, Ordering::SeqCst);
        self.line.cut_at.store(nth, Ordering::SeqCst);
    }

    /// Says whether the cut that was asked for has happened; it will not happen any more.
    pub fn was_cut(&self) -> bool {
        self.line.cut_at.swap(NEVER, Ordering::SeqCst) == NEVER
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
            self.cuts.send_modify(|cuts| *cuts += 1);
        }
        !is_cut
    }

    fn is_down(&self) -> bool {
        Instant::now() < *self.down_until.lock().unwrap()
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
        if !line.pass() || to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}
