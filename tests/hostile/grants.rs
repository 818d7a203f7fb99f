//! A project that asks to change what the host takes as an order, or to read what is the host's own.

use crate::program::{Place, text, trainer};

#[test]
fn grants_that_lead_beyond_the_sandbox_are_refused_with_the_reason() {
    for (grant, word) in [
        ("path = \".\", mode = \"write\"", "arkor.toml"),
        ("path = \".\", mode = \"read\"", "token"),
        ("path = \".arkor\", mode = \"read\"", "token"),
        ("path = \".git/hooks\", mode = \"write\"", "hooks"),
        ("path = \"trainer.js\", mode = \"write\"", "code"),
        ("path = \"up\", mode = \"write\"", "hold"),
        ("path = \"away\", mode = \"read\"", "out of the project"),
    ] {
        let place = Place::new();
        place.write(
            "arkor.toml",
            format!("[capabilities]\nfiles = [{{ {grant} }}]\n"),
        );
        place.write("text.txt", text());
        place.write("trainer.js", trainer(""));
        place.write(".git/hooks/pre-commit", "");
        std::os::unix::fs::symlink(".", place.project().join("up")).unwrap();
        std::os::unix::fs::symlink("/etc", place.project().join("away")).unwrap();
        let done = place.arkor(&["run", "--json"]);
        done.ended_in_order(grant);
        assert_ne!(done.status.code(), Some(0), "{grant}");
        assert!(
            done.err.contains("capabilities.files") || done.err.contains("out of"),
            "{}",
            done.err
        );
        assert!(done.err.contains(word), "{grant}: {}", done.err);
        assert!(done.err.contains("hint: "), "{grant}: {}", done.err);
    }
}
