//! Connections: bytes that were read ahead come again, and a line can be cut.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::sync::mpsc::UnboundedReceiver;

pub trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// One connection.
pub struct Line {
    inner: Box<dyn Io>,
    ahead: Vec<u8>,
    pub cut: Cut,
}

/// Cuts a connection.
#[derive(Debug, Clone, Default)]
pub struct Cut(Arc<AtomicBool>);

impl Cut {
    pub fn now(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn check(&self) -> io::Result<()> {
        match self.0.load(Ordering::SeqCst) {
            true => Err(io::ErrorKind::ConnectionReset.into()),
            false => Ok(()),
        }
    }
}

impl Line {
    /// Takes a connection and reads the head of its first request.
    pub async fn open(mut inner: Box<dyn Io>) -> io::Result<(Self, String)> {
        let mut ahead = Vec::new();
        while !ahead.windows(4).any(|four| four == b"\r\n\r\n") {
            let mut some = [0; 4096];
            match inner.read(&mut some).await? {
                0 => break,
                read => ahead.extend_from_slice(&some[..read]),
            }
        }
        let head = String::from_utf8_lossy(&ahead).into_owned();
        Ok((Self { inner, ahead, cut: Cut::default() }, head))
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.cut.check()?;
        if !self.ahead.is_empty() {
            let some = self.ahead.len().min(buf.remaining());
            buf.put_slice(&self.ahead[..some]);
            self.ahead.drain(..some);
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.cut.check()?;
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.cut.check()?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// Hands connections on that carry requests.
pub struct Lines(pub UnboundedReceiver<Line>);

impl Listener for Lines {
    type Io = Line;
    type Addr = Cut;

    async fn accept(&mut self) -> (Line, Cut) {
        match self.0.recv().await {
            Some(line) => {
                let cut = line.cut.clone();
                (line, cut)
            }
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Cut> {
        Ok(Cut::default())
    }
}

impl Connected<IncomingStream<'_, Lines>> for Cut {
    fn connect_info(stream: IncomingStream<'_, Lines>) -> Self {
        stream.remote_addr().clone()
    }
}
