//! Files that are made to end whoever parses them: each is an error of that file, and nothing else.

use crate::harness::Project;
use crate::script::{project, trainer};

/// Deeper than any stack is: a level takes a parser hundreds of bytes.
const DEEP: usize = 3_000_000;

/// Expressions that nest, each in its own way.
fn nested(depth: usize) -> Vec<(&'static str, String)> {
    let around =
        |open: &str, middle: &str, close: &str| open.repeat(depth) + middle + &close.repeat(depth);
    vec![
        ("parentheses", around("(", "1", ")")),
        ("lists", around("[", "1", "]")),
        ("functions", around("x=>", "1", "")),
        ("conditions", around("a?b:", "1", "")),
    ]
}

#[test]
fn a_file_that_nests_too_deeply_is_an_error_of_that_file() {
    for (what, expression) in nested(DEEP) {
        let project = project("trainer.js", &format!("export default {expression};\n"));
        let done = project.arkor(["run"]);
        done.expect(2);
        done.one_error(&[
            "trainer.js: cannot be parsed",
            "SIG",
            "hint: split the file",
        ]);
        assert!(!done.err.contains("overflow"), "{what}: {}", done.err);
    }
}

#[test]
fn what_only_the_engine_cannot_take_is_told_by_the_engine() {
    for expression in ["!".repeat(DEEP) + "1", "1+".repeat(DEEP) + "1"] {
        let done = project("trainer.js", &format!("export default {expression};\n")).arkor(["run"]);
        done.expect(1);
        done.one_error(&["describe"]);
    }
}

