import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    name: "sdk-js",
    root: import.meta.dirname,
    include: ["*.sdk.test.ts"],
    // The cloud under test shares this machine: files in turn keep timings meaningful.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
