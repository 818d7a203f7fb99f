//! Projects in temporary folders, and the program run on them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use arkor_project::{CrateBuild, RustToolchain};
use serde_json::Value;
use tempfile::TempDir;

/// The repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
}

/// The program under test.
pub(crate) fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_arkor-host")
}

/// The wasm file of a guest in tests/guests. The first call builds them all.
pub(crate) fn guest(name: &str) -> &'static Path {
    static GUESTS: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    let guests = GUESTS.get_or_init(|| {
        let folder = repository().join("tests/guests");
        let toolchain = RustToolchain::detect(&folder).unwrap();
        let build = CrateBuild {
            folder,
            target_dir: repository().join("target/guests"),
        };
        let files = toolchain.build(&build, &mut |_| {}).unwrap();
        files
            .into_iter()
            .map(|file| {
                let name = file
                    .file_stem()
                    .unwrap()
                    .to_string_lossy()
                    .replace('_', "-");
                (name, file.canonicalize().unwrap())
            })
            .collect()
    });
    guests
        .get(name)
        .unwrap_or_else(|| panic!("there is no guest {name} in {:?}", guests.keys()))
}

/// Compiled code is shared by all tests: each guest is compiled once.
fn cache() -> &'static Path {
    static CACHE: OnceLock<PathBuf> = OnceLock::new();
    CACHE.get_or_init(|| repository().join("target/test-cache"))
}

/// The key of whoever runs the tests, so that they keep nothing in the user's own folders.
pub(crate) fn data() -> &'static Path {
    static DATA: OnceLock<PathBuf> = OnceLock::new();
    DATA.get_or_init(|| repository().join("target/test-data"))
}

/// A project around a guest, removed at the end of its test.
pub(crate) struct Project {
    folder: TempDir,
}

impl Project {
    /// A project with this guest as its component, text to train on and nothing else said.
    pub(crate) fn new(name: &str) -> Self {
        Self::with_config(name, "")
    }

    /// The same with more in its project file.
    pub(crate) fn with_config(name: &str, config: &str) -> Self {
        let project = Self::empty();
        std::fs::copy(guest(name), project.path("trainer.wasm")).unwrap();
        project.write(
            "arkor.toml",
            &format!("[trainer]\ncomponent = \"trainer.wasm\"\n{config}"),
        );
        project.write("text.txt", &text(""));
        project
    }

    /// A folder with nothing in it.
    pub(crate) fn empty() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    pub(crate) fn write(&self, relative: &str, content: &str) {
        std::fs::write(self.path(relative), content).unwrap();
    }

    /// Takes a component in its text format for the trainer.
    pub(crate) fn component(&self, text: &str) {
        std::fs::write(self.path("trainer.wasm"), wat::parse_str(text).unwrap()).unwrap();
    }

    /// The program with these arguments, not yet started.
    pub(crate) fn command<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("ARKOR_CACHE_DIR", cache())
            .env("ARKOR_DATA_DIR", data())
            .env_remove("ARKOR_LOG")
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn arkor<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Done {
        Done::from(self.command(arguments).output().unwrap())
    }

    /// `arkor-host run --json` with more arguments.
    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        self.arkor(["run", "--json"].iter().chain(arguments))
    }

    /// The newest run as `runs show` tells it.
    pub(crate) fn show(&self) -> Value {
        let done = self.arkor(["runs", "show", "--json"]);
        done.expect(0);
        done.json().remove(0)
    }
}

/// A copy of an example, so that a test leaves nothing in the repository. What it depends on stays
/// where it is, and so does what cargo has built of that.
pub(crate) fn example(name: &str) -> Project {
    let project = Project::empty();
    copy(&repository().join("examples").join(name), &project.path(""));
    // A script has none.
    if let Ok(manifest) = std::fs::read_to_string(project.path("Cargo.toml")) {
        let sdk = repository().join("guest-sdk/rust");
        let (before, after) = manifest.split_once("path = \"").unwrap();
        let (_, after) = after.split_once('"').unwrap();
        let sdk = sdk.to_str().unwrap();
        project.write("Cargo.toml", &format!("{before}path = '{sdk}'{after}"));
    }
    point_at_libraries(&project);
    project
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name == ".arkor" || name == "target" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(name));
        } else {
            std::fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

/// Lets a copied project find the guest libraries, beside which it no longer lies.
pub(crate) fn point_at_libraries(project: &Project) {
    let sdk = repository().join("guest-sdk");
    let sdk = sdk.to_str().unwrap();
    for name in ["arkor.toml", "go.mod"] {
        if let Ok(text) = std::fs::read_to_string(project.path(name)) {
            let text = text
                .replace("../../../../guest-sdk", sdk)
                .replace("../../guest-sdk", sdk);
            project.write(name, &text);
        }
    }
}

/// A few thousand words of text, `first` in front.
pub(crate) fn text(first: &str) -> String {
    let mut text = format!("{first} ");
    let words = [
        "the", "word", "was", "made", "flesh", "and", "dwelt", "among", "us",
    ];
    let mut state: u32 = 1;
    for _ in 0..1500 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text += words[(state >> 16) as usize % words.len()];
        text.push(' ');
    }
    text
}

/// What the program did.
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Done {
    /// Fails unless it ended with this exit code.
    #[track_caller]
    pub(crate) fn expect(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }

    /// Its standard output, of which every line must be an object.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| {
                let value: Value = serde_json::from_str(line)
                    .unwrap_or_else(|error| panic!("{error} in {line}\n{}", self.err));
                assert!(value.is_object(), "{line}");
                value
            })
            .collect()
    }

    /// The events of one type.
    #[track_caller]
    pub(crate) fn events(&self, kind: &str) -> Vec<Value> {
        let mut events = self.json();
        events.retain(|event| event["type"] == kind);
        events
    }

    /// The last line.
    #[track_caller]
    pub(crate) fn finished(&self) -> Value {
        let last = self.json().pop().expect("there is output");
        assert_eq!(last["type"], "finished", "{}", self.out);
        last
    }

    /// The one message about a callback that failed, as people read it.
    #[track_caller]
    pub(crate) fn only_fault(&self) -> Value {
        let mut faults = self.events("callback-failed");
        let mut first = match faults.is_empty() {
            false => faults.remove(0)["fault"].take(),
            true => panic!("nothing failed\n{}\n{}", self.out, self.err),
        };
        // An instance that failed begins again, and may fail again in the same way: twice, or wherever it answered events
        // in between.
        let most = if first["cause"]["kind"] == "error" {
            0
        } else {
            6
        };
        assert!(faults.len() <= most, "{}\n{}", self.out, self.err);
        for other in faults {
            let other = &other["fault"];
            // Not all that save state take it up.
            if other["function"] == "load-state" {
                continue;
            }
            assert_eq!(other["function"], first["function"], "{}", self.out);
            assert_eq!(
                other["cause"]["kind"], first["cause"]["kind"],
                "{}",
                self.out
            );
        }
        first.take()
    }

    /// Fails unless standard error is one error, with all of these in it.
    #[track_caller]
    pub(crate) fn one_error(&self, parts: &[&str]) {
        let errors: Vec<&str> = self
            .err
            .lines()
            .filter(|line| line.starts_with("error:"))
            .collect();
        assert_eq!(errors.len(), 1, "{}", self.err);
        for part in parts {
            assert!(self.err.contains(part), "no {part:?} in\n{}", self.err);
        }
        assert!(!self.err.contains("panicked at"), "{}", self.err);
    }
}
