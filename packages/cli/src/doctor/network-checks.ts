import { nftChains } from "@sandbank/linux/nft";
import { missingHostNetwork } from "@sandbank/orchestrator/network/host-network";
import { hostResolvers } from "@sandbank/orchestrator/network/resolvers";
import type { Config } from "../config/env.ts";
import { portHolder } from "../prepare/preflight.ts";
import { type RatedCheck, bad, poor, well } from "./check.ts";
import { lookUpPortHost } from "./port-host-lookup.ts";
import type { ServiceState } from "./service-state.ts";

/** The host's side of all sandboxes' networks, and other people's rules that stand in the way. */
export async function checkHostNetwork(config: Config, hasSandboxes: boolean): Promise<RatedCheck[]> {
  const identity = { tag: config.tag, hostPrefix: config.hostPrefix };
  const missing = await missingHostNetwork(identity);
  const ours = `sandbank_${config.tag}`;
  const droppers = (await nftChains())
    .filter(
      ({ chain, hook }) => !chain.includes(` ${ours} `) && /hook forward .*policy drop/.test(hook ?? ""),
    )
    .map(({ chain }) => chain);
  return [rateHostNetwork(missing, hasSandboxes, ours), rateForwarding(droppers, config)];
}

function rateHostNetwork(missing: string[], hasSandboxes: boolean, table: string): RatedCheck {
  const name = "host-network";
  if (missing.length === 0)
    return well(name, `forwarding is on; address on lo; table inet ${table} with its rules`);
  if (!hasSandboxes) return well(name, "not set up: no service and no sandbox runs");
  return bad(name, {
    evidence: `missing: ${missing.join(", ")}`,
    meaning: "sandboxes can't be reached, or can't reach the internet: what all of them share was taken away",
    remedy: "sandbank doctor host-network --fix sets it up again",
  });
}

function rateForwarding(droppers: string[], { tag }: Config): RatedCheck {
  if (droppers.length === 0) return well("forwarding", "no other table drops forwarded packets by default");
  return poor("forwarding", {
    evidence: `chains that drop forwarded packets by default: ${droppers.join(", ")}`,
    meaning: "sandboxes may not reach the internet: another firewall (Docker sets one up) has the last word",
    remedy: `let the devices through, e.g. iptables -I DOCKER-USER -i '${tag}h+' -j ACCEPT and -o '${tag}h+'`,
  });
}

/** Who listens on the ports that clients use. */
export async function checkPorts(config: Config, service: ServiceState): Promise<RatedCheck[]> {
  const ports = [
    { name: "api-port", port: config.apiPort, setting: "SANDBANK_API_PORT" },
    { name: "proxy-port", port: config.proxyPort, setting: "SANDBANK_PROXY_PORT" },
  ];
  const servicePid =
    service.kind === "up" ? service.facts.pid : service.kind === "silent" ? service.pid : undefined;
  return Promise.all(
    ports.map(async ({ name, port, setting }) => {
      const where = `${config.bindAddress}:${port}`;
      const holder = await portHolder(config.bindAddress, port);
      if (servicePid !== undefined && holder?.includes(`(pid ${servicePid})`)) {
        return well(name, `${where}: the service, pid ${servicePid}`);
      }
      if (holder === undefined) {
        if (servicePid === undefined) return well(name, `${where} is free`);
        return bad(name, {
          evidence: `nobody listens on ${where}, although the service runs (pid ${servicePid})`,
          meaning: "clients can't reach the cloud",
          remedy: "restart the service: sandboxes go on; sandbank up --detach after ending it",
        });
      }
      return bad(name, {
        evidence: `${where} is held by ${holder}`,
        meaning: "another program has the port, so the service can't listen there",
        remedy: `end that program, or choose another port with ${setting}`,
      });
    }),
  );
}

/** Whether the host names of port URLs lead to this machine. */
export async function checkResolver({ domain }: Config): Promise<RatedCheck> {
  const found = await lookUpPortHost(domain);
  const upstream = `sandboxes ask ${(await hostResolvers()).join(", ")}`;
  if ("addresses" in found)
    return well("resolver", `${found.name} is ${found.addresses.join(", ")}; ${upstream}`);
  return poor("resolver", {
    evidence: `${found.name}: ${found.error}; ${upstream}`,
    meaning:
      "port URLs work only in clients that resolve such names themselves (browsers, curl) or send the routing headers",
    remedy: found.remedy,
  });
}
