//! The page of refusals: when each is given and what to do then, for whoever follows a problem's `type` and for docs/errors.md.
//!
//! It knows the catalogue and how it is read by people. It must never know routes, or why something is refused.

use crate::platform::problem::Refusal;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue};

/// Where it is. A problem's `type` is this path, with its code behind the `#`.
pub(crate) const ERRORS: &str = "/errors";
const HTML: (HeaderName, HeaderValue) = (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
/// The page is text alone.
const POLICY: (HeaderName, HeaderValue) = (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));

/// What there is to say about each refusal. One that is left out does not compile.
macro_rules! explanations {
    ($($refusal:ident: $when:literal, $then:literal;)*) => {
        impl Refusal {
            /// All there are, in the order of their page.
            pub(crate) const ALL: &[Refusal] = &[$(Refusal::$refusal),*];

            /// When it is given, and what to do then.
            pub(crate) fn explanation(self) -> (&'static str, &'static str) {
                match self { $(Refusal::$refusal => ($when, $then),)* }
            }
        }
    };
}

#[rustfmt::skip]
explanations! {
    NotFound: "No route of the API has this path.", "Look for the path in `/openapi.json`.";
    MethodNotAllowed: "The path is there, but not for this method.", "Use one of those in the header `Allow`.";
    BadRequest: "Path, query or body cannot be read: an unknown or doubled parameter, broken JSON, a form that breaks off.", "Mend what `detail` names.";
    MediaType: "`Content-Type` names another media type than the route takes.", "Send JSON as `application/json`, and programs as `multipart/form-data`.";
    Invalid: "The request can be read, but a field is missing, unknown, out of its range or of another type.", "Mend what `detail` names.";
    BodyTooLarge: "The body has more bytes than the route takes.", "Send less; `detail` says how much goes.";
    BodyTooSlow: "The body was not there in time.", "Send it again over a faster connection.";
    NoCredentials: "The request has no `Authorization`, more than one, or one that is no `Bearer sk_…`.", "Show one API key.";
    UnknownKey: "The API key was never made here, or was revoked.", "Have a new one made.";
    ScopeMissing: "The API key is good, but lacks the scope in `scope`.", "Use a key that has it, or one with `admin`.";
    RateLimited: "There were as many requests within a minute as the limit in `limit` allows.", "Ask again after `Retry-After`. Nothing was read, and no idempotency key is burnt.";
    SpellNotFound: "The tenant of the key has no spell of this key or id.", "List the spells there are.";
    ModuleNotFound: "The spell has no such version, or none at all.", "List its versions, or upload one.";
    CastNotFound: "The tenant of the key has no cast of this id, or it is older than casts are kept.", "List the casts there are.";
    KeyNotFound: "The tenant has no API key of this id that still opens anything.", "List the keys there are.";
    WebhookNotFound: "The tenant has no webhook of this id.", "List the webhooks there are.";
    SpellKeyTaken: "The tenant has a spell of this key already.", "Change that one, or take another key.";
    VersionTaken: "The spell has this version already, and it is another program.", "Upload under a new version: versions never change.";
    VersionActive: "The version is what casts run, so it is not deleted.", "Activate another version first.";
    NoEarlierVersion: "No version was uploaded before the active one.", "Activate the version that you want by its name.";
    WebhooksTooMany: "The tenant has as many webhooks as a tenant may have.", "Delete one first, or use one for more events.";
    WebhookNotActive: "The webhook is switched off, so nothing is delivered to it.", "Switch it on with `active`.";
    ModuleCorrupt: "The program on the disk is not what was uploaded, so it is not run.", "Upload it again under a new version, and look after the disk.";
    StorageFull: "The disk has no room for what has to be written.", "Make room. What is there can still be read.";
    QuotaExceeded: "The tenant has as many spells, versions, keys or bytes of programs as `limit` says for the quota in `quota`.", "Delete what is not needed any more, or have the operator raise the quota.";
    GithubNotSetUp: "A spell names `github_actions` or `hybrid`, and the operator has not set up GitHub.", "Use `wasm`, or have the operator write `[github]`.";
    RepositoryNotAllowed: "The workflow is in a repository that the operator does not allow.", "Name one that is allowed.";
    WebhookForged: "The signature does not prove that GitHub sent it.", "Give GitHub the secret that the host has.";
    Unavailable: "The host cannot do it now: it is about to end, or too much comes in at once.", "Ask again after `Retry-After`, a cast with the same `Idempotency-Key`.";
    ProgramTooLarge: "The program has more bytes than programs may have.", "Make it smaller: strip names and debug information.";
    ProgramRefused: "The program is no WebAssembly, does not compile within its bounds, or has no entry point that can be cast.", "Mend what `detail` names; `spell adapt` says the same without an upload.";
    IdempotencyKeyMissing: "A cast was asked for without `Idempotency-Key`.", "Send one, a new one for each cast.";
    IdempotencyKeyInvalid: "`Idempotency-Key` is there twice, is empty or too long, or has characters that are not visible ASCII.", "Send 1 to 255 visible ASCII characters.";
    IdempotencyKeyReused: "The key stands for a request with another body.", "Take a new key for a new cast; send the very same bytes to ask again.";
    CastInFlight: "The cast of this key still runs.", "Ask again after `Retry-After`, or look at the cast in `cast_id`.";
    CastIndeterminate: "The host ended while the cast ran, so nobody knows what it did. It is never run again by itself.", "Look at what it should have done; cast under a new key if that is safe.";
    SpellNotActive: "The spell is switched off.", "Switch it on with `active`.";
    InputTooLarge: "The input has more bytes than the spell's limit `request`, or than any cast may have.", "Send less, or raise the limit.";
    InputInvalid: "The input is not what the schema of the spell allows. `errors` says what, and where.", "Mend what `errors` names. No idempotency key is burnt.";
    CeilingExceeded: "A limit was asked for that is above the operator's ceiling.", "Ask for less; `detail` says how much goes.";
    ReachRefused: "The spell was to reach a host, or to have a variable of its environment, that the operator does not allow, or whose name is none.", "Mend what `detail` names, or have the operator allow it.";
    SchemaRefused: "A schema is no JSON Schema, is too large, or takes too long to be used.", "Mend what `detail` names.";
    BudgetExceeded: "The cast may cost more than is left of the budget of the month.", "Wait for the next month, which begins after `Retry-After`, or raise the budget. No idempotency key is burnt.";
    TooManyCasts: "The tenant has as many casts, running or on one day, as `limit` says for the quota in `quota`.", "Ask again after `Retry-After`. No idempotency key is burnt.";
    SpellAnswersHttp: "The version answers HTTP by itself, so it is not cast.", "Send it requests at `path`.";
    CastRefused: "The program ran, and ended with an error of its own.", "Read `detail`: it is the program's own word.";
    CastTrapped: "The program did what WebAssembly does not allow, or ended itself.", "Mend the program; `detail` says where it broke.";
    CastTimedOut: "The program ran longer than the spell's limit `time`.", "Raise the limit, or do less in one cast.";
    CastLimit: "The program met the limit in `limit`.", "Raise that limit of the spell, or use less.";
    CastCancelled: "Somebody cancelled the cast.", "Cast under a new key, if it should run after all.";
    CastBusy: "All places to run were taken for as long as casts wait. The program did not run, and it cost nothing.", "Cast under a new key after `Retry-After`.";
    CastFailed: "The host failed while it ran the program. It cost nothing.", "Cast under a new key; tell the operator if it happens again.";
    OutputInvalid: "The program answered, but not with what the schema of the spell allows.", "Mend the program, or its schema; `detail` says where they differ.";
    HostFailed: "The host met something that should not happen.", "Ask again; tell the operator if it happens again.";
}

