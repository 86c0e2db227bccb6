//! Whether a name looks like that of a secret, judged by whole words: `API_KEY`, `apiKey` and `APIKEY` do, `MONKEY` does not.
//!
//! It knows words. It must never know values. Where it errs, it errs towards "secret".

/// Words that make a name secret wherever they stand.
#[rustfmt::skip]
const SECRET: &[&str] = &[
    "APIKEY", "ASKPASS", "AUTH", "AUTHN", "AUTHORIZATION", "AUTHZ", "BEARER", "COOKIE", "CRED", "CREDENTIAL", "CREDS", "DSN",
    "HMAC", "HTPASSWD", "JWT", "KEY", "KEYTAB", "KUBECONFIG", "MNEMONIC", "NETRC", "NONCE", "OTP", "PASS", "PASSCODE", "PASSFILE",
    "PASSPHRASE", "PASSWD", "PASSWORD", "PAT", "PEM", "PEPPER", "PFX", "PGPASSFILE", "PIN", "PRIVATE", "PRIVKEY", "PSK", "PSWD",
    "PW", "PWDFILE", "SALT", "SAS", "SECRET", "TOKEN", "TOTP", "VAULT",
];

/// Words that are found glued to a secret one, or to each other around it: `DBPASSWORD`, `GITHUBAPITOKEN`.
#[rustfmt::skip]
const GLUE: &[&str] = &[
    "ACCESS", "ACCOUNT", "ADMIN", "API", "APP", "AWS", "AZURE", "BASIC", "BOT", "CLIENT", "CONSUMER", "CRYPT", "DATA", "DATABASE",
    "DB", "DEPLOY", "ENCRYPTION", "FILE", "FTP", "GCP", "GH", "GIT", "GITHUB", "GITLAB", "GPG", "HOST", "ID", "JWT", "LDAP",
    "LOGIN", "MAIL", "MASTER", "MONGO", "MY", "MYSQL", "NPM", "OAUTH", "PG", "POSTGRES", "PROD", "PUBLIC", "PYPI", "REDIS",
    "REFRESH", "REPO", "ROOT", "SERVER", "SERVICE", "SESSION", "SIGNING", "SLACK", "SMTP", "SQL", "SSH", "SSL", "STRIPE", "TEST",
    "TLS", "USER", "VALUE", "WEB", "WEBHOOK",
];

/// Systems whose address tends to carry a password, and the words for such an address.
#[rustfmt::skip]
const STORE: &[&str] = &[
    "AMQP", "BROKER", "CACHE", "CELERY", "CLICKHOUSE", "CLOUDAMQP", "DATABASE", "DB", "ELASTIC", "ELASTICSEARCH", "JDBC", "KAFKA",
    "LDAP", "MARIADB", "MONGO", "MONGODB", "MYSQL", "NATS", "PG", "POSTGRES", "POSTGRESQL", "RABBITMQ", "REDIS", "REDISCLOUD",
    "SMTP", "SQL", "SQLALCHEMY", "WEBHOOK", "SLACK", "CONNECTION", "CONN",
];
const LOCATION: &[&str] = &["URL", "URI", "STRING", "STR", "CONNECTION", "CONN", "CONNSTR", "URLS", "HOOK"];

/// Whole names that are harmless although a word in them is not.
const HARMLESS: &[&str] = &["PWD", "OLDPWD", "PUBLIC_KEY"];

/// Longest glued word that is taken apart, in bytes; a longer one counts as secret.
const GLUED_BYTES_MAX: usize = 64;

/// Whether a variable of this name is taken for a secret. Names that are not ASCII cannot be judged, and count as secret.
///
/// ```
/// use spell_policy::environment::is_secret_name;
/// assert!(is_secret_name("apiKey") && is_secret_name("DBPASSWORD") && is_secret_name("AWS_REGION"));
/// assert!(!is_secret_name("MONKEY") && !is_secret_name("PWD"));
/// ```
pub fn is_secret_name(name: &str) -> bool {
    if !name.is_ascii() {
        return true;
    }
    if HARMLESS.contains(&name) {
        return false;
    }
    let segments = segments(name);
    // Everything of AWS; and `PWD` is the working directory only where it stands alone.
    let whole = |segment: &String| matches!(segment.as_str(), "AWS" | "PWD") || is_secret_segment(segment);
    let has = |words: &[&str]| segments.iter().position(|segment| words.contains(&segment.as_str()));
    let located = match (has(STORE), segments.iter().rposition(|segment| LOCATION.contains(&segment.as_str()))) {
        (Some(store), Some(location)) => store < location,
        _ => false,
    };
    located || segments.iter().any(whole)
}

/// The words of a name in upper case: split at everything but letters, and where camel case begins a word.
fn segments(name: &str) -> Vec<String> {
    let bytes = name.as_bytes();
    let at = |index: usize| bytes.get(index).copied().unwrap_or(b' ');
    let mut segments = vec![String::new()];
    for (index, &byte) in bytes.iter().enumerate() {
        let before = if index == 0 { b' ' } else { at(index - 1) };
        let camel = byte.is_ascii_uppercase()
            && (before.is_ascii_lowercase() || (before.is_ascii_uppercase() && at(index + 1).is_ascii_lowercase()));
        // The `s` of `APIKeys` or `URLs` begins no word of its own.
        let plural = at(index + 1) == b's' && !at(index + 2).is_ascii_lowercase();
        if !byte.is_ascii_alphabetic() || (camel && !(plural && before.is_ascii_uppercase())) {
            segments.push(String::new());
        }
        if byte.is_ascii_alphabetic()
            && let Some(segment) = segments.last_mut()
        {
            segment.push(char::from(byte.to_ascii_uppercase()));
        }
    }
    segments.retain(|segment| !segment.is_empty());
    segments
}

/// Whether a segment consists of known words only, with a secret one among them, or is a glued address such as `DATABASEURL`.
fn is_secret_segment(segment: &str) -> bool {
    if segment.len() > GLUED_BYTES_MAX {
        return true;
    }
    let glued_location = LOCATION.iter().filter_map(|word| segment.strip_suffix(word)).any(|store| STORE.contains(&store));
    let singular = segment.strip_suffix('S').unwrap_or(segment);
    glued_location || is_glued_secret(segment) || is_glued_secret(singular)
}

/// Finds for every position whether known words lead there, with and without a secret among them. No word reaches past the end
/// of the segment, and no segment past the end of the tables: its caller sees to that.
fn is_glued_secret(segment: &str) -> bool {
    let mut plain = [false; GLUED_BYTES_MAX + 1];
    let mut secret = [false; GLUED_BYTES_MAX + 1];
    plain[0] = true;
    for start in 0..segment.len() {
        let (was_plain, was_secret) = (plain[start], secret[start]);
        let Some(rest) = segment.get(start..).filter(|_| was_plain || was_secret) else { continue };
        for word in SECRET.iter().filter(|word| rest.starts_with(**word)) {
            secret[start + word.len()] = true;
        }
        for word in GLUE.iter().filter(|word| rest.starts_with(**word)) {
            plain[start + word.len()] |= was_plain;
            secret[start + word.len()] |= was_secret;
        }
    }
    secret[segment.len()]
}
