import type { FoundBuild } from "@sandbank/api/find-build";
import type { BuildManifest } from "@sandbank/protocol/build-manifest";
import type { AdminRoute } from "./admin-server.ts";

/** A recorded build, as the admin socket gives it. */
export interface BuildStatus {
  templateID: string;
  /** `name` or `namespace/name`. */
  names: string[];
  buildID: string;
  status: string;
  createdAt: string;
  manifest: BuildManifest;
  /** Of the init and the daemon that this node mounts into every sandbox. */
  envdHash: string;
}

/** Builds of templates on the admin socket, of any team; see spec/admin.yml. */
export function templateRoutes(
  api: { findBuild(reference: string): Promise<FoundBuild> },
  envd: { hash: string },
): AdminRoute[] {
  return [
    {
      method: "GET",
      path: "/v1/builds/:reference",
      async run({ params }) {
        const { template, build } = await api.findBuild(params["reference"] ?? "");
        const body: BuildStatus = {
          templateID: template.id,
          names: template.names.map(({ namespace, alias }) => (namespace ? `${namespace}/${alias}` : alias)),
          buildID: build.id,
          status: build.status,
          createdAt: new Date(build.createdAtMs).toISOString(),
          manifest: build.manifest,
          envdHash: envd.hash,
        };
        return { status: 200, body };
      },
    },
  ];
}
