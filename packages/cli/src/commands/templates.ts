import type { Command } from "commander";

/** Enters `template` with its subcommands. */
export function registerTemplates(program: Command): void {
  program
    .command("template")
    .description("templates that sandboxes start from")
    .command("diff")
    .description("what differs between two builds in what matters for boot")
    .argument("<a>", "name, name:tag, template id, or the beginning of a build id")
    .argument("<b>", "the same for the other one")
    .option("--json", "as JSON")
    .action(async (a: string, b: string, options: { json?: boolean }) => {
      const { templateDiffCommand } = await import("./template-diff.ts");
      await templateDiffCommand(a, b, options);
    });
}
