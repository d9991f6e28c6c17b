import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

// Tests that start real sandboxes, namespaces and mounts: root only, one file at a time.
const real = { fileParallelism: false, testTimeout: 60_000, hookTimeout: 300_000 };

export default defineConfig({
  // Not in the clone: tests run as root, and files in the clone stay the user's.
  cacheDir: join(tmpdir(), "sandbank-vitest"),
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "bench/**/*.test.ts"],
          exclude: ["**/*.host.test.ts"],
          // Of files that run side by side, on a machine whose caches are cold.
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "host",
          include: [
            "packages/*/src/**/*.host.test.ts",
            "tests/failure/**/*.host.test.ts",
            "tests/security/**/*.host.test.ts",
          ],
          ...real,
        },
      },
      // Against a running cloud that the environment describes.
      { test: { name: "sdk", include: ["tests/sdk/js/**/*.test.ts"], ...real } },
      // The same with TLS, and a browser.
      { test: { name: "browser", include: ["tests/browser/**/*.test.ts"], ...real } },
    ],
  },
});
