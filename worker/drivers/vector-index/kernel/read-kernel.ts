import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Compiles the kernel in Node. In workerd, which compiles no bytes, import `./vector-kernel.wasm` instead. */
export async function readKernel(): Promise<WebAssembly.Module> {
  const bytes = await readFile(join(import.meta.dirname, 'vector-kernel.wasm'))
  // The Workers types forbid what only Node can do.
  const Module = WebAssembly.Module as unknown as new (bytes: Uint8Array) => WebAssembly.Module
  return new Module(bytes)
}
