//! `arkor-host dev`, the real program, and what it says.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::Project;

/// Longer than anything takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(180);

pub(crate) struct Dev {
    pub(crate) child: Child,
    lines: Receiver<Value>,
    pub(crate) seen: Vec<Value>,
    pub(crate) project: Project,
}

impl Dev {
    /// `dev` on a project whose trainer is this guest, told to train for ever.
    pub(crate) fn start(name: &str) -> Self {
        let project = Project::new(name);
        Self::on(project)
    }

    pub(crate) fn on(project: Project) -> Self {
        let mut child = project
            .command(["dev", "--json", "--port", "0", "--max-steps", "1000000"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (line, lines) = channel();
        std::thread::spawn(move || {
            for text in out.lines().map_while(Result::ok) {
                if line.send(serde_json::from_str(&text).unwrap()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            seen: Vec::new(),
            project,
        }
    }

    pub(crate) fn wait(&mut self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        // Of the whole wait: a run that goes on says something all the time.
        let end = Instant::now() + PATIENCE;
        loop {
            let line = self
                .lines
                .recv_timeout(end.saturating_duration_since(Instant::now()))
                .unwrap_or_else(|error| panic!("no {what}, {error}: {:#?}", self.newest()));
            self.seen.push(line.clone());
            if is(&line) {
                return line;
            }
        }
    }

    /// What was said last; a run of minutes says too much to be read.
    fn newest(&self) -> &[Value] {
        &self.seen[self.seen.len().saturating_sub(200)..]
    }

    /// Takes up what was said so far.
    pub(crate) fn drain(&mut self) {
        self.seen.extend(self.lines.try_iter());
    }

    pub(crate) fn event(&mut self, kind: &str) -> Value {
        self.wait(kind, |line| line["type"] == kind)
    }

    pub(crate) fn state(&mut self, state: &str) -> Value {
        self.wait(state, |line| {
            line["type"] == "dev" && line["state"] == state
        })
    }

    /// Waits for an error that says this.
    pub(crate) fn error(&mut self, part: &str) -> String {
        let line = self.wait(part, |line| {
            line["state"] == "error" && line["text"].as_str().unwrap().contains(part)
        });
        line["text"].as_str().unwrap().into()
    }

    /// As a compiler does it: beside its place, then renamed.
    pub(crate) fn save(&self, component: &Path) {
        let beside = self.project.path("trainer.wasm.new");
        std::fs::copy(component, &beside).unwrap();
        std::fs::rename(beside, self.project.path("trainer.wasm")).unwrap();
    }

    /// Ctrl-C, and the exit code.
    pub(crate) fn interrupt(mut self) -> (i32, Vec<Value>) {
        let id = i32::try_from(self.child.id()).unwrap();
        std::process::Command::new("kill")
            .args(["-INT", &id.to_string()])
            .status()
            .unwrap();
        let mut seen = std::mem::take(&mut self.seen);
        let end = Instant::now() + PATIENCE;
        loop {
            let rest = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(rest) {
                Ok(line) => seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {:#?}", seen.last()),
            }
        }
        (self.child.wait().unwrap().code().unwrap(), seen)
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
