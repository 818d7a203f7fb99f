//! Stops a thread of another process at each call that changes what a disk holds for good.

use std::path::PathBuf;

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// A thread that runs from stop to stop. It dies with the thread that traces it.
pub(super) struct Thread {
    id: Pid,
    /// The call that it is in.
    call: Option<Call>,
}

#[derive(Debug, Clone)]
pub(super) enum Call {
    /// Makes the file or folder durable that this path in `/proc` leads to.
    Sync(PathBuf),
    /// Makes, renames, removes or shortens something.
    Change,
}

#[derive(Debug)]
pub(super) enum Stop {
    Before,
    After(Call),
}

impl Thread {
    /// None if a process may not trace its child here.
    pub(super) fn attach(id: i32) -> Option<Self> {
        let id = Pid::from_raw(id);
        let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL;
        match ptrace::seize(id, options) {
            Err(Errno::EPERM | Errno::ENOSYS) => return None,
            seized => seized.unwrap(),
        }
        ptrace::interrupt(id).unwrap();
        let status = wait(id);
        assert!(
            matches!(status, WaitStatus::PtraceEvent(..)),
            "in place of a stop: {status:?}"
        );
        Some(Self { id, call: None })
    }

    /// Lets the thread run until it is about to make such a call, or has made it. None: it has ended.
    pub(super) fn next(&mut self) -> Option<Stop> {
        let mut signal = None;
        loop {
            ptrace::syscall(self.id, signal.take()).unwrap();
            match wait(self.id) {
                WaitStatus::PtraceSyscall(_) => {}
                WaitStatus::Stopped(_, other) => {
                    signal = Some(other);
                    continue;
                }
                WaitStatus::Exited(..) | WaitStatus::Signaled(..) => return None,
                _ => continue,
            }
            let is_entry =
                ptrace::syscall_info(self.id).unwrap().op == libc::PTRACE_SYSCALL_INFO_ENTRY;
            if is_entry {
                self.call = self.read_call();
                if self.call.is_some() {
                    return Some(Stop::Before);
                }
            } else if let Some(call) = self.call.take() {
                return Some(Stop::After(call));
            }
        }
    }

    /// The call that it stands before (proc_pid_syscall(5)).
    fn read_call(&self) -> Option<Call> {
        let text = std::fs::read_to_string(format!("/proc/{}/syscall", self.id)).unwrap();
        let mut words = text.split(' ');
        let number: libc::c_long = words.next()?.parse().ok()?;
        if number == libc::SYS_fsync || number == libc::SYS_fdatasync {
            let file = i32::from_str_radix(words.next()?.trim_start_matches("0x"), 16).unwrap();
            return Some(Call::Sync(format!("/proc/{}/fd/{file}", self.id).into()));
        }
        let mut changes = vec![
            libc::SYS_renameat,
            libc::SYS_renameat2,
            libc::SYS_unlinkat,
            libc::SYS_mkdirat,
            libc::SYS_ftruncate,
        ];
        #[cfg(target_arch = "x86_64")]
        changes.extend([libc::SYS_rename, libc::SYS_unlink, libc::SYS_mkdir]);
        changes.contains(&number).then_some(Call::Change)
    }
}

fn wait(id: Pid) -> WaitStatus {
    waitpid(id, Some(WaitPidFlag::__WALL)).unwrap()
}
