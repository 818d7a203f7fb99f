use super::*;
use crate::{BuildLimits, Built, Project, ProjectError};

const WAIT: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(150);

/// A project that is built whenever it changed.
struct Session {
    _folder: tempfile::TempDir,
    /// Holds the project and what lies beside it.
    place: PathBuf,
    root: PathBuf,
    project: Project,
    watcher: ProjectWatcher,
    builds: usize,
    found: Vec<PathBuf>,
}

impl Session {
    fn on(watcher: ProjectWatcher, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().canonicalize().unwrap();
        let root = place.join("project");
        std::fs::create_dir(&root).unwrap();
        for (name, text) in files {
            write(&root.join(name), text);
        }
        Self {
            _folder: folder,
            project: Project::load(&root).unwrap(),
            place,
            root,
            watcher,
            builds: 0,
            found: Vec::new(),
        }
    }

    fn new(files: &[(&str, &str)]) -> Self {
        let session = Self::on(ProjectWatcher::new(), files);
        assert_eq!(session.watcher.polls(), None);
        session
    }

    fn write(&self, name: &str, text: &str) {
        write(&self.root.join(name), text);
    }

    fn rename(&self, from: &str, to: &str) {
        std::fs::rename(self.root.join(from), self.root.join(to)).unwrap();
    }

    fn build(&mut self) -> Result<Built, ProjectError> {
        let inputs = self.watcher.begin();
        let built = self.project.reload(&inputs).and_then(|project| {
            project.build_recording(&BuildLimits::default(), &inputs, &mut |_| {})
        });
        self.builds += 1;
        let found = self.watcher.follow(inputs.finish(), built.is_err());
        self.found.extend(found);
        built
    }

    /// What was built last says this, and nothing changes.
    #[track_caller]
    fn settled(&mut self, text: &str) {
        let built = self.build();
        match built {
            Ok(built) => assert!(says(&built, text), "{text}: {built:?}"),
            Err(error) => assert!(error.to_string().contains(text), "{text}: {error}"),
        }
        self.quiet();
    }

    #[track_caller]
    fn quiet(&mut self) {
        assert!(!self.watcher.changed(SHORT), "{:?}", self.watcher);
    }

    /// A change comes, and what is built then says this.
    #[track_caller]
    fn brings(&mut self, text: &str) {
        let end = Instant::now() + WAIT;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            assert!(self.watcher.changed(left), "{text}: {:?}", self.watcher);
            match self.build() {
                Ok(built) if says(&built, text) => return,
                Err(error) if error.to_string().contains(text) => return,
                _ => {}
            }
        }
    }
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn says(built: &Built, text: &str) -> bool {
    match &built.artifact {
        crate::Artifact::Program(program) => program.modules.iter().any(|module| {
            module.name.contains(text) || String::from_utf8_lossy(&module.content).contains(text)
        }),
        crate::Artifact::Wasm(path) => std::fs::read_to_string(path).unwrap().contains(text),
    }
}

#[test]
fn a_change_is_one_of_content_and_of_inputs() {
    let mut session = Session::new(&[
        ("arkor.toml", ""),
        ("trainer.js", "import \"./a.js\"; one"),
        ("a.js", "a"),
    ]);
    session.settled("one");
    session.write("trainer.js", "import \"./a.js\"; one");
    session.write("notes.txt", "no input");
    session.write(".arkor/x", "1");
    session.quiet();
    session.write("a.js", "second");
    session.brings("second");
    // As many editors save.
    session.write("a.js.new", "third");
    session.rename("a.js.new", "a.js");
    session.brings("third");
    session.quiet();
    // Whoever asks for a build gets one.
    session.watcher.waker().wake();
    assert!(session.watcher.changed(WAIT));
    session.settled("third");
    session.write("arkor.toml", "[trainer]\nentry = \"b.js\"\n");
    session.brings("entry");
    session.write("b.js", "fourth");
    session.brings("fourth");
}

#[test]
fn folders_that_are_moved_copied_or_exchanged_are_seen() {
    let mut session = Session::new(&[
        ("arkor.toml", ""),
        ("trainer.js", "import \"./lib/deep/x.js\";"),
        ("other/deep/x.js", "other"),
        ("third/deep/x.js", "third"),
    ]);
    session.settled("there is no file");
    session.rename("other", "lib");
    session.brings("other");
    session.rename("lib", "old");
    session.rename("third", "lib");
    session.brings("third");
    session.rename("lib/deep", "lib/gone");
    session.brings("there is no file");
    write(&session.root.join("copy/x.js"), "copied");
    session.rename("copy", "lib/deep");
    session.brings("copied");
    session.write("lib/deep/x.js", "edited");
    session.brings("edited");
    // What is in the folder that was moved away is no input any more.
    session.write("old/deep/x.js", "elsewhere");
    session.quiet();
    std::fs::remove_dir_all(session.root.join("lib")).unwrap();
    session.brings("there is no file");
    session.write("lib/deep/x.js", "made_anew");
    session.brings("made_anew");
}

