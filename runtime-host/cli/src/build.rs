//! `spell build`: runs the commands that the manifest says build its components.
//!
//! Components are built side by side, the commands of one after each other. What they print is shown line by line behind the component's
//! name.

use crate::args::Build;
use anyhow::{Context, Result, anyhow, bail};
use spell_manifest::{App, Component};
use std::io::{BufRead, BufReader, Read, Write, stderr};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Builds an app from the command line.
pub(crate) fn run(arguments: &Build) -> Result<()> {
    let app = spell_manifest::load(&arguments.from)?;
    build(&app, &arguments.components)
}

/// How the build of a component ended.
struct Built {
    id: String,
    took: Duration,
    result: Result<()>,
}

/// Builds these components, or all of them, and tells how that went. An app without anything to build is built.
pub(crate) fn build(app: &App, ids: &[String]) -> Result<()> {
    if let Some(unknown) = ids.iter().find(|id| app.component(id).is_none()) {
        bail!("the app has no component \"{unknown}\"");
    }
    let wanted = |component: &&Component| ids.is_empty() || ids.contains(&component.id);
    let components: Vec<&Component> = app.components.iter().filter(wanted).filter(|component| component.build.is_some()).collect();
    if components.is_empty() {
        eprintln!("nothing to build: no component has `build.command`");
        return Ok(());
    }
    let queue = Mutex::new(components.iter());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next().copied();
    let builders = thread::available_parallelism().map_or(1, usize::from).min(components.len());
    let builds: Vec<Built> = thread::scope(|scope| {
        let work = || std::iter::from_fn(next).map(|component| build_one(app, component)).collect::<Vec<_>>();
        let builders: Vec<_> = (0..builders).map(|_| scope.spawn(work)).collect();
        let finished = builders.into_iter().map(|builder| builder.join().map_err(|_| anyhow!("the build failed: the program is at fault")));
        finished.collect::<Result<Vec<_>>>().map(|built| built.into_iter().flatten().collect())
    })?;
    summarise(&builds)
}

fn build_one(app: &App, component: &Component) -> Built {
    let started = Instant::now();
    let result = component.build.iter().flat_map(|build| &build.commands).try_for_each(|command| {
        let directory = component.build.as_ref().and_then(|build| build.workdir.as_ref());
        let directory = directory.map_or_else(|| app.root.clone(), |workdir| app.root.join(workdir));
        show(&component.id, &format!("$ {command}"));
        let mut child = Command::new("sh")
            .args(["-c", command])
            .current_dir(&directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("`{command}` cannot be run in {}", directory.display()))?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        thread::scope(|scope| {
            scope.spawn(|| out.map(|out| pass_on(&component.id, out)));
            scope.spawn(|| err.map(|err| pass_on(&component.id, err)));
        });
        let status = child.wait()?;
        if status.success() { Ok(()) } else { Err(anyhow!("`{command}` ended with {status}")) }
    });
    Built { id: component.id.clone(), took: started.elapsed(), result }
}

fn summarise(builds: &[Built]) -> Result<()> {
    for built in builds {
        let seconds = built.took.as_secs_f64();
        match &built.result {
            Ok(()) => eprintln!("built {} in {seconds:.1} s", built.id),
            Err(error) => eprintln!("failed {} after {seconds:.1} s: {error:#}", built.id),
        }
    }
    match builds.iter().filter(|built| built.result.is_err()).count() {
        0 => Ok(()),
        failed => bail!("{failed} of {} components could not be built", builds.len()),
    }
}

fn pass_on(id: &str, stream: impl Read) {
    for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
        show(id, String::from_utf8_lossy(&line).trim_end_matches('\r'));
    }
}

/// Shows a line whole: others write at the same time.
fn show(id: &str, line: &str) {
    let _ = stderr().lock().write_all(format!("[{id}] {line}\n").as_bytes());
}
