import { expect, test } from "vitest";
import { UndoStack } from "./undo.ts";

test("steps are undone in reverse order, a failing one does not stop the rest", async () => {
  const undo = new UndoStack();
  const undone: string[] = [];
  undo.push("slot", () => void undone.push("slot"));
  undo.push("disk", () => Promise.reject(new Error("busy")));
  undo.push("runtime", () => void undone.push("runtime"));
  const failures = await undo.rollback();
  expect(undone).toEqual(["runtime", "slot"]);
  expect(failures).toMatchObject([{ step: "disk", error: { message: "busy" } }]);
  expect(await undo.rollback()).toEqual([]);
});

test("committed steps stay", async () => {
  const undo = new UndoStack();
  const undone: string[] = [];
  undo.push("slot", () => void undone.push("slot"));
  undo.commit();
  await undo.rollback();
  expect(undone).toEqual([]);
});
