//! What is exported from every ABI, served by somebody else: `wasmtime serve`, which knows nothing of Spin. Run by `make portable`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that cannot go on fails its test")]

use spell_tests::{Client, Expected, Spell, run, spells, workspace};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What every program is asked; programs of these alone say what a language and an ABI can.
const SPELLS: [&str; 3] = ["processed", "fails", "logs"];
const INPUT: &str = "hé 漢 😀";

/// A server for one component.
struct Peer {
    process: Child,
    client: Client,
}

impl Peer {
    /// Serves it, or says why it cannot be.
    fn serve(component: &Path) -> Result<Peer, String> {
        let wasmtime = workspace().join(".tools/bin/wasmtime");
        let mut process = Command::new(&wasmtime)
            .args(["serve", "-Scli", "--addr", "127.0.0.1:0"])
            .arg(component)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}: run `make portable`", wasmtime.display()));
        let stderr = BufReader::new(process.stderr.take().unwrap());
        let mut lines = stderr.lines().map_while(Result::ok);
        let mut said = Vec::new();
        let Some(line) = lines.by_ref().inspect(|line| said.push(line.clone())).find(|line| line.contains("Serving HTTP on http://"))
        else {
            let _ = process.wait();
            return Err(said.join("\n"));
        };
        let address = line.split("http://").nth(1).unwrap().trim_end_matches('/');
        let address: SocketAddr = address.parse().unwrap_or_else(|error| panic!("{line}: {error}"));
        // Whatever it says more is not waited for.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Peer { process, client: Client { address } })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What is wrong with what a program answers elsewhere.
fn complaint(spell: &Spell, directory: &Path) -> Option<String> {
    let name = spell.component();
    // Components of several functions are there several times.
    let (file, folder) = (spell.file(), directory.join(format!("{name}-{}", spell.name)));
    let (file, to) = (file.to_string_lossy().into_owned(), folder.to_string_lossy().into_owned());
    let mut arguments = vec!["export", &file, "-o", &to, "--name", &name];
    arguments.extend(spell.abi.into_iter().flat_map(|abi| ["--abi", abi]));
    if spell.chosen_by == spell_tests::ChosenBy::Entry {
        arguments.extend(["--entry", spell.name]);
    }
    let ended = run(&arguments);
    assert_eq!(ended.code, Some(0), "{name}: {}", ended.stderr);
    let peer = match Peer::serve(&folder.join(format!("{name}.wasm"))) {
        Ok(peer) => peer,
        Err(said) => return Some(format!("{name}: it is not served: {said}")),
    };
    let answer = peer.client.request("POST", "/").body(spell.request(INPUT.as_bytes())).send();
    let is_right = match spell.expected(INPUT.as_bytes()) {
        Expected::Answer(bytes) => answer.is_success() && answer.body == bytes,
        Expected::Json(value) => answer.is_success() && answer.json() == value,
        Expected::Refused => answer.status == 400,
        Expected::Failure => answer.status == spell.failure_status && answer.text().contains(spell.failure_words),
    };
    (!is_right).then(|| format!("{name}: {} {:?}", answer.status, answer.text()))
}

#[test]
#[ignore = "needs wasmtime's command, which takes minutes to build: `make portable`"]
fn every_program_of_every_abi_and_language_is_served_by_wasmtime() {
    let directory = tempfile::tempdir().unwrap();
    let spells: Vec<Spell> = spells().into_iter().filter(|spell| SPELLS.contains(&spell.name)).collect();
    assert!(spells.len() > 40, "{}", spells.len());
    let complaints: Vec<String> = spells.iter().filter_map(|spell| complaint(spell, directory.path())).collect();
    assert!(complaints.is_empty(), "{} of {} are wrong:\n{}", complaints.len(), spells.len(), complaints.join("\n"));
}
