import type { MessageInitShape } from "@bufbuild/protobuf";
import type { EgressPolicy } from "./egress-policy.ts";
import type { EgressPolicy as EgressMessage, EgressPolicySchema } from "./gen/node_pb.ts";

/** A policy as node.proto carries it. */
export const toEgressMessage = (policy: EgressPolicy): MessageInitShape<typeof EgressPolicySchema> => {
  const { dnsServers, ...same } = policy;
  return dnsServers ? { ...same, dnsServers: { addresses: dnsServers } } : same;
};

/** The plain form, which is also what a journal can keep. */
export function fromEgressMessage(message: EgressMessage): EgressPolicy {
  const { allowRanges, allowDomains, denyRanges, proxy } = message;
  return {
    allowRanges,
    allowDomains,
    denyRanges,
    rules: message.rules.map(({ domain, headers }) => ({ domain, headers })),
    proxy: proxy && {
      host: proxy.host,
      port: proxy.port,
      username: proxy.username,
      password: proxy.password,
      tls: proxy.tls && { serverName: proxy.tls.serverName, ca: proxy.tls.ca },
    },
    dnsServers: message.dnsServers?.addresses,
  };
}
