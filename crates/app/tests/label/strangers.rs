//! Who must not ask the labelling server, and what must not bring it down.

use crate::server::{Server, client, scans_in};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

fn server() -> (tempfile::TempDir, Server) {
    let home = tempfile::tempdir().expect("a folder");
    scans_in(home.path(), 40);
    std::fs::write(home.path().join("secret.txt"), "a secret").expect("written");
    std::fs::write(home.path().join("scans").join("broken.png"), b"\x89PNG\r\n\x1a\nbroken")
        .expect("written");
    let server = Server::start(home.path(), &["scans", "--classes", "a,b"]);
    server.next();
    (home, server)
}

#[test]
fn strangers_are_refused() {
    let (_home, server) = server();
    let token = format!("Authorization: Bearer {}\r\n", server.token);
    for (lines, status) in [
        (String::new(), 401),
        ("Authorization: Bearer 0000\r\n".to_owned(), 401),
        ("Cookie: fewlabel_1=x\r\n".to_owned(), 401),
        (format!("{token}Host: evil.example\r\n"), 403),
        (format!("{token}Origin: http://evil.example\r\n"), 403),
        (format!("{token}Origin: null\r\n"), 403),
        (format!("{token}Origin: http://{}\r\n", server.address), 200),
    ] {
        for path in ["/api/status", "/api/next?count=1"] {
            let said = server.ask_with("GET", path, &lines, None);
            assert_eq!(said.status, status, "{lines:?} {path}");
        }
    }
    let said = server.ask_with("GET", "/?token=wrong", "", None);
    assert!(said.status == 401 && !said.head.to_lowercase().contains("set-cookie"));
    let said = server.ask_with("GET", &format!("/?token={}", server.token), "", None);
    let head = said.head.to_lowercase();
    assert_eq!(said.status, 303);
    for part in ["httponly", "samesite=strict", "content-security-policy: default-src 'none'"] {
        assert!(head.contains(part), "{head}");
    }
    let cookie = said.head.lines().find_map(|line| {
        let line = line.strip_prefix("set-cookie: ").or(line.strip_prefix("Set-Cookie: "))?;
        Some(format!("Cookie: {}\r\n", line.split(';').next()?))
    });
    let cookie = cookie.expect("a cookie");
    assert_eq!(server.ask_with("GET", "/api/status", &cookie, None).status, 200);
}

#[test]
fn no_path_leads_to_a_file() {
    let (home, server) = server();
    let secret = home.path().join("secret.txt").display().to_string();
    for path in [
        "/../secret.txt",
        "/api/images/../../secret.txt",
        "/api/images/%2e%2e%2fsecret.txt",
        "/api/results/..%2f..%2fsecret.txt",
        "/api/results/..%2fproject.sqlite",
        "/api/results/%2fetc%2fpasswd",
        "/api/images/1%2f..%2f..",
        "/api/images/-1",
        "/api/images/99999",
        "/api/images/99999999999999999999999",
        "/api/images/1/pixels/../../../secret.txt",
        "//etc/passwd",
        &format!("/api/results/{}", secret.replace('/', "%2f")),
    ] {
        let said = server.ask("GET", path, None);
        assert!((400..500).contains(&said.status), "{path}: {}", said.status);
        assert!(!String::from_utf8_lossy(&said.body).contains("a secret"), "{path}");
    }
}

