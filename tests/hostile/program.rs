//! The real program, which must end.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longer than anything takes here on a busy machine; what has not ended by then hangs.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long a session of `dev` may take from Ctrl-C to its end.
const END: Duration = Duration::from_secs(20);

pub(crate) struct Done {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    #[track_caller]
    pub(crate) fn expect(&self, code: i32) -> &Self {
        assert_eq!(self.status.code(), Some(code), "{}\n{}", self.out, self.err);
        self
    }

    /// It ended by itself, or by a Ctrl-C before there was anything to end in order: no other signal, no panic.
    #[track_caller]
    pub(crate) fn ended_in_order(&self, what: &str) {
        use std::os::unix::process::ExitStatusExt;
        assert!(
            self.status.code().is_some() || self.status.signal() == Some(2),
            "{what}: {}\n{}\n{}",
            self.status,
            self.out,
            self.err
        );
        assert_ne!(self.status.code(), Some(101), "{what}\n{}", self.err);
        for text in [&self.out, &self.err] {
            assert!(!text.contains("panicked at"), "{what}\n{text}");
        }
    }
}

/// A folder for one test: `project`, `outside`, and the user's own folders.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        std::fs::create_dir(place.project()).unwrap();
        place
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.root().join("project")
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.project().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn command<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arkor-host"));
        command
            .args(arguments)
            .current_dir(self.project())
            .env("ARKOR_CACHE_DIR", cache())
            .env("ARKOR_DATA_DIR", self.root().join("data"))
            .env("HOST_SECRET", "SECRET-OF-THE-USER")
            .env_remove("ARKOR_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end, which must come.
    #[track_caller]
    pub(crate) fn arkor(&self, arguments: &[&str]) -> Done {
        let child = self.command(arguments).spawn().unwrap();
        wait(child, PATIENCE, &format!("{arguments:?}"))
    }

    /// `dev` until its first run ended or it said an error, then Ctrl-C, and its end.
    #[track_caller]
    pub(crate) fn dev(&self, arguments: &[&str]) -> Done {
        let words = ["dev", "--json", "--port", "0"];
        let mut child = self.command(words.iter().chain(arguments)).spawn().unwrap();
        let mut out = child.stdout.take().unwrap();
        let (sender, said) = std::sync::mpsc::channel::<Vec<u8>>();
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            let mut part = [0; 4096];
            while let Ok(length @ 1..) = out.read(&mut part) {
                all.extend_from_slice(&part[..length]);
                let _ = sender.send(all.clone());
            }
            all
        });
        let begin = Instant::now();
        let settled = |text: &str| {
            text.contains("\"type\":\"finished\"") || text.contains("\"state\":\"error\"")
        };
        loop {
            match said.recv_timeout(PATIENCE.saturating_sub(begin.elapsed())) {
                Ok(all) if settled(&String::from_utf8_lossy(&all)) => break,
                Ok(_) => {}
                // It ended.
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    let _ = child.kill();
                    panic!("dev came to nothing within {PATIENCE:?}");
                }
            }
        }
        let _ = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status();
        let mut done = wait(child, END, "dev, from Ctrl-C");
        done.out = String::from_utf8_lossy(&reader.join().unwrap()).into_owned();
        done
    }
}

#[track_caller]
fn wait(mut child: Child, patience: Duration, what: &str) -> Done {
    let read = |stream: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut all = Vec::new();
            if let Some(mut stream) = stream {
                let _ = stream.read_to_end(&mut all);
            }
            String::from_utf8_lossy(&all).into_owned()
        })
    };
    let out = read(child.stdout.take().map(|stream| Box::new(stream) as _));
    let err = read(child.stderr.take().map(|stream| Box::new(stream) as _));
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begin.elapsed() > patience {
            let _ = child.kill();
            let _ = child.wait();
            panic!(
                "{what} did not end within {patience:?}\n{}\n{}",
                out.join().unwrap(),
                err.join().unwrap()
            );
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Done {
        status,
        out: out.join().unwrap(),
        err: err.join().unwrap(),
    }
}

/// Compiled code is shared by all tests.
fn cache() -> &'static Path {
    static CACHE: OnceLock<PathBuf> = OnceLock::new();
    CACHE.get_or_init(|| {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .unwrap();
        repository.join("target/test-cache")
    })
}

/// A trainer in JavaScript of a few short steps, with this in its `onLog`.
pub(crate) fn trainer(on_log: &str) -> String {
    format!(
        r#"import {{ action, artifacts, dataset, defineTrainer, file, inference, scratch }} from "arkor";
export default defineTrainer({{
  describe: () => ({{
    name: "hostile",
    model: scratch({{ hiddenSize: 32, numHiddenLayers: 1, numAttentionHeads: 2 }}),
    dataset: file("text.txt"),
    hyperparameters: {{ maxSteps: 3, maxLength: 16, loggingSteps: 1, perDeviceTrainBatchSize: 2 }},
  }}),
  onLog(event) {{ {on_log} }},
}});
"#
    )
}

pub(crate) fn text() -> String {
    "in the beginning was the word and the word was with us ".repeat(200)
}
