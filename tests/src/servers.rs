//! Real databases and brokers for components to speak to, each on a free port of loopback. This file knows how they are started; it
//! must never know what is said to them.

use crate::wait_until;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A server with a directory of its own. Dropped, it is killed.
#[derive(Debug)]
pub struct RealServer {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    child: Child,
    _directory: TempDir,
}

impl RealServer {
    /// Redis; with a password if one is given.
    pub fn redis(password: Option<&str>) -> Self {
        Self::redis_at(free_port(), password)
    }

    fn redis_at(port: u16, password: Option<&str>) -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let mut command = Command::new(program("redis-server", &["/usr/bin"]));
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
        command.arg("--dir").arg(directory.path());
        if let Some(password) = password {
            command.args(["--requirepass", password]);
        }
        Self::start(command, port, directory)
    }

    /// Redis over TLS alone, with a password and a certificate of its own for `localhost`; the certificate comes with it, as a file.
    pub fn redis_tls(password: &str) -> (Self, PathBuf) {
        let (port, directory) = (free_port(), tempfile::tempdir().expect("directory"));
        let (certificate, key) = certificate(directory.path());
        let mut command = Command::new(program("redis-server", &["/usr/bin"]));
        command.args(["--bind", "127.0.0.1", "--port", "0", "--tls-port", &port.to_string(), "--save", "", "--appendonly", "no"]);
        command.args(["--tls-auth-clients", "no", "--requirepass", password, "--dir"]).arg(directory.path());
        command.arg("--tls-cert-file").arg(&certificate).arg("--tls-key-file").arg(&key);
        (Self::start(command, port, directory), certificate)
    }

    /// PostgreSQL with a superuser `spell` of this password, and a certificate of its own for `localhost`; the certificate comes
    /// with it, as PEM.
    pub fn postgres(password: &str) -> (Self, String) {
        let (port, directory) = (free_port(), tempfile::tempdir().expect("directory"));
        let (data, word) = (directory.path().join("data"), directory.path().join("password"));
        std::fs::write(&word, password).expect("write");
        let (certificate, key) = certificate(directory.path());
        give_away(directory.path());
        let places = postgres_places();
        let places: Vec<&str> = places.iter().map(String::as_str).collect();
        let mut create = unprivileged(&program("initdb", &places));
        create.args(["-U", "spell", "-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync"]);
        create.arg("-D").arg(&data).arg("--pwfile").arg(&word);
        run(create);
        let mut command = unprivileged(&program("postgres", &places));
        command.args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "ssl=on"]);
        command.arg("-k").arg(directory.path()).arg("-D").arg(&data);
        for (name, path) in [("ssl_cert_file", &certificate), ("ssl_key_file", &key)] {
            command.arg("-c").arg(format!("{name}={}", path.display()));
        }
        let text = std::fs::read_to_string(&certificate).expect("certificate");
        let server = Self::start(command, port, directory);
        wait_until("the server to be ready", || is_ready(port));
        (server, text)
    }

    /// A broker of MQTT that knows one user, and what it was told of every topic so far, by a client that is told all.
    pub fn mosquitto(user: &str, password: &str) -> Self {
        let (port, directory) = (free_port(), tempfile::tempdir().expect("directory"));
        let (settings, passwords) = (directory.path().join("settings"), directory.path().join("passwords"));
        let mut create = Command::new(program("mosquitto_passwd", &["/usr/bin"]));
        create.arg("-c").arg("-b").arg(&passwords).args([user, password]);
        run(create);
        let text = format!("listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {}\nuser root\n", passwords.display());
        std::fs::write(&settings, text).expect("write");
        let mut command = Command::new(program("mosquitto", &["/usr/sbin", "/usr/bin"]));
        command.arg("-c").arg(&settings);
        Self::start(command, port, directory)
    }

    /// What arrives under a topic until so many messages have, as text.
    pub fn subscribed(&self, user: &str, password: &str, topic: &str, messages: usize, meanwhile: impl FnOnce()) -> String {
        // It would keep what it says until it ends.
        let mut command = Command::new("stdbuf");
        command.arg("-oL").arg(program("mosquitto_sub", &["/usr/bin"]));
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-u", user, "-P", password]);
        command.args(["-q", "2", "-W", "30", "-d", "-t", topic]);
        command.args(["-C", &messages.to_string(), "-F", "message %q %t %p"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("spawn");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines().map_while(Result::ok);
        // From here on nothing is missed.
        let _ = lines.find(|line| line.contains("SUBACK") || line.contains("Subscribed"));
        meanwhile();
        let told: Vec<String> = lines.filter(|line| line.starts_with("message ")).collect();
        let _ = child.wait();
        told.join("\n")
    }

    /// A registry of images that everybody may write to.
    pub fn docker_registry() -> Self {
        let (port, directory) = (free_port(), tempfile::tempdir().expect("directory"));
        let settings = directory.path().join("settings.yml");
        let (images, listen) = (directory.path().join("images"), format!("127.0.0.1:{port}"));
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{listen}\"}}\n",
            images.display()
        );
        std::fs::write(&settings, text).expect("write");
        let mut command = Command::new(program("docker-registry", &["/usr/bin"]));
        command.arg("serve").arg(&settings);
        Self::start(command, port, directory)
    }

    /// MariaDB with a user `spell` of this password, and a database `test` of its own.
    pub fn mariadb(password: &str) -> Self {
        let (port, directory) = (free_port(), tempfile::tempdir().expect("directory"));
        let (data, statements) = (directory.path().join("data"), directory.path().join("statements"));
        let text = format!("CREATE DATABASE test;\nCREATE USER spell@'%' IDENTIFIED BY '{password}';\nGRANT ALL ON test.* TO spell@'%';\n");
        std::fs::write(&statements, text).expect("write");
        give_away(directory.path());
        let mut create = unprivileged(&program("mariadb-install-db", &["/usr/bin"]));
        create.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        create.arg(format!("--datadir={}", data.display()));
        // Where others start as well, each would remove the temporary tables of all.
        create.env("TMPDIR", directory.path());
        run(create);
        let mut command = unprivileged(&program("mariadbd", &["/usr/sbin"]));
        command.args(["--no-defaults", "--bind-address=127.0.0.1", "--innodb-flush-log-at-trx-commit=0", "--skip-name-resolve"]);
        command.args([&format!("--port={port}"), "--character-set-server=utf8mb4"]);
        for (name, path) in [("datadir", &data), ("init-file", &statements)] {
            command.arg(format!("--{name}={}", path.display()));
        }
        command.arg(format!("--socket={}", directory.path().join("socket").display())).env("TMPDIR", directory.path());
        Self::start(command, port, directory)
    }

    /// Ends it, and has another begin on the same port after a while in which nobody listens there.
    pub fn restart(&mut self, meanwhile: impl FnOnce()) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        meanwhile();
        let next = Self::redis_at(self.port, None);
        drop(std::mem::replace(self, next));
    }

    fn start(mut command: Command, port: u16, directory: TempDir) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("spawn");
        let mut server = Self { port, child, _directory: directory };
        wait_until("the server to listen", || {
            assert!(server.child.try_wait().expect("wait").is_none(), "the server ended: {command:?}");
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        server
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether PostgreSQL answers a question for TLS, which it does once it takes connections.
fn is_ready(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut answer = [0];
    stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).is_ok() && stream.read_exact(&mut answer).is_ok()
}

/// A certificate for `localhost` that signs itself, and its key.
fn certificate(directory: &Path) -> (PathBuf, PathBuf) {
    let (certificate, key) = (directory.join("server.crt"), directory.join("server.key"));
    let mut command = Command::new(program("openssl", &["/usr/bin", "/usr/local/bin"]));
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]);
    command.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"]);
    command.arg("-out").arg(&certificate).arg("-keyout").arg(&key);
    run(command);
    (certificate, key)
}

fn postgres_places() -> Vec<String> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions.map(|version| version.path().join("bin").display().to_string()).collect()
}

/// Some servers refuse to run as root.
fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new(program);
    if rustix::process::getuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.current_dir("/");
    command
}

/// Gives a directory and what is in it to who runs servers.
fn give_away(directory: &Path) {
    if rustix::process::getuid().is_root() {
        let mut command = Command::new("chown");
        command.arg("-R").arg(format!("{NOBODY}:{NOBODY}")).arg(directory);
        run(command);
    }
}

fn run(mut command: Command) {
    let output = command.stdin(Stdio::null()).output().expect("run");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The number of the user without rights.
const NOBODY: u32 = 65_534;

/// A port that nobody listened on a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

fn program(name: &str, places: &[&str]) -> PathBuf {
    let found = places.iter().map(|place| Path::new(place).join(name)).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{name} is missing: run `make servers`"))
}
