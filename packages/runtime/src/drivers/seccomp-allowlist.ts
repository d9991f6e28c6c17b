/**
 * System calls that any program may make in a container. Left out is what manages the host (mounts, modules, clocks, reboot,
 * swap, accounting, keys), what makes namespaces, and what is seldom needed and often broken into: bpf, io_uring,
 * userfaultfd, perf_event_open, open_by_handle_at, kexec. Names that the kernel or libseccomp does not know are skipped.
 */
export const allowedSystemCalls = [
  // files and directories
  `
    access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2
    fadvise64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr
    flistxattr flock fremovexattr fsetxattr fstat fstatfs fsync ftruncate futimesat getcwd getdents
    getdents64 getxattr getxattrat lchown lgetxattr link linkat listxattr listxattrat llistxattr
    lremovexattr lseek lsetxattr lstat mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open
    openat openat2 readahead readlink readlinkat removexattr removexattrat rename renameat renameat2
    rmdir sendfile setxattr setxattrat splice stat statfs statx symlink symlinkat sync sync_file_range
    syncfs tee truncate umask unlink unlinkat utime utimensat utimes vmsplice
  `,
  // reading and writing
  `
    io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit ioctl pipe pipe2 pread64 preadv
    preadv2 pwrite64 pwritev pwritev2 read readv write writev
  `,
  // waiting
  `
    epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
    epoll_wait_old eventfd eventfd2 inotify_add_watch inotify_init inotify_init1 inotify_rm_watch poll
    ppoll pselect6 select signalfd signalfd4 timerfd_create timerfd_gettime timerfd_settime
  `,
  // sockets
  `
    accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg
    sendmmsg sendmsg sendto setsockopt shutdown socketpair
  `,
  // memory
  `
    brk cachestat get_mempolicy madvise map_shadow_stack mbind membarrier memfd_create memfd_secret
    mincore mlock mlock2 mlockall mmap mprotect mremap mseal msync munlock munlockall munmap pkey_alloc
    pkey_free pkey_mprotect process_madvise process_mrelease remap_file_pages set_mempolicy
    set_mempolicy_home_node
  `,
  // processes and threads
  `
    capget capset execve execveat exit exit_group fork get_robust_list getcpu getpgid getpgrp getpid
    getppid getpriority getrlimit getrusage getsid gettid ioprio_get ioprio_set kcmp kill pidfd_getfd
    pidfd_open pidfd_send_signal prctl prlimit64 process_vm_readv process_vm_writev ptrace rseq
    sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
    sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam
    sched_setscheduler sched_yield set_robust_list set_tid_address setpgid setpriority setrlimit setsid
    tgkill times tkill vfork wait4 waitid
  `,
  // ids
  `
    getegid geteuid getgid getgroups getresgid getresuid getuid setfsgid setfsuid setgid setgroups
    setregid setresgid setresuid setreuid setuid
  `,
  // signals
  `
    pause restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
    rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sigaltstack
  `,
  // time
  `
    adjtimex alarm clock_adjtime clock_getres clock_gettime clock_nanosleep getitimer gettimeofday
    nanosleep setitimer time timer_create timer_delete timer_getoverrun timer_gettime timer_settime
  `,
  // locks, queues, System V
  `
    futex futex_requeue futex_wait futex_waitv futex_wake mq_getsetattr mq_notify mq_open
    mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop
    shmat shmctl shmdt shmget
  `,
  // the machine
  `
    arch_prctl chroot get_thread_area getrandom landlock_add_rule landlock_create_ruleset
    landlock_restrict_self modify_ldt seccomp set_thread_area sysinfo uname
  `,
].flatMap((names) => names.trim().split(/\s+/));
