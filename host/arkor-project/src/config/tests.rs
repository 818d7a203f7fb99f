use super::*;

fn parse(text: &str) -> Result<Config, ProjectError> {
    Config::parse(Path::new("arkor.toml"), text, &Path::is_file)
}

/// The message and the hint of the error in a file.
fn complaint(text: &str) -> String {
    let error = parse(text).unwrap_err();
    match error.hint() {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error.to_string(),
    }
}

#[test]
fn defaults() {
    let config = parse("[trainer]\nlanguage = \"rust\"").unwrap();
    assert_eq!(config.capabilities, Capabilities::default());
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.engine, EngineConfig::default());
    assert_eq!(config.run, RunConfig::default());
    assert_eq!(
        config.trainer,
        TrainerSource::Sources {
            language: Language::Rust,
            folder: ".".into()
        }
    );
}

#[test]
fn the_documented_file_is_the_default() {
    let documented: String = include_str!("../../../../docs/configuration.md")
        .lines()
        .skip_while(|line| *line != "```toml")
        .skip(1)
        .take_while(|line| *line != "```")
        .map(|line| line.to_owned() + "\n")
        .collect();
    assert!(documented.contains("[limits]"));
    let said = parse(&documented).unwrap();
    let unsaid = parse("trainer.language = \"rust\"").unwrap();
    assert_eq!(unsaid.limits_said, Limits::NOTHING_SAID);
    assert_eq!(said.limits_said, Limits::default());
    assert_eq!(
        Config {
            limits_said: Limits::NOTHING_SAID,
            ..said
        },
        unsaid
    );
}

#[test]
fn everything() {
    let config = parse(
        r#"
        [trainer]
        path = "src"
        component = "out/t.wasm"
        build = ["make", "-j2", ""]
        [capabilities]
        files = [{ path = "data/", mode = "read" }, { path = "out", mode = "write" }]
        env = ["HOME"]
        network = ["example.org:443", "[::1]:80"]
        clock = "precise"
        random = "system"
        [limits]
        memory = "1 GiB"
        instances = 64
        callback-timeout = "500ms"
        state-size = 0x10
        [engine]
        threads = 2
        [run]
        on-callback-error = "fail"
        early-stop-deadline = "1h"
        "#,
    )
    .unwrap();
    assert_eq!(
        config.trainer,
        TrainerSource::Command {
            command: BuildCommand::Program(vec!["make".into(), "-j2".into(), String::new()]),
            folder: "src".into(),
            component: "out/t.wasm".into(),
            inputs: None,
        }
    );
    assert_eq!(config.capabilities.files.len(), 2);
    assert_eq!(config.capabilities.files[0].path, "data");
    assert_eq!(config.capabilities.network[1].host, "::1");
    assert_eq!(config.limits.memory, 1 << 30);
    assert_eq!(config.limits.state_size, 16);
    assert_eq!(config.limits.callback_timeout, Duration::from_millis(500));
    assert_eq!(config.engine.threads, Some(2));
    assert_eq!(config.run.on_callback_error, Some(OnCallbackError::Fail));
    assert_eq!(config.run.early_stop_deadline, HOUR);
}

#[test]
fn unknown_keys() {
    assert_eq!(
        complaint("trainer.component = \"t.wasm\"\n[limits]\nmemroy = \"1 GiB\""),
        "arkor.toml:3:1: unknown key `memroy` in [limits]\nhint: did you mean `memory`?"
    );
    assert_eq!(
        complaint("trainer.component = \"t.wasm\"\n[limits]\ncallback_timeout = \"1s\""),
        "arkor.toml:3:1: unknown key `callback_timeout` in [limits]\n\
         hint: did you mean `callback-timeout`?"
    );
    assert_eq!(
        complaint("trainer.component = \"t.wasm\"\n  [capability]\nenv = []"),
        "arkor.toml:2:4: unknown key `capability` in the project file\n\
         hint: did you mean `capabilities`?"
    );
    assert_eq!(
        complaint("trainer.component = \"t.wasm\"\n[engine]\nx = 1"),
        "arkor.toml:3:1: unknown key `x` in [engine]\nhint: expected `kind` or `threads`"
    );
}

#[test]
fn wrong_values() {
    let with = |rest: &str| complaint(&format!("trainer.component = \"t.wasm\"\n{rest}"));
    assert_eq!(
        with("limits.memory = \"256 mb\""),
        "arkor.toml:2:17: `limits.memory` is \"256 mb\", expected a size such as \"64 MiB\", \
         from 64 KiB to 4 GiB (units: B, KB, MB, GB, KiB, MiB, GiB)"
    );
    assert_eq!(
        with("limits.callback-timeout = 30"),
        "arkor.toml:2:27: `limits.callback-timeout` is 30, expected a time such as \"30s\", \
         from 1 ms to 24 h (units: ms, s, min, h)"
    );
    assert_eq!(
        with("engine.threads = 0"),
        "arkor.toml:2:18: `engine.threads` is 0, expected a whole number from 1 to 1024"
    );
    assert_eq!(
        with("capabilities.clock = \"exact\""),
        "arkor.toml:2:22: `capabilities.clock` is \"exact\", expected \"coarse\" or \"precise\""
    );
    assert_eq!(
        with("capabilities.network = [\"a:1\", \"example.org\"]"),
        "arkor.toml:2:32: `capabilities.network` is \"example.org\", expected a host and a port, \
         such as \"example.org:443\""
    );
    assert_eq!(
        with("capabilities.files = [{ path = \"../x\", mode = \"read\" }]"),
        "arkor.toml:2:32: `capabilities.files.path` is \"../x\", expected a folder of the \
         project, such as \"data\", without `..`"
    );
    assert_eq!(
        with("capabilities.files = [{ path = \"data\" }]"),
        "arkor.toml:2:23: `capabilities.files` is incomplete, expected both, { path = \"data\", \
         mode = \"read\" }"
    );
    assert_eq!(
        with("limits = 3"),
        "arkor.toml:2:10: `limits` is 3, expected a table"
    );
}

#[test]
fn syntax() {
    let text = complaint("[trainer\npath = 1");
    assert!(text.starts_with("arkor.toml:1:9: "), "{text}");
}

#[test]
fn contradictory_trainers() {
    let both = complaint("[trainer]\nlanguage = \"rust\"\ncomponent = \"t.wasm\"");
    assert!(
        both.starts_with("arkor.toml:1:1: [trainer] has both `language` and `component`\nhint: "),
        "{both}"
    );
    assert!(complaint("trainer.build = \"make\"").contains("`build` without `component`"));
    assert!(
        complaint("trainer.path = \"nowhere\"")
            .contains("does not say where the trainer comes from")
    );
    assert!(
        complaint("trainer.build = []\ntrainer.component = \"t\"").contains("expected a shell")
    );
}
