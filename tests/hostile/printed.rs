//! Text that acts on terminals, pages and CI systems, wherever a guest or a project can put it, and every
//! command that could print it: nothing of it acts, and none of its lines passes for one of the host.

use std::io::Read;
use std::process::Command;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::guest;
use crate::program::{Done, Place, text, trainer};

/// In one line: sets the clipboard, moves, colours, erases, rings, turns the direction of what follows.
const LINE: &str = "\u{1b}]52;c;aGk=\u{7}\u{1b}[2J\u{1b}[1A\u{9b}31m\u{9d}0;t\u{9c}\u{7f}\u{8}\r\u{b}\u{c}\u{85}\
    \u{202e}gnp\u{2066}x\u{200b}\u{200f}\u{feff}\u{ad}\u{2028}::error::a\u{2029}\u{e0041}##vso[task.setvariable v=a]b \
    ##[error]c ##teamcity[message text='d']";

/// The same with lines that look like orders to a CI system, and like the host's own.
fn lines() -> String {
    format!(
        "{LINE}\n::error::owned\n  ::set-output name=a::b\n\t::add-mask::c\n\u{a0}::warning::d\n##[group]e\n\
         error: forged\nhint: forged\nwarning: forged\nrun forged\nstep      9  forged\ncompleted forged\n\
         checkpoint forged\n{LINE}"
    )
}

fn acts(letter: char) -> bool {
    letter != '\n'
        && (letter.is_control()
            || matches!(letter,
                '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' |
                '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}'))
}

/// Fails unless what was printed can be shown anywhere.
#[track_caller]
fn is_harmless(what: &str, printed: &str) {
    for line in printed.split('\n') {
        if let Some(letter) = line.chars().find(|letter| acts(*letter)) {
            panic!("{what}: {letter:?} in {line:?}");
        }
        let order = line.trim_start().starts_with("::")
            || ["##vso[", "##[", "##teamcity["]
                .iter()
                .any(|order| line.contains(order));
        assert!(!order, "{what}: an order in {line:?}");
        let forged = [
            "error: forged",
            "hint: forged",
            "warning: forged",
            "run forged",
            "step      9  forged",
            "completed forged",
            "checkpoint forged",
        ];
        let forged = forged.iter().any(|begin| line.starts_with(begin));
        assert!(!forged, "{what}: a forged line {line:?}");
    }
}

#[track_caller]
fn check(what: &str, done: &Done) {
    done.ended_in_order(what);
    is_harmless(&format!("{what}, standard output"), &done.out);
    is_harmless(&format!("{what}, standard error"), &done.err);
}

/// Runs commands with and without `--json`. Every line of JSON is an object.
#[track_caller]
fn all(what: &str, place: &Place, commands: &[&[&str]]) -> String {
    let mut said = String::new();
    for command in commands {
        let words = format!("{what}: {command:?}");
        let done = place.arkor(command);
        check(&words, &done);
        said += &done.out;
        said += &done.err;
        let done = place.arkor(&[command, &["--json"][..]].concat());
        check(&format!("{words} as JSON"), &done);
        for line in done.out.lines() {
            let value: Result<Value, _> = serde_json::from_str(line);
            assert!(
                value.is_ok_and(|value| value.is_object()),
                "{words}: {line}"
            );
        }
        said += &done.out;
    }
    said
}

const WORK: &[&[&str]] = &[&["run"], &["build"], &["inspect", "."]];

const RUNS: &[&[&str]] = &[
    &["runs", "list"],
    &["runs", "show", "latest"],
    &["runs", "events", "latest"],
    &["replay", "latest"],
];

/// As a literal of JavaScript and Python.
fn literal(text: &str) -> String {
    serde_json::to_string(text)
        .unwrap()
        .chars()
        .map(|letter| match letter {
            ' '..='~' => letter.to_string(),
            _ => {
                let mut units = [0; 2];
                let units = letter.encode_utf16(&mut units).iter();
                units.map(|unit| format!("\\u{unit:04x}")).collect()
            }
        })
        .collect()
}

fn place() -> Place {
    let place = Place::new();
    place.write("arkor.toml", "");
    place.write("text.txt", text());
    place
}

/// A project whose trainer does this at its first log event.
fn javascript(on_log: &str) -> Place {
    let place = place();
    let on_log = on_log.replace("HOSTILE", &literal(&lines()));
    place.write("trainer.js", trainer(&on_log));
    place
}

