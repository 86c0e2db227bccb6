//! A trigger of a lock.
//!
//! It knows what a trigger may say. It must never know how a route matches.

use super::component::{inherit, source_of};
use super::{Problem, shape};
use crate::app::{
    App, DependencySource, Executor, HttpTrigger, Middleware, OtherTrigger, StaticResponse, TriggerRoute, TriggerTarget, WAGI_ARGV,
    WAGI_ENTRYPOINT,
};
use crate::diagnostic::{printable_up_to, quote};
use crate::manifest::{self, DEPENDENCIES_MAX};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Whether the trigger is one that is answered here.
pub(super) fn is_http(locked: &shape::Trigger) -> bool {
    manifest::is_http(&locked.trigger_type)
}

/// Reads a trigger of an app whose components are known.
pub(super) fn read(locked: &shape::Trigger, components: &BTreeSet<&str>, app: &mut App) -> Result<(), Problem> {
    if locked.id.is_empty() {
        return Err("it has no id".to_owned());
    }
    if !is_http(locked) {
        app.other_triggers.push(read_other(locked, components)?);
        return Ok(());
    }
    let config = Value::Object(locked.trigger_config.clone());
    let config: shape::HttpConfig = serde_json::from_value(config).map_err(|error| printable_up_to(&error.to_string(), 200))?;
    let target = match (config.component, config.static_response) {
        (Some(id), None) => TriggerTarget::Component(known(id, components)?),
        (None, Some(response)) => TriggerTarget::Static(read_static_response(response)?),
        (component, _) => {
            let problem = if component.is_some() { "both" } else { "neither" };
            return Err(format!("it must specify either component or static_response, but it has {problem}"));
        }
    };
    let route = match config.route {
        shape::Route::Public(route) => TriggerRoute::Public(route),
        shape::Route::Private { private: true } => TriggerRoute::Private,
        shape::Route::Private { private: false } => return Err("`private` can only be true".to_owned()),
    };
    let (executor, middleware) = (read_executor(config.executor)?, read_middleware(&locked.trigger_dependencies)?);
    app.triggers.push(HttpTrigger { id: locked.id.clone(), route, target, executor, middleware, components: Vec::new() });
    Ok(())
}

fn read_other(locked: &shape::Trigger, components: &BTreeSet<&str>) -> Result<OtherTrigger, Problem> {
    let mut settings = locked.trigger_config.clone();
    let component = match settings.remove("component") {
        Some(Value::String(id)) => Some(known(id, components)?),
        _ => None,
    };
    Ok(OtherTrigger { id: locked.id.clone(), kind: locked.trigger_type.clone(), component, components: Vec::new(), settings })
}

fn known(id: String, components: &BTreeSet<&str>) -> Result<String, Problem> {
    if components.contains(id.as_str()) { Ok(id) } else { Err(format!("there is no component {}", quote(&id))) }
}

fn read_executor(locked: Option<shape::Executor>) -> Result<Executor, Problem> {
    match locked {
        None | Some(shape::Executor::Http) => Ok(Executor::Http),
        Some(shape::Executor::Wagi { argv, entrypoint }) => {
            let entrypoint = entrypoint.unwrap_or_else(|| WAGI_ENTRYPOINT.to_owned());
            if entrypoint != WAGI_ENTRYPOINT {
                return Err(format!("a Wagi program cannot be entered by {}", quote(&entrypoint)));
            }
            Ok(Executor::Wagi { argv: argv.unwrap_or_else(|| WAGI_ARGV.to_owned()), entrypoint })
        }
    }
}

/// Puts what a component's triggers are composed with, which a lock keeps with the component, around it.
pub(super) fn surround(locked: &shape::Component, app: &mut App) -> Result<(), Problem> {
    if locked.trigger_dependencies.is_empty() {
        return Ok(());
    }
    let middleware = read_middleware(&locked.trigger_dependencies)?;
    for trigger in &mut app.triggers {
        if matches!(&trigger.target, TriggerTarget::Component(id) if *id == locked.id) {
            trigger.middleware.extend_from_slice(&middleware);
        }
    }
    Ok(())
}

fn read_middleware(locked: &BTreeMap<String, Vec<shape::Dependency>>) -> Result<Vec<Middleware>, Problem> {
    if let Some(other) = locked.keys().find(|key| *key != "middleware") {
        return Err(format!("HTTP triggers have no dependencies of the kind {}", quote(other)));
    }
    let locked = locked.get("middleware").map(Vec::as_slice).unwrap_or_default();
    if locked.len() > DEPENDENCIES_MAX {
        return Err(format!("there are more than {DEPENDENCIES_MAX} entries in `middleware`"));
    }
    let read = |locked: &shape::Dependency| {
        let source = DependencySource::Program(source_of(&locked.source)?);
        Ok(Middleware { source, inherit: inherit(locked.inherit.as_ref())? })
    };
    locked.iter().map(read).collect()
}

fn read_static_response(locked: shape::StaticResponse) -> Result<StaticResponse, Problem> {
    let status_code = locked.status_code.unwrap_or(200);
    if !manifest::STATUS_CODES.contains(&status_code) {
        let (least, most) = (manifest::STATUS_CODES.start(), manifest::STATUS_CODES.end());
        return Err(format!("`status_code` must be between {least} and {most}"));
    }
    for (name, value) in &locked.headers {
        manifest::check_header_name(name)?;
        manifest::check_header_value(name, value)?;
    }
    Ok(StaticResponse { status_code, headers: locked.headers.into_iter().collect(), body: locked.body })
}
