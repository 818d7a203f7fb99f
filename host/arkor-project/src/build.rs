//! From sources to a wasm file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arkor_types::Program;

use crate::config::{BuildCommand, FileAccess, Language, TrainerSource};
use crate::inputs::{Question, Tree};
use crate::paths::{canonical, resolve_inside};
use crate::process::{BuildLimits, Stdout, run};
use crate::project::require;
use crate::toolchain::WasmFile;
use crate::{CrateBuild, InputRecorder, Project, ProjectError, RustToolchain, script};

mod cargo;

/// Something to show while a build runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildLine {
    /// A command begins.
    Command(String),
    /// A line that it wrote, without its end.
    Output(String),
}

/// What a build leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Artifact {
    /// A file with a component or a core module, at a path without links.
    Wasm(PathBuf),
    /// The files of a script trainer.
    Program(Arc<Program>),
}

impl Artifact {
    /// The wasm file, if it is one.
    pub fn wasm(&self) -> Option<&Path> {
        match self {
            Self::Wasm(path) => Some(path),
            Self::Program(_) => None,
        }
    }
}

/// A finished build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// What it left.
    pub artifact: Artifact,
    /// How long it took.
    pub duration: Duration,
    /// How long the compiler, or the build command, took of that.
    pub compiler: Duration,
}

/// Toolchains that were found: to find one again would cost as much as the rest of a reload.
static FOUND: Mutex<BTreeMap<PathBuf, RustToolchain>> = Mutex::new(BTreeMap::new());

fn toolchain(folder: &Path) -> Result<RustToolchain, ProjectError> {
    let known = || FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known().get(folder) {
        return Ok(found.clone());
    }
    let found = RustToolchain::detect(folder)?;
    known().insert(folder.into(), found.clone());
    Ok(found)
}

/// A build that failed may have lacked what was there before.
fn forget_toolchain(folder: &Path) {
    let mut known = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    known.remove(folder);
}

pub(crate) fn build(
    project: &Project,
    limits: &BuildLimits,
    inputs: &InputRecorder,
    progress: &mut dyn FnMut(BuildLine),
) -> Result<Built, ProjectError> {
    let start = Instant::now();
    project.check_build()?;
    let folder = project.source_dir();
    inputs.presence(&folder);
    require("folder of sources", &folder)?;
    let mut compiler = Duration::ZERO;
    let artifact = match &project.config().trainer {
        TrainerSource::Component(component) => {
            let path = project.root().join(component);
            inputs.ask(&path, Question::Entry);
            inputs.ask(&path, Question::Content);
            require("component", &path)?;
            Artifact::Wasm(resolved(project, &path)?)
        }
        TrainerSource::Script {
            language, entry, ..
        } => {
            let begin = Instant::now();
            let program = script::program(
                project.root(),
                *language,
                entry,
                project.is_untrusted(),
                limits,
                inputs,
                progress,
            )?;
            compiler = begin.elapsed();
            project.check_modules(&program)?;
            Artifact::Program(Arc::new(program))
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
            inputs.runs_command();
            let before = cargo::Before::look(&build.folder, &build.target_dir, inputs);
            let begin = Instant::now();
            let file = toolchain(&folder).and_then(|toolchain| {
                let files = toolchain
                    .compile(&build, limits, progress)
                    .inspect_err(|_| forget_toolchain(&folder))?;
                the_trainer(files, &folder)
            });
            compiler = begin.elapsed();
            match file {
                Ok(file) => {
                    before.built(&folder, &file, inputs);
                    Artifact::Wasm(canonical(&file)?)
                }
                Err(error) => {
                    before.failed(inputs);
                    return Err(error);
                }
            }
        }
        TrainerSource::Command {
            command,
            component,
            inputs: named,
            ..
        } => {
            inputs.runs_command();
            record_sources(project, component, named.as_deref(), inputs);
            let mut process = custom_command(command);
            process.current_dir(&folder);
            let begin = Instant::now();
            run(process, limits, progress, Stdout::Output)?;
            compiler = begin.elapsed();
            let path = project.root().join(component);
            if !path.exists() {
                return Err(ProjectError::NoArtifact {
                    folder,
                    hint: "the build command must leave the file that `component` names, relative \
                           to the project",
                });
            }
            Artifact::Wasm(canonical(&path)?)
        }
    };
    Ok(Built {
        artifact,
        duration: start.elapsed(),
        compiler,
    })
}

/// The file of the package in the folder; of a workspace, the only one.
fn the_trainer(files: Vec<WasmFile>, folder: &Path) -> Result<PathBuf, ProjectError> {
    let manifest = folder.join("Cargo.toml");
    let is_own = |file: &&WasmFile| canonical(&file.manifest).ok() == canonical(&manifest).ok();
    let own: BTreeSet<&Path> = files
        .iter()
        .filter(is_own)
        .map(|file| file.path.as_path())
        .collect();
    let all: BTreeSet<&Path> = files.iter().map(|file| file.path.as_path()).collect();
    let candidates = if own.is_empty() { all } else { own };
    let mut found = candidates.iter();
    match (found.next(), found.next()) {
        (Some(file), None) => Ok(file.to_path_buf()),
        (None, _) => Err(ProjectError::NoArtifact {
            folder: folder.into(),
            hint: "a trainer is a library: add to its Cargo.toml: [lib] crate-type = [\"cdylib\"]",
        }),
        (Some(_), Some(_)) => Err(ProjectError::SeveralArtifacts {
            folder: folder.into(),
            files: candidates.into_iter().map(Into::into).collect(),
        }),
    }
}