#[test]
fn what_a_trainer_says_does_in_callbacks() {
    let cases = [
        ("console.log", "console.log(HOSTILE)", true),
        ("console.error", "console.error(HOSTILE)", true),
        ("an error", "throw new Error(HOSTILE)", true),
        (
            "an error of its own name",
            "const e = new Error('x'); e.name = HOSTILE; throw e",
            false,
        ),
        ("a text thrown", "throw HOSTILE", true),
        ("a reason to stop", "return action.stop(HOSTILE)", true),
        ("a metric", "return action.logMetric(HOSTILE, 1)", true),
        ("an artifact", "artifacts.write(HOSTILE, 'x')", true),
        (
            "an unknown action",
            "return { tag: 'other', val: { name: HOSTILE, value: '1' } }",
            false,
        ),
        ("a value of another kind", "return { tag: HOSTILE }", false),
        (
            "a prompt",
            "console.log(inference.generate(HOSTILE, { maxTokens: 1 }))",
            false,
        ),
        (
            "a function's name",
            "({ [HOSTILE]() { throw new Error('x') } })[HOSTILE]()",
            false,
        ),
    ];
    for (what, on_log, is_told) in cases {
        let place = javascript(on_log);
        let said = all(what, &place, &[&["run"]]) + &all(what, &place, RUNS);
        // It is told all the same: in people's lines behind the mark, and whole in JSON.
        assert!(!is_told || said.contains("]52;c;aGk="), "{what}\n{said}");
    }
}

#[test]
fn json_carries_the_true_text() {
    let place = javascript("console.log(HOSTILE.split('\\n')[0]); return action.stop(HOSTILE)");
    let done = place.arkor(&["run", "--json"]);
    check("run", &done);
    let all: Vec<Value> = done
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let said = all.iter().find(|one| one["type"] == "message").unwrap();
    assert_eq!(said["text"], LINE);
    assert_eq!(all.last().unwrap()["reason"]["value"], lines());
    let show = place.arkor(&["runs", "events", "--json"]);
    assert!(
        show.out.contains("\\u001b]52;c;aGk=\\u0007"),
        "{}",
        show.out
    );
    // For people it is one line of the host's, or lines with the guest's mark.
    let done = place.arkor(&["run"]);
    assert!(
        done.out.contains("\n  | \\u{1b}]52;c;aGk=\\u{7}"),
        "{}",
        done.out
    );
    assert!(
        done.out.contains("the trainer asked to stop: \\u{1b}]52"),
        "{}",
        done.out
    );
}

#[test]
fn what_a_trainer_describes() {
    let description = "    description: HOSTILE, tags: [HOSTILE, \"two\"],\n";
    let cases = [
        (
            "description",
            "name: \"hostile\",",
            format!("name: \"hostile\",\n{description}"),
        ),
        ("name", "name: \"hostile\",", "name: HOSTILE,".into()),
        (
            "extras",
            "name: \"hostile\",",
            "name: \"hostile\", extras: { [HOSTILE]: HOSTILE },".into(),
        ),
        ("dataset", "file(\"text.txt\")", "file(HOSTILE)".into()),
        ("model", "hiddenSize: 32", "hiddenSize: HOSTILE".into()),
        (
            "a key",
            "hiddenSize: 32",
            "hiddenSize: 32, [HOSTILE]: 1".into(),
        ),
        (
            "a file",
            "model: scratch({ hiddenSize: 32, numHiddenLayers: 1, numAttentionHeads: 2 })",
            "model: { tag: 'file', val: HOSTILE }".into(),
        ),
        (
            "an error",
            "describe: () => ({",
            "describe: () => { throw new Error(HOSTILE) }, x: () => ({".into(),
        ),
    ];
    for (what, from, to) in cases {
        let source = trainer("");
        assert!(source.contains(from), "{what}");
        let place = place();
        let source = source
            .replace(from, &to)
            .replace("HOSTILE", &literal(&lines()));
        place.write("trainer.js", source);
        all(what, &place, WORK);
        all(what, &place, RUNS);
    }
}

