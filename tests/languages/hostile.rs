//! What trainers do to the host around them: its memory, its handles, its time, the files beside them.

use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Done, Project};
use crate::script::{messages, project, python, trainer};

/// What a run took.
struct Usage {
    done: Done,
    megabytes: u64,
    handles: usize,
    took: Duration,
}

/// Runs a project and looks at the process all the while.
fn measured(project: &Project) -> Usage {
    let (out, err) = (project.path("out.jsonl"), project.path("err.txt"));
    let begin = Instant::now();
    let mut child = project
        .command(["run", "--json"])
        .stdout(Stdio::from(std::fs::File::create(&out).unwrap()))
        .stderr(Stdio::from(std::fs::File::create(&err).unwrap()))
        .spawn()
        .unwrap();
    let folder = format!("/proc/{}", child.id());
    let (mut kilobytes, mut handles) = (0, 0);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begin.elapsed() > Duration::from_secs(120) {
            child.kill().unwrap();
        }
        let status = std::fs::read_to_string(format!("{folder}/status")).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|line| line.split_whitespace().next()?.parse().ok());
        kilobytes = kilobytes.max(peak.unwrap_or(0));
        let open = std::fs::read_dir(format!("{folder}/fd")).map_or(0, Iterator::count);
        handles = handles.max(open);
        std::thread::sleep(Duration::from_millis(2));
    };
    Usage {
        done: Done {
            code: status.code(),
            out: std::fs::read_to_string(out).unwrap(),
            err: std::fs::read_to_string(err).unwrap(),
        },
        megabytes: kilobytes >> 10,
        handles,
        took: begin.elapsed(),
    }
}

/// A run that does no harm to compare with; it also compiles the runtime, if nobody has yet.
fn harmless(entry: &str, source: &str) -> Usage {
    let project = project(entry, source);
    project.run(&[]).expect(0);
    measured(&project)
}

fn in_python(on_log: &str, config: &str) -> Project {
    let module = "import os, socket, sys\n\
                  def attempt(name, work):\n    try: print('GOT', name, work())\n    \
                  except OSError: print('refused', name)";
    let project = project("trainer.py", &python(module, on_log));
    project.write("arkor.toml", config);
    project
}

/// Fails if any of these was not refused.
#[track_caller]
fn all_refused(done: &Done, attempts: usize) {
    done.expect(0);
    let told: Vec<String> = messages(done)
        .into_iter()
        .filter(|line| line.starts_with("refused ") || line.starts_with("GOT "))
        .collect();
    assert!(told.len() >= attempts, "{told:?}\n{}", done.out);
    assert!(
        told.iter().all(|line| line.starts_with("refused ")),
        "{told:?}"
    );
}

#[test]
fn only_files_and_folders_are_opened_and_the_process_ends() {
    let project = in_python(
        "attempt('fifo', lambda: open('shared/fifo', 'rb').read())\n\
         attempt('fifo to write', lambda: os.open('shared/fifo', os.O_WRONLY))\n\
         attempt('link to a fifo', lambda: open('shared/to-fifo', 'rb').read())\n\
         attempt('socket', lambda: open('shared/socket', 'rb').read())\n\
         attempt('fifo moved', lambda: os.rename('shared/fifo', 'shared/file'))\n\
         attempt('link out', lambda: open('shared/out').read())",
        "[capabilities]\nfiles = [{ path = \"shared\", mode = \"write\" }]\n",
    );
    let shared = project.path("shared");
    std::fs::create_dir(&shared).unwrap();
    let made = Command::new("mkfifo").arg(shared.join("fifo")).status();
    assert!(made.unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(shared.join("socket")).unwrap();
    symlink("fifo", shared.join("to-fifo")).unwrap();
    symlink("/etc/passwd", shared.join("out")).unwrap();
    std::fs::write(shared.join("file"), "a file").unwrap();
    let usage = measured(&project);
    all_refused(&usage.done, 6);
    assert!(usage.took < Duration::from_secs(60), "{:?}", usage.took);
    assert_eq!(std::fs::read(shared.join("file")).unwrap(), b"a file");
}

#[test]
fn a_trainer_that_may_write_makes_and_moves_no_links() {
    let project = in_python(
        "attempt('symlink', lambda: os.symlink('/etc', 'shared/new'))\n\
         attempt('symlink inside', lambda: os.symlink('file', 'shared/new'))\n\
         attempt('hard link', lambda: os.link('shared/file', 'shared/new'))\n\
         attempt('link moved', lambda: os.rename('shared/up/link', 'shared/link'))\n\
         open('shared/' + str(self.state['seen']), 'w').write('x')",
        "[capabilities]\nfiles = [{ path = \"shared\", mode = \"write\" }]\n",
    );
    let shared = project.path("shared");
    std::fs::create_dir_all(shared.join("up")).unwrap();
    std::fs::write(shared.join("file"), "a file").unwrap();
    symlink("../file", shared.join("up/link")).unwrap();
    all_refused(&project.run(&[]), 4);
    let links = std::fs::read_dir(&shared)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_type().unwrap().is_symlink());
    assert_eq!(links.count(), 0);
    // What it was granted it has.
    assert!(shared.join("1").exists());
}

