import type { OnnxAttribute, OnnxDtype, OnnxGraph, OnnxInitialiser, OnnxNode, OnnxValueInfo } from './onnx-model.ts'

/** A value inside the graph, by name. */
export type Value = string

type Attributes = Readonly<Record<string, OnnxAttribute>>

/** Builds a graph operation by operation. Constants that are equal are kept once. */
export class GraphBuilder {
  readonly #nodes: OnnxNode[] = []
  readonly #initialisers = new Map<string, OnnxInitialiser>()
  readonly #inputs: OnnxValueInfo[] = []
  readonly #outputs: OnnxValueInfo[] = []
  readonly #outsideNames = new Map<Value, string>()

  input(name: string, dtype: OnnxDtype, dims: readonly (number | string)[]): Value {
    this.#inputs.push({ name, dtype, dims })
    return name
  }

  /** Gives the result of an operation to the outside under `name`, once. */
  output(name: string, value: Value, dims: readonly (number | string)[]): void {
    this.#outsideNames.set(value, name)
    this.#outputs.push({ name, dtype: 'float', dims })
  }

  /** One operation with one result. */
  op(op: string, inputs: readonly Value[], attributes: Attributes = {}): Value {
    const value = `v${this.#nodes.length}`
    this.#nodes.push({ op, inputs, outputs: [value], attributes })
    return value
  }

  weights(name: string, dtype: OnnxDtype, dims: readonly number[], data: Uint8Array): Value {
    this.#initialisers.set(name, { name, dtype, dims, data })
    return name
  }

  /** A list of integers, or with `isScalar` one number. */
  ints(values: readonly number[], isScalar = false): Value {
    const name = `i${isScalar ? '' : 's'}_${values.join('_')}`
    const data = new Uint8Array(values.length * 8)
    const view = new DataView(data.buffer)
    values.forEach((value, i) => {
      view.setBigInt64(i * 8, BigInt(value), true)
    })
    return this.weights(name, 'int64', isScalar ? [] : [values.length], data)
  }

  float(value: number): Value {
    const data = new Uint8Array(4)
    new DataView(data.buffer).setFloat32(0, value, true)
    return this.weights(`f_${value}`, 'float', [], data)
  }

  graph(name: string): OnnxGraph {
    const named = (values: readonly Value[]) => values.map((value) => this.#outsideNames.get(value) ?? value)
    return {
      name,
      nodes: this.#nodes.map((node) => ({ ...node, inputs: named(node.inputs), outputs: named(node.outputs) })),
      initialisers: [...this.#initialisers.values()],
      inputs: this.#inputs,
      outputs: this.#outputs,
    }
  }
}