#[test]
fn what_a_trainer_in_python_says() {
    let cases = [
        ("print", "print(HOSTILE)"),
        ("an error", "raise ValueError(HOSTILE)"),
        (
            "its own error",
            "raise type(HOSTILE.replace('\\0', ''), (Exception,), {})(1)",
        ),
        ("a reason", "return [action.stop(HOSTILE)]"),
        ("a metric", "return [action.log_metric(HOSTILE, 1.0)]"),
        ("a file", "open(HOSTILE)"),
        ("another value", "return HOSTILE"),
        ("an import", "__import__(HOSTILE)"),
    ];
    for (what, on_log) in cases {
        let place = place();
        let body = on_log.replace("HOSTILE", &literal(&lines().replace("\u{e0041}", "")));
        place.write(
            "trainer.py",
            format!(
                "from arkor import *\nfrom arkor import action\n\n\nclass T(Trainer):\n    def describe(self):\n        \
                 return Spec(name=\"t\", model=scratch(hidden_size=32, num_hidden_layers=1, \
                 num_attention_heads=2), dataset=file(\"text.txt\"), \
                 hyperparameters=Hyperparameters(max_steps=2, max_length=16, logging_steps=1, \
                 per_device_train_batch_size=2))\n\n    def on_log(self, event):\n        {body}\n\n\ntrainer = T()\n"
            ),
        );
        all(what, &place, &[&["run"]]);
        all(what, &place, RUNS);
    }
}

/// Without what a file's name cannot have.
fn name() -> String {
    lines().replace('/', "").chars().take(100).collect()
}

#[test]
fn names_of_files_and_folders() {
    let name = name();
    type Write = fn(&Place, &str);
    let cases: &[(&str, Write)] = &[
        ("a folder with a trainer that fails", |place, name| {
            place.write(&format!("{name}/arkor.toml"), "");
            place.write(&format!("{name}/text.txt"), text());
            place.write(
                &format!("{name}/trainer.js"),
                trainer("throw new Error('x')"),
            );
        }),
        ("a folder without a trainer", |place, name| {
            place.write(&format!("{name}/arkor.toml"), "")
        }),
        ("a folder with a wrong file", |place, name| {
            place.write(&format!("{name}/arkor.toml"), "[wrong");
        }),
        ("a script", |place, name| {
            place.write(&format!("{name}/a.js"), "let x = ;")
        }),
        ("a wasm file", |place, name| {
            place.write(&format!("{name}/x.wasm"), "\0asm")
        }),
    ];
    for (what, make) in cases {
        let place = place();
        make(&place, &name);
        let inside = |file: &str| format!("{name}/{file}");
        let (script, wasm) = (inside("a.js"), inside("x.wasm"));
        for path in [name.as_str(), &script, &wasm] {
            all(
                what,
                &place,
                &[&["run", path], &["build", path], &["inspect", path]],
            );
        }
        all(what, &place, &[&["runs", "list", "--project", &name]]);
    }
    let imported = [
        (
            "trainer.js",
            "import './HOSTILE.js';\n",
            "HOSTILE.js",
            "let x = ;",
        ),
        (
            "trainer.js",
            "import './HOSTILE.js';\n",
            "HOSTILE.js",
            "import './nowhere.js';",
        ),
        (
            "trainer.js",
            "import './HOSTILE.json';\n",
            "HOSTILE.json",
            "{",
        ),
        ("trainer.js", "import 'HOSTILE';\n", "x", ""),
        (
            "trainer.js",
            "import './HOSTILE.js';\n",
            "HOSTILE.js",
            "throw new Error('x');",
        ),
        (
            "trainer.py",
            "import helper\n",
            "helper/HOSTILE.py",
            "x = (",
        ),
    ];
    for (entry, source, file, content) in imported {
        let place = place();
        let one: String = LINE
            .replace(['/', '\r', '\''], "")
            .chars()
            .take(60)
            .collect();
        place.write(
            entry,
            source.replace("HOSTILE", &literal(&one).replace('"', "")),
        );
        place.write(&file.replace("HOSTILE", &one), content);
        all(&format!("{entry} with {file}"), &place, WORK);
    }
}

#[test]
fn lines_of_sources() {
    let sources = [
        ("trainer.js", format!("let x = ; // {LINE}")),
        ("trainer.js", format!("/* {LINE} */ let x = ;")),
        (
            "trainer.js",
            format!("import x from '{}';", LINE.replace(['\'', '\r'], "")),
        ),
        ("trainer.ts", format!("let x: = 1; // {LINE}")),
        ("trainer.ts", format!("enum {LINE} {{ }}")),
        ("trainer.js", format!("let {LINE}")),
        ("trainer.js", format!("const a = 1; const a = 2; // {LINE}")),
        ("trainer.py", format!("x = ( # {LINE}")),
        ("trainer.py", LINE.to_string()),
        ("trainer.py", format!("import {LINE}")),
    ];
    for (entry, source) in sources {
        let place = place();
        place.write(entry, source);
        all(entry, &place, WORK);
    }
}

