//! Language models. Knows the interface, which blocks in both generations; must never know HTTP.

mod bindings {
    wit_bindgen::generate!({
        inline: "package tests:models; world models { import fermyon:spin/llm@2.0.0; }",
        path: "../../../wit",
        world: "tests:models/models",
        generate_all,
    });
}

use bindings::fermyon::spin::llm::{Error, InferencingParams, generate_embeddings, infer};
use serde_json::{Value, json};

/// JSON of what a model makes of a text.
pub(crate) fn ask(model: &str, text: &str, tokens_max: u32) -> String {
    let parameters = (tokens_max > 0).then_some(InferencingParams {
        max_tokens: tokens_max,
        repeat_penalty: 1.1,
        repeat_penalty_last_n_token_count: 64,
        temperature: 0.8,
        top_k: 40,
        top_p: 0.9,
    });
    let answer = infer(model, text, parameters);
    outcome(answer.map(|answer| json!([answer.text, answer.usage.prompt_token_count, answer.usage.generated_token_count])))
}

/// JSON of where a model places each line of a text.
pub(crate) fn embed(model: &str, text: &str) -> String {
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let answer = generate_embeddings(model, &lines);
    outcome(answer.map(|answer| json!([answer.embeddings, answer.usage.prompt_token_count])))
}

fn outcome(answer: Result<Value, Error>) -> String {
    let outcome = match answer {
        Ok(value) => json!({ "ok": value }),
        Err(Error::ModelNotSupported) => json!({ "error": "model-not-supported" }),
        Err(Error::RuntimeError(text)) => json!({ "error": format!("runtime-error: {text}") }),
        Err(Error::InvalidInput(text)) => json!({ "error": format!("invalid-input: {text}") }),
    };
    outcome.to_string()
}
