//! A process that is stopped at each system call that changes a disk or sends something, before and after it.
//!
//! The calls are counted over all threads of the process. (`strace --inject` counts for each thread by itself, so a call of
//! the second thread can be out of reach, and it can only strike before a call.)

use crate::SystemCall;
use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// The longest that a run of a few payments may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(600);

/// What befalls a process at a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// `kill -9` before the call takes effect: it never does.
    KillBefore,
    /// `kill -9` after the call took effect, before the process learns what came of it.
    KillAfter,
    /// The call does not take effect, and the process is told this error.
    Fail(Errno),
}

/// How a traced command ended.
#[derive(Debug)]
pub struct Traced {
    /// Its exit code; `None` if it was killed.
    pub code: Option<i32>,
    /// Data.
    pub stdout: String,
    /// Words for people.
    pub stderr: String,
    /// Its calls, in the order in which they began.
    pub calls: Vec<SystemCall>,
    /// Which of them a blow hit.
    pub struck: Option<usize>,
}

impl Traced {
    /// Runs the command to its end, or to the blow's. `judge` is asked at each call, before it takes effect, what is to befall the
    /// process there; the thread that makes the call stands still meanwhile.
    ///
    /// # Errors
    /// If this machine does not let us trace.
    pub fn run(
        command: &Command,
        mut judge: impl FnMut(&SystemCall) -> Option<Blow>,
    ) -> io::Result<Self> {
        let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
        let mut tracer = Tracer::start(command, (&stdout, &stderr))?;
        let mut calls = Vec::new();
        let mut struck = None;
        let leader = tracer.leader;
        let (ended, waits) = mpsc::channel::<()>();
        let watch = thread::spawn(move || {
            let hangs = waits.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout);
            hangs.then(|| kill(leader, Signal::SIGKILL)).is_some()
        });
        let code = tracer.follow(&mut |call: SystemCall| {
            let blow = struck.is_none().then(|| judge(&call)).flatten();
            if blow.is_some() {
                struck = Some(calls.len());
            }
            calls.push(call);
            blow
        })?;
        drop(ended);
        let call = struck.and_then(|index| calls.get(index));
        assert!(!watch.join().unwrap(), "it had not ended after {PATIENCE:?}: {call:?}");
        let text = |file: &mut File| {
            let mut text = String::new();
            file.rewind().and_then(|()| file.read_to_string(&mut text)).map(|_| text)
        };
        Ok(Self { code, stdout: text(&mut stdout)?, stderr: text(&mut stderr)?, calls, struck })
    }

    /// The call that the blow hit.
    pub fn struck_call(&self) -> Option<&SystemCall> {
        self.struck.and_then(|index| self.calls.get(index))
    }
}

/// Where a thread stands.
#[derive(Clone, Copy)]
enum Thread {
    InItsCode,
    InACall(Option<Blow>),
}

/// The tracing side: bound to the thread that started it.
struct Tracer {
    leader: Pid,
    threads: HashMap<Pid, Thread>,
    began: bool,
}

impl Tracer {
    /// A shell that waits for a word, and becomes the command when it is traced.
    fn start(command: &Command, (stdout, stderr): (&File, &File)) -> io::Result<Self> {
        let mut shell = Command::new("sh");
        shell.args(["-c", "read -r word; exec \"$@\" </dev/null", "sh"]);
        shell.arg(command.get_program()).args(command.get_args()).env_clear();
        for (name, value) in command.get_envs() {
            shell.env(name, value.unwrap_or_default());
        }
        if let Some(dir) = command.get_current_dir() {
            shell.current_dir(dir);
        }
        shell.stdin(Stdio::piped()).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
        let mut child = shell.process_group(0).spawn()?;
        let leader = Pid::from_raw(child.id().cast_signed());
        let options = Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_TRACECLONE
            | Options::PTRACE_O_TRACEEXEC
            | Options::PTRACE_O_EXITKILL;
        if let Err(error) = ptrace::seize(leader, options) {
            child.kill()?;
            child.wait()?;
            return Err(error.into());
        }
        if let Some(mut word) = child.stdin.take() {
            word.write_all(b"go\n")?;
        }
        Ok(Self { leader, threads: HashMap::new(), began: false })
    }

    /// Until the process is gone: its exit code.
    fn follow(
        &mut self,
        at: &mut dyn FnMut(SystemCall) -> Option<Blow>,
    ) -> io::Result<Option<i32>> {
        let group = Pid::from_raw(-self.leader.as_raw());
        loop {
            match waitpid(group, Some(WaitPidFlag::__WALL))? {
                WaitStatus::Exited(pid, code) if pid == self.leader => return Ok(Some(code)),
                WaitStatus::Signaled(pid, ..) if pid == self.leader => return Ok(None),
                WaitStatus::PtraceEvent(pid, _, libc::PTRACE_EVENT_EXEC) => {
                    self.began = true;
                    self.threads.insert(pid, Thread::InACall(None));
                    go_on(pid, None)?;
                }
                WaitStatus::PtraceEvent(pid, ..) => go_on(pid, None)?,
                WaitStatus::Stopped(pid, signal) => go_on(pid, Some(signal))?,
                WaitStatus::PtraceSyscall(pid) => match self.pass(pid, at) {
                    // Killed meanwhile: its end comes next.
                    Ok(()) | Err(Errno::ESRCH) => {}
                    Err(error) => return Err(error.into()),
                },
                WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..) => {
                    self.threads.remove(&pid);
                }
                WaitStatus::Continued(_) | WaitStatus::StillAlive => {}
            }
        }
    }

    /// A thread enters a call or leaves one.
    fn pass(
        &mut self,
        pid: Pid,
        at: &mut dyn FnMut(SystemCall) -> Option<Blow>,
    ) -> nix::Result<()> {
        let mut regs = ptrace::getregs(pid)?;
        let thread = self.threads.entry(pid).or_insert(Thread::InItsCode);
        match *thread {
            Thread::InItsCode => {
                assert_eq!(
                    regs.rax.cast_signed(),
                    -i64::from(libc::ENOSYS),
                    "entry and exit of calls are mixed up"
                );
                let call = self.began.then(|| SystemCall::at_entry(pid.as_raw(), &regs)).flatten();
                let blow = call.and_then(at);
                *thread = Thread::InACall(blow);
                match blow {
                    Some(Blow::KillBefore) => return kill(self.leader, Signal::SIGKILL),
                    Some(Blow::Fail(_)) => {
                        // No call has this number: the kernel makes none.
                        regs.orig_rax = u64::MAX;
                        ptrace::setregs(pid, regs)?;
                    }
                    Some(Blow::KillAfter) | None => {}
                }
            }
            Thread::InACall(blow) => {
                *thread = Thread::InItsCode;
                match blow {
                    Some(Blow::KillAfter) => return kill(self.leader, Signal::SIGKILL),
                    Some(Blow::Fail(errno)) => {
                        regs.rax = (-i64::from(errno as i32)).cast_unsigned();
                        ptrace::setregs(pid, regs)?;
                    }
                    Some(Blow::KillBefore) | None => {}
                }
            }
        }
        ptrace::syscall(pid, None)
    }
}

/// Lets a stopped thread run to its next stop.
fn go_on(pid: Pid, signal: Option<Signal>) -> nix::Result<()> {
    match ptrace::syscall(pid, signal) {
        Err(Errno::ESRCH) => Ok(()),
        gone_on => gone_on,
    }
}
