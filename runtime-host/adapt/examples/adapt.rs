//! Adapts a module: `adapt IN OUT [ABI|- [ENTRY]]`.

#![allow(clippy::print_stdout, reason = "it is a command line")]

use spell_adapt::Choice;
use std::process::ExitCode;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, from, to, rest @ ..] = arguments.as_slice() else { return Err("usage: adapt IN OUT [ABI|- [ENTRY]]".into()) };
    let abi = rest.first().filter(|abi| *abi != "-").map(|abi| abi.parse()).transpose()?;
    let bytes = std::fs::read(from)?;
    let bytes = wat::parse_bytes(&bytes)?;
    match spell_adapt::adapt(&bytes, &Choice { abi, entry: rest.get(1).map(String::as_str) }) {
        Ok(adapted) => std::fs::write(to, adapted.wasm)?,
        Err(error) => {
            println!("{error}");
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
