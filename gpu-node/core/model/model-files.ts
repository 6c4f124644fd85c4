/** Where the files of one model come from: a folder, the hub, bytes in a bundle. */
export interface ModelFiles {
  /** The whole file, or null if the model has none of that name. */
  read(name: string): Promise<Uint8Array | null>
}

/** Files that are in memory already. */
export function memoryFiles(files: Readonly<Record<string, Uint8Array>>): ModelFiles {
  return { read: async (name) => (Object.hasOwn(files, name) ? files[name]! : null) }
}
