//! Who may ask.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::harness::guest;
use crate::training;

#[test]
fn only_requests_to_the_server_s_own_name_are_answered() {
    let (dev, studio, _) = training("counts");
    let port = studio.address.port();
    let bearer = format!("Authorization: Bearer {}", studio.token);
    for host in [
        "Host: evil.example".into(),
        format!("Host: evil.example:{port}"),
        "Host: 127.0.0.1".into(),
        format!("Host: 127.0.0.1.evil.example:{port}"),
        format!("Host: 127.0.0.1:{port}\r\nHost: evil.example"),
        "Host:".into(),
        "X-No-Host: 1".to_owned(),
    ] {
        for path in ["/", "/api/runs", "/assets/studio.js"] {
            let line = format!("GET {path} HTTP/1.1");
            let answer = studio.raw(&[&line, &host, &bearer], b"");
            assert!(
                matches!(answer.status, 400 | 403),
                "{host} {path}: {answer:?}"
            );
            assert!(!answer.body.contains("<html"), "{host}");
        }
    }
    for host in ["localhost", "LOCALHOST", "127.0.0.1"] {
        let host = format!("Host: {host}:{port}");
        let answer = studio.raw(&["GET /api/runs HTTP/1.1", &host, &bearer], b"");
        assert_eq!(answer.status, 200, "{host}");
    }
    drop(dev);
}

#[test]
fn pages_from_elsewhere_may_not_ask() {
    let (dev, studio, run) = training("counts");
    let host = format!("Host: {}", studio.address);
    let bearer = format!("Authorization: Bearer {}", studio.token);
    let actions = format!("POST /api/runs/{run}/actions HTTP/1.1");
    let body = br#"{"kind":"cancel"}"#;
    for origin in [
        "https://evil.example".into(),
        "null".into(),
        format!("https://{}", studio.address),
        "http://127.0.0.1:1".into(),
        format!("http://{}.evil.example", studio.address),
    ] {
        let origin = format!("Origin: {origin}");
        let head = [
            &actions,
            &host,
            &bearer,
            &origin,
            "Content-Type: application/json",
            "Content-Length: 17",
        ];
        studio.raw(&head, body).refuses(403, "Origin");
        let stream = format!("GET /api/dev/stream?token={} HTTP/1.1", studio.token);
        studio
            .raw(&[&stream, &host, &origin], b"")
            .refuses(403, "Origin");
    }
    let ours = format!("Origin: http://{}", studio.address);
    let answer = studio.raw(&["GET /api/runs HTTP/1.1", &host, &bearer, &ours], b"");
    assert_eq!(answer.status, 200);
    // A form of another page cannot send JSON, and nothing else is read.
    let head = [
        &actions,
        &host,
        &bearer,
        "Content-Type: text/plain",
        "Content-Length: 17",
    ];
    assert_eq!(studio.raw(&head, body).status, 415);
    assert_eq!(studio.runs()[0]["status"], "running");
    drop(dev);
}

#[test]
fn the_token_opens_everything_and_nothing_else_does() {
    let (dev, studio, run) = training("counts");
    let host = format!("Host: {}", studio.address);
    let paths = [
        "/api/dev".to_owned(),
        "/api/openapi.json".into(),
        "/api/nothing".into(),
        format!("/api/runs/{run}"),
        format!("/api/runs/{run}/events/stream"),
        "/api/dev/stream".into(),
    ];
    for path in &paths {
        let line = format!("GET {path} HTTP/1.1");
        studio.raw(&[&line, &host], b"").refuses(401, "missing");
        let mut wrong = studio.token.clone();
        wrong.replace_range(63.., if wrong.ends_with('0') { "1" } else { "0" });
        for header in [
            format!("Authorization: Bearer {wrong}"),
            "Authorization: Bearer ".into(),
            format!("Authorization: Bearer {}0", studio.token),
        ] {
            studio
                .raw(&[&line, &host, &header], b"")
                .refuses(401, "token");
        }
        studio
            .raw(
                &[
                    &line,
                    &host,
                    &format!("Authorization: Basic {}", studio.token),
                ],
                b"",
            )
            .refuses(401, "missing");
        let line = format!("GET {path}?token={wrong} HTTP/1.1");
        studio.raw(&[&line, &host], b"").refuses(401, "token");
    }
    // In the query only where there is no other way, even beside the right header.
    let bearer = format!("Authorization: Bearer {}", studio.token);
    for path in ["/api/runs", "/api/dev"] {
        let line = format!("GET {path}?token={} HTTP/1.1", studio.token);
        studio.raw(&[&line, &host], b"").refuses(401, "query");
        studio
            .raw(&[&line, &host, &bearer], b"")
            .refuses(401, "query");
    }
    let mut stream = studio.stream("/api/dev/stream", &[]);
    assert!(stream.next().1["state"].is_string());
    // What is told to the world does not hold it.
    assert!(
        !dev.seen
            .iter()
            .any(|line| line.to_string().contains(&studio.token))
    );
    drop(dev);
}

