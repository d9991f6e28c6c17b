import { createServer, type Server } from "node:http";
import type { Api } from "@sandbank/api/server";
import { AppError, errorText } from "@sandbank/core/errors";
import type { CreateOutcome, Orchestrator } from "@sandbank/orchestrator/orchestrator";
import type { Proxy, RequestOutcome } from "@sandbank/proxy/server";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

const phaseBucketsSec = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What operators watch, in Prometheus' text format. */
export class ServiceMetrics {
  readonly #registry = new Registry();
  readonly #creates: Counter<"isolation">;
  readonly #failures: Counter<"isolation" | "reason">;
  readonly #phases: Histogram<"phase">;
  readonly #requests: Counter<"outcome">;

  constructor() {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#creates = new Counter({
      name: "sandbank_sandbox_creates_total",
      help: "Sandboxes that became ready on this node",
      labelNames: ["isolation"],
      registers,
    });
    this.#failures = new Counter({
      name: "sandbank_sandbox_create_failures_total",
      help: "Creates that failed on this node, by the step or layer that failed",
      labelNames: ["isolation", "reason"],
      registers,
    });
    this.#phases = new Histogram({
      name: "sandbank_sandbox_create_phase_seconds",
      help: "Time of each phase of creates, failed ones included",
      labelNames: ["phase"],
      buckets: phaseBucketsSec,
      registers,
    });
    this.#requests = new Counter({
      name: "sandbank_proxy_requests_total",
      help: "Requests and tunnels that the sandbox proxy took",
      labelNames: ["outcome"],
      registers,
    });
  }

  readonly onCreate = ({ isolation, phases, failure }: CreateOutcome): void => {
    if (failure === undefined) this.#creates.inc({ isolation });
    else this.#failures.inc({ isolation, reason: failure });
    for (const { name, durationMs } of phases) this.#phases.observe({ phase: name }, durationMs / 1000);
  };

  readonly onRequest = (outcome: RequestOutcome): void => this.#requests.inc({ outcome });

  /** Adds what is read from the parts whenever somebody asks. */
  watch({ api, orchestrator, proxy }: { api: Api; orchestrator: Orchestrator; proxy: Proxy }): void {
    this.#watchTraffic(proxy);
    const registers = [this.#registry];
    const gauge = (name: string, help: string, read: () => number): Gauge =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    gauge("sandbank_sandboxes_running", "Sandboxes on this node", () => orchestrator.sandboxes().length);
    gauge(
      "sandbank_network_slots_ready",
      "Network slots that wait for a sandbox",
      () => orchestrator.readySlots,
    );
    gauge(
      "sandbank_egress_connections",
      "Connections of sandboxes that the egress forwarder carries",
      () => orchestrator.egress.connectionCount,
    );
    const decisions: Counter<"verdict" | "reason"> = new Counter({
      name: "sandbank_egress_decisions_total",
      help: "Connections that were allowed or denied; packets where the kernel refused, read once a minute",
      labelNames: ["verdict", "reason"],
      registers: [],
      collect() {
        this.reset();
        for (const [decision, count] of orchestrator.egress.counts) {
          const [verdict = "", reason = ""] = decision.split(" ");
          this.inc({ verdict, reason }, count);
        }
      },
    });
    this.#registry.registerMetric(decisions);
    const events: Counter<"event"> = new Counter({
      name: "sandbank_events_total",
      help: "Events of the control plane since its start",
      labelNames: ["event"],
      registers: [],
      collect() {
        this.reset();
        for (const [event, count] of Object.entries(api.eventCounts)) this.inc({ event }, count);
      },
    });
    this.#registry.registerMetric(events);
  }

  /** A sandbox's series end with it, so that there are never more than there are sandboxes. */
  #watchTraffic(proxy: Proxy): void {
    const bytes: Counter<"sandbox" | "direction"> = new Counter({
      name: "sandbank_sandbox_traffic_bytes_total",
      help: "Bytes that the sandbox proxy has carried to (in) and from (out) a sandbox",
      labelNames: ["sandbox", "direction"],
      registers: [],
      collect() {
        this.reset();
        for (const { sandboxId: sandbox, toSandbox, fromSandbox } of proxy.traffic()) {
          this.inc({ sandbox, direction: "in" }, toSandbox);
          this.inc({ sandbox, direction: "out" }, fromSandbox);
        }
      },
    });
    const connections: Gauge<"sandbox"> = new Gauge({
      name: "sandbank_sandbox_connections",
      help: "Requests and tunnels to a sandbox that are under way",
      labelNames: ["sandbox"],
      registers: [],
      collect() {
        this.reset();
        for (const { sandboxId: sandbox, open } of proxy.traffic()) this.set({ sandbox }, open);
      },
    });
    this.#registry.registerMetric(bytes);
    this.#registry.registerMetric(connections);
  }

  async read(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  /** Serves them on loopback. Rejects with `failed_precondition` naming the port when it can't be had. */
  async listen(port: number): Promise<Server> {
    const server = createServer((request, response) => {
      if (request.method !== "GET" || request.url !== "/metrics") {
        response.writeHead(404).end("only GET /metrics is here\n");
        return;
      }
      this.read().then(
        ({ contentType, text }) => response.writeHead(200, { "content-type": contentType }).end(text),
        (error: unknown) => response.writeHead(500).end(`${errorText(error)}\n`),
      );
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port }, resolve);
    try {
      await promise;
    } catch (error) {
      throw new AppError({
        code: "failed_precondition",
        message: `metrics can't be served on 127.0.0.1:${port} (SANDBANK_METRICS_PORT): ${errorText(error)}`,
        cause: error,
      });
    }
    return server;
  }
}
