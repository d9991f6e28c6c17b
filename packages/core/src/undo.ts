export interface UndoFailure {
  step: string;
  error: unknown;
}

/** Steps taken, with the way back for each. `rollback` walks back in reverse order and never throws. */
export class UndoStack {
  readonly #steps: { name: string; undo: () => Promise<void> | void }[] = [];

  push(name: string, undo: () => Promise<void> | void): void {
    this.#steps.push({ name, undo });
  }

  /** Undoes everything pushed so far, also what is pushed meanwhile. Returns the steps that could not be undone. */
  async rollback(): Promise<UndoFailure[]> {
    const failures: UndoFailure[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.undo();
      } catch (error) {
        failures.push({ step: step.name, error });
      }
    }
    return failures;
  }

  /** Forgets the ways back: the work is done and stays. */
  commit(): void {
    this.#steps.length = 0;
  }
}
