//! The labelling page's server, asked as the page asks it: answers, guesses, an honest estimate,
//! what is handed over.

use crate::server::{Server, client, fewlabel, scans_in};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};

const CLASSES: &str = "left,middle,right";

#[test]
fn a_folder_becomes_labels_and_a_classifier() {
    let home = tempfile::tempdir().expect("a folder");
    let scans = scans_in(home.path(), 160);
    let server = Server::start(
        home.path(),
        &["scans", "--classes", CLASSES, "--encoder-epochs", "1", "--encoder-width", "8"],
    );
    let (first, _) = server.next();
    assert_eq!(server.next().0, first, "an image is shown until it is answered");
    let mut answered = server.answer_all(&scans, 90);
    let names: HashSet<&String> = answered.iter().map(|(path, _)| path).collect();
    assert_eq!(names.len(), 90, "no image is asked about twice");

    // Taken back, and answered again.
    let (last, _) = answered.pop().expect("an answer");
    let undone = server.post("/api/undo", &json!({ "client_id": client() }));
    assert_eq!(undone["undone"]["path"], json!(last));
    assert_eq!((undone["labelled"].as_i64(), server.next().1), (Some(89), last.clone()));
    answered.extend(server.answer_all(&scans, 1));

    // Sent twice, it counts once.
    let (id, path) = server.next();
    let body = json!({ "id": id, "client_id": "the same", "label": scans.truth[&path] });
    for _ in 0..2 {
        assert_eq!(server.post("/api/answers", &body)["labelled"], json!(91));
    }
    answered.push((path.clone(), scans.truth[&path].clone()));

    // No class: it comes back, it is nobody's, it should not be there.
    let mut none = BTreeMap::new();
    for state in ["skip", "unsure", "unusable"] {
        let (id, path) = server.next();
        let body = json!({ "id": id, "client_id": client(), "state": state });
        assert_eq!(server.post("/api/answers", &body)["labelled"], json!(91));
        none.insert(path, state);
    }
    // The classifier that has heard every answer, and sees the encoder.
    let status = server.until("an estimate", |status| {
        let (model, held) = (&status["model"], status["held_out"].as_i64());
        let learned = model["labels"].as_i64().zip(held).map(|(labels, held)| labels + held);
        status["accuracy"].is_object() && model["encoder"] == json!(true) && learned == Some(91)
    });
    assert_eq!(status["labelled"], json!(91));
    assert!(status["held_out"].as_i64() >= Some(20), "{status}");
    let accuracy = &status["accuracy"];
    assert!(accuracy["estimate"].as_f64() > Some(0.8), "{accuracy}");
    assert_eq!(status["model"]["encoder"], json!(true), "{status}");
    let counts = ["unsure", "unusable", "skipped"].map(|name| status[name].as_i64());
    assert_eq!(counts, [Some(1); 3]);

    assert_eq!(server.interrupt(), Some(0));
    let project = ["--project", "scans.fewlabel"];
    let line = [&["labels", "export"], &project[..], &["--out", "labels.csv"]].concat();
    let (code, _, said) = fewlabel(home.path(), &line);
    assert_eq!(code, Some(0), "{said}");
    let text = std::fs::read_to_string(home.path().join("labels.csv")).expect("a table");
    let mut lines = text.lines();
    assert!(lines.next().is_some_and(|head| head.starts_with("path,label,state,annotator,time")));
    let mut exported = BTreeMap::new();
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        exported.insert(cells[0].to_owned(), (cells[1].to_owned(), cells[2].to_owned()));
    }
    assert_eq!(exported.len(), 94);
    for (path, label) in &answered {
        assert_eq!(exported[path], (label.clone(), "labelled".to_owned()));
    }
    for (path, state) in none {
        assert_eq!(exported[&path], (String::new(), state.to_owned()));
    }

    let line = [&["learn", "--encoder-epochs", "1", "--encoder-width", "8"], &project[..]].concat();
    let line = [&line[..], &["--model", "m.safetensors"]].concat();
    let (code, _, said) = fewlabel(home.path(), &line);
    assert_eq!(code, Some(0), "{said}");
    let line = ["predict", "--model", "m.safetensors", "--data", "scans", "--out", "p.csv"];
    let (code, _, said) = fewlabel(home.path(), &line);
    assert_eq!(code, Some(0), "{said}");
    let text = std::fs::read_to_string(home.path().join("p.csv")).expect("a table");
    let right = text.lines().skip(1).filter(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        scans.truth[cells[0]] == cells[1]
    });
    let right = right.count();
    assert!(right > 145, "{right} of 160");
}

