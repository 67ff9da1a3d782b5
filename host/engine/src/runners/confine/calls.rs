//! The calls of the system that a runner needs. All others fail as if they were not permitted.

use std::collections::BTreeMap;

use libc as c;
use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp,
    SeccompCondition, SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

/// Takes the other calls away. Returns what could not be done.
pub(super) fn restrict() -> Option<String> {
    let problem = match filters() {
        Ok(filters) => {
            filters.iter().try_for_each(|filter| apply_filter(filter)).err()?.to_string()
        }
        Err(error) => error.to_string(),
    };
    Some(format!("seccomp cannot be used ({problem}): calls of the system are not out of reach"))
}

fn filters() -> Result<[BpfProgram; 2], Error> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let mut allowed: Rules = PLAIN.iter().map(|call| (*call, Vec::new())).collect();
    allowed.extend(conditional()?);
    let allowed =
        filter(allowed, SeccompAction::Errno(errno(c::EPERM)), SeccompAction::Allow, arch)?;
    // Its arguments cannot be looked at, so that it might start a process. Who is told that there
    // is no such call uses `clone` for threads.
    let missing = BTreeMap::from([(c::SYS_clone3, Vec::new())]);
    let missing =
        filter(missing, SeccompAction::Allow, SeccompAction::Errno(errno(c::ENOSYS)), arch)?;
    Ok([missing, allowed])
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn filter(
    rules: Rules,
    others: SeccompAction,
    these: SeccompAction,
    arch: TargetArch,
) -> Result<BpfProgram, Error> {
    Ok(SeccompFilter::new(rules, others, these, arch)?.try_into()?)
}

fn errno(number: i32) -> u32 {
    number.unsigned_abs()
}

/// Calls that are allowed with some arguments only.
fn conditional() -> Result<Rules, BackendError> {
    use SeccompCmpOp::{Eq, MaskedEq};

    let word = |number: u8, operator, value| {
        SeccompCondition::new(number, SeccompCmpArgLen::Dword, operator, value)
    };
    let either = |number: u8, values: &[u64]| {
        let rules = values.iter().map(|value| SeccompRule::new(vec![word(number, Eq, *value)?]));
        rules.collect::<Result<Vec<_>, _>>()
    };
    let thread = c::CLONE_THREAD as u64;
    Ok(BTreeMap::from([
        // Threads, and no processes.
        (c::SYS_clone, vec![SeccompRule::new(vec![word(0, MaskedEq(thread), thread)?])?]),
        // Names of threads, which tools show.
        (c::SYS_prctl, either(0, &[c::PR_SET_NAME as u64])?),
        // How much stack there is. Setting limits takes a pointer to them.
        (
            c::SYS_prlimit64,
            vec![SeccompRule::new(vec![SeccompCondition::new(
                2,
                SeccompCmpArgLen::Qword,
                Eq,
                0,
            )?])?],
        ),
        // A crash of its own.
        (c::SYS_tgkill, either(0, &[u64::from(std::process::id())])?),
        // Pairs that are connected with one another, which wake its own threads.
        (c::SYS_socketpair, either(0, &[c::AF_UNIX as u64])?),
        (c::SYS_ioctl, either(1, &[c::FIONBIO, PAGEMAP_SCAN])?),
    ]))
}

/// Tells which pages of an instance's memory have to be cleared.
const PAGEMAP_SCAN: u64 = 0xc060_6610;

/// Calls that are allowed whatever their arguments.
const PLAIN: &[i64] = &[
    // Streams and files that are open.
    c::SYS_read,
    c::SYS_write,
    c::SYS_readv,
    c::SYS_writev,
    c::SYS_pread64,
    c::SYS_pwrite64,
    c::SYS_preadv,
    c::SYS_pwritev,
    c::SYS_preadv2,
    c::SYS_pwritev2,
    c::SYS_recvmsg,
    c::SYS_recvfrom,
    c::SYS_sendmsg,
    c::SYS_sendto,
    c::SYS_shutdown,
    c::SYS_close,
    c::SYS_lseek,
    c::SYS_fsync,
    c::SYS_fdatasync,
    c::SYS_ftruncate,
    c::SYS_fallocate,
    c::SYS_fadvise64,
    c::SYS_copy_file_range,
    c::SYS_fcntl,
    c::SYS_dup,
    c::SYS_dup3,
    // Names, as far as Landlock lets them be reached.
    c::SYS_openat,
    c::SYS_openat2,
    c::SYS_fstat,
    #[cfg(target_arch = "x86_64")]
    c::SYS_newfstatat,
    #[cfg(target_arch = "aarch64")]
    79,
    c::SYS_statx,
    c::SYS_fstatfs,
    c::SYS_getdents64,
    c::SYS_readlinkat,
    c::SYS_mkdirat,
    c::SYS_unlinkat,
    c::SYS_renameat,
    c::SYS_renameat2,
    c::SYS_linkat,
    c::SYS_symlinkat,
    c::SYS_utimensat,
    c::SYS_faccessat,
    c::SYS_faccessat2,
    c::SYS_getcwd,
    // Waiting.
    c::SYS_epoll_create1,
    c::SYS_epoll_ctl,
    c::SYS_epoll_pwait,
    c::SYS_epoll_pwait2,
    c::SYS_ppoll,
    c::SYS_eventfd2,
    c::SYS_pipe2,
    c::SYS_futex,
    c::SYS_nanosleep,
    c::SYS_clock_nanosleep,
    c::SYS_clock_gettime,
    c::SYS_clock_getres,
    c::SYS_restart_syscall,
    // Memory.
    c::SYS_mmap,
    c::SYS_munmap,
    c::SYS_mprotect,
    c::SYS_mremap,
    c::SYS_madvise,
    c::SYS_brk,
    c::SYS_membarrier,
    // Threads and signals.
    c::SYS_clone3,
    c::SYS_exit,
    c::SYS_exit_group,
    c::SYS_gettid,
    c::SYS_getpid,
    c::SYS_set_robust_list,
    c::SYS_rseq,
    c::SYS_sched_yield,
    c::SYS_sched_getaffinity,
    c::SYS_getcpu,
    c::SYS_rt_sigaction,
    c::SYS_rt_sigprocmask,
    c::SYS_rt_sigreturn,
    c::SYS_sigaltstack,
    c::SYS_getrandom,
    c::SYS_uname,
    c::SYS_sysinfo,
    // The same, as they are called on older processors.
    #[cfg(target_arch = "x86_64")]
    c::SYS_open,
    #[cfg(target_arch = "x86_64")]
    c::SYS_stat,
    #[cfg(target_arch = "x86_64")]
    c::SYS_lstat,
    #[cfg(target_arch = "x86_64")]
    c::SYS_readlink,
    #[cfg(target_arch = "x86_64")]
    c::SYS_access,
    #[cfg(target_arch = "x86_64")]
    c::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    c::SYS_epoll_wait,
    #[cfg(target_arch = "x86_64")]
    c::SYS_arch_prctl,
];
