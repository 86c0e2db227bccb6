//! Programs that are uploaded, and the versions that they become.

use crate::client::{program, start};
use serde_json::json;
use spell_cast::{PROGRAM_BYTES_MAX, digest_of};

#[tokio::test]
async fn an_uploaded_program_is_a_version_that_can_be_activated_rolled_back_and_deleted() {
    let host = start().await;
    let id = host.spell("a").await;
    let fields = |version: &'static str| [("spellId", &b"a"[..]), ("version", version.as_bytes())];
    let [spell, version] = fields("1.1.0");
    let uploaded = host.upload(&[("wasmFile", &program(1)), spell, version, ("activate", b"false")]).await.json();
    let hash = digest_of(&program(1)).to_string();
    assert_eq!((&uploaded["spellId"], &uploaded["version"], &uploaded["hash"]), (&json!(id), &json!("1.1.0"), &json!(hash)));
    assert_eq!((&uploaded["abi"], &uploaded["size"]), (&json!("c-string"), &json!(program(1).len())), "{uploaded}");
    assert_eq!(uploaded["message"], "WASM module uploaded successfully");
    let listed = host.ask("GET", "/api/spells/upload-wasm?spellId=a", None).await.json();
    assert_eq!((&listed["spellId"], &listed["total"]), (&json!(id), &json!(2)));
    let newest = &listed["modules"][0];
    assert_eq!((&newest["version"], &newest["active"], &listed["modules"][1]["active"]), (&json!("1.1.0"), &json!(false), &json!(true)));
    assert_eq!((&newest["metadata"]["fileName"], &newest["metadata"]["uploadedAt"]), (&json!("hello.wasm"), &newest["createdAt"]));

    host.ask("POST", "/api/spells/a/rollback", None).await.refuses(409, "no-earlier-version", "no version was uploaded before");
    let activated = host.ask("POST", "/api/spells/a/versions/1.1.0/activate", None).await;
    assert_eq!((activated.status, &activated.json()["activeVersion"]), (200, &json!("1.1.0")));
    let module = format!("/api/spells/upload-wasm?moduleId={}", uploaded["moduleId"].as_str().unwrap());
    host.ask("DELETE", &module, None).await.refuses(409, "version-active", "version 1.1.0 is active");
    let back = host.ask("POST", "/api/spells/a/rollback", None).await;
    assert_eq!((back.status, &back.json()["activeVersion"]), (200, &json!("1.0.0")));
    let deleted = host.ask("DELETE", &module, None).await.json();
    assert_eq!(deleted, json!({ "moduleId": uploaded["moduleId"], "message": "WASM module deleted successfully" }));
    host.ask("DELETE", &module, None).await.refuses(404, "module-not-found", "WASM module not found");
    host.ask("POST", "/api/spells/a/versions/9.0.0/activate", None).await.refuses(404, "module-not-found", "");
    host.ask("POST", "/api/spells/a/versions/nine/activate", None).await.refuses(422, "invalid", "semantic version");
    host.ask("GET", "/api/spells/upload-wasm", None).await.refuses(422, "invalid", "spellId is required");
    host.ask("DELETE", "/api/spells/upload-wasm", None).await.refuses(422, "invalid", "moduleId is required");
}

#[tokio::test]
async fn what_cannot_become_a_version_is_refused_with_the_reason() {
    let host = start().await;
    host.spell("a").await;
    let (spell, version, wasm) = (("spellId", &b"a"[..]), ("version", &b"2.0.0"[..]), program(2));
    let wasm = ("wasmFile", &wasm[..]);
    for (fields, status, code, detail) in [
        (&[version, wasm][..], 422, "invalid", "spellId is required"),
        (&[spell, wasm], 422, "invalid", "version is required"),
        (&[spell, version], 422, "invalid", "wasmFile is required"),
        (&[("spellId", b""), version, wasm], 422, "invalid", "spellId is required"),
        (&[spell, ("version", b"2"), wasm], 422, "invalid", "version must be a semantic version"),
        (&[spell, version, wasm, spell], 422, "invalid", "spellId is there twice"),
        (&[spell, version, wasm, ("tenant", b"x")], 422, "invalid", "unknown field `tenant`"),
        (&[spell, version, wasm, ("activate", b"yes")], 422, "invalid", "activate must be true or false"),
        (&[spell, ("version", &[0xff]), wasm], 422, "invalid", "UTF-8"),
        (&[spell, ("version", &[b'1'; 2_000]), wasm], 422, "invalid", "at most 1024 bytes"),
        (&[("spellId", b"b"), version, wasm], 404, "spell-not-found", "Spell not found"),
        (&[spell, version, ("wasmFile", b"hello")], 422, "program-refused", "Invalid WASM binary: missing magic number"),
        (&[spell, version, ("wasmFile", b"\0asm\x01\0\0\0")], 422, "program-refused", "no suitable entry point found"),
        (&[spell, ("version", b"1.0.0"), wasm], 409, "version-taken", "version 1.0.0 is there already"),
    ] {
        host.upload(fields).await.refuses(status, code, detail);
    }
    let head = format!("POST /api/spells/upload-wasm HTTP/1.1\r\nAuthorization: Bearer {}", host.admin);
    host.raw(&head, b"{}").await.refuses(415, "media-type", "multipart/form-data");
    let broken = format!("{head}\r\nContent-Type: multipart/form-data; boundary=b0");
    host.raw(&broken, b"--b0\r\nContent-Disposition: form-data; name=\"spellId\"\r\n\r\na").await.refuses(400, "bad-request", "the form");
}

#[tokio::test]
async fn a_program_that_is_too_large_is_refused_within_the_form_and_before_it() {
    let host = start().await;
    host.spell("a").await;
    for more_bytes in [1, 128 << 10] {
        let program = vec![0; PROGRAM_BYTES_MAX + more_bytes];
        let answer = host.upload(&[("spellId", b"a"), ("version", b"2.0.0"), ("wasmFile", &program)]).await;
        answer.refuses(
            413,
            "program-too-large",
            if more_bytes == 1 { "exceeds maximum allowed size (52428800 bytes)" } else { "more than" },
        );
    }
}
