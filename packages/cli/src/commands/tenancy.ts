import type { Command } from "commander";
import type { KeyOptions } from "./key.ts";
import { limitOptions } from "./limit-options.ts";
import type { TeamOptions } from "./team.ts";

/** Enters `key` and `team` with their subcommands. */
export function registerTenancy(program: Command): void {
  registerKey(program.command("key").description("API keys: create, list, revoke"));
  registerTeam(program.command("team").description("teams and their limits"));
}

function registerKey(key: Command): void {
  key
    .command("create")
    .description("make a key; its text is shown this once")
    .argument("[name]", "what it is for", "key")
    .option("--team <team>", "of this team; default unless told")
    .option("--json", "as JSON")
    .action(async (name: string, options: KeyOptions) => {
      const { keyCreateCommand } = await import("./key.ts");
      await keyCreateCommand(name, options);
    });
  key
    .command("list")
    .description("list keys, masked, with their last use")
    .option("--team <team>", "of this team only")
    .option("--json", "as JSON")
    .action(async (options: KeyOptions) => {
      const { keyListCommand } = await import("./key.ts");
      await keyListCommand(options);
    });
  key
    .command("revoke")
    .description("refuse a key from now on")
    .argument("<id>", "as key list shows it")
    .option("--json", "as JSON")
    .action(async (id: string, options: KeyOptions) => {
      const { keyRevokeCommand } = await import("./key.ts");
      await keyRevokeCommand(id, options);
    });
}

function registerTeam(team: Command): void {
  team
    .command("create")
    .description("make a team")
    .argument("<team>", "its short name, of a-z, 0-9, _ and -")
    .option("--name <name>", "a longer name")
    .option("--json", "as JSON")
    .action(async (slug: string, options: TeamOptions & { name?: string }) => {
      const { teamCreateCommand } = await import("./team.ts");
      await teamCreateCommand(slug, options);
    });
  team
    .command("list")
    .description("list teams")
    .option("--json", "as JSON")
    .action(async (options: TeamOptions) => {
      const { teamListCommand } = await import("./team.ts");
      await teamListCommand(options);
    });
  for (const blocked of [true, false]) {
    team
      .command(blocked ? "block" : "unblock")
      .description(blocked ? "refuse every key of a team" : "let a blocked team in again")
      .argument("<team>")
      .option("--json", "as JSON")
      .action(async (slug: string, options: TeamOptions) => {
        const { teamBlockCommand } = await import("./team.ts");
        await teamBlockCommand(slug, blocked, options);
      });
  }
  const limits = team
    .command("limits")
    .description("show a team's limits, and set those that are given")
    .argument("<team>")
    .option("--json", "as JSON");
  for (const { flag, description } of limitOptions) {
    limits.option(`${flag} <number>`, `${description}; "default" goes back to the server's value`);
  }
  limits.action(async (slug: string, options: TeamOptions & Record<string, unknown>) => {
    const { teamLimitsCommand } = await import("./team.ts");
    await teamLimitsCommand(slug, options);
  });
}