#[test]
fn keys_and_values_of_project_files() {
    let text = literal(&lines().replace('\u{e0041}', ""));
    let quoted = text.trim_matches('"');
    let files = [
        ("arkor.toml", format!("{text} = 1")),
        ("arkor.toml", format!("[{text}]\nx = 1")),
        ("arkor.toml", format!("[trainer]\n{text} = 1")),
        ("arkor.toml", format!("[trainer]\nlanguage = {text}")),
        ("arkor.toml", format!("[trainer]\ncomponent = {text}")),
        ("arkor.toml", format!("[trainer]\nentry = {text}")),
        (
            "arkor.toml",
            format!("[trainer]\nbuild = {text}\ncomponent = \"x.wasm\""),
        ),
        ("arkor.toml", format!("[limits]\nmemory = {text}")),
        (
            "arkor.toml",
            format!("[capabilities]\nenv = [{text}]\nnetwork = [{text}]"),
        ),
        (
            "arkor.toml",
            format!("[capabilities]\nfiles = [{{ path = {text}, mode = \"read\" }}]"),
        ),
        ("arkor.toml", format!("x = {LINE}")),
        ("arkor.toml", format!("# {LINE}\nx = [")),
        ("package.json", format!("{{ \"type\": {LINE}")),
        (
            "package.json",
            format!("{{ \"main\": \"{quoted}\", \"type\": \"{quoted}\", \"name\": \"{quoted}\" }}"),
        ),
        (
            "tsconfig.json",
            format!("{{ \"extends\": \"{quoted}\", {LINE}"),
        ),
        (
            "node_modules/one/package.json",
            format!("{{ \"main\": \"{quoted}\", \"exports\": {{ \"{quoted}\": 1 }} }}"),
        ),
        (
            "node_modules/one/package.json",
            format!("{{ \"name\": {LINE}"),
        ),
        (
            "Cargo.toml",
            format!("[package]\nname = {text}\nversion = {text}"),
        ),
    ];
    for (file, content) in files {
        let place = place();
        if file == "package.json" || file.starts_with("node_modules") {
            place.write("node_modules/one/index.js", "module.exports = 1;");
            place.write(
                "trainer.js",
                format!("import one from 'one';\n{}", trainer("")),
            );
        } else if file != "Cargo.toml" {
            place.write("trainer.ts", trainer(""));
        }
        place.write(file, &content);
        all(&format!("{file}: {content:?}"), &place, WORK);
    }
}

#[test]
fn what_builds_print() {
    let place = place();
    place.write("said", lines());
    for (what, config) in [
        ("fails", "build = \"sh build.sh 3\"\ncomponent = \"x.wasm\""),
        (
            "leaves nothing",
            "build = \"sh build.sh 0\"\ncomponent = \"x.wasm\"",
        ),
    ] {
        place.write("arkor.toml", format!("[trainer]\n{config}\n"));
        place.write("build.sh", "cat said\ncat said >&2\nexit $1\n");
        let said = all(what, &place, WORK);
        assert!(
            what != "fails" || said.contains("  | \\u{3a}:error::owned"),
            "{said}"
        );
    }
    let place = self::place();
    place.write("trainer.py", "from arkor import *\n");
    place.write("requirements.txt", format!("./{LINE}\n"));
    all("requirements", &place, &[&["run"]]);
}