#[test]
fn paths_lead_only_to_the_page_s_own_files() {
    let (dev, studio, _) = training("counts");
    for path in [
        "/assets/../Cargo.toml",
        "/assets/../../../../../../etc/passwd",
        "/assets/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/assets/..%2f..%2fetc%2fpasswd",
        "/assets//etc/passwd",
        "/assets/%2fetc%2fpasswd",
        "/assets/..\\..\\secret",
        "/assets/vendor/../index.html",
        "/assets/index.html%00",
        "/assets/%ff",
        "/assets/",
        "/assets",
        "/.arkor/studio.json",
        "/../.arkor/studio.json",
        "/index.html",
        "//",
    ] {
        let answer = studio.get(path);
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
        assert!(!answer.body.contains("root:") && !answer.body.contains(&studio.token));
    }
    let page = studio.get("/");
    assert_eq!(page.status, 200);
    assert!(!page.body.contains(&studio.token));
    let policy = "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'";
    for answer in [&page, &studio.get("/api/runs"), &studio.get("/nothing")] {
        assert!(answer.head.contains(policy), "{answer:?}");
        assert!(answer.head.contains("x-content-type-options: nosniff"));
        assert!(answer.head.contains("cache-control: no-store"));
    }
    for (name, kind) in [
        ("studio.js", "text/javascript"),
        ("studio.css", "text/css"),
        ("vendor/uPlot.LICENSE", "text/plain"),
    ] {
        let asset = studio.get(&format!("/assets/{name}"));
        assert_eq!(asset.status, 200);
        assert!(asset.head.contains(kind), "{}", asset.head);
    }
    assert_eq!(studio.post("/", &serde_json::json!({})).status, 405);
    drop(dev);
}

#[test]
fn bodies_are_bounded_and_what_makes_no_sense_is_told() {
    let (dev, studio, run) = training("counts");
    let path = format!("/api/runs/{run}/actions");
    let large = serde_json::json!({ "kind": "x".repeat(70_000) });
    assert_eq!(studio.post(&path, &large).status, 413);
    // The same without saying so before.
    let line = format!("POST {path} HTTP/1.1");
    let host = format!("Host: {}", studio.address);
    let bearer = format!("Authorization: Bearer {}", studio.token);
    let kind = "Content-Type: application/json";
    let chunk = format!("11170\r\n{}\r\n0\r\n\r\n", "x".repeat(70_000));
    let head = [&line, &host, &bearer, kind, "Transfer-Encoding: chunked"];
    assert_eq!(studio.raw(&head, chunk.as_bytes()).status, 413);

    for (body, status) in [
        (serde_json::json!({ "kind": "explode" }), 422),
        (serde_json::json!({ "kind": "set-learning-rate" }), 422),
        (
            serde_json::json!({ "kind": "set-learning-rate", "value": "fast" }),
            422,
        ),
        (
            serde_json::json!({ "kind": "set-learning-rate", "value": -1.0 }),
            400,
        ),
        (
            serde_json::json!({ "kind": "set-learning-rate", "value": 1e9 }),
            400,
        ),
        (serde_json::json!({ "kind": "stop", "more": 1 }), 422),
        (serde_json::json!({ "kind": "roll-back", "value": 99 }), 409),
        (serde_json::json!([]), 422),
    ] {
        let answer = studio.post(&path, &body);
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert!(answer.json()["error"]["message"].is_string());
    }
    studio
        .get("/api/runs/no-such-run")
        .refuses(404, "no-such-run");
    studio
        .get(&format!("/api/runs/{run}/events?limit=0"))
        .refuses(400, "limit");
    studio
        .get(&format!("/api/runs/{run}/events?after=x"))
        .refuses(400, "after");
    studio
        .get(&format!("/api/runs/{run}/metrics?points=1"))
        .refuses(400, "points");
    assert_eq!(studio.runs()[0]["status"], "running");
    drop(dev);
}

