//! A file from the network, whole and with the right checksum or not at all.

use crate::interrupt::Interrupt;
use crate::screen::Exit;
use anyhow::{anyhow, bail};
use fewlabel_study::WholeFile;
use indicatif::ProgressBar;
use md5::{Digest, Md5};
use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

/// No published file of 28x28 images comes near this.
const MAX_BYTES: u64 = 2 << 30;
/// A server that sends nothing for so long has gone away.
const SILENCE: Duration = Duration::from_secs(30);
/// How often an interrupt is looked for.
const TICK: Duration = Duration::from_millis(200);

/// Downloads `address` into `partial` and checks its MD5.
pub(super) fn download(
    address: &str,
    md5: &str,
    partial: &mut WholeFile,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let blocks = start(address.to_owned());
    let interrupt = Interrupt::listen()?;
    let (mut hash, mut received, mut waited) = (Md5::new(), 0u64, Duration::ZERO);
    loop {
        if let Some(code) = interrupt.exit_code() {
            return Err(Exit(code).into());
        }
        match blocks.recv_timeout(TICK) {
            Ok(Message::Length(length)) => bar.set_length(length),
            Ok(Message::Block(block)) => {
                waited = Duration::ZERO;
                received += block.len() as u64;
                if received > MAX_BYTES {
                    bail!("the server sends more than {MAX_BYTES} bytes");
                }
                hash.update(&block);
                partial.write(&block)?;
                bar.set_position(received);
            }
            Ok(Message::Failed(reason)) => return Err(anyhow!(reason)),
            Ok(Message::End) => break,
            Err(RecvTimeoutError::Disconnected) => bail!("the download stopped"),
            Err(RecvTimeoutError::Timeout) if waited >= SILENCE => {
                bail!("the server sent nothing for {} s", SILENCE.as_secs())
            }
            Err(RecvTimeoutError::Timeout) => waited += TICK,
        }
    }
    let found: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if found != md5 {
        bail!("the {received} bytes received have MD5 {found}, expected {md5}");
    }
    Ok(())
}

/// What the thread that reads has to tell.
enum Message {
    Length(u64),
    Block(Vec<u8>),
    Failed(String),
    End,
}

/// Reads from the network in a thread of its own, so that a silent server cannot hold up the
/// program.
fn start(address: String) -> Receiver<Message> {
    let (sender, receiver) = sync_channel(4);
    std::thread::spawn(move || {
        let last = match read(&address, &|message| sender.send(message).is_ok()) {
            Ok(()) => Message::End,
            Err(reason) => Message::Failed(reason),
        };
        let _ = sender.send(last);
    });
    receiver
}

fn read(address: &str, tell: &dyn Fn(Message) -> bool) -> Result<(), String> {
    let config = ureq::Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(20)))
        .timeout_recv_response(Some(SILENCE))
        .user_agent(concat!("fewlabel/", env!("CARGO_PKG_VERSION")))
        .build();
    let mut response = ureq::Agent::new_with_config(config)
        .get(address)
        .call()
        .map_err(|error| error.to_string())?;
    if let Some(length) = response.body().content_length() {
        tell(Message::Length(length));
    }
    let mut reader = response.body_mut().as_reader();
    loop {
        let mut block = vec![0; 1 << 16];
        let n = reader.read(&mut block).map_err(|error| error.to_string())?;
        if n == 0 {
            return Ok(());
        }
        block.truncate(n);
        if !tell(Message::Block(block)) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    /// MD5 of `hello`.
    const HELLO: &str = "5d41402abc4b2a76b9719d911017c592";

    /// A server on this machine that gives one answer, once, and ends.
    fn server(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/organs.npz", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let _request: Vec<_> =
                lines.map_while(|line| line.ok().filter(|line| !line.is_empty())).collect();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        address
    }

    /// Names and contents of files.
    type Files = Vec<(String, Vec<u8>)>;

    /// What is left in the folder after a download, and how it ended.
    fn fetch(address: &str, md5: &str) -> (Files, Result<(), String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("organs.npz");
        let mut partial = WholeFile::named(&path).unwrap();
        let outcome = download(address, md5, &mut partial, &ProgressBar::hidden())
            .and_then(|()| Ok(partial.finish()?));
        let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())
        });
        (files.collect(), outcome.map_err(|error| format!("{error:#}")))
    }

    #[test]
    fn a_whole_file_arrives_under_its_name_only() {
        let address =
            server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
        let (files, outcome) = fetch(&address, HELLO);
        assert_eq!(outcome, Ok(()));
        assert_eq!(files, [("organs.npz".to_owned(), b"hello".to_vec())]);
    }

    #[test]
    fn a_wrong_cut_or_missing_file_leaves_nothing() {
        let cases = [
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhallo",
                "expected 5d41",
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nhello", ""),
            ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "404"),
            ("", ""),
        ];
        for (answer, expected) in cases {
            let (files, outcome) = fetch(&server(answer), HELLO);
            let error = outcome.expect_err(answer);
            assert!(error.contains(expected) && !error.contains('\n'), "{answer}: {error}");
            assert!(files.is_empty(), "{answer}");
        }
    }

    #[test]
    fn no_server_is_an_error_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        assert!(fetch(&address, HELLO).1.is_err());
    }
}
