//! Standard output and error of a guest: each line becomes a message of the run.

use arkor_types::MessageSource;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::console::Console;

/// Bytes that may be written between two waits.
const PERMIT: usize = 16 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

pub(super) struct Output {
    console: Console,
    stream: Stream,
}

impl Output {
    pub(super) fn new(console: Console, stream: Stream) -> Self {
        Self { console, stream }
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Only preview 3 asks for this one, and this host links preview 2.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(LineStream {
            console: self.console.clone(),
            stream: self.stream,
        })
    }
}

struct LineStream {
    console: Console,
    stream: Stream,
}

impl OutputStream for LineStream {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        let source = match self.stream {
            Stream::Stdout => MessageSource::Stdout,
            Stream::Stderr => MessageSource::Stderr,
        };
        self.console.output(source, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(if self.console.is_waiting() { 0 } else { PERMIT })
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LineStream {
    async fn ready(&mut self) {
        self.console.drain().await;
    }
}