/// Handles that a process has open.
fn handles(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/fd")).map_or(0, |all| all.count())
}

#[test]
fn case_36_slow_clients_delay_neither_the_run_nor_others() {
    let (dev, studio, run) = training("counts");
    // One that never ends its head, one that never sends its body, and some that never read.
    let mut half = studio.connect();
    half.write_all(b"GET / HTTP/1.1\r\nHost: ").unwrap();
    let mut silent = studio.connect();
    let head = format!(
        "POST /api/dev/actions HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\n\r\n",
        studio.address, studio.token
    );
    silent.write_all(head.as_bytes()).unwrap();
    let deaf: Vec<_> = (0..20)
        .map(|_| studio.stream(&format!("/api/runs/{run}/events/stream"), &[]))
        .collect();
    let mut quick = studio.stream(&format!("/api/runs/{run}/events/stream"), &[]);
    for wanted in 1..=2_000 {
        assert_eq!(quick.next().0, wanted, "none lost, none twice, in order");
    }
    dev.save(guest("swap-next"));
    quick.wait(|event| event["type"] == "swapped");
    // The head that never ends is not waited for for ever.
    let mut rest = Vec::new();
    let begin = Instant::now();
    half.read_to_end(&mut rest).unwrap();
    assert!(begin.elapsed() < Duration::from_secs(60));
    drop(deaf);
    let (code, _) = dev.interrupt();
    assert_eq!(code, 130);
}

#[test]
#[cfg(target_os = "linux")]
fn five_hundred_streams_are_served_and_leave_nothing_behind() {
    let (dev, studio, run) = training("counts");
    let path = format!("/api/runs/{run}/events/stream");
    let before = handles(dev.child.id());
    let mut streams: Vec<_> = (0..500).map(|_| studio.stream(&path, &[])).collect();
    assert!(handles(dev.child.id()) >= 500);
    for stream in &mut streams {
        for wanted in 1..=20 {
            assert_eq!(stream.next().0, wanted);
        }
    }
    // Everything else is still answered.
    assert_eq!(studio.runs().len(), 1);
    let at = streams[0].next().0;
    drop(streams);
    let deadline = Instant::now() + Duration::from_secs(120);
    while handles(dev.child.id()) > before + 8 {
        assert!(Instant::now() < deadline, "{}", handles(dev.child.id()));
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut again = studio.stream(&path, &[&format!("Last-Event-ID: {at}")]);
    assert_eq!(again.next().0, at + 1);
    drop(dev);
}

#[test]
fn connections_that_say_nothing_keep_nobody_waiting() {
    let (dev, studio, _) = training("counts");
    let begin = Instant::now();
    // More than there are places, some with half a head.
    let idle: Vec<_> = (0..900)
        .map(|number| {
            let mut stream = studio.connect();
            if number % 2 == 0 {
                stream.write_all(b"GET / HT").unwrap();
            }
            stream
        })
        .collect();
    assert_eq!(studio.get("/api/runs").status, 200);
    // A head may take ten seconds as long as there are places.
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(9), "{took:?}");
    drop(idle);
    let (code, _) = dev.interrupt();
    assert_eq!(code, 130);
}
