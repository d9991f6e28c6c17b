import type { LogsOptions } from "./commands/logs.ts";
import { Command } from "commander";
import { AppError, errorText } from "@sandbank/core/errors";
import { registerTemplates } from "./commands/templates.ts";
import { registerTenancy } from "./commands/tenancy.ts";
import { version } from "./version.ts";

const program = new Command("sandbank")
  .description("A self-hosted sandbox cloud that speaks E2B's wire protocol")
  .version(version)
  .showHelpAfterError();

// Each command loads its own part: `env` and `ps` must not wait for the service's code.
program
  .command("up")
  .description("install what is missing, start the cloud, check it, print the environment for E2B's SDKs")
  .option("-d, --detach", "leave the service running in the background")
  .option(
    "--tls",
    "speak TLS too, with certificates of a local authority unless SANDBANK_TLS_CERT names others",
  )
  .option("--print-config", "show every setting with its value and end")
  .action(async (options: { detach?: boolean; tls?: boolean; printConfig?: boolean }) => {
    const { upCommand } = await import("./commands/up.ts");
    await upCommand(options);
  });

program
  .command("down")
  .description("stop the cloud and its sandboxes, leave nothing behind")
  .action(async () => {
    const { downCommand } = await import("./commands/down.ts");
    await downCommand();
  });

program
  .command("env")
  .description('print the environment for E2B\'s SDKs: eval "$(./sandbank env)"')
  .action(async () => {
    const { envCommand } = await import("./commands/env.ts");
    await envCommand();
  });

program
  .command("ps")
  .description("list the sandboxes with the isolation that each really got")
  .option("--json", "as JSON")
  .action(async (options: { json?: boolean }) => {
    const { psCommand } = await import("./commands/ps.ts");
    await psCommand(options);
  });

program
  .command("logs")
  .description("show what a sandbox said and what happened to it, also after its end")
  .argument("<sandbox>", "its id")
  .option("--console", "only what was said on its console")
  .option("--egress", "what it wanted to reach and what became of that, in place of what it said")
  .option("-f, --follow", "go on until it has ended")
  .option("--json", "one JSON object per line")
  .action(async (sandbox: string, options: LogsOptions) => {
    const { logsCommand } = await import("./commands/logs.ts");
    await logsCommand(sandbox, options);
  });

program
  .command("doctor")
  .description(
    "say what is wrong, at which layer, with evidence and remedy; exit code 0 healthy, 1 degraded, 2 broken",
  )
  .argument("[target]", "only this sandbox; with --fix also the name of a leaked resource, or host-network")
  .option("--fix", "repair it, or everything that is broken, one by one")
  .option("--json", "as JSON: spec/doctor.schema.json")
  .action(async (target: string | undefined, options: { fix?: boolean; json?: boolean }) => {
    const { doctorCommand } = await import("./commands/doctor.ts");
    await doctorCommand(target, options);
  });

registerTenancy(program);
registerTemplates(program);

program
  .command("test")
  .description("run all tests; the last line counts them")
  .argument("[suites...]", "only these suites")
  .action(async (suites: string[]) => {
    const { testCommand } = await import("./commands/test.ts");
    await testCommand(suites);
  });

program
  .command("serve", { hidden: true })
  .description("run the service without checks, for service managers")
  .option("--tls", "speak TLS too")
  .action(async (options: { tls?: boolean }) => {
    const { serveCommand } = await import("./commands/serve.ts");
    await serveCommand(options);
  });

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(
    `sandbank: ${error instanceof AppError ? errorText(error) : String((error as Error).stack ?? error)}\n`,
  );
  process.exitCode ??= 1;
}
