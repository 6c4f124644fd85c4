/** Exports of vector-kernel.wasm. Addresses are byte offsets into its memory; see vector-kernel.as.ts. */
export interface VectorKernel {
  configure(blocks: number, blockBytes: number, padded: number, values: number, scales: number, scores: number): void
  scanBits(rows: number, query: number, histogram: number): void
  selectNearest(rows: number, wanted: number, histogram: number, out: number): number
  scoreSlots(slots: number, count: number, query: number, queryScale: number, out: number): void
  scoreAll(rows: number, query: number, queryScale: number): void
  encodeBits(first: number, count: number, mean: number): void
}

const EXPORTS = ['configure', 'scanBits', 'selectNearest', 'scoreSlots', 'scoreAll', 'encodeBits'] as const

/** Instantiates the kernel over `memory`. Throws TypeError when the module is another one. */
export function instantiateKernel(module: WebAssembly.Module, memory: WebAssembly.Memory): VectorKernel {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  for (const name of EXPORTS)
    if (typeof exports[name] !== 'function') throw new TypeError(`"kernel" expected an export ${name}`)
  return exports as unknown as VectorKernel
}
