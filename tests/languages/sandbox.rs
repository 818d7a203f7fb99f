//! What a script cannot reach.

use crate::script::{messages, run};

#[test]
fn there_is_nothing_of_the_machine_to_find() {
    // Every global there is; what is in here was looked at.
    let done = run(
        "",
        "if (state.seen === 1) console.log(Object.getOwnPropertyNames(globalThis).join(\" \"));",
    );
    done.expect(0);
    let globals = messages(&done).remove(0);
    let forbidden = [
        "fetch",
        "XMLHttpRequest",
        "WebSocket",
        "Worker",
        "process",
        "require",
        "Deno",
        "Bun",
        "std",
        "os",
        "bjson",
        "navigator",
        "__arkor",
        "module",
        "scriptArgs",
        "print",
        "load",
    ];
    let found: Vec<&str> = globals
        .split(' ')
        .filter(|name| forbidden.contains(name))
        .collect();
    assert!(found.is_empty(), "{found:?} of {globals}");
}

#[test]
fn attempts_are_refused_with_an_error_that_says_so() {
    let attempts = [
        "fetch(\"http://127.0.0.1/\")",
        "import(\"node:\" + \"fs\")",
        "import(\"st\" + \"d\")",
        "import(\"/etc/\" + \"passwd\")",
        "import(\"./text.\" + \"txt\")",
        "process.env.HOME",
        "new WebSocket(\"ws://127.0.0.1\")",
        "require(\"child_process\")",
        "globalThis.constructor.constructor(\"return process\")()",
        "eval(\"std.open('/etc/passwd')\")",
        "new Function(\"return os.exec(['id'])\")()",
        "__arkor.call(\"artifacts.write\", \"a\", \"b\")",
    ];
    for attempt in attempts {
        let done = run(
            "declare const fetch: any, process: any, WebSocket: any, require: any, __arkor: any;",
            &format!(
                "if (state.seen === 1) return (async () => {{ try {{ const got = await ({attempt}); \
                 console.log(\"GOT\", got); }} catch (e) {{ console.log(\"refused\", String(e)); }} \
                 }})() as any;"
            ),
        );
        done.expect(0);
        let told = messages(&done);
        assert_eq!(told.len(), 1, "{attempt}: {told:?}");
        assert!(told[0].starts_with("refused "), "{attempt}: {told:?}");
    }
}

#[test]
fn a_run_repeats_with_all_its_randomness() {
    let module = "";
    let body = "console.log(Math.random(), crypto.randomUUID(), state.seen);";
    let (one, two) = (run(module, body), run(module, body));
    assert_eq!(messages(&one).len(), 4);
    assert_eq!(messages(&one), messages(&two));
}

#[test]
fn files_outside_of_the_project_are_no_modules() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.json"), "{\"key\": 1}").unwrap();
    let project = crate::script::project("trainer.ts", "");
    let secret = outside.path().join("secret.json");
    let import = |from: &str| {
        let module = format!("import secret from \"{from}\"; console.log(secret.key);");
        project.write("trainer.ts", &crate::script::trainer(&module, ""));
        let done = project.run(&[]);
        done.one_error(&["lies outside of the project", "copy it into the project"]);
        assert!(!done.out.contains("GOT"));
    };
    import(secret.to_str().unwrap());
    // Nor is what the host keeps of the runs.
    project.write("trainer.ts", &crate::script::trainer("", ""));
    project.arkor(["build"]).expect(0);
    project.write(".arkor/kept.json", "{\"key\": 1}");
    let module = "import kept from \"./.arkor/kept.json\"; console.log(kept.key);";
    project.write("trainer.ts", &crate::script::trainer(module, ""));
    project.run(&[]).one_error(&["is the host's own folder"]);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&secret, project.path("linked.json")).unwrap();
        import("./linked.json");
    }
}
