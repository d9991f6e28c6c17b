import { driverContractSuite } from "../contract-suite.ts";
import { makeDriver } from "../testing/container-under-test.ts";

driverContractSuite({
  name: "container",
  modulePath: new URL("../testing/container-under-test.ts", import.meta.url).pathname,
  makeDriver,
  confines: true,
});
