//! A labelling server of the tests' own, which ends with the test, and who asks it.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A folder of pictures without labels, and what they would be.
pub(crate) struct Scans {
    pub(crate) folder: PathBuf,
    pub(crate) truth: BTreeMap<String, String>,
}

/// Writes `count` pictures with a bright stripe whose place is the class.
pub(crate) fn scans_in(folder: &Path, count: usize) -> Scans {
    let scans = folder.join("scans");
    std::fs::create_dir(&scans).expect("made");
    let mut truth = BTreeMap::new();
    for i in 0..count {
        let class = (i * 7 + i / 5) % 3;
        let pixel = |place: usize| {
            let noise = ((place * 31 + i * 17 + (place / 28) * i) % 64) as u8;
            noise + if place % 28 / 9 == class { 120 } else { 0 }
        };
        let pixels: Vec<u8> = (0..784).map(pixel).collect();
        let png = fewlabel_learn::data::picture::encode(&pixels, [28, 28, 1]).expect("a picture");
        let name = format!("scan {i:03}.png");
        std::fs::write(scans.join(&name), png).expect("written");
        truth.insert(name, ["left", "middle", "right"][class].to_owned());
    }
    Scans { folder: scans, truth }
}

pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    pub(crate) address: String,
    pub(crate) token: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer of the server.
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }
}

impl Server {
    /// Starts `fewlabel label` with these words behind it, on a free port.
    pub(crate) fn start(home: &Path, line: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fewlabel"))
            .arg("label")
            .args(line)
            .args(["--port", "0", "--no-open", "--threads", "2"])
            .env("FEWLABEL_DATA", home.join("kept"))
            .current_dir(home)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let mut url = String::new();
        let output = child.stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut url).expect("a line");
        if url.is_empty() {
            let mut text = String::new();
            child.stderr.take().expect("a pipe").read_to_string(&mut text).expect("text");
            panic!("no server: {text}");
        }
        let url = url.trim().to_owned();
        let (address, token) = url
            .strip_prefix("http://")
            .and_then(|rest| rest.split_once("/?token="))
            .unwrap_or_else(|| panic!("{url}"));
        let (address, token) = (address.to_owned(), token.to_owned());
        Self { child, url, address, token }
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// Ends it as Ctrl-C does; the exit code.
    pub(crate) fn interrupt(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-INT", &id]).status().expect("sent");
        self.child.wait().expect("ended").code()
    }

    /// Sends these bytes and reads what comes back until the server has no more to say.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Said {
        let mut stream = TcpStream::connect(&self.address).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
        // Who is refused may be cut off while still talking.
        let _ = stream.write_all(bytes);
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(all.len());
        let head = String::from_utf8_lossy(&all[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        Said { status, head, body: all.get(end + 4..).unwrap_or_default().to_vec() }
    }

    /// A whole request with the token.
    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&str>) -> Said {
        let token = format!("Authorization: Bearer {}\r\n", self.token);
        self.ask_with(method, path, &token, body)
    }

    /// A whole request with these lines in its head.
    pub(crate) fn ask_with(
        &self,
        method: &str,
        path: &str,
        lines: &str,
        body: Option<&str>,
    ) -> Said {
        let host = match lines.contains("Host:") {
            true => String::new(),
            false => format!("Host: {}\r\n", self.address),
        };
        let length = body.map_or(String::new(), |b| format!("Content-Length: {}\r\n", b.len()));
        let body = body.unwrap_or_default();
        let text = format!(
            "{method} {path} HTTP/1.1\r\n{host}{lines}{length}Connection: close\r\n\r\n{body}"
        );
        self.raw(text.as_bytes())
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let said = self.ask("GET", path, None);
        assert_eq!(said.status, 200, "{path}: {}", String::from_utf8_lossy(&said.body));
        said.json()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let said = self.ask("POST", path, Some(&body.to_string()));
        assert_eq!(said.status, 200, "{path} {body}: {}", String::from_utf8_lossy(&said.body));
        said.json()
    }

    /// The next image.
    pub(crate) fn next(&self) -> (i64, String) {
        let begun = Instant::now();
        loop {
            let next = self.get("/api/next?count=1");
            if let Some(item) = next["items"].get(0) {
                let path = item["path"].as_str().expect("a path").to_owned();
                return (item["id"].as_i64().expect("a number"), path);
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "no image comes: {next}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn answer(&self, id: i64, label: &str) -> Value {
        let body = json!({ "id": id, "client_id": client(), "label": label });
        self.post("/api/answers", &body)
    }

    /// Answers the next `count` images rightly.
    pub(crate) fn answer_all(&self, scans: &Scans, count: usize) -> Vec<(String, String)> {
        let answer = |_| {
            let (id, path) = self.next();
            let label = scans.truth[&path].clone();
            self.answer(id, &label);
            (path, label)
        };
        (0..count).map(answer).collect()
    }

    /// Waits until the status is as it is wanted.
    pub(crate) fn until(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let status = self.get("/api/status");
            if is(&status) {
                return status;
            }
            assert!(begun.elapsed() < Duration::from_secs(120), "{what}: {status}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A sender's own name that nobody else has.
pub(crate) fn client() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Carries another command out.
pub(crate) fn fewlabel(home: &Path, line: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_fewlabel"))
        .args(line)
        .env("FEWLABEL_DATA", home.join("kept"))
        .current_dir(home)
        .output()
        .expect("started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}
