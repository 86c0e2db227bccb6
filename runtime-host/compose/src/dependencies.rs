//! A component with its dependencies: each of its imports that a dependency is named for is satisfied by it.
//!
//! It knows names of imports and exports. It must never know what goes through them.

use crate::error::ComposeError;
use crate::graph::{Graph, Part, guarded};
use crate::name::export_for;
use crate::{Inherit, Selector, wall};

/// A component that satisfies imports of another.
#[derive(Debug, Clone)]
pub struct Dependency<'d> {
    /// Which imports.
    pub name: Selector,
    /// The export that is used; `None` for the one that is named like the import.
    pub export: Option<String>,
    /// What it may do of what the component may.
    pub inherit: Inherit,
    /// The component.
    pub wasm: &'d [u8],
}

/// Makes one component of a component and its dependencies. It exports what the component did, and imports what is left.
pub fn with_dependencies(component: &[u8], dependencies: &[Dependency<'_>]) -> Result<Vec<u8>, ComposeError> {
    guarded(|| {
        let mut graph = Graph::default();
        let component = graph.add("the component", component)?;
        let chosen = choose(&component.imports, dependencies)?;
        let mut parts: Vec<(usize, Part)> = Vec::new();
        for (import, index) in chosen {
            let dependency = &dependencies[index];
            // One program under several names is one instance, so that its types are the same under each.
            let is_same = |other: &Dependency<'_>| other.wasm == dependency.wasm && other.inherit == dependency.inherit;
            let position = match parts.iter().position(|(other, _)| is_same(&dependencies[*other])) {
                Some(position) => position,
                None => {
                    let label = format!("the dependency `{}`", dependency.name);
                    parts.push((index, wall::add_walled(&mut graph, &label, dependency.wasm, &dependency.inherit, None)?));
                    parts.len() - 1
                }
            };
            let part = &parts[position].1;
            let export = export_of(part, dependency, &import)?;
            graph.connect(part, &export, &component, &import)?;
        }
        for export in &component.exports {
            graph.export(&component, export)?;
        }
        graph.encode()
    })
}

/// Each import that a dependency satisfies, with the dependency's place.
fn choose(imports: &[String], dependencies: &[Dependency<'_>]) -> Result<Vec<(String, usize)>, ComposeError> {
    let mut chosen: Vec<(String, usize)> = Vec::new();
    for (index, dependency) in dependencies.iter().enumerate() {
        let mut is_needed = false;
        for import in imports.iter().filter(|import| dependency.name.selects(import)) {
            if let Some((import, first)) = chosen.iter().find(|(taken, _)| taken == import) {
                let (first, second) = (dependencies[*first].name.to_string(), dependency.name.to_string());
                return Err(ComposeError::Conflict { import: import.clone(), first, second });
            }
            is_needed = true;
            chosen.push((import.clone(), index));
        }
        if !is_needed {
            return Err(ComposeError::NoSuchImport { dependency: dependency.name.to_string(), imports: imports.to_vec() });
        }
    }
    Ok(chosen)
}

fn export_of(part: &Part, dependency: &Dependency<'_>, import: &str) -> Result<String, ComposeError> {
    let wanted = dependency.export.as_deref().unwrap_or(import);
    let found = export_for(wanted, &part.exports).cloned();
    found.ok_or_else(|| ComposeError::NoSuchExport {
        dependency: dependency.name.to_string(),
        wanted: wanted.to_owned(),
        exports: part.exports.clone(),
    })
}
