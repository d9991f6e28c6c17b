/** What the built-in `base` template is made of. Any change here makes a new build. */
export const baseRecipe = {
  /** Raise when the code that applies the recipe changes what comes out. */
  version: 1,
  suite: "bookworm",
  packages: [
    "bash",
    "build-essential",
    "ca-certificates",
    "curl",
    "file",
    "git",
    "iproute2",
    "iputils-ping",
    "jq",
    "less",
    "locales",
    "net-tools",
    "netcat-openbsd",
    "openssh-client",
    "procps",
    "psmisc",
    "python-is-python3",
    "python3",
    "python3-pip",
    "python3-venv",
    "sudo",
    "unzip",
    "util-linux",
    "wget",
    "xz-utils",
    "zip",
  ],
  /** E2B's base has Node 20 with npm and yarn; these come from the npm registry. */
  npm: { node: "20.20.2", npm: "10.9.9", yarn: "1.22.22" },
  user: { name: "user", uid: 1000, home: "/home/user" },
  cpuCount: 2,
  memoryMib: 1024,
  diskMib: 2048,
} as const;

/**
 * Debian's own login profile runs `id` and `mesg`, and every process costs a dozen milliseconds in gVisor.
 * This one runs none, and keeps a PATH that the caller chose.
 */
const profile = `# Login shells. No program is started here: every sandbox command pays for it.
PATH=\${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}
export PATH
if [ -n "\${PS1-}" ] && [ -n "\${BASH-}" ] && [ "$BASH" != /bin/sh ] && [ -f /etc/bash.bashrc ]; then
  . /etc/bash.bashrc
fi
for part in /etc/profile.d/*.sh; do
  [ -r "$part" ] && . "$part"
done
unset part
`;

const rootProfile = `# Login shells of root.
if [ -n "\${BASH-}" ] && [ -f ~/.bashrc ]; then
  . ~/.bashrc
fi
`;

/** Files of the template beside its packages: path → text. */
export const baseFiles: Record<string, { text: string; mode: number }> = {
  "/etc/profile": { text: profile, mode: 0o644 },
  "/root/.profile": { text: rootProfile, mode: 0o644 },
  "/etc/sudoers.d/user": { text: "user ALL=(ALL) NOPASSWD: ALL\nDefaults:user !fqdn\n", mode: 0o440 },
  "/etc/default/locale": { text: "LANG=C.UTF-8\n", mode: 0o644 },
  // pip may write into the system's folders: the sandbox is the environment.
  "/etc/pip.conf": { text: "[global]\nbreak-system-packages = true\n", mode: 0o644 },
};
