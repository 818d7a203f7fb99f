//! What a trainer in Python cannot reach.

use crate::script::{messages, project, python, run_python};

#[test]
fn attempts_are_refused_with_an_error_that_says_so() {
    let attempts = [
        "open(\"/etc/passwd\").read()",
        "open(\"text.txt\").read()",
        "open(\"../../../etc/passwd\").read()",
        "os.listdir(\"/\")",
        "os.stat(\"/\")",
        "os.mkdir(\"/made\")",
        "os.open(\"text.txt\", os.O_RDWR | os.O_CREAT)",
        "os.environ[\"PATH\"]",
        "__import__(\"urllib.request\").request.urlopen(\"http://127.0.0.1/\")",
        "socket.create_connection((\"127.0.0.1\", 80))",
        "socket.create_connection((\"169.254.169.254\", 80))",
        "socket.socket(socket.AF_INET6).connect((\"::ffff:127.0.0.1\", 80))",
        "socket.socket().bind((\"127.0.0.1\", 0))",
        "socket.gethostbyname(\"localhost\")",
        "__import__(\"subprocess\").run([\"id\"])",
        "__import__(\"multiprocessing\").Process(target=print).start()",
        "os.system(\"id\")",
        "os.fork()",
        "os.kill(1, 9)",
        "__import__(\"ctypes\").CDLL(None)",
        "__import__(\"threading\").Thread(target=print).start()",
        "eval(\"__import__('posix').open('/etc/passwd', 0)\")",
        "().__class__.__base__.__subclasses__()[0].__init__.__globals__[\"os\"].environ[\"HOME\"]",
        "artifacts.write(\"../escape\", \"x\")",
    ];
    for attempt in attempts {
        let done = run_python(
            "import os, socket",
            &format!(
                "if self.state[\"seen\"] == 1:\n    try: print(\"GOT\", {attempt})\n    except Exception as e: \
                 print(\"refused\", type(e).__name__, e)"
            ),
        );
        done.expect(0);
        let told = messages(&done);
        let told: Vec<&String> = told
            .iter()
            .filter(|line| !line.contains("which nothing grants"))
            .collect();
        assert_eq!(told.len(), 1, "{attempt}: {told:?}");
        assert!(told[0].starts_with("refused "), "{attempt}: {told:?}");
    }
}

#[test]
fn what_is_granted_is_there_and_a_denial_says_how() {
    let read = "if self.state[\"seen\"] == 1: print(open(\"notes/a.txt\").read(), os.environ.get(\"ARKOR_TEST\"))";
    let project = project("trainer.py", &python("import os", read));
    std::fs::create_dir(project.path("notes")).unwrap();
    project.write("notes/a.txt", "granted");
    let denied = project.run(&[]);
    assert!(
        denied.out.contains("[capabilities] files = "),
        "{}",
        denied.out
    );
    project.write(
        "arkor.toml",
        "[capabilities]\nfiles = [{ path = \"notes\", mode = \"read\" }]\nenv = [\"ARKOR_TEST\"]\n",
    );
    let mut command = project.command(["run", "--json"]);
    command.env("ARKOR_TEST", "seen");
    let done = crate::harness::Done::from(command.output().unwrap());
    done.expect(0);
    assert_eq!(messages(&done), ["granted seen"]);
}

#[test]
fn a_run_repeats_with_all_its_randomness() {
    let body = "print(random.random(), uuid.uuid4(), secrets.token_hex(), hash(\"text\"), {\"a\", \"b\", \"c\"})";
    let run = || run_python("import random, secrets, uuid", body);
    let (one, two) = (run(), run());
    assert_eq!(messages(&one).len(), 4);
    assert_eq!(messages(&one), messages(&two));
    // And other code has others.
    let other = run_python("import random, secrets, uuid, os", body);
    assert_ne!(messages(&one)[0], messages(&other)[0]);
}

#[test]
fn modules_are_those_of_the_project_only() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.py"), "key = 1").unwrap();
    let source = python("import secret; print(\"GOT\", secret.key)", "pass");
    let project = project("trainer.py", &source);
    let done = project.run(&[]);
    done.one_error(&["No module named 'secret'"]);
    #[cfg(unix)]
    {
        let link = project.path("secret.py");
        std::os::unix::fs::symlink(outside.path().join("secret.py"), link).unwrap();
        let done = project.run(&[]);
        assert_ne!(done.code, Some(0));
        assert!(!done.out.contains("GOT"), "{}", done.out);
    }
}
