/** How long each layer may take, in ms. Linux needs none for the first two: they are made before the sandbox. */
export interface LayerDeadlines {
  deviceMs: number;
  linkMs: number;
  addressMs: number;
  portMs: number;
  envdMs: number;
}

export const defaultDeadlines: LayerDeadlines = {
  deviceMs: 1_000,
  linkMs: 1_000,
  addressMs: 5_000,
  portMs: 10_000,
  envdMs: 5_000,
};
