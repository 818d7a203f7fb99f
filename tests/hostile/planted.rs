//! Links, FIFOs, folders, garbage and strange rows at random places of a project, then every command: the
//! tree outside is untouched, and each command ends.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::outside::Outside;
use crate::program::{Place, text, trainer};
use crate::random::Random;
use crate::rows;

/// Where something is planted; `RUN` stands for the id of a run.
const PLACES: &[&str] = &[
    ".arkor",
    ".arkor/.gitignore",
    ".arkor/arkor.db",
    ".arkor/arkor.db-wal",
    ".arkor/arkor.db-shm",
    ".arkor/arkor.db-journal",
    ".arkor/blobs",
    ".arkor/blobs/tmp",
    ".arkor/blobs/tmp/removed.0000",
    ".arkor/blobs/tmp/RUN.abcdef",
    ".arkor/blobs/tmp/20261123-101530-k3f9.abc",
    ".arkor/blobs/ab",
    ".arkor/blobs/00",
    ".arkor/dev.lock",
    ".arkor/hostile.wasm",
    ".arkor/locks",
    ".arkor/locks/RUN",
    ".arkor/locks/gate",
    ".arkor/made-by",
    ".arkor/python",
    ".arkor/studio.json",
    ".arkor/target",
    ".gitignore",
    "arkor.toml",
    "data",
    "data/file",
    "data/folder",
    "node_modules",
    "node_modules/one",
    "node_modules/one/index.js",
    "node_modules/one/package.json",
    "package.json",
    "tsconfig.json",
    "requirements.txt",
    ".venv",
    ".venv/pyvenv.cfg",
    ".venv/lib",
    ".venv/lib/python3.12/site-packages",
    ".venv/lib/python3.12/site-packages/one.py",
    ".venv/lib/python3.12/site-packages/two",
    "text.txt",
    "linked",
];

const KINDS: &[&str] = &[
    "link to a folder",
    "link to a file",
    "link to nothing",
    "link far up",
    "link to itself",
    "fifo",
    "folder",
    "folder with entries",
    "garbage",
    "nothing",
    "device",
    "unreadable",
];

fn plant(path: &Path, kind: &str, outside: &Path) {
    if let Some(parent) = path.parent() {
        // What was planted above may lead outside, and this is not the program under test.
        let above = parent.canonicalize();
        if above.is_ok_and(|above| !above.starts_with(outside.parent().unwrap().join("project"))) {
            return;
        }
        if std::fs::create_dir_all(parent).is_err() {
            return;
        }
    }
    if let Ok(meta) = path.symlink_metadata() {
        let removed = if meta.is_dir() {
            std::fs::remove_dir_all(path)
        } else {
            std::fs::remove_file(path)
        };
        removed.unwrap();
    }
    match kind {
        "link to a folder" => symlink(outside, path).unwrap(),
        "link to a file" => symlink(outside.join("letter.txt"), path).unwrap(),
        "link to nothing" => symlink(outside.join("new"), path).unwrap(),
        // Not the root of the machine: a fault here would be paid by who runs the test.
        "link far up" => symlink(outside.parent().unwrap(), path).unwrap(),
        "link to itself" => symlink(path.file_name().unwrap(), path).unwrap(),
        "fifo" => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
        "folder" => std::fs::create_dir(path).unwrap(),
        "folder with entries" => {
            std::fs::create_dir(path).unwrap();
            symlink(outside, path.join("tmp")).unwrap();
            symlink(outside.join("letter.txt"), path.join("index.js")).unwrap();
            std::fs::write(path.join("removed.1"), "").unwrap();
        }
        "garbage" => std::fs::write(path, b"\x00\xff\x1b]52;c;aGk=\x07 garbage\n").unwrap(),
        "device" => symlink("/dev/zero", path).unwrap(),
        "unreadable" => {
            use std::os::unix::fs::PermissionsExt;
            std::fs::write(path, "x").unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o000)).unwrap();
        }
        _ => {}
    }
}

