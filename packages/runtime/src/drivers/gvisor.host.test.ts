import { driverContractSuite } from "../contract-suite.ts";
import { makeDriver } from "../testing/gvisor-under-test.ts";

driverContractSuite({
  name: "gvisor",
  modulePath: new URL("../testing/gvisor-under-test.ts", import.meta.url).pathname,
  makeDriver,
  confines: true,
});
