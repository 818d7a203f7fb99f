//! Standard output and error of a guest: each line becomes a message of the run.

use arkor_types::MessageSource;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::console::Console;

/// Bytes that may be written between two waits. Few, since what is left at the end of a call is told
/// within a bound of time.
const PERMIT: usize = 4 << 10;

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
            permit: 0,
        })
    }
}

struct LineStream {
    console: Console,
    stream: Stream,
    /// Bytes that may still be written before the next look at whether there is room.
    permit: usize,
}

impl LineStream {
    /// A write beyond the permit is against the contract of streams, and ends the guest.
    fn spend(&mut self, bytes: usize) -> StreamResult<()> {
        self.permit = self.permit.checked_sub(bytes).ok_or_else(|| {
            StreamError::trap("wrote more to a standard stream than check-write allowed")
        })?;
        Ok(())
    }
}

impl OutputStream for LineStream {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.spend(bytes.len())?;
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
        self.permit = if self.console.is_waiting() { 0 } else { PERMIT };
        Ok(self.permit)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LineStream {
    async fn ready(&mut self) {
        self.console.drain().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_takes_no_more_than_its_permit() {
        let (requests, _queue) = tokio::sync::mpsc::channel(64);
        let output = Output::new(Console::new(requests, 1000), Stream::Stdout);
        let stream = || output.p2_stream();
        // Without a look at whether there is room, nothing.
        assert!(stream().write(vec![b'\n'; 1].into()).is_err());
        let mut one = stream();
        let permit = one.check_write().unwrap();
        assert!(one.write(vec![b'\n'; permit + 1].into()).is_err());
        let mut two = stream();
        let permit = two.check_write().unwrap();
        two.write(vec![b'x'; permit / 2].into()).unwrap();
        two.write(vec![b'\n'; permit - permit / 2].into()).unwrap();
        assert!(two.write(vec![b'x'; 1].into()).is_err());
        // Lines wait: there is no room.
        assert_eq!(two.check_write().unwrap(), 0);
        assert!(two.write_zeroes(usize::MAX).is_err());
    }
}
