//! Addresses of PostgreSQL: a URL, or `name=value` pairs as its own tools take them.
//!
//! This module knows both grammars. It must never know which addresses are allowed, and never repeats what it read.

use crate::outbound::Address;
use spell_policy::Destination;

/// What is asked for behind the address itself.
pub(super) struct Target {
    pub(super) address: Address,
    pub(super) security: Security,
    pub(super) application: Option<String>,
}

/// Whether the connection is encrypted. Where it is, the certificate is always checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    Never,
    IfOffered,
    Always,
}

/// Why something is no address of PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TargetError {
    #[error(transparent)]
    Address(#[from] crate::outbound::AddressError),
    #[error(transparent)]
    Destination(#[from] spell_policy::DestinationError),
    #[error("write a URL, or pairs of name=value with spaces between them and single quotes around values that need them")]
    Grammar,
    #[error("the only options are host, port, user, password, dbname, sslmode, application_name and connect_timeout")]
    Option,
    #[error("sslmode is disable, prefer, require, verify-ca or verify-full")]
    Security,
    #[error("the address names no user")]
    NoUser,
    #[error("the address names no host")]
    NoHost,
}

/// What connections are judged as.
const SCHEME: &str = "postgres";

impl Target {
    pub(super) fn parse(text: &str) -> Result<Target, TargetError> {
        let url = text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://"));
        let target = match url {
            Some(rest) => Self::of_url(rest)?,
            None => Self::of_pairs(text)?,
        };
        // Nobody is told what user this process runs as.
        if target.address.user.is_none() { Err(TargetError::NoUser) } else { Ok(target) }
    }

    fn of_url(rest: &str) -> Result<Target, TargetError> {
        let address = Address::parse(&format!("{SCHEME}://{rest}"), &[SCHEME])?;
        let mut options = Options::default();
        for (name, value) in address.parameters() {
            options.set(name, value)?;
        }
        // What stands in the URL itself cannot be said a second time.
        if options.host.is_some()
            || options.port.is_some()
            || options.user.is_some()
            || options.password.is_some()
            || options.database.is_some()
        {
            return Err(TargetError::Option);
        }
        Ok(Target { address, security: options.security.unwrap_or(Security::IfOffered), application: options.application })
    }

    fn of_pairs(text: &str) -> Result<Target, TargetError> {
        let mut options = Options::default();
        for (name, value) in pairs(text)? {
            options.set(&name, value)?;
        }
        let host = options.host.ok_or(TargetError::NoHost)?;
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let authority = options.port.map_or(host.clone(), |port| format!("{host}:{port}"));
        let mut address = Address::of(Destination::parse(SCHEME, &authority)?);
        (address.user, address.password, address.path) = (options.user, options.password, options.database.unwrap_or_default());
        Ok(Target { address, security: options.security.unwrap_or(Security::IfOffered), application: options.application })
    }
}

#[derive(Default)]
struct Options {
    host: Option<String>,
    port: Option<String>,
    user: Option<String>,
    password: Option<String>,
    database: Option<String>,
    security: Option<Security>,
    application: Option<String>,
}

impl Options {
    fn set(&mut self, name: &str, value: String) -> Result<(), TargetError> {
        match name {
            "host" => self.host = Some(value),
            "port" => self.port = Some(value),
            "user" => self.user = Some(value),
            "password" => self.password = Some(value),
            "dbname" => self.database = Some(value),
            "application_name" => self.application = Some(value),
            // The operator's limit holds.
            "connect_timeout" => {}
            "sslmode" => {
                self.security = Some(match value.as_str() {
                    "disable" => Security::Never,
                    "prefer" => Security::IfOffered,
                    "require" | "verify-ca" | "verify-full" => Security::Always,
                    _ => return Err(TargetError::Security),
                });
            }
            _ => return Err(TargetError::Option),
        }
        Ok(())
    }
}

/// `name = value` again and again; a value in single quotes may hold spaces, and a backslash stands before what is meant literally.
fn pairs(text: &str) -> Result<Vec<(String, String)>, TargetError> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, behind) = rest.split_once('=').ok_or(TargetError::Grammar)?;
        let (value, behind) = value(behind.trim_start())?;
        pairs.push((name.trim().to_owned(), value));
        rest = behind.trim_start();
    }
    Ok(pairs)
}

/// A value, and what stands behind it.
fn value(text: &str) -> Result<(String, &str), TargetError> {
    let (quoted, mut characters) = match text.strip_prefix('\'') {
        Some(inside) => (true, inside.chars()),
        None => (false, text.chars()),
    };
    let mut value = String::new();
    loop {
        let rest = characters.as_str();
        match characters.next() {
            Some('\\') => value.push(characters.next().ok_or(TargetError::Grammar)?),
            Some('\'') if quoted => return Ok((value, characters.as_str())),
            Some(c) if !quoted && c.is_whitespace() => return Ok((value, rest)),
            Some(c) => value.push(c),
            None if quoted => return Err(TargetError::Grammar),
            None => return Ok((value, "")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_grammars_say_the_same() {
        for text in [
            "postgres://me:p%27%20w@h:7/db?sslmode=require&application_name=app",
            "postgresql://me:p%27%20w@h:7/db?sslmode=verify-full&application_name=app&connect_timeout=3",
            "host=h port=7 user=me password='p\\' w' dbname=db sslmode=require application_name=app",
            "  application_name = app\thost = h\nport='7' user=me  dbname=db password=p'\\ w sslmode=verify-ca ",
        ] {
            let target = Target::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let address = &target.address;
            let found = (address.destination.to_string(), address.user.as_deref(), address.password.as_deref(), address.path.as_str());
            assert_eq!(found, ("postgres://h:7".to_owned(), Some("me"), Some("p' w"), "db"), "{text}");
            assert_eq!((target.security, target.application.as_deref()), (Security::Always, Some("app")), "{text}");
        }
        let target = Target::parse("host=::1 user=me").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((target.address.destination.to_string(), target.security), ("postgres://[::1]:5432".to_owned(), Security::IfOffered));
    }

    #[test]
    fn what_is_neither_is_refused() {
        use TargetError::*;
        for (text, expected) in [
            ("", NoHost),
            ("user=me", NoHost),
            ("host=h", NoUser),
            ("postgres://h/db", NoUser),
            ("host=h user", Grammar),
            ("host='h", Grammar),
            ("host=h user=me hostaddr=127.0.0.1", Option),
            ("host=h user=me service=x", Option),
            ("postgres://me@h/db?host=other", Option),
            ("host=h user=me sslmode=maybe", Security),
        ] {
            assert_eq!(Target::parse(text).err(), Some(expected), "{text}");
        }
        for text in [
            "host=/var/run/postgresql user=me",
            "host=a,b user=me",
            "host=h port=1,2 user=me",
            "host=2130706433 user=me",
            "host='' user=me",
        ] {
            assert!(matches!(Target::parse(text).err(), Some(Destination(_))), "{text}");
        }
        for text in ["postgres://me@%2Fvar%2Frun", "postgres://me@a,b/db", "postgres://me:a@b@c/db"] {
            assert!(matches!(Target::parse(text).err(), Some(Address(_))), "{text}");
        }
    }
}
