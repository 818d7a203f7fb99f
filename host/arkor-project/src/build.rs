//! From sources to a wasm file.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::config::{BuildCommand, Language, TrainerSource};
use crate::project::require;
use crate::{CrateBuild, Project, ProjectError, RustToolchain};

/// Something to show while a build runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildLine {
    /// A command begins.
    Command(String),
    /// A line that it wrote, without its end.
    Output(String),
}

/// A finished build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// A component or a core module.
    pub artifact: PathBuf,
    /// How long it took.
    pub duration: Duration,
}

pub(crate) fn build(
    project: &Project,
    progress: &mut dyn FnMut(BuildLine),
) -> Result<Built, ProjectError> {
    let start = Instant::now();
    let folder = project.source_dir();
    require("folder of sources", &folder)?;
    let artifact = match &project.config().trainer {
        TrainerSource::Component(component) => {
            let path = project.root().join(component);
            require("component", &path)?;
            path
        }
        TrainerSource::Sources {
            language: Language::Rust,
            ..
        } => {
            let target_dir = std::env::var_os("CARGO_TARGET_DIR")
                .map_or_else(|| project.store_dir().join("target"), PathBuf::from);
            let build = CrateBuild {
                folder: folder.clone(),
                target_dir,
            };
            let files = RustToolchain::detect(&folder)?.build(&build, progress)?;
            files.into_iter().next_back().ok_or(ProjectError::NoArtifact {
                folder,
                hint: "a trainer is a library: add to its Cargo.toml: [lib] crate-type = [\"cdylib\"]",
            })?
        }
        TrainerSource::Command {
            command, component, ..
        } => {
            let mut process = custom_command(command);
            process.current_dir(&folder);
            run(process, progress, Stdout::Output)?;
            let path = project.root().join(component);
            if !path.exists() {
                return Err(ProjectError::NoArtifact {
                    folder,
                    hint: "the build command must leave the file that `component` names, relative \
                           to the project",
                });
            }
            path
        }
    };
    Ok(Built {
        artifact,
        duration: start.elapsed(),
    })
}

fn custom_command(command: &BuildCommand) -> Command {
    match command {
        BuildCommand::Shell(line) => {
            let (shell, flag) = if cfg!(windows) {
                ("cmd", "/C")
            } else {
                ("sh", "-c")
            };
            let mut process = Command::new(shell);
            process.args([flag, line]);
            process
        }
        BuildCommand::Program(words) => {
            let (program, arguments) = words
                .split_first()
                .map_or(("", [].as_slice()), |(p, a)| (p.as_str(), a));
            let mut process = Command::new(program);
            process.args(arguments);
            process
        }
    }
}

/// What standard output is for. Standard error is always for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stdout {
    /// More output for people.
    Output,
    /// Data, handed back.
    Data,
}

/// Runs a command to its end, passes on each line as it comes and returns the data of its
/// standard output.
pub(crate) fn run(
    mut command: Command,
    progress: &mut dyn FnMut(BuildLine),
    stdout: Stdout,
) -> Result<String, ProjectError> {
    let shown = show(&command);
    progress(BuildLine::Command(shown.clone()));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|source| ProjectError::Start {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
    })?;

    // One thread a pipe: a child that fills the pipe nobody reads would wait for ever.
    let (lines, received) = mpsc::channel();
    let errors = child
        .stderr
        .take()
        .map(|pipe| forward(pipe, Stdout::Output, lines.clone()));
    let data = child.stdout.take().map(|pipe| forward(pipe, stdout, lines));
    let mut output = String::new();
    let mut collected = String::new();
    for (kind, line) in received {
        match kind {
            Stdout::Output => {
                output.push_str(&line);
                output.push('\n');
                progress(BuildLine::Output(line));
            }
            Stdout::Data => {
                collected.push_str(&line);
                collected.push('\n');
            }
        }
    }
    for reader in [errors, data].into_iter().flatten() {
        // A reader ends with its pipe and does not panic; its lines were all received.
        let _ = reader.join();
    }
    let status = child.wait().map_err(|source| ProjectError::Start {
        program: shown.clone(),
        source,
    })?;
    if status.success() {
        Ok(collected)
    } else {
        Err(ProjectError::BuildFailed {
            command: shown,
            status: status.to_string(),
            output: output.trim_end().to_owned(),
        })
    }
}

fn forward(
    pipe: impl Read + Send + 'static,
    kind: Stdout,
    lines: mpsc::Sender<(Stdout, String)>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes).is_ok_and(|n| n > 0) {
            let line = String::from_utf8_lossy(&bytes);
            let line = line.trim_end_matches(['\n', '\r']).to_owned();
            if lines.send((kind, line)).is_err() {
                return;
            }
            bytes.clear();
        }
    })
}

/// The command as one would type it, without its environment.
fn show(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| {
            let word = word.to_string_lossy();
            if word.is_empty() || word.contains([' ', '"', '\'', '$']) {
                format!("'{word}'")
            } else {
                word.into_owned()
            }
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn project(build: &str) -> (tempfile::TempDir, Project) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("src")).unwrap();
        std::fs::write(
            folder.path().join("arkor.toml"),
            format!("[trainer]\npath = \"src\"\ncomponent = \"out/t.wasm\"\nbuild = {build}\n"),
        )
        .unwrap();
        let project = Project::load(folder.path()).unwrap();
        (folder, project)
    }

    #[test]
    fn a_command_builds() {
        let (_folder, project) =
            project(r#""echo hello; mkdir -p ../out; pwd > ../out/t.wasm; echo there >&2""#);
        let mut lines = Vec::new();
        let built = project.build(&mut |line| lines.push(line)).unwrap();
        let text = std::fs::read_to_string(&built.artifact).unwrap();
        assert!(text.trim().ends_with("src"));
        assert!(matches!(&lines[0], BuildLine::Command(c) if c.starts_with("sh -c 'echo")));
        assert!(lines.contains(&BuildLine::Output("hello".into())));
        assert!(lines.contains(&BuildLine::Output("there".into())));
    }

    #[test]
    fn a_failed_build_says_what_the_compiler_said() {
        let (_folder, project) =
            project(r#"["sh", "-c", "echo error: no such thing >&2; exit 3"]"#);
        let error = project.build(&mut |_| {}).unwrap_err();
        assert_eq!(
            error.to_string(),
            "build failed (exit status: 3): sh -c 'echo error: no such thing >&2; exit 3'\n\
             error: no such thing"
        );
    }

    #[test]
    fn a_build_must_leave_its_file() {
        let (_folder, project) = project(r#""true""#);
        let error = project.build(&mut |_| {}).unwrap_err();
        assert!(matches!(error, ProjectError::NoArtifact { .. }), "{error}");
        assert!(error.hint().unwrap().contains("must leave the file"));
    }

    #[test]
    fn a_missing_program_is_named() {
        let (_folder, project) = project(r#"["arkor-no-such-program"]"#);
        let error = project.build(&mut |_| {}).unwrap_err();
        assert_eq!(error.to_string(), "could not start `arkor-no-such-program`");
        assert!(error.hint().unwrap().contains("on the PATH"));
    }

    #[test]
    fn much_output_does_not_block() {
        let (_folder, project) = project(
            r#""yes | head -200000; yes | head -200000 >&2; mkdir -p ../out; touch ../out/t.wasm""#,
        );
        let mut lines = 0;
        project.build(&mut |_| lines += 1).unwrap();
        assert_eq!(lines, 400_001);
    }
}
