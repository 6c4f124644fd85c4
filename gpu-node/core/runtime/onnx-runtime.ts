import type { InferenceSession, Tensor } from 'onnxruntime-common'

export type OnnxRuntimeName = 'onnxruntime-node' | 'onnxruntime-web'
export type OnnxProvider = 'cpu' | 'cuda' | 'webgpu' | 'wasm'

export interface OpenOptions {
  /** Outputs that stay on the device when it has memory of its own. Everything else is downloaded. */
  onDevice?: readonly string[]
}

/** One build of ONNX Runtime with one execution provider. Tensors of one runtime must not be fed to another one. */
export interface OnnxRuntime {
  readonly name: OnnxRuntimeName
  readonly provider: OnnxProvider
  readonly Tensor: typeof Tensor
  /** Two concurrent runs hang or lie on this runtime: `open` gives sessions whose runs wait for each other. */
  readonly isSerial: boolean
  /** A session over the bytes of an ONNX model. @throws NodeError `out_of_memory`, `internal` */
  open(model: Uint8Array, options?: OpenOptions): Promise<InferenceSession>
}
