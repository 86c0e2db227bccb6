//! The table of names and values that must and must not be taken for secrets.

use super::*;

const SECRET_NAMES: &str = "
    SECRET secret Secret SECRETS secret_key SECRET_KEY SECRET_KEY_BASE Secret-Key mySecret MYSECRET APP_SECRET CLIENT_SECRET CLIENTSECRET
    clientSecret Api-Key apiKey ApiKey APIKey API_KEY APIKEY api.key APIKEYS API_KEYS APIKeys x-api-key OPENAI_API_KEY STRIPE_KEY
    STRIPE_SECRET_KEY SENDGRID_API_KEY GOOGLE_APPLICATION_CREDENTIALS CREDENTIALS CREDENTIAL DB_CREDS AUTHTOKEN AUTH_TOKEN authToken
    AUTH BASIC_AUTH REDISCLI_AUTH DOCKER_AUTH_CONFIG AUTHORIZATION HTTP_AUTHORIZATION DB_PASSWORD DBPASSWORD dbPassword DBPASS DB_PASS
    PGPASSWORD PGPASSFILE MYSQL_PWD MYSQL_ROOT_PASSWORD POSTGRES_PASSWORD PASSWORD password Password PASSWORDS PASSWD USERPASSWD
    PASSPHRASE GPG_PASSPHRASE ADMIN_PW PASS USER_PASS ROOTPASSWORD TOKEN token TOKENS TOKEN2 TOKEN_2 token1 GH_TOKEN GITHUB_TOKEN GITHUBTOKEN
    GITHUBAPITOKEN githubToken GITLAB_TOKEN NPM_TOKEN NPMTOKEN CI_JOB_TOKEN SLACK_BOT_TOKEN BOTTOKEN ACCESS_TOKEN ACCESSTOKEN accessToken
    REFRESH_TOKEN REFRESHTOKEN SESSION_TOKEN ID_TOKEN VAULT_TOKEN VAULT_ADDR HF_TOKEN JWT JWT_SECRET JWTSECRET JWT_SIGNING_KEY BEARER
    AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_REGION AWS_PROFILE aws_default_region AWSSECRETKEY ACCESS_KEY ACCESSKEY
    accessKeyId PRIVATE_KEY PRIVATEKEY privateKey SSH_PRIVATE_KEY SSHKEY SSH_KEY SSH_AUTH_SOCK SSH_ASKPASS SIGNING_KEY SIGNINGKEY
    ENCRYPTION_KEY ENCRYPTIONKEY MASTER_KEY MASTERKEY KEY KEY1 KEYS TLS_KEY TLSKEY HMAC_KEY PASSWORD_FILE DB_PASSWORD_FILE DATABASE_URL
    DATABASEURL databaseUrl DB_URL DB_URI REDIS_URL REDIS_TLS_URL MONGO_URI MONGODB_URI MONGO_URL POSTGRES_URL PG_URL AMQP_URL
    CLOUDAMQP_URL RABBITMQ_URL CELERY_BROKER_URL BROKER_URL SQLALCHEMY_DATABASE_URI JDBC_URL CONNECTION_STRING CONNECTIONSTRING
    AZURE_STORAGE_CONNECTION_STRING SLACK_WEBHOOK_URL WEBHOOK_URL SENTRY_DSN DSN COOKIE SESSION_COOKIE SALT PASSWORD_SALT PEPPER PIN
    GITHUB_PAT OTP TOTP_SEED AZURE_SAS KUBECONFIG NETRC OAUTH_TOKEN OAUTHTOKEN oauth2Token OAUTH2_CLIENT_SECRET LDAP_BIND_PW PSK WIFI_PSK
    _TOKEN_ __SECRET__ TOKEN- my.secret.value TLS_PEM DB-PASSWORD db/password DB:PASSWORD UserPWD USER_PWD KEYTAB
";

const HARMLESS_NAMES: &str = "
    MONKEY MONKEYS KEYBOARD KEYBOARD_LAYOUT TURKEY TOKENIZER TOKENIZERS_PARALLELISM TOKENIZE SECRETARY SECRETARIAT COMPASS COMPASSION AUTHOR
    AUTHORS AUTHORITY AUTHENTIC GIT_AUTHOR_NAME BYPASS BYPASS_CACHE PWD OLDPWD KEYSTONE KEYNOTE KEYWORD KEYWORDS KEYMAP KEYPAD HOCKEY JOCKEY
    DONKEY WHISKEY WHISKEY_BRAND MICKEY HOTKEY PASSENGER PASSENGERS PASSPORT PASSAGE PASSIVE PASSTHROUGH TRESPASS UNDERPASS SURPASS PATH
    PATHS PATTERN PATIENT PATCH LD_LIBRARY_PATH PUBLIC_KEY LANG LANGUAGE LC_ALL LC_CTYPE TZ TERM COLORTERM HOME USER USERNAME LOGNAME SHELL
    EDITOR VISUAL PAGER HOSTNAME HOST PORT DISPLAY TMPDIR TEMP XDG_RUNTIME_DIR XDG_SESSION_TYPE DESKTOP_SESSION SESSION SESSION_ID RUST_LOG
    RUST_BACKTRACE NODE_ENV PYTHONPATH JAVA_HOME GOPATH CARGO_HOME DEBUG VERBOSE LOG_LEVEL REGION ZONE CLUSTER STAGE ENVIRONMENT VERSION
    BUILD_NUMBER COMMIT_SHA BRANCH SOURCE_DATE_EPOCH BASE_URL PUBLIC_URL API_URL API_VERSION API_HOST APP_NAME SERVICE_NAME SERVICE_URL
    DB_HOST DB_PORT DB_NAME DB_USER DATABASE_NAME REDIS_HOST POSTGRES_DB SMTP_HOST MAIL_FROM HTTP_PROXY NO_PROXY COLUMNS LINES SALTY SALTED
    ASSAULT BASALT PINNED PINE PINGS SPINNER OPINION COOKIECUTTER CREDIT CREDITS SACRED INCREDIBLE ACCREDITED PRIVATEER OAUTHOR SSLMODE
    SECRETION DISCRETE TOKENISER TOKENOMICS PEMMICAN LAWS DRAWS JAWS HAWSER THEAUTHOR CAUTHEN PEPPERONI OPTION OPTIONS FEATURE_FLAGS
    SPIN_VARIABLE_GREETING URL URI STRING CONNECTION CACHE_DIR WEBHOOK SQL_MODE STRING_DB
