import { Sandbox } from "e2b";
import { TestCloud, type TestCloudOptions } from "@sandbank/cli/testkit";

/** A running cloud, with the published SDK pointed at it. */
export class CloudUnderTest {
  readonly cloud: TestCloud;
  #environment: Record<string, string> = {};

  private constructor(cloud: TestCloud) {
    this.cloud = cloud;
  }

  static async start(options: TestCloudOptions): Promise<CloudUnderTest> {
    const under = new CloudUnderTest(await TestCloud.create(options));
    await under.up();
    return under;
  }

  async up(): Promise<void> {
    await this.cloud.up();
    this.#environment = await this.cloud.environment();
  }

  /** Options of every SDK call. */
  get sdk() {
    return {
      apiKey: this.#environment["E2B_API_KEY"] ?? "",
      apiUrl: this.#environment["E2B_API_URL"] ?? "",
      sandboxUrl: this.#environment["E2B_SANDBOX_URL"] ?? "",
      domain: this.#environment["E2B_DOMAIN"] ?? "",
    };
  }

  /** It lives for longer than any test, also on a slow machine. */
  create(timeoutMs = 3_600_000): Promise<Sandbox> {
    return Sandbox.create("base", { ...this.sdk, timeoutMs });
  }

  async servicePid(): Promise<number> {
    const status = await this.cloud.status();
    if (!status) throw new Error("the service does not answer");
    return status.pid;
  }
}