fn project(python: bool) -> (Place, Outside) {
    let place = Place::new();
    let outside = Outside::new(place.root().join("outside"));
    place.write(
        "arkor.toml",
        "[capabilities]\nfiles = [{ path = \"data\", mode = \"write\" }]\n",
    );
    place.write("text.txt", text());
    place.write("data/file", "data");
    if python {
        place.write(".venv/pyvenv.cfg", "");
        place.write(".venv/lib/python3.12/site-packages/one.py", "x = 1");
        place.write(".venv/lib/python3.12/site-packages/two/__init__.py", "");
        place.write(
            "trainer.py",
            "import os\nfrom arkor import *\nimport one, two\n\n\nclass T(Trainer):\n    def describe(self):\n        \
             return Spec(name=\"t\", model=scratch(hidden_size=32, num_hidden_layers=1, num_attention_heads=2), \
             dataset=file(\"text.txt\"), hyperparameters=Hyperparameters(max_steps=3, max_length=16, \
             logging_steps=1, per_device_train_batch_size=2))\n\n    def on_log(self, event):\n        for name in \
             os.listdir(\"data\"):\n            try:\n                open(\"data/\" + name, \"a\").write(\"x\")\n            \
             except OSError as e:\n                print(e)\n\n\ntrainer = T()\n",
        );
    } else {
        place.write("node_modules/one/index.js", "export const x = 1;");
        place.write("node_modules/one/package.json", "{\"type\":\"module\"}");
        place.write(
            "trainer.js",
            format!(
                "import \"one\";\n{}",
                trainer("artifacts.write(\"a/b.txt\", \"x\"); if (event.step == 2) return action.save();")
            ),
        );
    }
    (place, outside)
}

fn run_of(place: &Place) -> String {
    let done = place.arkor(&["runs", "list", "--json"]);
    let id = done
        .out
        .split("\"id\":\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    id.unwrap_or("20261123-101530-k3f9").to_owned()
}

/// One project with a store, then so many things planted, and every command after that.
fn case(seed: u64) {
    let mut random = Random::new(seed);
    let python = seed % 4 == 3;
    let (place, outside) = project(python);
    let mut planted = Vec::new();
    // Half of them have a store of their own, made by this user; the others come with one.
    if random.below(2) == 0 {
        place.arkor(&["run", "--json"]).expect(0);
    }
    let run = run_of(&place);
    for _ in 0..=random.below(4) {
        let (at, kind) = (random.of(PLACES).replace("RUN", &run), *random.of(KINDS));
        plant(&place.project().join(&at), kind, &outside.path);
        planted.push(format!("{at}: {kind}"));
    }
    if random.below(2) == 0 {
        let statement = rows::plant(&place.project().join(".arkor/arkor.db"), &mut random);
        planted.push(statement);
    }
    outside.is_untouched("the test itself");
    let project: PathBuf = place.project();
    let commands: &[&[&str]] = &[
        &["runs", "list"],
        &["run", "--json"],
        &["runs", "show"],
        &["replay", "latest"],
        &["run", "--json", "--resume", "latest", "--max-steps", "5"],
        &["run", "--json", "--untrusted", "."],
        &["build", "--json"],
        &["inspect", "."],
        &["runs", "rm", "latest"],
    ];
    for arguments in commands {
        let what = format!(
            "seed {seed} in {}: {arguments:?} with {planted:?}",
            project.display()
        );
        let done = place.arkor(arguments);
        done.ended_in_order(&what);
        outside.is_untouched(&what);
        assert!(!done.out.contains("SECRET-OF"), "{what}\n{}", done.out);
    }
    let what = format!("seed {seed}: dev with {planted:?}");
    let done = place.dev(&[]);
    done.ended_in_order(&what);
    outside.is_untouched(&what);
    // So that the folder can be removed.
    let _ = Command::new("chmod")
        .args(["-R", "u+rw"])
        .arg(&project)
        .status();
}

/// Cases for each thread of the test.
const CASES: u64 = 12;

#[test]
fn nothing_outside_of_a_project_is_touched_1() {
    (0..CASES).for_each(case);
}

#[test]
fn nothing_outside_of_a_project_is_touched_2() {
    (CASES..2 * CASES).for_each(case);
}

/// More of them, when asked for: `ARKOR_PLANTED=1000..2000 cargo test --test hostile`.
#[test]
fn as_many_as_asked_for() {
    let Ok(range) = std::env::var("ARKOR_PLANTED") else {
        return;
    };
    let (from, to) = range.split_once("..").unwrap();
    (from.parse().unwrap()..to.parse().unwrap()).for_each(case);
}