#[test]
fn names_of_folders_and_lists_of_ignored_files_hide_no_input() {
    let mut session = Session::new(&[
        ("arkor.toml", ""),
        (".gitignore", "generated/\n"),
        (
            "trainer.js",
            "import \"./target/a.js\"; import \"./generated/b.js\";",
        ),
        ("target/a.js", "first_a"),
        ("generated/b.js", "first_b"),
    ]);
    session.settled("first_a");
    session.write("target/a.js", "second_a");
    session.brings("second_a");
    session.write("generated/b.js", "second_b");
    session.brings("second_b");
}

#[cfg(unix)]
#[test]
fn what_has_the_size_and_time_of_before_is_seen_and_so_is_a_link_that_turns() {
    use std::os::unix::fs::symlink;
    let mut session = Session::new(&[
        ("arkor.toml", ""),
        (
            "trainer.js",
            "import \"./a.js\"; import \"./current/b.js\";",
        ),
        ("a.js", "aaaa"),
        ("one/b.js", "b_of_one"),
        ("two/b.js", "b_of_two"),
    ]);
    symlink("one", session.root.join("current")).unwrap();
    session.settled("b_of_one");
    let file = session.root.join("a.js");
    let time = file.metadata().unwrap().modified().unwrap();
    session.write("a.new", "bbbb");
    let new = std::fs::File::options()
        .append(true)
        .open(session.root.join("a.new"))
        .unwrap();
    new.set_modified(time).unwrap();
    session.rename("a.new", "a.js");
    session.brings("bbbb");
    // ln -sfn
    symlink("two", session.root.join("next")).unwrap();
    session.rename("next", "current");
    session.brings("b_of_two");
    session.write("two/b.js", "edited_there");
    session.brings("edited_there");
    session.write("one/b.js", "not_there");
    session.quiet();
}

#[test]
fn packages_that_are_installed_later_are_seen() {
    let mut session = Session::new(&[
        ("arkor.toml", ""),
        ("trainer.js", "import \"helpful\";"),
        ("package.json", "{}"),
    ]);
    session.settled("there is no package");
    session.write("staging/helpful/package.json", "{\"main\": \"main.js\"}");
    session.write("staging/helpful/main.js", "installed");
    session.rename("staging", "node_modules");
    session.brings("installed");
    session.write("node_modules/helpful/other.js", "the_other");
    session.write(
        "node_modules/helpful/package.json",
        "{\"main\": \"other.js\"}",
    );
    session.brings("the_other");
    // In a folder above, where Node looks too.
    std::fs::remove_dir_all(session.root.join("node_modules")).unwrap();
    session.brings("there is no package");
    write(
        &session.place.join("node_modules/helpful/index.js"),
        "from_above",
    );
    session.brings("from_above");
}

#[test]
fn an_environment_of_python_that_appears_is_seen() {
    let mut session = Session::new(&[
        ("arkor.toml", ""),
        ("trainer.py", "import helpful\nimport mine"),
    ]);
    session.settled("trainer.py");
    let site = ".venv/lib/python3.14/site-packages";
    session.write(&format!("{site}/helpful.py"), "first");
    session.write(".venv/pyvenv.cfg", "");
    session.brings("site-packages/helpful.py");
    session.write(&format!("{site}/helpful.py"), "second");
    session.brings("second");
    std::fs::remove_file(session.root.join(site).join("helpful.py")).unwrap();
    session.write(&format!("{site}/helpful/__init__.py"), "from . import more");
    session.write(&format!("{site}/helpful/data.txt"), "data one");
    session.brings("data one");
    session.write(&format!("{site}/helpful/more.py"), "more of it");
    session.brings("more of it");
    session.write("mine/__init__.py", "my own");
    session.brings("my own");
}

#[cfg(unix)]
#[test]
fn links_lead_nowhere_and_lists_that_are_no_files_are_not_read() {
    use std::os::unix::fs::symlink;
    let mut session = Session::new(&[
        (
            "arkor.toml",
            "[trainer]\ncomponent = \"t.txt\"\nbuild = \"cat src/a > t.txt\"\n",
        ),
        ("src/a", "one"),
    ]);
    let outside = session.place.join("outside");
    write(&outside.join("file"), "");
    let root = session.root.clone();
    symlink("/", root.join("everything")).unwrap();
    symlink("/dev/zero", root.join("zero")).unwrap();
    symlink("..", root.join("src/up")).unwrap();
    symlink(&outside, root.join("outside")).unwrap();
    symlink("/dev/zero", root.join(".gitignore")).unwrap();
    session.settled("one");
    write(&outside.join("file"), "1");
    session.quiet();
    session.write("src/a", "two");
    session.brings("two");
}

