//! Makes an HTTP component of a spell: `export_http IN OUT`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output] = arguments.as_slice() else { return Err("say what to read and what to write: `export_http IN OUT`".into()) };
    Ok(std::fs::write(output, spell_adapt::export_http(&std::fs::read(input)?)?)?)
}
