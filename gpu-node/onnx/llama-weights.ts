import { rawNumbers, type Weight } from '../core/model/weights.ts'
import { NodeError } from '../core/node-error.ts'
import type { GraphBuilder, Value } from './graph-builder.ts'

/** Puts the weights of a Llama into a graph, under their Hugging Face names, and gives them as fp32. */
export class LlamaWeights {
  readonly #builder: GraphBuilder
  readonly #weights: ReadonlyMap<string, Weight>

  constructor(builder: GraphBuilder, weights: ReadonlyMap<string, Weight>) {
    this.#builder = builder
    this.#weights = weights
  }

  /** A weight as it is. @throws NodeError `invalid_tensor` if it is missing or has another shape */
  plain(name: string, shape: readonly number[]): Value {
    return this.#add(name, shape, this.#find(name, shape))
  }

  /** The matrix of a linear layer, in the file [out, in], as [in, out]. @throws NodeError `invalid_tensor` */
  linear(name: string, inSize: number, outSize: number): Value {
    const weight = this.#find(name, [outSize, inSize])
    return this.#add(name, [inSize, outSize], { ...weight, bytes: transposed(weight) })
  }

  #find(name: string, shape: readonly number[]): Weight {
    const weight = this.#weights.get(name)
    if (!weight) throw new NodeError('invalid_tensor', `"${name}" is missing`)
    if (weight.shape.join() !== shape.join())
      throw new NodeError('invalid_tensor', `"${name}" expected shape [${shape}] but got [${weight.shape}]`)
    return weight
  }

  #add(name: string, dims: readonly number[], { dtype, bytes }: Weight): Value {
    if (dtype === 'F32') return this.#builder.weights(name, 'float', dims, bytes)
    const half = this.#builder.weights(name, 'float16', dims, bytes)
    return this.#builder.op('Cast', [half], { to: 1 })
  }
}

/** Rows become columns. Blocks keep both sides in the cache of the processor. */
function transposed(weight: Weight): Uint8Array {
  const [rows = 0, columns = 0] = weight.shape
  const from = rawNumbers(weight)
  const to = from.slice()
  const BLOCK = 32
  for (let top = 0; top < rows; top += BLOCK)
    for (let left = 0; left < columns; left += BLOCK)
      for (let row = top; row < Math.min(top + BLOCK, rows); row++)
        for (let column = left; column < Math.min(left + BLOCK, columns); column++)
          to[column * rows + row] = from[row * columns + column]!
  return new Uint8Array(to.buffer, to.byteOffset, to.byteLength)
}