#[test]
fn rows_of_a_store() {
    let hostile = lines();
    let event = |event: Value| event.to_string();
    let texts = [
        ("UPDATE runs SET name = ?1", hostile.clone()),
        ("UPDATE runs SET id = ?1", hostile.clone()),
        (
            "UPDATE runs SET component = ?1, config = ?1, parent = ?1",
            hostile.clone(),
        ),
        ("UPDATE runs SET status = ?1", hostile.clone()),
        ("UPDATE runs SET created = ?1", hostile.clone()),
        ("UPDATE runs SET spec = ?1", hostile.clone()),
        (
            "UPDATE runs SET spec = json_set(spec, '$.name', ?1, '$.tags', json_array(?1))",
            hostile.clone(),
        ),
        (
            "UPDATE checkpoints SET id = ?1, state = ?1",
            hostile.clone(),
        ),
        (
            "UPDATE artifacts SET name = ?1, digest = ?1",
            hostile.clone(),
        ),
        ("UPDATE events SET body = ?1", hostile.clone()),
        ("UPDATE events SET time = ?1", hostile.clone()),
        (
            "UPDATE events SET body = ?1 WHERE seq > 1",
            event(json!({
                "type": "artifact", "step": 1, "name": hostile, "size": 1, "digest": hostile,
            })),
        ),
        (
            "UPDATE events SET body = ?1 WHERE seq > 1",
            event(json!({
                "type": "log", "step": 1, "tokens": 1, "metrics": [{ "name": hostile, "value": 1.0 }],
            })),
        ),
        (
            "UPDATE events SET body = ?1 WHERE seq > 1",
            event(json!({
                "type": "checkpoint", "step": 1, "id": hostile, "size": 1,
            })),
        ),
        (
            "UPDATE events SET body = ?1 WHERE seq > 1",
            event(json!({
                "type": "action", "step": 1, "callback": "on-log",
                "action": { "kind": "log-metric", "value": { "name": hostile, "value": 1.0 } },
            })),
        ),
        (
            "UPDATE events SET body = ?1 WHERE seq > 1",
            event(json!({
                "type": "callback-failed", "step": 1, "event_seq": 1, "fault": {
                    "trainer": hostile, "generation": 1, "function": "on-log",
                    "cause": { "kind": "panic", "value": hostile }, "backtrace": [hostile],
                },
            })),
        ),
        (
            "UPDATE events SET body = ?1 WHERE seq > 1",
            event(json!({
                "type": "failed", "step": 1, "message": hostile, "hint": hostile, "checkpoint": hostile,
            })),
        ),
        (
            "UPDATE events SET body = ?1 WHERE seq > 1",
            event(json!({
                "type": "message", "step": 1, "level": "warn", "source": "host", "text": hostile,
            })),
        ),
    ];
    for (statement, value) in texts {
        let place = javascript("if (event.at.step === 1) artifacts.write('a', 'x')");
        place.arkor(&["run"]).expect(0);
        let db = Connection::open(place.project().join(".arkor/arkor.db")).unwrap();
        db.pragma_update(None, "foreign_keys", false).unwrap();
        // A statement that this store does not take shows nothing.
        assert!(db.execute(statement, [&value]).unwrap() > 0, "{statement}");
        drop(db);
        all(statement, &place, RUNS);
        all(
            statement,
            &place,
            &[
                &["runs", "rm", "latest"],
                &["run"],
                &["run", "--resume", "latest"],
            ],
        );
    }
}

#[test]
fn tapes_of_a_run() {
    let event = |kind: Value| json!({ "seq": 1, "run": lines(), "time": "2026-11-23T10:15:00Z", "step": 1, "type": kind });
    let stop = json!({
        "seq": 3, "run": lines(), "time": "2026-11-23T10:15:00Z", "type": "action", "step": 1,
        "callback": "on-log", "action": { "kind": "stop", "value": lines() },
    });
    let log = json!({
        "seq": 2, "run": lines(), "time": "2026-11-23T10:15:00Z", "type": "log", "step": 1, "tokens": 1,
        "metrics": [{ "name": lines(), "value": 1.0 }],
    });
    for tape in [
        LINE.to_owned(),
        event(json!(lines())).to_string(),
        event(json!("paused"))
            .to_string()
            .replace("paused", "log\\u001b"),
        format!("{log}\n{stop}\n"),
    ] {
        let place =
            javascript("console.log(HOSTILE, event.metrics); return [action.stop(HOSTILE)]");
        place.write("tape.jsonl", &tape);
        all(&tape, &place, &[&["replay", "./tape.jsonl"]]);
        place.write("other\u{1b}[2J", &tape);
        all(&tape, &place, &[&["replay", "./other\u{1b}[2J"]]);
    }
}

#[test]
fn arguments_are_repeated_as_text() {
    let place = place();
    let (hostile, option) = (lines(), format!("--{LINE}"));
    let text = hostile.as_str();
    all(
        "arguments",
        &place,
        &[
            &["run", text],
            &["run", option.as_str()],
            &["run", "--resume", text],
            &["run", "--max-steps", text],
            &["build", text],
            &["inspect", text],
            &["replay", text],
            &["runs", "show", text],
            &["runs", "events", text],
            &["runs", "rm", text],
            &["new", text],
            &["dev", option.as_str()],
            &[text],
        ],
    );
}