#[test]
fn a_trainer_that_may_write_gives_nobody_orders() {
    let config = "[trainer]\\nbuild = 'touch ran'\\n";
    let project = in_python(
        &format!(
            "attempt('project', lambda: open('shared/arkor.toml', 'w').write(\"{config}\"))\n\
             attempt('another', lambda: open('shared/sub/ARKOR.TOML', 'w'))\n\
             attempt('repository', lambda: os.mkdir('shared/.git'))\n\
             attempt('hook', lambda: open('shared/sub/.git/hooks', 'a'))\n\
             attempt('inside', lambda: os.listdir('shared/sub/.git'))\n\
             attempt('store', lambda: os.makedirs('shared/new/.arkor'))\n\
             open('shared/plain', 'w').write('x')\n\
             attempt('moved', lambda: os.rename('shared/plain', 'shared/arkor.toml'))"
        ),
        "[capabilities]\nfiles = [{ path = \"shared\", mode = \"write\" }]\n",
    );
    let shared = project.path("shared");
    std::fs::create_dir_all(shared.join("sub/.git")).unwrap();
    all_refused(&project.run(&[]), 7);
    assert!(shared.join("plain").exists());
    assert!(!shared.join("arkor.toml").exists() && !shared.join(".git").exists());
    assert!(!shared.join("new/.arkor").exists());
}

#[test]
fn a_grant_in_another_is_told_where_it_would_not_hold() {
    let project = in_python(
        "",
        "[capabilities]\nfiles = [{ path = \"shared\", mode = \"write\" }, { path = \"shared/sub\", \
         mode = \"read\" }]\n",
    );
    std::fs::create_dir_all(project.path("shared/sub")).unwrap();
    let done = project.run(&[]);
    done.expect(1);
    assert!(
        done.err.contains("could be written by way of that"),
        "{}",
        done.err
    );
}

#[test]
fn words_of_libraries_are_told_as_limits_of_the_project() {
    let source = trainer("", "artifacts.write(\"a\", new Uint8Array(60 << 20));").replacen(
        "import { action,",
        "import { artifacts, action,",
        1,
    );
    for (entry, source, config, expected) in [
        (
            "trainer.py",
            python("", ""),
            "instances = 1",
            "limits.instances",
        ),
        (
            "trainer.ts",
            source,
            "artifact-size = \"1 MB\"\nstate-size = \"1 MB\"",
            "limits.artifact-size",
        ),
    ] {
        let project = project(entry, &source);
        project.write("arkor.toml", &format!("[limits]\n{config}\n"));
        let done = project.run(&[]);
        let all = format!("{}{}", done.out, done.err);
        assert!(all.contains(expected), "{config}: {all}");
        for word in ["hostcall", "free keys", "count too high", "QuickJS"] {
            assert!(!all.contains(word), "{config}: {all}");
        }
    }
    // An exception that is thrown while a value of the host is made.
    let full = "const kept: unknown[] = []; try { for (;;) kept.push(new Uint8Array(1 << 16)); } catch {}\n\
                for (;;) kept.push(dataset.read(\"train\", 0, 200));";
    let source = trainer("", full).replacen("import { action,", "import { dataset, action,", 1);
    let done = project("trainer.ts", &source).run(&[]);
    assert!(!done.out.contains("generated by QuickJS"), "{}", done.out);
    assert!(done.out.contains("callback-failed"), "{}", done.out);
}

