//! The traits and types of Spin's interfaces, generated from the contracts in `wit/`.
//!
//! This module knows the shape of each interface. It must never know what one does.

#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code is not ours to style")]
mod generated {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "spell:host/imports",
        imports: { default: async | trappable },
        with: {
            "fermyon:spin/key-value.store": crate::key_value::OpenStore,
            "spin:key-value/key-value.store": crate::key_value::OpenStore,
        },
    });
}

/// `fermyon:spin@2.0.0`, for components of WASI 0.2.
pub(crate) mod spin2 {
    pub(crate) use super::generated::fermyon::spin::{key_value, variables};
}

/// `spin:…@3.0.0`, for components of WASI 0.3.
pub(crate) mod spin3 {
    pub(crate) use super::generated::spin::key_value::key_value;
    pub(crate) use super::generated::spin::variables::variables;
}
