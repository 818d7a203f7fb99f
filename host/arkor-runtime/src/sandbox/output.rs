//! Standard output and error of a guest: each line becomes a message of the run.

use std::sync::Arc;

use arkor_types::MessageSource;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use super::{Denials, denial_hint};
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
    /// What a text can say more of.
    denials: Option<Arc<Denials>>,
}

impl Output {
    pub(super) fn new(console: Console, stream: Stream) -> Self {
        Self {
            console,
            stream,
            denials: None,
        }
    }

    /// The preview 1 adapter looks at the folders the first time that anything is printed or opened, and not
    /// again: a trainer that prints has not asked for files, unless it prints that it could not have one.
    pub(super) fn explains(mut self, denials: &Arc<Denials>) -> Self {
        self.denials = Some(Arc::clone(denials));
        self
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
            denials: self.denials.clone(),
            permit: 0,
        })
    }
}

struct LineStream {
    console: Console,
    stream: Stream,
    denials: Option<Arc<Denials>>,
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
        if let Some(denials) = &self.denials {
            let tells_of_files = denial_hint(&String::from_utf8_lossy(&bytes)).is_some();
            denials.printed(tells_of_files, self.stream == Stream::Stdout);
        }
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
    use crate::sandbox::Denial;

    #[tokio::test]
    async fn who_prints_through_the_adapter_has_not_asked_for_files() {
        let (requests, _queue) = tokio::sync::mpsc::channel(64);
        let output = || Output::new(Console::new(requests.clone(), 1000), Stream::Stdout);
        let prints = |output: Output| {
            let mut stream = output.p2_stream();
            stream.check_write().unwrap();
            stream.write("text\n".into()).unwrap();
        };
        let denials = Arc::new(Denials::default());
        denials.record(Denial::Files);
        denials.record(Denial::Sockets);
        prints(output());
        prints(output().explains(&denials));
        assert_eq!(denials.take(), [Denial::Sockets]);
        denials.record(Denial::Files);
        prints(output());
        assert_eq!(denials.take(), [Denial::Files]);
        // A file that could not be opened is told of, then and on standard error; later prints change nothing.
        let denials = Arc::new(Denials::default());
        denials.record(Denial::Files);
        let mut stream = output().explains(&denials).p2_stream();
        stream.check_write().unwrap();
        stream
            .write("open: Capabilities insufficient\n".into())
            .unwrap();
        prints(output().explains(&denials));
        assert_eq!(denials.take(), [Denial::Files]);
    }

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
