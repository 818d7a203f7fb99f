//! As little of HTTP as the tests need, written out, so that they can send what no library would.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(180);

/// Where the Studio of a `dev` is, and its token.
#[derive(Clone)]
pub(crate) struct Studio {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The error that it is, with this status and these words.
    pub(crate) fn refuses(&self, status: u16, words: &str) {
        assert_eq!(self.status, status, "{self:?}");
        let message = self.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(words), "{message}");
    }
}

impl Studio {
    pub(crate) fn of(studio: &Value) -> Self {
        let file = std::fs::read_to_string(studio["token_file"].as_str().unwrap()).unwrap();
        let file: Value = serde_json::from_str(&file).unwrap();
        let url = studio["url"].as_str().unwrap();
        assert_eq!(file["url"], url);
        Self {
            address: url.strip_prefix("http://").unwrap().parse().unwrap(),
            token: file["token"].as_str().unwrap().into(),
        }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends a head, with its lines, and a body, exactly so.
    pub(crate) fn raw(&self, head: &[&str], body: &[u8]) -> Answer {
        let mut stream = self.connect();
        let head = head.join("\r\n") + "\r\nConnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        // A server that refuses need not read the rest.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer: {answer:?}"));
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_lowercase(),
            body: body.into(),
        }
    }

    fn host(&self) -> String {
        format!("Host: {}", self.address)
    }

    fn bearer(&self) -> String {
        format!("Authorization: Bearer {}", self.token)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        let line = format!("GET {path} HTTP/1.1");
        self.raw(&[&line, &self.host(), &self.bearer()], b"")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        let body = body.to_string();
        let line = format!("POST {path} HTTP/1.1");
        let length = format!("Content-Length: {}", body.len());
        let kind = "Content-Type: application/json";
        self.raw(
            &[&line, &self.host(), &self.bearer(), kind, &length],
            body.as_bytes(),
        )
    }

    /// Asks the session for something that it does.
    pub(crate) fn ask(&self, path: &str, body: Value) -> Value {
        let answer = self.post(path, &body);
        assert_eq!(answer.status, 202, "{body} {answer:?}");
        answer.json()
    }

    pub(crate) fn act(&self, run: &str, action: Value) -> Value {
        self.ask(&format!("/api/runs/{run}/actions"), action)
    }

    pub(crate) fn runs(&self) -> Vec<Value> {
        self.get("/api/runs").json()["runs"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// Opens an event stream, with more lines in its head.
    pub(crate) fn stream(&self, path: &str, more: &[&str]) -> Stream {
        let mut stream = self.connect();
        let and = if path.contains('?') { '&' } else { '?' };
        let mut head = format!(
            "GET {path}{and}token={} HTTP/1.1\r\n{}\r\n",
            self.token,
            self.host()
        );
        for line in more {
            head += line;
            head += "\r\n";
        }
        stream.write_all((head + "\r\n").as_bytes()).unwrap();
        let mut lines = BufReader::new(stream);
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        assert!(first.contains(" 200 "), "{first}");
        Stream { lines }
    }
}

/// An open event stream. The ends of its chunks fall between events, so their lines are skipped like
/// comments.
pub(crate) struct Stream {
    pub(crate) lines: BufReader<TcpStream>,
}

impl Stream {
    /// Number and content of the next event.
    pub(crate) fn next(&mut self) -> (u64, Value) {
        let mut id = None;
        loop {
            let mut line = String::new();
            let read = self.lines.read_line(&mut line).unwrap();
            assert!(read > 0, "the stream ended");
            if let Some(number) = line.strip_prefix("id: ") {
                id = Some(number.trim().parse().unwrap());
            } else if let Some(json) = line.strip_prefix("data: ") {
                return (id.unwrap(), serde_json::from_str(json).unwrap());
            }
        }
    }

    /// The same; none if nothing comes within the time that the connection allows.
    pub(crate) fn try_next(&mut self) -> Option<(u64, Value)> {
        let mut id = None;
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(number) = line.strip_prefix("id: ") {
                id = number.trim().parse().ok();
            } else if let Some(json) = line.strip_prefix("data: ") {
                return Some((id?, serde_json::from_str(json).unwrap()));
            }
        }
    }

    pub(crate) fn wait(&mut self, is: impl Fn(&Value) -> bool) -> Value {
        // A stream of a run that goes on never ends by itself.
        let end = Instant::now() + PATIENCE;
        loop {
            let (_, value) = self.next();
            if is(&value) {
                return value;
            }
            assert!(Instant::now() < end, "not this: {value:#}");
        }
    }
}