#[test]
fn classes_are_made_renamed_and_merged_in_the_page() {
    let home = tempfile::tempdir().expect("a folder");
    scans_in(home.path(), 60);
    let server = Server::start(home.path(), &["scans", "--encoder-epochs", "1"]);
    let change = |body: Value| {
        let mut body = body;
        body["client_id"] = json!(client());
        server.ask("POST", "/api/classes", Some(&body.to_string()))
    };
    let (id, _) = server.next();
    let body = json!({ "id": id, "client_id": client(), "label": "cyst" }).to_string();
    let refused = server.ask("POST", "/api/answers", Some(&body));
    assert_eq!(
        (refused.status, refused.error()),
        (400, "\"cyst\" is no class: there is none yet".into())
    );
    for name in ["cyst", "stone", " cyste "] {
        assert_eq!(change(json!({ "action": "add", "name": name })).status, 200);
    }
    assert_eq!(server.answer(id, "cyste")["labelled"], json!(1));
    let changed = change(json!({ "action": "merge", "name": "cyste", "to": "cyst" })).json();
    let first = &changed["classes"][0];
    assert_eq!((first["name"].as_str(), first["count"].as_i64()), (Some("cyst"), Some(1)));
    assert_eq!(changed["classes"].as_array().map(Vec::len), Some(2));
    let renamed = json!({ "action": "rename", "name": "cyst", "to": "simple cyst" });
    assert_eq!(change(renamed).json()["classes"][0]["name"], json!("simple cyst"));
    let key = json!({ "action": "key", "name": "stone", "key": "t" });
    assert_eq!(change(key).json()["classes"][1]["key"], json!("t"));
    for (body, expected) in [
        (json!({ "action": "add", "name": "Stone" }), "\"stone\" is a class already"),
        (json!({ "action": "add", "name": " " }), "a class needs a name"),
        (
            json!({ "action": "rename", "name": "x", "to": "y" }),
            "\"x\" is no class; the classes are simple cyst, stone",
        ),
        (json!({ "action": "merge", "name": "stone" }), "`to` is missing"),
        (json!({ "action": "key", "name": "stone", "key": "st" }), "a class's key is one letter"),
        (
            json!({ "action": "key", "name": "stone", "key": "S" }),
            "S is a key of the page itself (fiknrsuwx are)",
        ),
    ] {
        let refused = change(body);
        assert_eq!((refused.status, refused.error()), (400, expected.to_owned()));
    }
}

#[test]
fn a_project_goes_on_after_kills_and_where_its_images_have_moved() {
    let home = tempfile::tempdir().expect("a folder");
    let scans = scans_in(home.path(), 80);
    let line = ["scans", "--classes", CLASSES, "--encoder-epochs", "1", "--encoder-width", "8"];
    let mut answered = Vec::new();
    for _ in 0..4 {
        let server = Server::start(home.path(), &line);
        answered.extend(server.answer_all(&scans, 5));
        server.kill();
    }
    let status = || {
        let server = Server::start(home.path(), &line);
        server.until("read", |status| status["phase"] != json!("importing"))
    };
    assert_eq!(status()["labelled"], json!(20));
    // Other names and another folder, the same pictures.
    let other = scans.folder.join("2026");
    std::fs::create_dir(&other).expect("made");
    for name in scans.truth.keys() {
        let to = other.join(name.replace("scan ", "x"));
        std::fs::rename(scans.folder.join(name), to).expect("moved");
    }
    let status = status();
    assert_eq!((status["labelled"].as_i64(), status["pool"].as_i64()), (Some(20), Some(80)));
    let notes = status["notes"].to_string();
    assert!(notes.contains("80 images had another name"), "{notes}");
    let line = ["labels", "export", "--project", "scans.fewlabel", "--out", "l.csv"];
    assert_eq!(fewlabel(home.path(), &line).0, Some(0));
    let text = std::fs::read_to_string(home.path().join("l.csv")).expect("a table");
    for (path, label) in answered {
        let line = format!("2026/{},{label},labelled", path.replace("scan ", "x"));
        assert!(text.contains(&line), "{line} in {text}");
    }
}

#[test]
fn what_is_mistyped_is_said_before_a_page_opens() {
    let home = tempfile::tempdir().expect("a folder");
    scans_in(home.path(), 12);
    std::fs::write(home.path().join("note.txt"), "x").expect("written");
    for (line, expected) in [
        ("label scanz", "scanz"),
        ("label scans --classes a,a", "--classes: \"a\" is the name of two classes"),
        ("label scans --strategy typiclast", "typiclust"),
        ("label scans --project note.txt", "is no folder: choose another --project"),
        ("label scans --project .", "and no project: choose another --project"),
        ("label --project nowhere", "nowhere holds no project"),
        ("label scans --listen 0.0.0.0", "--insecure"),
        ("label scans --encoder nothing", "cannot read nothing"),
        ("labels export --project nowhere --out l.csv", "holds no project"),
        ("learn --project nowhere --model m", "holds no project"),
    ] {
        let line: Vec<&str> = line.split(' ').chain(["--no-open", "--port", "0"]).collect();
        let line = if line[0] == "label" { &line[..] } else { &line[..line.len() - 3] };
        let (code, out, said) = fewlabel(home.path(), line);
        assert!(code == Some(1) && out.is_empty(), "{line:?}: {code:?} {out}{said}");
        assert!(said.contains(expected) && said.lines().count() < 4, "{line:?}: {said}");
    }
    assert!(!home.path().join("scans.fewlabel").join("project.sqlite").exists());
}

#[test]
fn two_programs_do_not_share_a_project() {
    let home = tempfile::tempdir().expect("a folder");
    scans_in(home.path(), 12);
    let _server = Server::start(home.path(), &["scans"]);
    let (code, _, said) = fewlabel(home.path(), &["label", "scans", "--no-open", "--port", "0"]);
    assert!(code == Some(1) && said.contains("is open in another `fewlabel` already"), "{said}");
}
