/** What a node needs to start sandboxes from one template build; stored as JSON beside the build. */
export interface BuildManifest {
  /** UUID. */
  buildId: string;
  templateId: string;
  /** Read-only layer directories, lowest first, relative to the layer store. */
  layers: string[];
  cpuCount: number;
  memoryMib: number;
  /** Size of the writable layer. */
  diskMib: number;
  defaultUser: string;
  defaultWorkdir: string;
  startCommand?: string | undefined;
  readyCommand?: string | undefined;
  envdVersion: string;
}
