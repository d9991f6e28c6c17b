import { expect, test } from "vitest";
import { maxSlotIndex, slotIndexOf, slotNames } from "./addresses.ts";

const identity = { tag: "sb", hostPrefix: "10.11" };

test("names and address follow from the slot number", () => {
  expect(slotNames(identity, 258)).toEqual({
    index: 258,
    hostDevice: "sbh258",
    routerNetns: "sb-r-258",
    guestNetns: "sb-g-258",
    hostAddress: "10.11.1.2",
  });
  expect(slotNames(identity, maxSlotIndex).hostDevice.length).toBeLessThanOrEqual(15);
});

test.each([0, -1, 1.5, maxSlotIndex + 1])("slot number %d is refused", (index) => {
  expect(() => slotNames(identity, index)).toThrow("out of range");
});

test("only this cloud's names are recognised", () => {
  expect(["sbh258", "sb-r-258", "sb-g-258"].map((name) => slotIndexOf(identity, name))).toEqual([
    258, 258, 258,
  ]);
  for (const foreign of ["eth0", "sbhx", "sb2h1", "xsbh1", "sb-r-", "sb-r-1-2", "sb-x-1"]) {
    expect(slotIndexOf(identity, foreign)).toBeUndefined();
  }
});
