//! The parser process: it reads files from standard input and answers on standard output.

use std::io::{self, BufReader};
use std::sync::mpsc;

use super::translate;
use super::wire;

/// Bytes of stack, for some hundred thousand brackets within each other. The system gives it memory as it
/// is used.
const STACK: usize = if cfg!(target_pointer_width = "64") {
    1 << 30
} else {
    64 << 20
};

/// Bytes of addresses that the process may have, its stack and the program itself included. The largest files
/// that are taken need 1.3 GB, and few bytes can make the parser try more than any machine has.
#[cfg(unix)]
const MEMORY: u64 = 3 << 30;

/// Answers until standard input ends, which is when the host does, and then ends this process, whatever it
/// is at. The process leaves no core file. On Linux its memory has a bound; elsewhere no system call sets
/// one, and what bounds it is the size of a file and the time that it may take.
///
/// # Errors
///
/// If its thread cannot be started. It does not return otherwise.
pub fn serve_parser() -> io::Result<std::convert::Infallible> {
    bound_memory();
    let (requests, received) = mpsc::channel();
    std::thread::Builder::new()
        .name("parse".into())
        .stack_size(STACK)
        .spawn(move || {
            // The host tells what happened by the way the process ended.
            let code = i32::from(answer(&received).is_err());
            std::process::exit(code)
        })?;
    let mut input = BufReader::new(io::stdin().lock());
    while let Ok(frame) = wire::read_frame(&mut input) {
        if requests.send(frame).is_err() {
            break;
        }
    }
    // The host is gone, and a file that takes long must not keep this process.
    std::process::exit(0)
}

fn answer(received: &mpsc::Receiver<(Vec<u8>, Vec<u8>)>) -> io::Result<()> {
    let mut output = io::stdout().lock();
    wire::write_frame(&mut output, wire::READY.as_bytes(), &[])?;
    for frame in received {
        let (request, text) = wire::read_request(frame)?;
        let answer = translate::caught(&request.name, &text, request.is_module);
        wire::write_answer(&mut output, answer)?;
    }
    Ok(())
}

#[cfg(unix)]
fn bound_memory() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let limit = |bytes| Rlimit {
        current: Some(bytes),
        maximum: Some(bytes),
    };
    // Where it cannot be set there is a tighter one already.
    let _ = setrlimit(Resource::As, limit(MEMORY));
    let _ = setrlimit(Resource::Core, limit(0));
}

#[cfg(not(unix))]
fn bound_memory() {}
