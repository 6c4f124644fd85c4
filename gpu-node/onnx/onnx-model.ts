import { ProtobufWriter } from './protobuf-writer.ts'

/** `TensorProto.DataType`. */
export const ONNX_DTYPES = { float: 1, int64: 7, float16: 10 } as const
export type OnnxDtype = keyof typeof ONNX_DTYPES

/** `AttributeProto.AttributeType`. */
const ATTRIBUTE_FLOAT = 1
const ATTRIBUTE_INT = 2
const ATTRIBUTE_INTS = 7

const IR_VERSION = 10
const OPSET = 18

/** Numbers are written as integers unless they are marked as floats. */
export type OnnxAttribute = number | readonly number[] | { float: number }

export interface OnnxNode {
  op: string
  inputs: readonly string[]
  outputs: readonly string[]
  attributes: Readonly<Record<string, OnnxAttribute>>
}

/** Weights, or a constant. `data` is little-endian, row by row. */
export interface OnnxInitialiser {
  name: string
  dtype: OnnxDtype
  dims: readonly number[]
  data: Uint8Array
}

/** Type of an input or output; a dimension with a name is known at run time only, and equal names mean equal sizes. */
export interface OnnxValueInfo {
  name: string
  dtype: OnnxDtype
  dims: readonly (number | string)[]
}

export interface OnnxGraph {
  name: string
  nodes: readonly OnnxNode[]
  initialisers: readonly OnnxInitialiser[]
  inputs: readonly OnnxValueInfo[]
  outputs: readonly OnnxValueInfo[]
}

/** The bytes of an ONNX file (onnx.proto, field numbers as there). Equal graphs give equal bytes. */
export function encodeOnnxModel(graph: OnnxGraph): Uint8Array<ArrayBuffer> {
  const body = new ProtobufWriter()
  graph.nodes.forEach((node, i) => {
    body.message(1, nodeMessage(node, i))
  })
  body.text(2, graph.name)
  for (const initialiser of graph.initialisers) body.message(5, tensorMessage(initialiser))
  for (const input of graph.inputs) body.message(11, valueMessage(input))
  for (const output of graph.outputs) body.message(12, valueMessage(output))
  const opset = new ProtobufWriter().text(1, '').int(2, OPSET)
  return new ProtobufWriter().int(1, IR_VERSION).text(2, 'memos').message(7, body).message(8, opset).bytes()
}

function nodeMessage(node: OnnxNode, index: number): ProtobufWriter {
  const writer = new ProtobufWriter()
  for (const input of node.inputs) writer.text(1, input)
  for (const output of node.outputs) writer.text(2, output)
  writer.text(3, `${index}_${node.op}`).text(4, node.op)
  for (const [name, value] of Object.entries(node.attributes)) writer.message(5, attributeMessage(name, value))
  return writer
}

function attributeMessage(name: string, value: OnnxAttribute): ProtobufWriter {
  const writer = new ProtobufWriter().text(1, name)
  if (typeof value === 'number') return writer.int(3, value).int(20, ATTRIBUTE_INT)
  if ('float' in value) return writer.float(2, value.float).int(20, ATTRIBUTE_FLOAT)
  for (const one of value) writer.int(8, one)
  return writer.int(20, ATTRIBUTE_INTS)
}

function tensorMessage({ name, dtype, dims, data }: OnnxInitialiser): ProtobufWriter {
  const writer = new ProtobufWriter()
  for (const dim of dims) writer.int(1, dim)
  return writer.int(2, ONNX_DTYPES[dtype]).text(8, name).blob(9, data)
}

function valueMessage({ name, dtype, dims }: OnnxValueInfo): ProtobufWriter {
  const shape = new ProtobufWriter()
  for (const dim of dims) {
    const size = typeof dim === 'string' ? new ProtobufWriter().text(2, dim) : new ProtobufWriter().int(1, dim)
    shape.message(1, size)
  }
  const tensor = new ProtobufWriter().int(1, ONNX_DTYPES[dtype]).message(2, shape)
  return new ProtobufWriter().text(1, name).message(2, new ProtobufWriter().message(1, tensor))
}
