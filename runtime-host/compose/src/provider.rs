//! A component and one that it asks, with nothing between them: each keeps what it imports of the world.
//!
//! It knows names of imports and exports. It must never know what goes through them.

use crate::error::ComposeError;
use crate::graph::{Graph, guarded};
use crate::name::export_for;

/// Makes one component of a component and another that satisfies each of its imports that it can. The whole exports what the component did.
/// What is left of the imports of both, it imports: once, where both want the same interface in versions that are compatible.
///
/// Both are taken to be worthy of the same trust; [`with_dependencies`](crate::with_dependencies) is for those that are not.
///
/// # Errors
/// If one of them is no component, or the provider satisfies nothing, or differs in the types.
pub fn with_provider(component: &[u8], provider: &[u8]) -> Result<Vec<u8>, ComposeError> {
    guarded(|| {
        let mut graph = Graph::default();
        let component = graph.add("the component", component)?;
        let provider = graph.add("the provider", provider)?;
        let mut is_needed = false;
        for import in &component.imports {
            if let Some(export) = export_for(import, &provider.exports) {
                graph.connect(&provider, export, &component, import)?;
                is_needed = true;
            }
        }
        if !is_needed {
            let (imports, exports) = (component.imports, provider.exports);
            return Err(ComposeError::NothingProvided { imports, exports });
        }
        for export in &component.exports {
            graph.export(&component, export)?;
        }
        graph.encode()
    })
}
