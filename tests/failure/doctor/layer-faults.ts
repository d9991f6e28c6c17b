import { poll } from "@sandbank/core/deadline";
import { runUnchecked } from "@sandbank/linux/command";
import { ipBatch } from "@sandbank/linux/ip";
import { nftApply } from "@sandbank/linux/nft";
import type { Patient } from "./patient.ts";

export interface LayerFault {
  name: string;
  /** Absent: every tier. */
  only?: "container" | "gvisor";
  layer: string;
  verdict: "broken" | "degraded";
  /** Part of the evidence. */
  evidence: (patient: Patient) => string;
  inject: (patient: Patient) => Promise<void>;
  /** Where `--fix` can't, somebody else does. */
  undo?: (patient: Patient) => Promise<unknown>;
}

const inRouter = ({ router }: Patient, line: string): Promise<void> => ipBatch([line], router);

/** Faults of a living sandbox that are over when they are repaired, one layer after the other. */
export const layerFaults: LayerFault[] = [
  {
    name: "device deleted",
    layer: "device",
    verdict: "broken",
    evidence: ({ hostDevice, router }) => `no device ${hostDevice} in the host; no device upl in ${router}`,
    inject: ({ hostDevice }) => ipBatch([`link del ${hostDevice}`]),
  },
  {
    name: "device deleted in the sandbox's namespace",
    only: "container",
    layer: "device",
    verdict: "broken",
    evidence: ({ guest }) => `no device eth0 in ${guest}`,
    inject: ({ guest }) => ipBatch(["link del eth0"], guest),
  },
  {
    name: "router's namespace deleted under a living sandbox",
    only: "container",
    layer: "device",
    verdict: "broken",
    evidence: ({ router }) => `the network namespace ${router} does not exist`,
    inject: ({ router }) => ipBatch([`netns del ${router}`]),
  },
  {
    name: "guest's namespace deleted under a living sandbox",
    layer: "device",
    // The process keeps the namespace alive; only its name is gone, which the next repair or end would miss.
    verdict: "degraded",
    evidence: ({ guest }) => `/run/netns/${guest} is gone`,
    inject: ({ guest }) => ipBatch([`netns del ${guest}`]),
  },
  {
    name: "link down",
    layer: "link",
    verdict: "broken",
    evidence: ({ router }) => `upl (${router}) is down`,
    inject: (patient) => inRouter(patient, "link set upl down"),
  },
  {
    name: "address removed",
    layer: "address",
    verdict: "broken",
    evidence: ({ router }) => `gw (${router}) lacks 169.254.0.22/30; it holds no address`,
    inject: (patient) => inRouter(patient, "addr flush dev gw"),
  },
  {
    name: "the guest's address removed",
    only: "container",
    layer: "address",
    verdict: "broken",
    evidence: ({ guest }) => `eth0 (${guest}) lacks 169.254.0.21/30`,
    inject: ({ guest }) => ipBatch(["addr flush dev eth0"], guest),
  },
  {
    name: "NAT rule removed",
    layer: "route",
    verdict: "broken",
    evidence: ({ router, hostAddress }) =>
      `no rule "iifname "upl" ip daddr ${hostAddress} dnat to 169.254.0.21" in chain "ip slot_nat prerouting" of ${router}`,
    inject: ({ router }) => nftApply("flush chain ip slot_nat prerouting\n", router),
  },
  {
    name: "route removed",
    layer: "route",
    verdict: "broken",
    evidence: ({ hostAddress, hostDevice }) => `no route "${hostAddress} dev ${hostDevice}" in the host`,
    inject: ({ hostAddress }) => ipBatch([`route del ${hostAddress}/32`]),
  },
  {
    name: "port closed",
    layer: "port",
    verdict: "broken",
    evidence: ({ hostAddress }) => `connect to ${hostAddress}:49983: ECONNREFUSED`,
    inject: ({ router }) =>
      nftApply("insert rule inet slot_filter forward tcp dport 49983 reject with tcp reset\n", router),
  },
  {
    name: "envd stopped",
    layer: "envd",
    verdict: "broken",
    evidence: () => "GET /health: no answer within 1500 ms",
    inject: async (patient) => {
      await patient.actOnEnvd("kill -STOP $PPID");
      await stopped(patient);
    },
  },
  {
    name: "the sandbox's first process stopped",
    layer: "envd",
    verdict: "broken",
    evidence: ({ pid }) => `(pid ${pid}) T (stopped)`,
    inject: async ({ pid }) => void process.kill(pid, "SIGSTOP"),
  },
  {
    name: "disk full",
    layer: "command",
    verdict: "degraded",
    evidence: () => "the sandbox's disk is full",
    inject: async ({ sandbox }) => {
      await sandbox.commands.run("fallocate -l 1900M /fill || true; dd if=/dev/zero of=/fill2 bs=1M; true", {
        user: "root",
      });
    },
    undo: ({ sandbox }) => sandbox.commands.run("rm /fill /fill2", { user: "root" }),
  },
];

/** Until envd does not answer any more: the signal comes from a command that outlives its call. */
async function stopped({ hostAddress }: Patient): Promise<void> {
  const args = ["-s", "-m", "1", "-o", "/dev/null", `http://${hostAddress}:49983/health`];
  const isSilent = async () => (await runUnchecked("curl", args)).exitCode !== 0 || undefined;
  const silent = await poll(isSilent, { timeoutMs: 20_000, intervalMs: 20 });
  if (!silent) throw new Error("envd goes on answering");
}
