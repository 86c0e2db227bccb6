//! Spin's interfaces of version 2, generated. Knows where their WIT is; must never be edited to add a behaviour.

wit_bindgen::generate!({ path: "../../../wit", world: "spin2", generate_all });
