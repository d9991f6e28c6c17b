import { driverContractSuite } from "../contract-suite.ts";
import { makeDriver } from "../testing/fake-under-test.ts";

driverContractSuite({
  name: "fake",
  modulePath: new URL("../testing/fake-under-test.ts", import.meta.url).pathname,
  makeDriver,
  confines: false,
});