/// The page of all refusals
///
/// As HTML, for people: each code under its own anchor, which is where the `type` of a problem leads.
#[utoipa::path(
    get, path = "/errors", operation_id = "listErrors", tag = "About",
    responses((status = 200, description = "The page", body = String, content_type = "text/html"))
)]
pub(crate) async fn page() -> Response {
    let entry = |refusal: &Refusal| {
        let (status, code, title) = refusal.row();
        let (when, then) = refusal.explanation();
        format!("<h2 id=\"{code}\">{code}</h2>\n<p><b>{} {title}.</b> {}</p>\n<p>{}</p>\n", status.as_u16(), marked(when), marked(then))
    };
    let entries: String = Refusal::ALL.iter().map(entry).collect();
    let head = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Refusals</title>\n<h1>Refusals</h1>\n";
    ([HTML, POLICY], format!("{head}{entries}</html>\n")).into_response()
}

/// The explanations quote with backticks, and have nothing else that HTML would take for its own.
fn marked(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::{Path, PathBuf};

    const HEAD: &str = "# Refusals\n\nWhat the [platform](platform.md) refuses, it refuses with a problem document \
        ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)). Its `type` leads here:\na host shows this page at `/errors`. Codes \
        and statuses never change. This page is written by the tests from the code.\n";

    /// Those that no test can bring about, and why.
    const UNSEEN: [(&str, &str); 2] = [
        ("body-too-slow", "a body has half a minute or more to come"),
        ("host-failed", "the kernel has no randomness, or an answer of our own is no JSON"),
    ];

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    #[test]
    fn the_documented_refusals_are_those_of_the_code() {
        let entry = |refusal: &Refusal| {
            let ((status, code, title), (when, then)) = (refusal.row(), refusal.explanation());
            format!("\n## {code}\n\n**{} {title}.** {when}\n\n{then}\n", status.as_u16())
        };
        let page = HEAD.to_owned() + &Refusal::ALL.iter().map(entry).collect::<String>();
        let path = root().join("docs/errors.md");
        if std::env::var_os("SPELL_BLESS").is_some() {
            fs::write(&path, &page).unwrap();
        }
        assert!(fs::read_to_string(&path).unwrap_or_default() == page, "docs/errors.md is out of date: run the tests with SPELL_BLESS=1");
    }

    #[test]
    fn codes_are_plain_and_no_two_are_the_same() {
        let mut codes: Vec<&str> = Refusal::ALL.iter().map(|refusal| refusal.row().1).collect();
        assert!(codes.iter().all(|code| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')), "{codes:?}");
        codes.sort_unstable();
        let count = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), count);
        for refusal in Refusal::ALL {
            let (when, then) = refusal.explanation();
            assert!(!format!("{when}{then}").contains(['<', '>', '&', '"']) && when.ends_with('.') && then.ends_with('.'), "{refusal:?}");
        }
    }

    #[test]
    fn every_refusal_is_seen_by_a_test_or_cannot_be() {
        let folders = ["runtime-host/api/tests/platform", "tests/tests"].map(|folder| root().join(folder));
        let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
        let texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
        // Apps have codes of their own.
        let tests: String = texts.filter(|text| text.contains(".refuses(") || text.contains("Platform::")).collect();
        for refusal in Refusal::ALL {
            let code = refusal.row().1;
            let (is_seen, is_unseen) = (tests.contains(&format!("\"{code}\"")), UNSEEN.iter().any(|(unseen, _)| *unseen == code));
            assert!(is_seen != is_unseen, "{code}: seen by a test: {is_seen}, said to be unseen: {is_unseen}");
        }
    }
}
