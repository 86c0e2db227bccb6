//! A component of somebody else's making: a function from bytes to bytes in an interface of its own.

#![cfg(target_family = "wasm")]
#![allow(missing_docs, reason = "the bindings are generated")]

wit_bindgen::generate!({
    inline: "
        package elsewhere:pipeline@1.0.0;

        interface processing {
            process: func(input: list<u8>) -> result<list<u8>, string>;
        }

        world node {
            export processing;
        }
    ",
});

struct Node;

impl exports::elsewhere::pipeline::processing::Guest for Node {
    fn process(input: Vec<u8>) -> Result<Vec<u8>, String> {
        abi_rust::spell(&input)
    }
}

export!(Node);