#[test]
fn sources_outside_of_the_project_are_seen_and_what_the_trainer_writes_is_not() {
    let mut session = Session::new(&[
        ("arkor.toml", "[trainer]\ncomponent = \"../t.txt\"\n"),
        ("out/x", ""),
    ]);
    write(&session.place.join("t.txt"), "first");
    session.settled("first");
    write(&session.place.join("t.txt"), "second");
    session.brings("second");
    session.write(
        "arkor.toml",
        "[trainer]\ncomponent = \"../t.txt\"\nbuild = \"cat ../lib/a > ../t.txt\"\npath = \"../lib\"\n\
         [capabilities]\nfiles = [{ path = \"out\", mode = \"write\" }]\n",
    );
    write(&session.place.join("lib/a"), "third");
    session.brings("third");
    session.quiet();
    session.write("out/x", "written");
    session.write("out/y", "written");
    session.quiet();
    write(&session.place.join("lib/a"), "fourth");
    session.brings("fourth");
}

#[cfg(unix)]
#[test]
fn a_command_is_started_by_what_is_not_ignored_or_by_what_is_named() {
    let command = "[trainer]\ncomponent = \"t.txt\"\nbuild = \"cat src/a gen/b > t.txt\"\n";
    let mut session = Session::new(&[
        ("arkor.toml", command),
        (".gitignore", "gen\n"),
        ("src/a", "one"),
        ("gen/b", "made"),
        ("README.md", ""),
    ]);
    session.settled("one");
    session.write("gen/b", "ignored");
    session.quiet();
    session.write("src/new/c", "in a new folder");
    session.brings("one");
    session.write(".gitignore", "");
    session.brings("ignored");
    session.write("gen/b", "seen");
    session.brings("seen");
    session.quiet();
    session.write("src/deep/er/d", "");
    session.brings("seen");
    session.write(
        "arkor.toml",
        &format!("{command}inputs = [\"src\", \"../beside\"]\n"),
    );
    session.brings("seen");
    session.quiet();
    session.write("README.md", "no input");
    session.write("gen/b", "no input");
    session.quiet();
    write(&session.place.join("beside/x"), "");
    session.brings("no input");
    session.write("src/a", "two");
    session.brings("two");
}

#[cfg(unix)]
#[test]
fn a_build_that_changes_its_inputs_comes_to_an_end_and_is_told_once() {
    let mut session = Session::new(&[
        (
            "arkor.toml",
            "[trainer]\ncomponent = \"t.txt\"\nbuild = \"cat a > t.txt; date +%N >> log; cp t.txt copy\"\n",
        ),
        ("a", "one"),
    ]);
    let until_quiet = |session: &mut Session| {
        let before = session.builds;
        loop {
            session.build().unwrap();
            assert!(session.builds < before + 20, "it builds for ever");
            if !session.watcher.changed(SHORT) {
                return session.builds - before;
            }
        }
    };
    assert!(until_quiet(&mut session) <= 6);
    assert_eq!(session.found, [session.root.join("log")]);
    for text in ["two", "three"] {
        session.write("a", text);
        assert!(session.watcher.changed(WAIT));
        assert!(until_quiet(&mut session) <= 2);
    }
    assert_eq!(session.found.len(), 1, "{:?}", session.found);
    // Between builds it is an input as any other.
    session.write("log", "by hand");
    assert!(session.watcher.changed(WAIT));
}

#[test]
fn a_file_that_is_being_written_is_waited_for() {
    let mut session = Session::new(&[("arkor.toml", ""), ("trainer.js", "let = ;")]);
    session.build().unwrap_err();
    let quiet = Duration::from_millis(100);
    assert!(!session.watcher.settle(quiet));
    let file = session.root.join("trainer.js");
    let late = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        std::fs::write(file, "whole").unwrap();
    });
    assert!(session.watcher.settle(Duration::from_secs(20)));
    late.join().unwrap();
    session.brings("whole");
}

#[test]
fn what_failed_early_does_not_hide_what_is_saved_next() {
    let mut session = Session::new(&[
        ("arkor.toml", ""),
        ("trainer.js", "import \"./a.js\""),
        ("a.js", "one"),
    ]);
    session.settled("one");
    session.write("arkor.toml", "no = toml =");
    session.brings("arkor.toml");
    session.write("a.js", "two");
    session.brings("arkor.toml");
    session.quiet();
    session.write("arkor.toml", "");
    session.brings("two");
}

#[test]
fn case_37_looking_at_the_files_sees_the_same() {
    let polling = ProjectWatcher::with(None, Arc::default(), Some("asked to".into()));
    let mut session = Session::on(
        polling,
        &[
            ("arkor.toml", ""),
            (
                "trainer.js",
                "import \"./lib/a.js\"; import \"./target/b.js\";",
            ),
            ("other/a.js", "first"),
            ("target/b.js", "b"),
        ],
    );
    session.settled("there is no file");
    session.rename("other", "lib");
    session.brings("first");
    session.write("notes.txt", "");
    assert!(!session.watcher.changed(Duration::from_millis(700)));
    session.write("target/b.js", "c");
    session.brings("c");
    session.write("broken", "");
    assert!(!session.watcher.settle(Duration::from_millis(10)));
}