";

#[test]
fn no_name_is_confused() {
    let names = |list: &'static str| list.split_whitespace().collect::<Vec<_>>();
    let (secret, harmless) = (names(SECRET_NAMES), names(HARMLESS_NAMES));
    assert!(secret.len() >= 150 && harmless.len() >= 150, "{} and {}", secret.len(), harmless.len());
    let missed: Vec<_> = secret.into_iter().filter(|name| !is_secret_name(name)).collect();
    let accused: Vec<_> = harmless.into_iter().filter(|name| is_secret_name(name)).collect();
    assert!(missed.is_empty() && accused.is_empty(), "missed {missed:?}, accused {accused:?}");
}

#[test]
fn names_that_cannot_be_judged_are_secret() {
    for name in ["ＴＯＫＥＮ", "PАSSWORD", "größe", &"A".repeat(65)] {
        assert!(is_secret_name(name), "{name}");
    }
    assert!(!is_secret_name(""));
}

#[test]
fn values_that_look_like_secrets_are_told_from_others() {
    let long = "abcdefghijklmnopqrstuvwxyz0123456789ABCD";
    for prefix in
        ["ghp_", "gho_", "github_pat_", "glpat-", "sk_live_", "sk-", "xoxb-", "AIza", "npm_", "pypi-", "hf_", "SG.", "ya29.", "x=ghp_"]
    {
        assert!(is_secret_value(&format!("{prefix}{long}")), "{prefix}");
        assert!(is_secret_value(&format!("in a text \"{prefix}{long}\", quoted")), "{prefix}");
    }
    for value in [
        "AKIAIOSFODNN7EXAMPLE",
        "-----BEGIN RSA PRIVATE KEY-----\nMII",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----",
        "postgres://user:pass@db/app",
        "redis://:pass@cache:6379",
        "https://user:p@ss@host",
        "see http://a:b@c",
        "postgres://user:pa/ss@db",
        "postgres://user:pa#ss@db/app",
        "https://abcdefghij0123456789@host",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
        "Bearer abcdefgh12345678",
        "basic dXNlcjpwYXNz",
        "Authorization: Bearer abcdefgh12345678",
        "Server=db;Password=hunter2;",
        "AccountName=a;AccountKey=Zm9v",
        "https://h/?token=abc",
    ] {
        assert!(is_secret_value(value), "{value}");
    }
    for value in [
        "",
        "de_DE.UTF-8",
        "info,spell=debug",
        "/usr/bin:/bin",
        "https://example.com/a@b:c",
        "https://user@example.com",
        "mailto:a@b.example",
        "http://example.com:8080/",
        "http://example.com:8080/@scope/package",
        "http://[::1]/a@b",
        "postgres://db/app",
        "-----BEGIN CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----",
        "eyJ",
        "eyJ.a.b",
        "1.2.3",
        "basic",
        "basic plan with support",
        "risk-averse",
        "task-runner-for-all-the-long-names",
        "sk-SK",
        "ghp_",
        "AKIA",
        "Bearer of good news",
        "https://example.com/?page=token",
        "password",
        "Europe/Berlin",
    ] {
        assert!(!is_secret_value(value), "{value}");
    }
}

#[test]
fn a_guest_sees_what_it_named_and_the_host_has_and_is_not_secret() {
    let host = |name: &str| match name {
        "LANG" => Some("C".to_owned()),
        "HOME" => Some("/root".to_owned()),
        "UPSTREAM" => Some("http://a:b@c".to_owned()),
        "HUGE" => Some("x".repeat(VALUE_BYTES_MAX + 1)),
        "ZERO" => Some("a\0b".to_owned()),
        "GH_TOKEN" | "A=B" | "" => panic!("never asked for"),
        _ => None,
    };
    let names = ["LANG", "GH_TOKEN", "UPSTREAM", "NOWHERE", "LANG", "HUGE", "ZERO", "A=B", ""].map(str::to_owned);
    let filtered = filter(&names, host);
    assert_eq!(filtered.passed, [("LANG".to_owned(), "C".to_owned())]);
    assert_eq!(filtered.refused, ["GH_TOKEN", "UPSTREAM", "HUGE", "ZERO", "A=B", ""]);
    assert_eq!(filtered.missing, ["NOWHERE"]);
}

#[test]
fn nothing_is_inherited() {
    assert_eq!(filter(&[], |_| Some("value".to_owned())), Filtered::default());
}

#[test]
fn the_number_of_names_is_bounded() {
    let names: Vec<String> = (0..NAMES_MAX + 5).map(|index| format!("A{index}")).collect();
    let filtered = filter(&names, |_| Some(String::new()));
    assert_eq!((filtered.passed.len(), filtered.refused.len()), (NAMES_MAX, 5));
}

#[test]
fn values_do_not_show_in_debug_output() {
    let filtered = filter(&["LANG".to_owned()], |_| Some("confidential".to_owned()));
    assert!(!format!("{filtered:?}").contains("confidential"));
}