#[test]
fn the_log_is_for_people_too() {
    let place = javascript("console.log(HOSTILE); throw new Error(HOSTILE)");
    check("-vv", &place.arkor(&["run", "-vv"]));
    let cache = place.root().join("cache\u{1b}[2J\n::error::x");
    let mut command = place.command(["run", "-vv"]);
    let done = command.env("ARKOR_CACHE_DIR", &cache).output().unwrap();
    for text in [done.stdout, done.stderr] {
        is_harmless("a cache", &String::from_utf8(text).unwrap());
    }
}

/// Names of functions in wasm are any text, and a trap tells them.
#[test]
fn names_of_functions_in_wasm() {
    let place = place();
    let mut bytes = std::fs::read(guest("recurses")).unwrap();
    let mut renamed = 0;
    for at in 0..bytes.len() - 200 {
        let length = usize::from(bytes[at]);
        let is_name = (bytes[at + 1..].starts_with(b"_ZN") || bytes[at + 1..].starts_with(b"_R"))
            && (40..128).contains(&length)
            && bytes[at + length].is_ascii_graphic();
        if is_name {
            let hostile: String = lines()
                .chars()
                .filter(char::is_ascii)
                .cycle()
                .take(length)
                .collect();
            bytes[at + 1..][..length].copy_from_slice(hostile.as_bytes());
            renamed += 1;
        }
    }
    assert!(renamed > 0);
    place.write("trainer.wasm", &bytes);
    place.write("arkor.toml", "[trainer]\ncomponent = \"trainer.wasm\"\n");
    let said = all(
        "a component",
        &place,
        &[&["run"], &["inspect", "trainer.wasm"]],
    );
    assert!(said.contains("in \\u{1b}]52;c;aGk="), "{said}");
    all("a component", &place, RUNS);
}

/// A session, until it said this; what it printed on both streams.
fn dev(place: &Place, json: bool, until: &str) -> (String, String) {
    let words: &[&str] = if json { &["--json"] } else { &[] };
    let arguments = ["dev", "--port", "0"];
    let mut child = place
        .command(arguments.iter().chain(words))
        .spawn()
        .unwrap();
    let (sender, parts) = std::sync::mpsc::channel();
    let streams: [Box<dyn Read + Send>; 2] = [
        Box::new(child.stdout.take().unwrap()),
        Box::new(child.stderr.take().unwrap()),
    ];
    for (index, mut stream) in streams.into_iter().enumerate() {
        let sender = sender.clone();
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(length @ 1..) = stream.read(&mut part) {
                let _ = sender.send((index, part[..length].to_vec()));
            }
        });
    }
    drop(sender);
    let mut printed = [Vec::new(), Vec::new()];
    let begin = Instant::now();
    let mut interrupted = false;
    loop {
        let said = printed
            .iter()
            .any(|all: &Vec<u8>| String::from_utf8_lossy(all).contains(until));
        if !interrupted && (said || begin.elapsed() > Duration::from_secs(90)) {
            let id = child.id().to_string();
            let _ = Command::new("kill").args(["-INT", &id]).status();
            interrupted = true;
        }
        match parts.recv_timeout(Duration::from_secs(1)) {
            Ok((index, part)) => printed[index].extend(part),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    child.wait().unwrap();
    let [out, err] = printed.map(|all| String::from_utf8(all).unwrap());
    assert!(out.contains(until) || err.contains(until), "{out}\n{err}");
    (out, err)
}

#[test]
fn sessions_of_dev() {
    let cases = [
        (
            "messages",
            trainer("console.log(HOSTILE); return action.stop(HOSTILE)"),
            "is over",
        ),
        ("errors", trainer("throw new Error(HOSTILE)"), "is over"),
        (
            "describe",
            trainer("").replace("name: \"hostile\"", "name: HOSTILE"),
            "hostile",
        ),
        ("syntax", format!("let x = ; // {LINE}"), "trainer.js:1"),
    ];
    for (what, source, until) in cases {
        for json in [false, true] {
            let place = place();
            place.write("trainer.js", source.replace("HOSTILE", &literal(&lines())));
            let until = if what == "describe" { "name is" } else { until };
            let (out, err) = dev(&place, json, until);
            is_harmless(&format!("dev, {what}, json {json}, out"), &out);
            is_harmless(&format!("dev, {what}, json {json}, err"), &err);
        }
    }
}
