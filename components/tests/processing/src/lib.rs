//! A function that takes bytes and gives bytes, or a reason.
//!
//! Knows the interface that it exports; must never know who calls.

#[cfg(target_family = "wasm")]
mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "spell:processing/processing@1.0.0", generate_all });
}

#[cfg(target_family = "wasm")]
mod processing {
    use crate::bindings::exports::spell::processing::processing_node::{Guest, ProcessingError};

    struct Processing;

    impl Guest for Processing {
        fn process(mut input: Vec<u8>) -> Result<Vec<u8>, ProcessingError> {
            match input.as_slice() {
                b"" => Err(ProcessingError::InvalidInput("there is nothing".to_owned())),
                b"large" => Err(ProcessingError::TooLarge(input.len() as u64)),
                b"closed" => Err(ProcessingError::Closed),
                _ => {
                    input.reverse();
                    Ok(input)
                }
            }
        }
    }

    crate::bindings::export!(Processing with_types_in crate::bindings);
}