#[test]
fn without_a_grant_there_are_no_sockets() {
    let project = in_python(
        "attempt('tcp', lambda: socket.socket())\n\
         attempt('udp', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).bind(('0.0.0.0', 0)))\n\
         attempt('tcp 6', lambda: socket.socket(socket.AF_INET6))\n\
         attempt('name', lambda: socket.getaddrinfo('example.org', 80))\n\
         attempt('no name', lambda: socket.gethostbyname('(none)'))",
        "",
    );
    let done = project.run(&[]);
    all_refused(&done, 5);
    assert!(
        done.out.contains("network = [\\\"HOST:PORT\\\"]"),
        "{}",
        done.out
    );
    assert!(!done.out.contains("(none):PORT"), "{}", done.out);
}

#[test]
fn with_a_grant_sockets_are_few_and_only_granted_names_are_looked_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let many = format!(
        "attempt('other port', lambda: socket.create_connection(('127.0.0.1', 9)))\n\
         attempt('name', lambda: socket.getaddrinfo('example.org', 80))\n\
         attempt('local name', lambda: socket.getaddrinfo('localhost', 80))\n\
         print('connected', socket.create_connection(('127.0.0.1', {port})).getpeername()[0])\n\
         kept = [socket.socket() for _ in range(1000)]"
    );
    // The address as IPv6 writes it is the same one.
    let config = format!("[capabilities]\nnetwork = [\"[::ffff:127.0.0.1]:{port}\"]\n");
    let usage = measured(&in_python(&many, &config));
    all_refused(&usage.done, 3);
    assert!(
        usage.done.out.contains("connected 127.0.0.1"),
        "{}",
        usage.done.out
    );
    let fault = usage.done.only_fault().to_string();
    assert!(fault.contains("limits.resources"), "{fault}");
    assert!(usage.handles < 200, "{}", usage.handles);
}

#[test]
fn errors_of_any_length_cost_little() {
    let before = harmless("trainer.ts", &trainer("", ""));
    for on_log in [
        "throw new Error(\"\\0\".repeat(30 << 20));",
        "return action.stop(\"\\u{202e}\".repeat(10 << 20)) as any;",
        "return Array.from({ length: 100000 }, () => action.save()) as any;",
    ] {
        let usage = measured(&project("trainer.ts", &trainer("", on_log)));
        // 3: the trainer ended it.
        assert!(matches!(usage.done.code, Some(0 | 3)), "{}", usage.done.err);
        println!(
            "{on_log}: {} MB, {} MB without, {:?}",
            usage.megabytes, before.megabytes, usage.took
        );
        assert!(
            usage.done.out.len() < 200_000,
            "{on_log}: {}",
            usage.done.out.len()
        );
        // Most of it is the guest's own, within limits.memory.
        assert!(
            usage.megabytes < before.megabytes + 300,
            "{on_log}: {}",
            usage.megabytes
        );
        assert!(
            usage.took < Duration::from_secs(20),
            "{on_log}: {:?}",
            usage.took
        );
    }
}

#[test]
fn texts_of_a_spec_have_bounds_that_name_the_field() {
    for (from, to, field) in [
        (
            "name: \"script\"",
            "name: \"script\", description: \"x\".repeat(5 << 20)",
            "description",
        ),
        (
            "name: \"script\"",
            "name: \"script\", tags: Array(1000).fill(\"x\")",
            "tags",
        ),
        ("name: \"script\"", "name: \"x\".repeat(5 << 20)", "name"),
        (
            "file(\"text.txt\")",
            "file(\"x\".repeat(5 << 20))",
            "dataset.source",
        ),
    ] {
        let source = trainer("", "").replacen(from, to, 1);
        let done = project("trainer.ts", &source).run(&[]);
        done.expect(1).one_error(&[field]);
        assert!(done.err.len() < 20_000, "{field}: {}", done.err.len());
    }
}

