/** Where a driver keeps what all its sandboxes share, below the `stateDir` of the node. */
export interface StatePaths {
  /** `--root` of the OCI runtime. */
  runtimeRoot: string;
  /** Exit codes, one file per sandbox, written by its monitor. */
  exitDir: string;
  /** Links to the monitors' attach sockets, which nothing uses. */
  socketDir: string;
}

export const statePaths = (stateDir: string, driver: string): StatePaths => ({
  runtimeRoot: `${stateDir}/${driver}`,
  exitDir: `${stateDir}/exits`,
  socketDir: `${stateDir}/sockets`,
});

/** What there is in a sandbox's `workDir`, apart from its root file system. */
export const bundlePaths = (workDir: string) => ({
  bundle: `${workDir}/bundle`,
  config: `${workDir}/bundle/config.json`,
  pidFile: `${workDir}/container.pid`,
  monitorPidFile: `${workDir}/monitor.pid`,
  consoleLog: `${workDir}/console.log`,
  sysfs: `${workDir}/sys`,
  guestMounts: `${workDir}/mounts`,
});
