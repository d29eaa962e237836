//! The payrun command as a stranger would run it.

use crate::Provider;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The command, built once.
pub fn binary() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--package", "payrun-cli", "--locked", "--quiet"]);
        // What cargo says of this package would make ring's build script run again, and half of everything after it.
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| {
                name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
            }) {
                build.env_remove(name);
            }
        }
        let output = build.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // target/debug/deps/this-test → target/debug/payrun
        let test = std::env::current_exe().unwrap();
        let path = test.parent().unwrap().parent().unwrap().join("payrun");
        assert!(path.exists(), "{} is not there", path.display());
        path
    })
}

/// A state directory of one's own, and a payment file.
pub struct Home {
    dir: TempDir,
}

/// How a command ended.
pub struct Ended {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Data.
    pub stdout: String,
    /// Words for people.
    pub stderr: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// stdout as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("{error}\nstdout: {}\nstderr: {}", self.stdout, self.stderr)
        })
    }

    /// Asserts the exit code, showing everything if it is another.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }
}

/// A command that is under way.
pub struct Running {
    child: Child,
}

impl Running {
    /// Starts it.
    pub fn spawn(command: &mut Command) -> Self {
        Self { child: command.spawn().unwrap() }
    }

    /// Waits for the end; if it has not come after `patience`, kills it and fails.
    #[track_caller]
    pub fn wait_for(mut self, patience: Duration) -> Ended {
        let began = Instant::now();
        while !self.has_ended() {
            if began.elapsed() > patience {
                self.kill();
                panic!("it has not ended after {patience:?}");
            }
            std::thread::yield_now();
        }
        self.wait()
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends the signal of this name, such as `INT`.
    pub fn signal(&self, name: &str) {
        let status =
            Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end.
    pub fn wait(self) -> Ended {
        Ended::of(self.child.wait_with_output().unwrap())
    }
}

impl Home {
    /// An empty one.
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// The folder for everything of this test.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The state directory.
    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// Writes a file and gives its path.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The command with nothing of this machine's surroundings.
    pub fn command<S: AsRef<std::ffi::OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(args)
            .env_clear()
            .env("HOME", self.dir.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("PAYRUN_STATE_DIR", self.state())
            .env("PAYRUN_ORGANISATION", "acme")
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The command against a provider.
    pub fn against<S: AsRef<std::ffi::OsStr>>(&self, provider: &Provider, args: &[S]) -> Command {
        let mut command = self.command(args);
        command
            .env("PAYRUN_GATEWAY_URL", &provider.url)
            .env("PAYRUN_API_KEY", "test-key-0123456789");
        command
    }

    /// Runs to the end.
    pub fn run<S: AsRef<std::ffi::OsStr>>(&self, args: &[S]) -> Ended {
        Ended::of(self.command(args).output().unwrap())
    }

    /// Runs to the end with these bytes on standard input.
    pub fn run_with_input<S: AsRef<std::ffi::OsStr>>(&self, args: &[S], input: &[u8]) -> Ended {
        let input = std::fs::File::open(self.file("input", input)).unwrap();
        Ended::of(self.command(args).stdin(input).output().unwrap())
    }

    /// Runs to the end against a provider.
    pub fn run_against<S: AsRef<std::ffi::OsStr>>(&self, provider: &Provider, args: &[S]) -> Ended {
        Ended::of(self.against(provider, args).output().unwrap())
    }

    /// Starts against a provider, output thrown away.
    pub fn start_against<S: AsRef<std::ffi::OsStr>>(
        &self,
        provider: &Provider,
        args: &[S],
    ) -> Running {
        let mut command = self.against(provider, args);
        Running::spawn(command.stdout(Stdio::null()).stderr(Stdio::null()))
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}