#[test]
fn so_it_is_in_typescript_in_a_package_and_for_build() {
    let module = format!("type A = {}1{};", "[".repeat(DEEP), "]".repeat(DEEP));
    let project = project("trainer.ts", &trainer("import \"deep\";", ""));
    std::fs::create_dir_all(project.path("node_modules/deep")).unwrap();
    project.write("node_modules/deep/package.json", r#"{"main":"index.ts"}"#);
    project.write("node_modules/deep/index.ts", &module);
    let done = project.arkor(["build"]);
    done.expect(2);
    done.one_error(&["node_modules/deep/index.ts: cannot be parsed"]);
}

#[test]
fn code_that_nests_as_bundles_do_still_works() {
    let list = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let sum = vec!["1"; 500].join("+");
    let module = format!("const list: any = {list}; const sum = {sum};");
    let done = project(
        "trainer.ts",
        &trainer(&module, "if (sum !== 500 || !list) throw 1;"),
    )
    .run(&[]);
    done.expect(0);
    assert!(done.events("callback-failed").is_empty());
}

#[test]
fn files_without_end_or_measure_are_not_read() {
    let script = project("trainer.js", "");
    let file = std::fs::File::create(script.path("trainer.js")).unwrap();
    file.set_len(5 << 30).unwrap();
    let done = script.arkor(["run"]);
    done.expect(2);
    done.one_error(&["trainer.js", "at most 16777216"]);

    let wasm = Project::empty();
    wasm.write("arkor.toml", "[trainer]\ncomponent = \"trainer.wasm\"\n");
    let file = std::fs::File::create(wasm.path("trainer.wasm")).unwrap();
    file.set_len(5 << 30).unwrap();
    let done = wasm.arkor(["run"]);
    done.expect(2);
    done.one_error(&["trainer.wasm", "at most 134217728"]);

    let package = project("trainer.ts", &trainer("import \"deep\";", ""));
    std::fs::create_dir_all(package.path("node_modules/deep")).unwrap();
    let file = std::fs::File::create(package.path("node_modules/deep/package.json")).unwrap();
    file.set_len(5 << 30).unwrap();
    let done = package.arkor(["build"]);
    done.expect(2);
    done.one_error(&["trainer.ts:2", "deep"]);

    let many = (0..10_001).map(|number| format!("import \"./{number}.js\";\n"));
    let done = project("trainer.js", &many.collect::<String>()).arkor(["run"]);
    done.expect(2);
    done.one_error(&["trainer.js: it has 10001 imports, and at most 10000 are followed"]);
}

/// Core modules and components that are wrong in ways that a reader may not expect.
fn damaged() -> Vec<(&'static str, Vec<u8>)> {
    let text =
        "(module (func (result i32) i32.const 1) (func) (memory 1) (data (i32.const 0) \"abc\"))";
    let module = wat::parse_str(text).unwrap();
    let code = module
        .windows(2)
        .position(|two| two == [10, 11])
        .unwrap_or(20);
    let with = |name: &str, data: &[u8]| {
        let mut bytes = wat::parse_str("(module)").unwrap();
        let length = u8::try_from(1 + name.len() + data.len()).unwrap();
        bytes.extend([0, length, u8::try_from(name.len()).unwrap()]);
        bytes.extend(name.as_bytes());
        bytes.extend(data);
        bytes
    };
    vec![
        ("cut in its code", module[..code + 5].to_vec()),
        ("cut in its data", module[..module.len() - 2].to_vec()),
        ("cut in its head", module[..9].to_vec()),
        ("a world of zeros", with("component-type:x", &[0; 40])),
        (
            "a world cut",
            with("component-type:x", b"\0asm\x0d\0\x01\0\x07\x70\x01"),
        ),
        ("a component cut", b"\0asm\x0d\0\x01\0\x07\x7f\x01".to_vec()),
    ]
}

#[test]
fn damaged_wasm_is_an_error_for_run_and_inspect() {
    for (what, bytes) in damaged() {
        let project = Project::empty();
        project.write("arkor.toml", "[trainer]\ncomponent = \"trainer.wasm\"\n");
        std::fs::write(project.path("trainer.wasm"), bytes).unwrap();
        for command in [&["run"][..], &["inspect", "trainer.wasm"]] {
            let done = project.arkor(command);
            assert_eq!(done.code, Some(2), "{what}: {}", done.err);
            done.one_error(&["trainer"]);
        }
    }
}

#[test]
fn what_takes_the_compiler_too_long_is_refused_before() {
    let functions = "(func)".repeat(100_001);
    let project = Project::empty();
    project.write("arkor.toml", "[trainer]\ncomponent = \"trainer.wasm\"\n");
    project.component(&format!("(component (core module {functions}))"));
    let done = project.arkor(["run"]);
    done.expect(2);
    done.one_error(&[
        "100001 functions",
        "at most 100000",
        "hint: build it without",
    ]);
}

#[cfg(unix)]
mod dev {
    use super::*;
    use crate::harness::guest;
    use crate::program::Dev;
    use crate::script::TYPESCRIPT;

    fn metric(dev: &mut Dev, name: &str) {
        dev.wait(name, |line| {
            line["type"] == "action" && line["action"]["value"]["name"] == name
        });
    }

    /// Saves a file, waits for what that must bring, and then for the same run to go on with what is good.
    struct Session {
        dev: Dev,
        entry: &'static str,
        saves: usize,
    }

    impl Session {
        fn on(entry: &'static str) -> Self {
            let mut dev = Dev::on(project(entry, &TYPESCRIPT.counting("", "save0")));
            metric(&mut dev, "save0");
            Self {
                dev,
                entry,
                saves: 0,
            }
        }

        fn good(&mut self) {
            self.saves += 1;
            let name = format!("save{}", self.saves);
            self.dev
                .project
                .write(self.entry, &TYPESCRIPT.counting("", &name));
            self.dev.event("swapped");
            metric(&mut self.dev, &name);
        }

        /// The old code trains on while what is wrong is told.
        fn wrong(&mut self, file: &str, content: &str, error: &str) {
            self.dev.project.write(file, content);
            self.dev.error(error);
            self.dev.event("log");
        }

        /// It was one run all along, and ends as it should.
        fn end(self) {
            let (code, seen) = self.dev.interrupt();
            assert_eq!(code, 130);
            let started = seen.iter().filter(|line| line["type"] == "started");
            assert_eq!(started.count(), 1);
        }
    }

    #[test]
    fn a_save_that_nests_too_deeply_is_an_error_and_the_fix_is_taken() {
        for entry in ["trainer.js", "trainer.ts"] {
            let mut session = Session::on(entry);
            let error = format!("{entry}: cannot be parsed");
            let mut cases = nested(DEEP);
            cases.truncate(2);
            cases.push(("templates", "`${".repeat(DEEP) + "1" + &"}`".repeat(DEEP)));
            for (_, expression) in cases {
                let module = format!("const deep = {expression};");
                session.wrong(entry, &trainer(&module, ""), &error);
                session.good();
            }
            if entry == "trainer.ts" {
                for (open, close) in [("[", "]"), ("A<", ">"), ("{a:", "}")] {
                    let deep = format!("{}1{}", open.repeat(DEEP), close.repeat(DEEP));
                    let module = format!("type A<T> = T; type B = {deep};");
                    session.wrong(entry, &trainer(&module, ""), &error);
                    session.good();
                }
            }
            session.end();
        }
    }

    #[test]
    fn two_thousand_parentheses_are_no_reason_to_end() {
        let mut session = Session::on("trainer.js");
        let module = format!("const deep = {}1{};", "(".repeat(2000), ")".repeat(2000));
        let source = TYPESCRIPT.counting(&module, "deep");
        session.dev.project.write("trainer.js", &source);
        session.dev.event("swapped");
        metric(&mut session.dev, "deep");
        session.good();
        session.end();
    }

    #[test]
    fn deep_data_of_a_project_is_an_error_too() {
        let mut session = Session::on("trainer.ts");
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        // What only the trainer's engine cannot take, that tells.
        session.dev.project.write("data.json", &deep);
        let import = "import data from \"./data.json\"; if (!data) throw 1;";
        session.wrong("trainer.ts", &trainer(import, ""), "describe");
        session.good();
        session.wrong("arkor.toml", &format!("x = {deep}"), "arkor.toml");
        session.dev.project.write("arkor.toml", "");
        session.dev.state("unchanged");
        let package = session.dev.project.path("node_modules/deep");
        std::fs::create_dir_all(package).unwrap();
        let json = format!("{{\"name\": \"deep\", \"exports\": {deep}}}");
        session
            .dev
            .project
            .write("node_modules/deep/package.json", &json);
        let import = trainer("import \"deep\";", "");
        session.wrong("trainer.ts", &import, "trainer.ts:2");
        session.good();
        // A map of a file is not read: the comment that names one is a comment.
        let map = format!("{{\"version\": 3, \"mappings\": {deep}}}");
        session.dev.project.write("trainer.ts.map", &map);
        let mapped = TYPESCRIPT.counting("//# sourceMappingURL=trainer.ts.map", "mapped");
        session.dev.project.write("trainer.ts", &mapped);
        session.dev.event("swapped");
        metric(&mut session.dev, "mapped");
        session.end();
    }

    /// The process of `dev` that parses.
    #[cfg(target_os = "linux")]
    fn parser_of(dev: &Dev) -> Option<u32> {
        let parent = format!("PPid:\t{}\n", dev.child.id());
        std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .find_map(|entry| {
                let id = entry.file_name().to_str()?.parse().ok()?;
                let read = |file| std::fs::read_to_string(entry.path().join(file)).ok();
                let is_it =
                    read("status")?.contains(&parent) && read("cmdline")?.contains("__parse");
                is_it.then_some(id)
            })
    }

    #[cfg(target_os = "linux")]
    fn kill(id: u32) {
        let mut command = std::process::Command::new("kill");
        let killed = command.args(["-KILL", &id.to_string()]).status();
        assert!(killed.unwrap().success());
        // Until it has ended, its parent takes it for alive, and its end for that of the file it is given.
        // The first of its threads may be over before the others are.
        let is_alive = || {
            let threads = std::fs::read_dir(format!("/proc/{id}/task")).into_iter();
            let threads = threads.flatten().flatten();
            let stat = |path: std::path::PathBuf| std::fs::read_to_string(path.join("stat"));
            let stats: Vec<String> = threads.flat_map(|one| stat(one.path())).collect();
            stats.len() > 1 || stats.iter().any(|stat| !stat.contains(") Z "))
        };
        while is_alive() {
            std::thread::yield_now();
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_parser_has_nothing_is_replaced_when_killed_and_ends_with_the_host() {
        let mut session = Session::on("trainer.ts");
        let first = parser_of(&session.dev).unwrap();
        let process = std::path::PathBuf::from(format!("/proc/{first}"));
        assert_eq!(std::fs::read(process.join("environ")).unwrap(), b"");
        let cwd = std::fs::read_link(process.join("cwd")).unwrap();
        assert_eq!(cwd, std::path::Path::new("/"));
        let open = std::fs::read_dir(process.join("fd")).unwrap();
        // Its pipes, and what whoever started the tests had open: no file and no connection of the host.
        for entry in open {
            let target = std::fs::read_link(entry.unwrap().path()).unwrap();
            let target = target.to_str().unwrap();
            assert!(
                target.starts_with("pipe:") || target.starts_with("/dev/"),
                "{target}"
            );
        }
        let limits = std::fs::read_to_string(process.join("limits")).unwrap();
        let line = |name: &str| limits.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(!line("Max address space").contains("unlimited"), "{limits}");
        assert!(line("Max core file size").contains(" 0 "), "{limits}");

        kill(first);
        session.good();
        let second = parser_of(&session.dev).unwrap();
        assert_ne!(first, second);
        session.dev.child.kill().unwrap();
        session.dev.child.wait().unwrap();
        let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while std::fs::read_to_string(format!("/proc/{second}/cmdline"))
            .is_ok_and(|line| line.contains("__parse"))
        {
            assert!(std::time::Instant::now() < end, "it outlives the host");
            std::thread::yield_now();
        }
    }

    #[test]
    fn damaged_components_are_told_one_after_the_other() {
        let mut dev = Dev::start("counts");
        dev.event("log");
        for (what, bytes) in damaged() {
            let beside = dev.project.path("new.wasm");
            std::fs::write(&beside, bytes).unwrap();
            dev.save(&beside);
            dev.state("building");
            let told = dev.state("error");
            assert!(
                told["text"].as_str().unwrap().contains("trainer"),
                "{what}: {told}"
            );
            dev.event("log");
        }
        dev.save(guest("swap-next"));
        dev.event("swapped");
        assert_eq!(dev.interrupt().0, 130);
    }
}
