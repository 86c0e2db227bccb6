//! The words by which names are judged.
//!
//! It knows words in upper case, letters only where nothing else is said. It must never know a whole name but the three at the
//! end, nor how a name is taken apart.

/// Words that make a name secret wherever they stand, alone or glued to each other and to [`GLUE`].
#[rustfmt::skip]
pub(super) const SECRET: &[&str] = &[
    "APIKEY", "ASKPASS", "AUTH", "AUTHN", "AUTHORIZATION", "AUTHZ", "BEARER", "BUILDHOOK", "CONNSTR", "COOKIE", "CRED", "CREDENTIAL",
    "CREDS", "DEPLOYHOOK", "DOCKERCFG", "DOCKERCONFIG", "DOCKERCONFIGJSON", "DSA", "DSN", "ECDSA", "HMAC", "HTPASSWD", "ICEAUTHORITY",
    "JWT", "KEY", "KEYCHAIN", "KEYPAIR", "KEYRING", "KEYSTORE", "KEYTAB", "KUBECONFIG", "MNEMONIC", "NETRC", "NONCE", "OTP", "PASS",
    "PASSCODE", "PASSPHRASE", "PASSWD", "PASSWORD", "PAT", "PEM", "PEPPER", "PFX", "PIN", "PRIVATE", "PRIVKEY", "PSK", "PSWD", "PW",
    "PWD", "RSA", "SALT", "SAS", "SECRET", "SEED", "SERVICEACCOUNT", "TKN", "TOKEN", "TOTP", "VAULT", "XAUTHORITY",
];

/// Words with digits in them that make a name secret: files of private keys.
pub(super) const SECRET_WITH_DIGITS: &[&str] = &["ED25519", "P12", "PKCS12"];

/// What makes a longer word secret wherever it is in it: no other word has these letters.
pub(super) const INSIDE: &[&str] = &["APIKEY", "CREDENTIAL", "PASSPHRASE", "PASSW"];

/// What makes a longer word secret at its end, so that nobody has to list every vendor: `MAILGUNKEY`, `VPNPASS`.
pub(super) const ENDING: &[&str] = &["CONNSTR", "COOKIE", "CREDS", "DSN", "JWT", "KEY", "PASS", "PWD", "SECRET", "TOKEN"];

/// Words of the language, and of well-known programs, that have such an ending and mean no secret. Only the whole word counts:
/// `COMMONKEY` ends like `MONKEY`.
#[rustfmt::skip]
pub(super) const ORDINARY: &[&str] = &[
    "BETOKEN", "BYPASS", "COMPASS", "CRIKEY", "DICKEY", "DONKEY", "DOOHICKEY", "ENCOMPASS", "FLAKEY", "FLUKEY", "FLUNKEY", "FORETOKEN",
    "GYROCOMPASS", "HICKEY", "HOCKEY", "HOKEY", "HOOKEY", "HOTKEY", "JOCKEY", "JOKEY", "LACKEY", "LATCHKEY", "LEAKEY", "LESSKEY",
    "MALARKEY", "MICKEY", "MONKEY", "OVERPASS", "POKEY", "REPASS", "RICKEY", "SMOKEY", "STARKEY", "SURPASS", "TIKTOKEN", "TRESPASS",
    "TURKEY", "TURNKEY", "UNDERPASS", "VALKEY", "WHISKEY",
];

/// Words that are found glued to a secret one, or to each other around it: `DBPASSWORD`, `GITHUBAPITOKEN`.
#[rustfmt::skip]
pub(super) const GLUE: &[&str] = &[
    "ACCESS", "ACCOUNT", "ADMIN", "API", "APP", "AWS", "AZURE", "BASIC", "BOT", "CLIENT", "CONSUMER", "CRYPT", "DATA", "DATABASE",
    "DB", "DEPLOY", "ENCRYPTION", "FILE", "FTP", "GCP", "GH", "GIT", "GITHUB", "GITLAB", "GPG", "HOST", "HTTP", "ID", "JWT", "LDAP",
    "LOG", "LOGIN", "MAIL", "MASTER", "MONGO", "MY", "MYSQL", "NAME", "NPM", "OAUTH", "PATH", "PG", "POSTGRES", "PROD", "PROXY",
    "PUBLIC", "PYPI", "REDIS", "REFRESH", "REPO", "ROOT", "SERVER", "SERVICE", "SESSION", "SIGNING", "SLACK", "SMTP", "SQL", "SSH",
    "SSL", "STRIPE", "TEST", "TLS", "URI", "URL", "USER", "VALUE", "WEB", "WEBHOOK",
];

/// Systems whose address tends to carry a password, beginnings and ends of their names, and the words for such an address.
#[rustfmt::skip]
pub(super) const STORE: &[&str] = &[
    "AIRFLOW", "AMQP", "BONSAI", "BROKER", "CACHE", "CASSANDRA", "CELERY", "CLICKHOUSE", "CLOUDINARY", "CONN", "CONNECTION", "DATABASE",
    "DATASOURCE", "DISCORD", "EMAIL", "FIXIE", "HOOK", "INDEX", "JDBC", "KAFKA", "LDAP", "MAIL", "MAILER", "NATS", "NEO", "OPENSEARCH",
    "OTLP", "PG", "PROXY", "REPOSITORY", "SLACK", "SMTP", "TEAMS", "VALKEY", "WEBHOOK",
];
pub(super) const STORE_BEGINNING: &[&str] = &["ELASTIC", "MEMCACHE", "MONGO", "POSTGRES", "RABBIT", "REDIS"];
pub(super) const STORE_ENDING: &[&str] = &["ALCHEMY", "AMQP", "DB", "MQ", "MQTT", "REDIS", "SQL"];
pub(super) const LOCATION: &[&str] = &["CONN", "CONNECTION", "CONNSTR", "HEADER", "HOOK", "STR", "STRING", "URI", "URL"];

/// Words that locate something secret where they end a name: whoever knows the address may post there.
pub(super) const LOCATION_AT_END: &[&str] = &["WEBHOOK"];

/// Programs whose variables are secrets for the most part, by the first word of the name.
pub(super) const FAMILIES: &[&str] = &["BW", "FASTLANE", "OP"];

/// Whole names that are harmless although a word in them is not. `PWD` is the working directory only where it stands alone.
pub(super) const HARMLESS: &[&str] = &["PWD", "OLDPWD", "PUBLIC_KEY"];