#[test]
fn batches_of_any_size_are_made_pass_by_pass() {
    let before = harmless("trainer.ts", &trainer("", ""));
    // Sixteen million examples in a step, which nobody waits for.
    let source = trainer("", "").replace(
        "perDeviceTrainBatchSize: 2",
        "perDeviceTrainBatchSize: 4096, gradientAccumulationSteps: 4096",
    );
    let project = project("trainer.ts", &source);
    let mut child = project
        .command(["run", "--json"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let begin = Instant::now();
    let mut peak = 0;
    while begin.elapsed() < Duration::from_secs(5) {
        assert!(child.try_wait().unwrap().is_none(), "it trains");
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes: Option<u64> =
            line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        peak = peak.max(kilobytes.unwrap_or(0) >> 10);
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        peak < before.megabytes + 300,
        "{peak} MB, {} before",
        before.megabytes
    );
}

#[test]
fn hidden_files_and_files_beyond_memory_are_no_datasets() {
    let source = |file: &str| trainer("", "").replace("\"text.txt\"", &format!("{file:?}"));
    let hidden = "hidden files and folders are not given to trainers";
    let project = project("trainer.ts", "");
    std::fs::create_dir(project.path(".git")).unwrap();
    project.write(".git/config", "[remote]\nurl = secret\n");
    project.write(".env", "TOKEN=secret\n");
    symlink(".env", project.path("link.txt")).unwrap();
    for file in [".git/config", ".env", "link.txt", "./.git/../.env"] {
        project.write("trainer.ts", &source(file));
        project.run(&[]).expect(1).one_error(&[hidden]);
    }
    let sparse = std::fs::File::create(project.path("sparse.txt")).unwrap();
    sparse.set_len(5 << 30).unwrap();
    project.write("trainer.ts", &source("sparse.txt"));
    let usage = measured(&project);
    usage.done.expect(1).one_error(&["it has 5368709120 bytes"]);
    assert!(usage.megabytes < 400, "{}", usage.megabytes);
    let made = Command::new("mkfifo")
        .arg(project.path("fifo.txt"))
        .status();
    assert!(made.unwrap().success());
    project.write("trainer.ts", &source("fifo.txt"));
    project
        .run(&[])
        .expect(1)
        .one_error(&["not a regular file"]);
}

#[test]
fn artifacts_and_messages_have_totals() {
    let config = "[limits]\nartifacts-count = 3\nmessages-total = \"1 KiB\"\n";
    let write = "for (let i = 0; i < 5; i++) try { artifacts.write(`a${state.seen}-${i}`, \"x\"); } \
                 catch (e) { console.log(String((e as any).message ?? e)); }\n\
                 console.log(\"y\".repeat(2000));";
    let module = "import { artifacts } from \"arkor\";";
    let project = project("trainer.ts", &trainer(module, write));
    project.write("arkor.toml", config);
    let done = project.run(&[]);
    done.expect(0);
    assert_eq!(done.events("artifact").len(), 3, "{}", done.out);
    assert!(
        done.out.contains("limits.artifacts-count is 3"),
        "{}",
        done.out
    );
    assert_eq!(
        done.out.matches("which is limits.messages-total").count(),
        1,
        "{}",
        done.out
    );
    let config = "[limits]\nartifacts-total = \"2 KiB\"\n";
    project.write("arkor.toml", config);
    let write = write.replace("\"x\"", "\"x\".repeat(1000)");
    project.write("trainer.ts", &trainer(module, &write));
    let done = project.run(&[]);
    assert_eq!(done.events("artifact").len(), 2, "{}", done.out);
    assert!(
        done.out.contains("limits.artifacts-total is 2048"),
        "{}",
        done.out
    );
}
