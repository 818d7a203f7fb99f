//! What the server answers is what its description says, and all of what it describes is there.

use serde_json::{Value, json};

use crate::harness::guest;
use crate::training;

/// The schema of an answer, with the components that it refers to.
fn schema(document: &Value, path: &str, method: &str, status: &str) -> Value {
    let mut response = &document["paths"][path][method]["responses"][status];
    if let Some(name) = response["$ref"].as_str() {
        response = document.pointer(name.strip_prefix('#').unwrap()).unwrap();
    }
    let mut schema = response["content"]["application/json"]["schema"].clone();
    assert!(
        schema.is_object(),
        "{method} {path} {status} is not described"
    );
    schema["components"] = document["components"].clone();
    schema
}

fn check(document: &Value, path: &str, method: &str, status: u16, body: &Value) {
    let schema = schema(document, path, method, &status.to_string());
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(body)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert!(
        errors.is_empty(),
        "{method} {path} {status}: {errors:#?}\n{body:#}"
    );
}

#[test]
fn every_answer_is_as_the_description_says() {
    let (mut dev, studio, run) = training("counts");
    dev.event("checkpoint");
    dev.save(guest("swap-traps"));
    dev.event("rolled-back");
    dev.save(guest("swap-rejects"));
    dev.event("swap-rejected");
    let document = studio.get("/api/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            asked += 1;
            let address = path.replace("{run}", &run);
            if path.ends_with("/stream") {
                let (_, value) = studio.stream(&address, &[]).next();
                let name = if path == "/api/dev/stream" {
                    "DevState"
                } else {
                    "Event"
                };
                let mut schema = document["components"]["schemas"][name].clone();
                schema["components"] = document["components"].clone();
                let validator = jsonschema::validator_for(&schema).unwrap();
                assert!(validator.is_valid(&value), "{value:#}");
                continue;
            }
            if method == "get" {
                let answer = studio.get(&address);
                assert_eq!(answer.status, 200, "{address}: {answer:?}");
                check(&document, path, method, 200, &answer.json());
            }
            if path.contains("{run}") && method == "get" {
                let answer = studio.get(&path.replace("{run}", "none"));
                check(&document, path, method, 404, &answer.json());
            }
            let host = format!("Host: {}", studio.address);
            let line = format!("{} {address} HTTP/1.1", method.to_uppercase());
            let answer = studio.raw(&[&line, &host], b"");
            check(&document, path, method, 401, &answer.json());
        }
    }
    assert_eq!(asked, 14);
    let runs = format!("/api/runs/{run}");
    let answer = studio.post(&format!("{runs}/replay"), &json!({ "last": 50 }));
    assert_eq!(answer.status, 200, "{answer:?}");
    check(
        &document,
        "/api/runs/{run}/replay",
        "post",
        200,
        &answer.json(),
    );
    for kind in ["pause", "continue", "save"] {
        let answer = studio.act(&run, json!({ "kind": kind }));
        check(&document, "/api/runs/{run}/actions", "post", 202, &answer);
    }
    let answer = studio.post("/api/dev/actions", &json!({ "kind": "start" }));
    check(&document, "/api/dev/actions", "post", 409, &answer.json());
    let answer = studio.ask("/api/dev/actions", json!({ "kind": "reload" }));
    check(&document, "/api/dev/actions", "post", 202, &answer);
    let answer = studio.post("/api/dev/actions", &json!({ "kind": "dance" }));
    check(&document, "/api/dev/actions", "post", 422, &answer.json());
    drop(dev);
}

#[test]
fn what_a_person_asks_for_is_done_and_recorded() {
    let (mut dev, studio, run) = training("counts");
    dev.event("log");
    studio.act(&run, json!({ "kind": "pause" }));
    dev.event("paused");
    dev.wait("the state of a pause", |line| {
        line["type"] == "dev" && line["text"].as_str().unwrap().ends_with("is paused")
    });
    let listed = dev.project.arkor(["runs", "list"]).out;
    assert!(listed.contains(" paused "), "{listed}");
    studio.act(
        &run,
        json!({ "kind": "set-learning-rate", "value": 0.0123 }),
    );
    let action = dev.wait("the learning rate", |line| {
        line["action"]["value"] == 0.0123
    });
    assert!(action["callback"].is_null());
    studio.act(&run, json!({ "kind": "continue" }));
    dev.event("continued");
    dev.wait("a step with it", |line| line["learning_rate"] == 0.0123);
    let checkpoints = || {
        let all = studio.get(&format!("/api/runs/{run}/checkpoints")).json();
        all["checkpoints"].as_array().unwrap().len()
    };
    let before = checkpoints();
    studio.act(&run, json!({ "kind": "save" }));
    dev.event("checkpoint");
    assert!(checkpoints() > 0 && checkpoints() >= before);
    // To a generation, and to what it remembers.
    dev.save(guest("swap-next"));
    dev.event("swapped");
    studio.act(&run, json!({ "kind": "roll-back", "value": 1 }));
    let back = dev.event("swapped");
    assert_eq!(
        (&back["generation"], &back["state_size"]),
        (&json!(3), &json!(16))
    );
    let generations = studio.get(&format!("/api/runs/{run}/generations")).json();
    let outcomes: Vec<&str> = generations["generations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["replaced", "replaced", "active"]);
    assert_eq!(
        generations["generations"][0]["component"],
        generations["generations"][2]["component"]
    );
    let metrics = studio
        .get(&format!("/api/runs/{run}/metrics?points=5"))
        .json();
    let loss = metrics["series"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "loss");
    assert!(loss.unwrap()["points"].as_array().unwrap().len() <= 5);
    // case 30: it stops with a checkpoint that is listed and can be resumed from.
    studio.act(&run, json!({ "kind": "stop" }));
    let stopped = dev.event("stopped");
    assert_eq!(stopped["reason"]["kind"], "user");
    dev.state("waiting");
    let listed = studio.get(&format!("/api/runs/{run}/checkpoints")).json();
    let last = listed["checkpoints"].as_array().unwrap().last().unwrap();
    assert_eq!(last["id"], stopped["checkpoint"]);
    studio
        .post(
            &format!("/api/runs/{run}/actions"),
            &json!({ "kind": "stop" }),
        )
        .refuses(409, "not in flight");
    // And another begins when one is asked for.
    studio.ask("/api/dev/actions", json!({ "kind": "start" }));
    let next = dev.event("started");
    assert_ne!(next["run"], json!(run));
    assert!(next["parent"].is_null());
    let (code, _) = dev.interrupt();
    assert_eq!(code, 130);
}

#[test]
fn case_30_a_run_stopped_here_is_resumed_by_the_command() {
    let (mut dev, studio, run) = training("counts");
    dev.event("log");
    studio.act(&run, json!({ "kind": "stop" }));
    let stopped = dev.event("stopped");
    dev.state("waiting");
    let step = stopped["step"].as_u64().unwrap();
    let project = std::mem::replace(&mut dev.project, crate::harness::Project::empty());
    assert_eq!(dev.interrupt().0, 130);
    assert!(
        !project.path(".arkor/studio.json").exists(),
        "the token file is removed"
    );
    let resumed = project.run(&["--resume", &run, "--max-steps", &(step + 5).to_string()]);
    resumed.expect(0);
    let begun = resumed
        .json()
        .into_iter()
        .find(|line| line["type"] == "started")
        .unwrap();
    assert_eq!(begun["resumed_from"], step);
}
