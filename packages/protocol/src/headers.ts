/** Header names of E2B's wire protocol, lower case as Node delivers them. */
export const headers = {
  apiKey: "x-api-key",
  adminToken: "x-admin-token",
  teamId: "x-team-id",
  accessToken: "x-access-token",
  sandboxId: "e2b-sandbox-id",
  sandboxPort: "e2b-sandbox-port",
  trafficAccessToken: "e2b-traffic-access-token",
  nextToken: "x-next-token",
  totalRunning: "x-total-running",
} as const;

export const envdPort = 49983;

/** Where the daemon joins callers with programs that listen only on the sandbox's loopback; ours, not E2B's. */
export const loopbackBridgePort = 49982;

/** Where the daemon finds the sandbox's own control groups, if its kernel has any: in a directory of root's. Ours. */
export const guestControlGroups = "/.sandbank-groups/all";

/** The envd version that clients gate features on (protocol level, not our release). */
export const envdProtocolVersion = "0.6.13";

/** The constant that E2B's API sends as `clientID`. */
export const clientId = "6532622b";
