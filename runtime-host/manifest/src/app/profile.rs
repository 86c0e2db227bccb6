//! Profiles: an app as it is under a name such as `release`.
//!
//! It knows what a profile replaces and what it adds to. It must never know what a profile is for.

use super::{App, Build, Component, Profile};

/// No component of the app has the profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Profile {name} is not defined in this application")]
pub struct UndefinedProfile {
    /// The profile's name.
    pub name: String,
    /// The profiles that there are, in order.
    pub defined: Vec<String>,
}

impl App {
    /// Makes every component what it is under a profile; those that do not have the profile stay as they are. An app has
    /// one profile at most: what a second one adds was never checked against the first.
    pub fn apply_profile(&mut self, name: &str) -> Result<(), UndefinedProfile> {
        if !self.components.iter().any(|component| component.profiles.contains_key(name)) {
            let mut defined: Vec<String> = self.components.iter().flat_map(|component| component.profiles.keys().cloned()).collect();
            defined.sort();
            defined.dedup();
            return Err(UndefinedProfile { name: name.to_owned(), defined });
        }
        for component in &mut self.components {
            if let Some(profile) = component.profiles.get(name).cloned() {
                component.apply(profile);
            }
        }
        self.profile = Some(name.to_owned());
        Ok(())
    }
}

impl Component {
    fn apply(&mut self, profile: Profile) {
        // Taken apart, so that a new field cannot be forgotten here.
        let Profile { source, environment, dependencies, build } = profile;
        if let Some(source) = source {
            self.source = source;
        }
        for (name, value) in environment {
            match self.environment.iter_mut().find(|(own, _)| *own == name) {
                Some((_, own)) => *own = value,
                None => self.environment.push((name, value)),
            }
        }
        for dependency in dependencies {
            match self.dependencies.iter_mut().find(|own| own.name == dependency.name) {
                Some(own) => *own = dependency,
                None => self.dependencies.push(dependency),
            }
        }
        if let Some(commands) = build {
            match &mut self.build {
                Some(own) => own.commands = commands,
                None => self.build = Some(Build { commands, workdir: None, watch: Vec::new() }),
            }
        }
    }
}
