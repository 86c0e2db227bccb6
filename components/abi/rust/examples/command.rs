//! A program with `main`: standard input, standard output, and how it ends.

use std::io::{Read, Write};
use std::process::ExitCode;

fn main() -> std::io::Result<ExitCode> {
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input)?;
    match abi_rust::spell(&input) {
        Ok(answer) => std::io::stdout().write_all(&answer).map(|()| ExitCode::SUCCESS),
        Err(reason) => writeln!(std::io::stderr(), "{reason}").map(|()| ExitCode::from(3)),
    }
}