#[test]
fn what_is_not_understood_is_refused_in_a_sentence() {
    let (_home, server) = server();
    let (id, _) = server.next();
    for (path, body, expected) in [
        ("/api/answers", "{".to_owned(), "not understood: EOF"),
        ("/api/answers", "[]".to_owned(), "not understood"),
        ("/api/answers", "\u{0}\u{1}".to_owned(), "not understood"),
        ("/api/answers", json!({ "id": id, "client_id": "x" }).to_string(), "either a label or"),
        (
            "/api/answers",
            json!({ "id": id, "client_id": "x", "lable": "a" }).to_string(),
            "unknown field `lable`",
        ),
        (
            "/api/answers",
            json!({ "id": id, "client_id": "x", "label": "c" }).to_string(),
            "\"c\" is no class; the classes are a, b",
        ),
        (
            "/api/answers",
            json!({ "id": id, "client_id": "", "label": "a" }).to_string(),
            "client_id has 1 to 200 characters",
        ),
        (
            "/api/answers",
            json!({ "id": 99_999, "client_id": "x", "label": "a" }).to_string(),
            "image 99999 is no image of this project",
        ),
        ("/api/settings", json!({ "client_id": "y", "goal": 90 }).to_string(), "the goal is 90"),
        ("/api/settings", json!({ "client_id": "y", "strategy": "bold" }).to_string(), "bald"),
        ("/api/undo", "{\"client\": 1}".to_owned(), "unknown field"),
    ] {
        let said = server.ask("POST", path, Some(&body));
        assert!((400..500).contains(&said.status), "{body}: {}", said.status);
        assert!(said.error().contains(expected), "{body}: {}", said.error());
    }
    assert_eq!(server.ask("DELETE", "/api/answers", None).status, 405);
    assert_eq!(server.ask("GET", "/api/next?count=-1", None).status, 400);
    assert_eq!(server.ask("GET", "/api/review?list=all", None).status, 400);
    assert_eq!(server.get("/api/status")["labelled"], json!(0));
    let document = server.get("/api/openapi.json");
    for path in ["/api/next", "/api/answers", "/api/undo", "/api/status", "/api/review"] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
}

#[test]
fn crowds_and_floods_do_not_bring_it_down() {
    let (_home, server) = server();
    let head = |length: u64| {
        format!(
            "POST /api/answers HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n",
            server.address, server.token
        )
    };
    assert_eq!(server.raw(head(1 << 30).as_bytes()).status, 413);
    let long = format!("{}{}", head(200_000), "x".repeat(200_000));
    assert_eq!(server.raw(long.as_bytes()).status, 413);
    assert!((400..500).contains(&server.raw(b"nonsense\r\n\r\n").status));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X-Y: z\r\n".repeat(50_000));
    assert!((400..500).contains(&server.raw(many.as_bytes()).status));

    // Who connects and says nothing keeps nobody from asking.
    let idle: Vec<TcpStream> =
        (0..300).filter_map(|_| TcpStream::connect(&server.address).ok()).collect();
    assert_eq!(idle.len(), 300);
    let (id, _) = server.next();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let ask = |at: usize| {
            let server = &server;
            scope.spawn(move || {
                let body = json!({ "id": id, "client_id": client(), "label": "a" }).to_string();
                match at % 3 {
                    0 => server.ask("POST", "/api/answers", Some(&body)).status,
                    1 => server.ask("GET", "/api/status", None).status,
                    _ => server.ask("GET", &format!("/api/images/{id}"), None).status,
                }
            })
        };
        let asked: Vec<_> = (0..200).map(ask).collect();
        asked.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(server.get("/api/status")["labelled"], json!(1), "one image, many answers");
    drop(idle);
}

#[test]
fn a_broken_picture_is_unusable_and_everything_else_goes_on() {
    let (_home, server) = server();
    let status = server.until("read", |status| status["phase"] != json!("importing"));
    assert_eq!(status["pool"], json!(40), "{status}");
    let notes = status["notes"].to_string();
    assert!(notes.contains("1 file could not be used, the first: broken.png"), "{notes}");
    let (id, _) = server.next();
    let said = server.ask("GET", &format!("/api/images/{id}"), None);
    assert!(said.body.starts_with(b"\x89PNG"), "{}", said.head);
    let small = server.ask("GET", &format!("/api/images/{id}?size=8"), None);
    assert!(small.status == 200 && small.body.len() < said.body.len());
    let said = server.ask("GET", &format!("/api/images/{id}/pixels"), None);
    assert_eq!(said.body.len(), 40 + 784);
}

#[test]
fn half_a_request_is_given_up() {
    let (_home, server) = server();
    let mut stream = TcpStream::connect(&server.address).expect("connected");
    stream.write_all(b"GET /api/status HTTP/1.1\r\nHost: x\r\n").expect("written");
    stream.set_read_timeout(Some(std::time::Duration::from_secs(40))).expect("set");
    let begun = std::time::Instant::now();
    let mut rest = Vec::new();
    // Cut off, with or without a word.
    let _ = stream.read_to_end(&mut rest);
    assert!(begun.elapsed().as_secs() < 35);
}
