/**
 * System calls that any program may make in a container. Left out is what manages the host (mounts, modules, clocks, reboot,
 * swap, accounting, keys), what makes namespaces, and what is seldom needed and often broken into: bpf, io_uring,
 * userfaultfd, perf_event_open, open_by_handle_at, kexec. Names that the kernel or libseccomp does not know are skipped.
 */
export const allowedSystemCalls = [
  // files and directories
  `
    _llseek access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat
    faccessat2 fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat
    fcntl fcntl64 fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstat64 fstatat64
    fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 getxattr getxattrat
    lchown lchown32 lgetxattr link linkat listxattr listxattrat llistxattr lremovexattr lseek lsetxattr
    lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat oldfstat oldlstat oldstat open
    openat openat2 readahead readlink readlinkat removexattr removexattrat rename renameat renameat2 rmdir
    sendfile sendfile64 setxattr setxattrat splice stat stat64 statfs statfs64 statx symlink symlinkat sync
    sync_file_range syncfs tee truncate truncate64 umask unlink unlinkat utime utimensat utimensat_time64
    utimes vmsplice
  `,
  // reading and writing
  `
    io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl pipe pipe2
    pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readv write writev
  `,
  // waiting
  `
    _newselect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
    epoll_wait_old eventfd eventfd2 inotify_add_watch inotify_init inotify_init1 inotify_rm_watch poll ppoll
    ppoll_time64 pselect6 pselect6_time64 select signalfd signalfd4 timerfd_create timerfd_gettime
    timerfd_gettime64 timerfd_settime timerfd_settime64
  `,
  // sockets
  `
    accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg
    recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair
  `,
  // memory
  `
    brk cachestat get_mempolicy madvise map_shadow_stack mbind membarrier memfd_create memfd_secret mincore
    mlock mlock2 mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc
    pkey_free pkey_mprotect process_madvise process_mrelease remap_file_pages set_mempolicy
    set_mempolicy_home_node
  `,
  // processes and threads
  `
    capget capset execve execveat exit exit_group fork get_robust_list getcpu getpgid getpgrp getpid getppid
    getpriority getrlimit getrusage getsid gettid ioprio_get ioprio_set kcmp kill pidfd_getfd pidfd_open
    pidfd_send_signal prctl prlimit64 process_vm_readv process_vm_writev ptrace rseq sched_get_priority_max
    sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
    sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam
    sched_setscheduler sched_yield set_robust_list set_tid_address setpgid setpriority setrlimit setsid
    tgkill times tkill ugetrlimit vfork wait4 waitid waitpid
  `,
  // ids
  `
    getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32
    getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups
    setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid
    setuid32
  `,
  // signals
  `
    pause restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
    rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaction sigaltstack signal
    sigpending sigprocmask sigreturn sigsuspend
  `,
  // time
  `
    adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime
    clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time
    timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64
  `,
  // locks, queues, System V
  `
    futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake ipc mq_getsetattr mq_notify mq_open
    mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv
    msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget
  `,
  // the machine
  `
    arch_prctl arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush chroot get_thread_area getrandom
    landlock_add_rule landlock_create_ruleset landlock_restrict_self modify_ldt seccomp set_thread_area
    set_tls sync_file_range2 sysinfo uname
  `,
].flatMap((names) => names.trim().split(/\s+/));