/// What a command reads, as it is before it runs: what is named, or all that is not ignored.
fn record_sources(
    project: &Project,
    component: &Path,
    named: Option<&[PathBuf]>,
    inputs: &InputRecorder,
) {
    let mut outputs = vec![project.root().join(component)];
    let capabilities = &project.capabilities().files;
    let written = capabilities
        .iter()
        .filter(|grant| grant.access == FileAccess::Write);
    outputs.extend(written.filter_map(|grant| project.granted(grant).ok()));
    match named {
        Some(named) => {
            for path in named {
                let path = project.root().join(path);
                inputs.ask(&path, Question::Kind);
                inputs.tree(Tree::named(path, outputs.clone()));
            }
        }
        None => {
            let sources = project.source_dir();
            // It may lie outside, and then what it is built from does.
            if !canonical(&sources).is_ok_and(|path| path.starts_with(project.root())) {
                inputs.tree(Tree::guessed(sources, outputs.clone()));
            }
            inputs.tree(Tree::guessed(project.root().into(), outputs));
        }
    }
}

/// Where a finished component lies, links resolved. Of an untrusted project it lies inside.
fn resolved(project: &Project, component: &Path) -> Result<PathBuf, ProjectError> {
    if project.is_untrusted() {
        let inside = component.strip_prefix(project.root()).unwrap_or(component);
        return resolve_inside(project.root(), inside);
    }
    canonical(component)
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
        let text = std::fs::read_to_string(built.artifact.wasm().unwrap()).unwrap();
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
    fn case_35_a_build_that_hangs_is_ended_with_its_children() {
        let (folder, project) = project(
            r#""echo begun; (sleep 600; touch ../late) & sleep 600"
build-timeout = "1s""#,
        );
        let begin = Instant::now();
        let limits = BuildLimits {
            timeout: project.config().build_timeout,
            own_group: true,
            ..BuildLimits::default()
        };
        let error = project
            .build_recording(&limits, &InputRecorder::default(), &mut |_| {})
            .unwrap_err();
        let text = error.to_string();
        assert!(text.contains("1 s") && text.contains("begun"), "{text}");
        assert!(error.hint().unwrap().contains("build-timeout"));
        assert!(begin.elapsed() < Duration::from_secs(60));
        assert!(!folder.path().join("late").exists());
    }

    #[test]
    fn what_a_build_leaves_running_is_not_waited_for() {
        let line = r#""mkdir -p ../out; echo built; cp ../arkor.toml ../out/t.wasm; sleep 600 &""#;
        for own_group in [true, false] {
            let (_folder, project) = project(line);
            let limits = BuildLimits {
                own_group,
                ..BuildLimits::default()
            };
            let (begin, mut lines) = (Instant::now(), Vec::new());
            let inputs = InputRecorder::default();
            let built = project.build_recording(&limits, &inputs, &mut |line| lines.push(line));
            assert!(built.unwrap().artifact.wasm().is_some());
            assert!(lines.contains(&BuildLine::Output("built".into())));
            assert!(begin.elapsed() < Duration::from_secs(60));
        }
    }

    #[test]
    fn of_several_wasm_files_the_one_of_the_folders_package_is_the_trainer() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, package: &str| {
            let manifest = folder.path().join(package).join("Cargo.toml");
            std::fs::create_dir_all(manifest.parent().unwrap()).unwrap();
            std::fs::write(&manifest, "").unwrap();
            WasmFile {
                path: name.into(),
                manifest,
            }
        };
        let own = || file("own.wasm", ".");
        let (one, two) = (file("one.wasm", "a"), file("two.wasm", "b"));
        let find = |files: &[WasmFile]| the_trainer(files.to_vec(), folder.path());
        assert_eq!(find(&[own(), one.clone()]).unwrap(), Path::new("own.wasm"));
        assert_eq!(
            find(&[one.clone(), one.clone()]).unwrap(),
            Path::new("one.wasm")
        );
        let error = find(&[one, two]).unwrap_err();
        assert!(error.to_string().contains("one.wasm, two.wasm"), "{error}");
        assert!(error.hint().unwrap().contains("path ="));
        assert!(matches!(find(&[]), Err(ProjectError::NoArtifact { .. })));
    }

    #[test]
    fn case_35_a_build_that_nobody_waits_for_is_ended() {
        let (_folder, project) = project(r#""sleep 600""#);
        let limits = BuildLimits::default();
        limits
            .stop
            .store(true, std::sync::atomic::Ordering::Release);
        let error = project
            .build_recording(&limits, &InputRecorder::default(), &mut |_| {})
            .unwrap_err();
        assert!(
            matches!(error, ProjectError::BuildStopped { .. }),
            "{error}"
        );
    }

    #[test]
    fn case_35_of_a_flood_the_beginning_and_the_end_are_kept() {
        let (_folder, project) =
            project(r#""echo first; yes | head -c 30000000; echo; echo last; exit 1""#);
        let text = project.build(&mut |_| {}).unwrap_err().to_string();
        assert!(text.len() < 600_000, "{}", text.len());
        assert!(text.contains("\nfirst\n") && text.ends_with("last"));
        assert!(text.contains("bytes are left out"));
        let line = r#""head -c 30000000 /dev/zero; exit 1""#;
        let (_folder, project) = super::tests::project(line);
        let text = project.build(&mut |_| {}).unwrap_err().to_string();
        assert!(text.len() < 1_000_000, "{}", text.len());
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
