import { readConfig } from "../config/env.ts";
import { pathsOf } from "../config/paths.ts";
import { exportLines } from "../output/environment.ts";
import { AdminClient, notRunning } from "../service/admin-client.ts";
import { readSecret } from "../service/secrets.ts";

/** Prints the exports that make official SDKs talk to this cloud. */
export async function envCommand(): Promise<void> {
  const paths = pathsOf(readConfig());
  const status = await new AdminClient(paths.adminSocket).status();
  const key = await readSecret(paths.apiKeyFile);
  if (!status || !key) throw notRunning();
  process.stdout.write(exportLines(status, key));
}
