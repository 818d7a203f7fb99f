//! A project whose packages would have a program run on the host.

use crate::program::{Place, text};

/// Writes a file when it is run, whoever runs it.
fn bomb(place: &Place) -> String {
    let mark = place.root().join("outside-ran");
    format!("open({:?}, \"w\").write(\"ran\")\n", mark.to_str().unwrap())
}

fn has_run(place: &Place) -> bool {
    place.root().join("outside-ran").exists()
}

fn project(requirements: &str) -> Place {
    let place = Place::new();
    place.write("arkor.toml", "");
    place.write("text.txt", text());
    place.write("requirements.txt", requirements);
    place.write(
        "trainer.py",
        "from arkor import *\nimport six\n\n\nclass T(Trainer):\n    def describe(self):\n        \
         return Spec(name=\"t\" + six.__name__, model=scratch(hidden_size=32, num_hidden_layers=1, \
         num_attention_heads=2), dataset=file(\"text.txt\"), hyperparameters=Hyperparameters(max_steps=1, \
         max_length=16, per_device_train_batch_size=2))\n\n\ntrainer = T()\n",
    );
    place
}

#[test]
fn nothing_beside_the_requirements_is_run_by_pip() {
    let place = project("six==1.17.0\n");
    let bomb = bomb(&place);
    for file in [
        "pip.py",
        "six.py.py",
        "sitecustomize.py",
        "usercustomize.py",
        "json.py",
        "setup.py",
        "pip/__init__.py",
        "pip/__main__.py",
        "python3.py",
    ] {
        place.write(file, &bomb);
    }
    place.write("pip.conf", "[install]\nfind-links = .\n");
    place.write("pyproject.toml", "[build-system]\nrequires = [\"evil\"]\n");
    place.write(".python-version", "evil\n");
    place.write(
        "bin/python3",
        "#!/bin/sh\ntouch outside-ran ../outside-ran\nexit 1\n",
    );
    let program = place.project().join("bin/python3");
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("bin::.:{}", std::env::var("PATH").unwrap());
    let done = place
        .command(["run", "--json"])
        .env("PATH", path)
        .env("PYTHONPATH", place.project())
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&done.stderr);
    assert!(!has_run(&place), "{err}");
    assert!(!place.project().join("outside-ran").exists(), "{err}");
    assert_eq!(done.status.code(), Some(0), "{err}");
}

#[test]
fn lines_that_are_orders_to_pip_are_refused_before_it_starts() {
    for line in [
        "./evil",
        "-e ./evil",
        "--editable=evil",
        "evil @ file:///PROJECT/evil",
        "file:///PROJECT/evil",
        "six --no-binary :all:",
        "--no-binary :all:",
        "--find-links evil",
        "--index-url file:///PROJECT/evil",
        "-r evil/more.txt",
        "git+file:///PROJECT/evil",
        "six \\\n-e ./evil",
        "six; os_name == '\u{2028}-e ./evil'",
        "${PWD}/evil",
    ] {
        let place = project("");
        let root = place.project().display().to_string();
        place.write(
            "requirements.txt",
            format!("# ours\n{}\n", line.replace("/PROJECT", &root)),
        );
        place.write("evil/setup.py", bomb(&place));
        place.write("evil/pyproject.toml", "");
        place.write("evil/more.txt", "./evil\n");
        let done = place.arkor(&["run"]);
        assert_eq!(done.status.code(), Some(2), "{line}: {}", done.err);
        assert!(
            done.err.contains("requirements.txt:2:1: "),
            "{line}: {}",
            done.err
        );
        assert!(!done.err.contains("pip install"), "{line}: {}", done.err);
        assert!(!has_run(&place), "{line}");
    }
}

#[test]
fn packages_are_kept_in_no_folder_that_is_a_link() {
    for link in [".arkor", ".arkor/python", "requirements.txt"] {
        let place = project("six==1.17.0\n");
        let outside = place.root().join("outside");
        std::fs::create_dir(&outside).unwrap();
        let at = place.project().join(link);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        let _ = std::fs::remove_file(&at);
        std::os::unix::fs::symlink(&outside, &at).unwrap();
        let done = place.arkor(&["build"]);
        assert_ne!(done.status.code(), Some(0), "{link}");
        // The folder of the store is refused as a whole, for it has no mark of its user's.
        let named = [at.as_path(), at.parent().unwrap()];
        let is_named = |path: &std::path::Path| done.err.contains(path.to_str().unwrap());
        assert!(named.into_iter().any(is_named), "{link}: {}", done.err);
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0, "{link}");
    }
}

#[test]
fn what_is_in_the_environment_of_the_host_stays_there() {
    for (link, target) in [
        ("six.py", "/proc/self/environ"),
        ("six", "/proc/self"),
        ("six.py", "/etc/passwd"),
        ("", "/etc"),
    ] {
        let place = project("");
        let site = place.project().join(".venv/lib/python3.14/site-packages");
        std::fs::create_dir_all(site.parent().unwrap()).unwrap();
        place.write(".venv/pyvenv.cfg", "");
        if !link.is_empty() {
            std::fs::create_dir(&site).unwrap();
        }
        let at = if link.is_empty() {
            site
        } else {
            site.join(link)
        };
        std::os::unix::fs::symlink(target, &at).unwrap();
        let done = place.arkor(&["run", "--json"]);
        assert_ne!(done.status.code(), Some(0), "{link}");
        assert!(done.err.contains("is a link"), "{link}: {}", done.err);
        assert!(!done.out.contains("SECRET-OF") && !done.err.contains("SECRET-OF"));
    }
}
