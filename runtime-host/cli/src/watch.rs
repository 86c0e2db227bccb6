//! `spell watch`: serves an app, builds what has changed, and has the new app answer in place of the old one.
//!
//! This file knows what is to be done when something has changed. It must never know how an app is made.

mod events;
mod places;
mod snapshot;

use crate::args::{Up, Watch};
use crate::making::Swapping;
use crate::{build, up, version};
use anyhow::{Context, Result};
use events::{Events, Wake};
use snapshot::Snapshot;
use spell_manifest::{App, Source};
use std::io::{IsTerminal, Write, stderr};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// How often it is looked whether the requests of a replaced app have ended.
const RETIRED_CHECK_INTERVAL: Duration = Duration::from_millis(200);

/// Serves and watches until a signal.
pub(crate) fn run(arguments: Watch) -> Result<()> {
    version::check()?;
    let (clears, builds, debounce) = (arguments.clear, !arguments.skip_build, arguments.debounce());
    let arguments = Arc::new(arguments.up);
    let app = up::load(&arguments)?;
    // What changes from here on is seen once the app is served.
    let unbuilt = Snapshot::take(&app, &up::manifest(&arguments.from), &Snapshot::default());
    if builds {
        build::build(&app, &arguments.components)?;
    }
    let seen = Snapshot::take(&app, &up::manifest(&arguments.from), &unbuilt).with_sources_of(unbuilt);
    let watching = Watching { arguments: arguments.clone(), clears, builds, debounce, seen };
    up::run_app(app, &arguments, Some(watching))
}

/// What is watched, before anything is served.
pub(crate) struct Watching {
    arguments: Arc<Up>,
    clears: bool,
    builds: bool,
    debounce: Duration,
    seen: Snapshot,
}

/// Somebody watches until this is dropped.
pub(crate) struct Watched(events::Stop);

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Watching {
    /// Starts watching an app that is served.
    pub(crate) fn start(self, app: App, swapping: Swapping) -> Result<Watched> {
        let mut events = Events::listen(swapping.state_dir(), self.debounce)?;
        events.watch(&places::of(&app, &up::manifest(&self.arguments.from)))?;
        let stop = events.stop();
        let watcher = Watcher { served: self.seen.clone(), watching: self, app, swapping, events };
        thread::Builder::new().name("spell-watch".to_owned()).spawn(move || watcher.watch()).context("cannot start to watch")?;
        Ok(Watched(stop))
    }
}

/// Watches, builds and replaces.
struct Watcher {
    watching: Watching,
    /// The app as it was last read.
    app: App,
    /// What the app is that answers.
    served: Snapshot,
    swapping: Swapping,
    events: Events,
}

impl Watcher {
    fn watch(mut self) {
        // What has changed between the build and the first look is seen now.
        self.look();
        loop {
            match self.events.wait(self.swapping.has_retired().then_some(RETIRED_CHECK_INTERVAL)) {
                Wake::Stopped => return,
                Wake::Idle => self.swapping.let_go(),
                Wake::Changed => self.look(),
            }
        }
    }

    /// Looks for what has changed, and does what is to be done.
    fn look(&mut self) {
        let now = self.snapshot();
        let changed = std::mem::replace(&mut self.watching.seen, now);
        let changes = self.watching.seen.changes_since(&changed);
        if changes.is_none() {
            return;
        }
        if self.watching.clears && stderr().is_terminal() {
            let _ = stderr().write_all(b"\x1b[2J\x1b[H");
        }
        if let Err(error) = self.react(changes.manifest, changes.sources) {
            eprintln!("error: {error:#}\nwatch: the app from before goes on");
        }
        let places = places::of(&self.app, &up::manifest(&self.watching.arguments.from));
        if let Err(error) = self.events.watch(&places) {
            eprintln!("warning: {error:#}");
        }
    }

    fn react(&mut self, is_manifest_changed: bool, mut to_build: Vec<String>) -> Result<()> {
        if is_manifest_changed {
            let app = up::load(&self.watching.arguments)?;
            to_build.extend(new_builds(&self.app, &app));
            to_build.retain(|id| app.component(id).is_some());
            self.app = app;
            // What the new manifest names has not changed only because it was not looked at before.
            self.watching.seen = self.snapshot();
        }
        if self.watching.builds && !to_build.is_empty() {
            build::build(&self.app, &to_build)?;
            // Sources stay as they were when the build began: who saves in the meantime wants another.
            let built = self.snapshot();
            self.watching.seen = built.with_sources_of(std::mem::take(&mut self.watching.seen));
        }
        if self.watching.seen.serves_as(&self.served) {
            return Ok(());
        }
        self.swapping.swap(self.app.clone())?;
        self.served = self.watching.seen.clone();
        if !self.watching.arguments.quiet {
            eprintln!("watch: serving \"{}\" as it is now", self.app.name);
        }
        Ok(())
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot::take(&self.app, &up::manifest(&self.watching.arguments.from), &self.watching.seen)
    }
}

/// The components of an app whose program another app would not have built.
fn new_builds(before: &App, app: &App) -> Vec<String> {
    let is_new = |component: &&spell_manifest::Component| {
        let is_missing = matches!(&component.source, Source::File(path) if !path.exists());
        component.build.is_some() && (is_missing || before.component(&component.id).is_none_or(|before| before.build != component.build))
    };
    app.components.iter().filter(is_new).map(|component| component.id.clone()).collect()
}
