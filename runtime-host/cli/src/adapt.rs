//! `spell adapt` and `spell export`: programs of any kind made components and apps.
//!
//! It reads and writes files. It must never know how a program is adapted.

pub(crate) mod inspect;

use crate::args::{self, Program};
use crate::output::print_bytes;
use anyhow::{Context, Result, bail};
use spell_adapt::{Adapted, App, PROGRAM_BYTES_MAX, adapt, app, app_name, check_app_name};
use std::fs::{self, File};
use std::io::{Read, Write, stdin};
use std::path::Path;

const MANIFEST: &str = "spin.toml";
/// The version of an app whose program has none.
const VERSION: &str = "0.1.0";

/// `spell adapt`.
pub(crate) fn run(arguments: &args::Adapt) -> Result<()> {
    let adapted = adapted(&arguments.program)?;
    if arguments.output == Path::new("-") {
        print_bytes(&adapted.wasm)?;
        return Ok(());
    }
    write(&arguments.output, &adapted.wasm)?;
    eprintln!("{}: {}; {} bytes in {}", shown(&arguments.program), words(&adapted), adapted.wasm.len(), arguments.output.display());
    Ok(())
}

/// `spell export`.
pub(crate) fn export(arguments: &args::Export) -> Result<()> {
    let name = match &arguments.name {
        Some(name) => {
            check_app_name(name)?;
            name.clone()
        }
        None => app_name(&arguments.program.file.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default()),
    };
    let path = arguments.output.join(MANIFEST);
    if path.exists() && !arguments.force {
        bail!("{} is there already: give another directory, or write over it with `--force`", path.display());
    }
    let adapted = adapted(&arguments.program)?;
    let context = || format!("{} cannot be exported", shown(&arguments.program));
    let App { manifest, component } = app(&adapted.wasm, &name, VERSION).with_context(context)?;
    fs::create_dir_all(&arguments.output).with_context(|| format!("{} cannot be made", arguments.output.display()))?;
    write(&arguments.output.join(format!("{name}.wasm")), &component)?;
    write(&path, manifest.as_bytes())?;
    eprintln!("{}: {}", shown(&arguments.program), words(&adapted));
    eprintln!("Serve it with `spell up -f {0}`, or `spin up -f {0}`.", arguments.output.display());
    Ok(())
}

fn adapted(program: &Program) -> Result<Adapted> {
    let wasm = read(&program.file)?;
    adapt(&wasm, &program.choice()).with_context(|| format!("{} cannot be adapted", shown(program)))
}

/// Reads a program, or as much of it as is too much.
fn read(file: &Path) -> Result<Vec<u8>> {
    let mut wasm = Vec::new();
    let limit = PROGRAM_BYTES_MAX as u64 + 1;
    if file == Path::new("-") {
        stdin().lock().take(limit).read_to_end(&mut wasm).context("standard input cannot be read")?;
    } else {
        let open = File::open(file).with_context(|| format!("{} cannot be opened", file.display()))?;
        open.take(limit).read_to_end(&mut wasm).with_context(|| format!("{} cannot be read", file.display()))?;
    }
    Ok(wasm)
}

/// Writes a file as a whole, or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = || format!("{} cannot be written", path.display());
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().permissions(readable()).tempfile_in(directory).with_context(failed)?;
    file.write_all(bytes).with_context(failed)?;
    file.persist(path).with_context(failed)?;
    Ok(())
}

/// As files are that are made without a word about it.
fn readable() -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode(0o666)
}

fn shown(program: &Program) -> String {
    if program.file == Path::new("-") { "standard input".to_owned() } else { program.file.display().to_string() }
}

fn words(adapted: &Adapted) -> String {
    format!("{}, because {}", adapted.recognised.abi, adapted.recognised.reasons.join("; "))
}
