import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["packages/*/src/**/*.test.ts"], exclude: ["**/*.host.test.ts"] } },
      {
        // These start real sandboxes, namespaces and mounts: root only, one file at a time.
        test: {
          name: "host",
          include: ["packages/*/src/**/*.host.test.ts", "tests/**/*.host.test.ts"],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
